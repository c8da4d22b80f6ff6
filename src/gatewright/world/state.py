"""What the database holds of the things that a world file names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from gatewright.base.ids import AppId, CompanyId, ContactId, ProjectId, ServiceAccountId, UserId
from gatewright.base.levels import Level
from gatewright.base.yaml_nodes import Fault

Levels = Mapping[str, Level]


@dataclass(frozen=True, slots=True)
class NotThere(Fault):
    """The file counts on what neither it nor the database has: perhaps its writer thinks of another database."""


@dataclass(frozen=True, slots=True)
class ToolState:
    """A declared tool."""

    name: str
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class UserState:
    """A user, found by the folded address."""

    id: UserId
    name: str
    is_active: bool
    is_operator: bool


@dataclass(frozen=True, slots=True)
class ProjectState:
    """A project, found by its name in its company."""

    id: ProjectId
    number: str | None


@dataclass(frozen=True, slots=True)
class ContactState:
    """A contact with its levels and memberships; `user_id` and the account are None for an address-book entry."""

    id: ContactId
    email_folded: str
    user_id: UserId | None
    service_account_id: ServiceAccountId | None
    levels: Levels
    memberships: Mapping[ProjectId, Levels]


@dataclass(frozen=True, slots=True)
class ServiceAccountState:
    """A service account that was not deleted."""

    id: ServiceAccountId
    name: str
    client_id: str
    contact_id: ContactId


@dataclass(frozen=True, slots=True)
class CompanyState:
    """A company and what the file may name in it."""

    id: CompanyId
    app_access: str
    projects: Mapping[str, ProjectState]
    templates: Mapping[str, tuple[Levels, Levels]]
    contacts: tuple[ContactState, ...]
    service_accounts: tuple[ServiceAccountState, ...]
    installations: Mapping[AppId, str]

    def contact_of(self, user_id: UserId) -> ContactState | None:
        """Return the contact that joins the user to the company."""
        return next((one for one in self.contacts if one.user_id == user_id), None)

    def entry_for(self, email_folded: str) -> ContactState | None:
        """Return the address-book entry with that address, which joins nobody yet (P2)."""
        return next((one for one in self.contacts if one.email_folded == email_folded and _joins_nobody(one)), None)

    def contact(self, contact_id: ContactId) -> ContactState:
        """Return the contact with that id."""
        return next(one for one in self.contacts if one.id == contact_id)

    def named_accounts(self) -> dict[str, ServiceAccountState]:
        """Return by name the service accounts that a file means; of several with one name that is the oldest."""
        newest_first = sorted(self.service_accounts, key=lambda one: one.id, reverse=True)
        return {one.name: one for one in newest_first}


def _joins_nobody(contact: ContactState) -> bool:
    return contact.user_id is None and contact.service_account_id is None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppState:
    """An app, found by its name."""

    id: AppId
    owner_id: UserId
    client_id: str
    is_confidential: bool
    homepage: str
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    retry_window: timedelta | None
    is_resource_server: bool
    is_blocked: bool


@dataclass(frozen=True, slots=True)
class State:
    """What stands before the file is applied."""

    tools: Mapping[tuple[str, str], ToolState] = field(default_factory=dict)
    # By (scope, key): how many hold a level of the tool that the file would take from it.
    stranded: Mapping[tuple[str, str], int] = field(default_factory=dict)
    terms: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, UserState] = field(default_factory=dict)
    companies: Mapping[str, CompanyState] = field(default_factory=dict)
    apps: Mapping[str, AppState] = field(default_factory=dict)
