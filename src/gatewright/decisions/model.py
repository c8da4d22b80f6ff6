"""What a decision is made of: who asks, what they ask, the rows that decide, and the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gatewright.base.ids import AppId, CompanyId, ContactId, ProjectId
from gatewright.base.levels import Level

Levels = Mapping[str, Level]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: a person on the pages, an app for a user, or a service account."""

    kind: Literal["user", "service_account"]
    id: int
    on_pages: bool = False  # no app stands between, so neither scope nor installation matters (M6)
    app_id: AppId | None = None
    home_company_id: CompanyId | None = None  # a service account's one company (S1)
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What they want to do (X1)."""

    company_id: CompanyId | None = None
    needs_company: bool = False
    ambiguous: str = ""  # why the company cannot be told (X3)
    project_id: ProjectId | None = None
    tool: str | None = None
    of_company: bool = False  # the tool is the company's, though a project is named
    level: Level | None = None
    manage: bool = False
    any_level: bool = False

    @property
    def is_about_project(self) -> bool:
        """Return whether the tool is one of the project's."""
        return self.project_id is not None and not self.of_company


@dataclass(frozen=True, slots=True)
class CompanyRow:
    """One company."""

    id: CompanyId
    name: str
    app_access: str


@dataclass(frozen=True, slots=True)
class ContactRow:
    """The contact of one principal in one company, with its company levels."""

    id: ContactId
    levels: Levels


@dataclass(frozen=True, slots=True)
class EntryRow:
    """Whose a contact is. An address-book entry is nobody's (P2)."""

    kind: Literal["user", "service_account", "none"]
    principal_id: int
    client_id: str | None  # a service account's


@dataclass(frozen=True, slots=True)
class MembershipRow:
    """A contact's membership of one project, with its levels there."""

    levels: Levels


@dataclass(frozen=True, slots=True)
class ToolRow:
    """A declared tool."""

    scope: str
    key: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The rows that decide, or their absence. What the question does not touch is left at its default."""

    company: CompanyRow | None = None
    contact: ContactRow | None = None
    installation: str | None = None  # its status
    project_exists: bool = False
    membership: MembershipRow | None = None
    has_membership: bool = False  # of any project in the company
    tools: tuple[ToolRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Allowed:
    """Yes."""

    contact_id: ContactId | None = None
    level: Level | None = None
    is_company_admin: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """No: one code of X2, one sentence, and who can fix it."""

    code: str
    message: str
    help: str


@dataclass(frozen=True, slots=True)
class FirstCall:
    """The app was never seen in this company: whether this call connects it is decided there (I2)."""


Verdict = Allowed | Refused | FirstCall
