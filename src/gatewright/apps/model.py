"""What an app is: its client, its secrets, and its installation in a company."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from gatewright.base.ids import AppId, CompanyId, ContactId, SecretId, UserId

MOST_LIVE_SECRETS = 2  # D2, D4


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """An app as its developer registered it, with its one client (D2)."""

    id: AppId
    name: str
    owner_id: UserId
    developer: str  # the owner's name
    homepage: str
    client_id: str
    is_confidential: bool
    is_resource_server: bool
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    retry_window: timedelta | None  # None: the deployment's (T6)
    epoch: int
    blocked_at: datetime | None
    created_at: datetime

    @property
    def is_blocked(self) -> bool:
        """Return whether the operator blocked it."""
        return self.blocked_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppDraft:
    """What a developer asks to have registered."""

    name: str
    homepage: str = ""
    is_confidential: bool = True
    redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    is_resource_server: bool = False
    retry_window: timedelta | None = None


@dataclass(frozen=True, slots=True)
class CreatedApp:
    """A new app; its secret is in clear here and nowhere else, ever (D3). Public apps have none."""

    app_id: AppId
    client_id: str
    secret: str | None = field(repr=False)  # T13: not in crash reports


@dataclass(frozen=True, slots=True)
class AddedSecret:
    """A new client secret, in clear here and nowhere else, ever (D3)."""

    id: SecretId
    secret: str = field(repr=False)  # T13: not in crash reports


@dataclass(frozen=True, slots=True)
class LiveSecret:
    """A client secret in use, as its developer sees it: enough to tell it from the other (D4)."""

    id: SecretId
    hint: str
    created_at: datetime
    created_by: str | None  # the user's name; None: the operator, by a world file
    last_used_at: datetime | None
    families: int  # live token families it authenticated last


@dataclass(frozen=True, slots=True)
class Terms:
    """One published version of the terms of use; it never changes (D1)."""

    version: str
    text: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class PublishedTerms:
    """A version as the operator sees it."""

    version: str
    text: str
    published_at: datetime
    accepted: int  # users


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What a user accepted, when, and from where (D1)."""

    version: str
    accepted_at: datetime
    ip: str | None


@dataclass(frozen=True, slots=True)
class TermsStanding:
    """The current terms, and those a developer accepted last (D8); None: there are none."""

    current: str | None
    accepted: str | None

    @property
    def waits_for(self) -> str | None:
        """Return the version they have to accept before the next change; None when nothing waits (D1)."""
        return self.current if self.current != self.accepted else None


class InstallationStatus(StrEnum):
    """How an app stands in a company (I1)."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    REQUESTED = "requested"


@dataclass(frozen=True, slots=True)
class InstallationRow:
    """What is stored of an installation."""

    status: InstallationStatus
    connected_by: UserId | None
    connected_at: datetime | None
    changed_by: UserId | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Stops:
    """What disconnecting an app stops, or stopped, in one company (I6)."""

    users: int
    calls_since_yesterday: int  # since its midnight in UTC: calls are counted by day (R3)
    last_call_at: datetime | None


@dataclass(frozen=True, slots=True)
class InstallationChange:
    """What became of a request to disconnect or reconnect: `changed` is False when it was so already."""

    status: InstallationStatus
    changed: bool
    stops: Stops


@dataclass(frozen=True, slots=True)
class DayOfCalls:
    """The calls of one day, in UTC (R3)."""

    day: str
    allowed: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One app in one company, as App Management shows it (I1)."""

    company_id: CompanyId
    app_id: AppId
    name: str
    developer: str
    developer_id: UserId
    homepage: str
    status: InstallationStatus
    connected_by: str | None
    connected_at: datetime | None
    changed_by: str | None
    changed_by_id: UserId | None
    changed_at: datetime
    users: int
    last_call_at: datetime | None
    calls: tuple[DayOfCalls, ...] = ()


@dataclass(frozen=True, slots=True)
class AppUser:
    """A contact of the company who uses an app."""

    contact_id: ContactId
    name: str
    email: str
    authorized_at: datetime


@dataclass(frozen=True, slots=True)
class CompanyBrief:
    """What App Management says of the company itself."""

    id: CompanyId
    name: str
    app_access: str  # open | approval (I2)
    contacts: int
