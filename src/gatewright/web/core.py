"""What every slice is handed by the composition root."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from starlette.requests import HTTPConnection

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


class Navigation(Protocol):
    """Which places and tabs a viewer sees: only what they may enter."""

    async def places(self, viewer: Viewer, *, now: datetime) -> list[Place]:
        """Return the viewer's places."""
        ...

    async def tabs(self, viewer: Viewer, place: str, *, now: datetime) -> list[Tab]:
        """Return the tabs of one place that this viewer may open."""
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


def core_of(connection: HTTPConnection) -> Core:
    """Return the core of the application that serves this request."""
    core: Core = connection.app.state.core
    return core
