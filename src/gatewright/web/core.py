"""What every slice is handed by the composition root."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from starlette.requests import HTTPConnection

from gatewright.base.ids import CompanyId, ContactId
from gatewright.base.secrets import ServerKeys
from gatewright.db.engine import Database
from gatewright.events.catalogue import Origin
from gatewright.events.facts import Facts
from gatewright.settings import Settings
from gatewright.web.access import Access, Sessions, Viewer


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere a viewer may go: their account, a company, the developer's side, the operator's."""

    key: str  # account | company:ID | developer | operator
    name: str
    role: str
    href: str
    kind: str  # person | company | developer | operator: the tile's shape


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab of a place, with the number of decisions waiting behind it."""

    name: str
    href: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class CompanyAdmin:
    """A person who can give others levels in a company, and so open what is closed."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Closed:
    """What of a company is closed to somebody who has a contact there, who can open it, and where they may go."""

    heading: str  # "Events are for whoever holds Admin: Admin"; empty where a part of an open page was refused
    place: str  # the company's key as a place
    admins: tuple[CompanyAdmin, ...]  # company admins, only for whoever may read the directory
    way_on: Tab | None


class Navigation(Protocol):
    """Which places and tabs a viewer sees: only what they may enter."""

    async def places(self, viewer: Viewer, *, now: datetime) -> list[Place]:
        """Return the viewer's places."""
        ...

    async def tabs(self, viewer: Viewer, place: str, *, now: datetime) -> list[Tab]:
        """Return the tabs of one place that this viewer may open."""
        ...

    async def closed(self, viewer: Viewer, path: str, *, now: datetime) -> Closed | None:
        """Return what is closed at a path that was refused for want of a level; None where it is of no company."""
        ...


@dataclass(frozen=True, slots=True)
class Trace:
    """One thing that an app made or raised in somebody's name, which can be undone (M8)."""

    event_id: int
    company_id: int
    company: str
    kind: str  # the event's kind
    sentence: str  # "Made the service account Nightly export"
    ticked: bool  # offered for undoing by default: service accounts and their secrets
    at: datetime


class Traces(Protocol):
    """What apps made or raised (M8), found in the record and undone by the verbs that did it."""

    async def of_app(self, app_id: int, *, company_id: int | None = None, user_id: int | None = None) -> list[Trace]:
        """Return what stands of it, newest first: in one company, or in one user's name."""
        ...

    async def undo(
        self, event_ids: Sequence[int], *, app_id: int, viewer: Viewer, origin: Origin, now: datetime
    ) -> list[str]:
        """Undo those the viewer may undo; return a sentence for each that could not be."""
        ...


@dataclass(frozen=True, slots=True)
class Invited:
    """What became of an invitation: mailed, or a link for the inviter to pass on (P7)."""

    was_mailed: bool
    link: str | None = field(repr=False)  # shown once, to the inviter alone; None when it was mailed


class Invitations(Protocol):
    """The sign-in slice, as the directory sees it: how a contact gets a login (P2, P7)."""

    async def invite(self, company_id: CompanyId, contact_id: ContactId, *, origin: Origin, now: datetime) -> Invited:
        """Invite the contact of an address-book entry; an open invitation of it is withdrawn.

        The answer is the same whether a user with the address exists (P2). NotFound for
        no contact, Conflict for one that has a principal already.
        """
        ...

    async def open_since(self, company_id: CompanyId, contact_id: ContactId, *, now: datetime) -> datetime | None:
        """Return when the contact's open invitation was made; None when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Core:
    """The parts that live as long as the process."""

    settings: Settings
    database: Database
    keys: ServerKeys
    facts: Facts
    access: Access
    sessions: Sessions
    navigation: Navigation
    traces: Traces
    invitations: Invitations


def core_of(connection: HTTPConnection) -> Core:
    """Return the core of the application that serves this request."""
    core: Core = connection.app.state.core
    return core
