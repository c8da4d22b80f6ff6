"""The steps of a plan. Each knows its line, whether it makes something new, and says what it does."""

from dataclasses import dataclass
from typing import Any

from gatewright.base.ids import ContactId
from gatewright.world import model
from gatewright.world.state import Levels


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change. `says` is what the operator reads."""

    line: int
    says: str
    is_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclareTool(Step):
    """Declare a tool, or change its name and levels."""

    tool: model.Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishTerms(Step):
    """Publish a version of the terms of use."""

    terms: model.Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateUser(Step):
    """Make an account."""

    user: model.User


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeUser(Step):
    """Change an account's name, or whether it is the operator's."""

    email: str
    name: str | None
    is_operator: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetActive(Step):
    """Deactivate or reactivate an account."""

    email: str
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCompany(Step):
    """Make a company."""

    name: str
    app_access: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCompany(Step):
    """Change a company's policy for apps."""

    name: str
    app_access: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateProject(Step):
    """Make a project."""

    company: str
    project: model.Project


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeProject(Step):
    """Change a project's number."""

    company: str
    project: model.Project


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveTemplate(Step):
    """Make a permission template, or change its levels."""

    company: str
    name: str
    company_levels: Levels
    project_levels: Levels


@dataclass(frozen=True, slots=True, kw_only=True)
class AddContact(Step):
    """Put a user into a company's directory, or join the entry that bears their address."""

    company: str
    email: str
    name: str
    joins: ContactId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateServiceAccount(Step):
    """Make a service account, which holds nothing yet."""

    company: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLevels(Step):
    """Give a holder these company levels and no others. `holder` is an address, or a service account's name."""

    company: str
    holder: str
    is_account: bool
    levels: Levels


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMembership(Step):
    """Make a holder a member of a project, with these levels."""

    company: str
    holder: str
    is_account: bool
    project: str
    levels: Levels


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateApp(Step):
    """Register an app."""

    app: model.App


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeApp(Step):
    """Change an app: `changes` by the name of the verb's argument."""

    name: str
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBlocked(Step):
    """Block or unblock an app."""

    name: str
    is_blocked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetInstallation(Step):
    """Disconnect an app in a company, or let it in."""

    company: str
    app: str
    status: str


AnyStep = (
    DeclareTool
    | PublishTerms
    | CreateUser
    | ChangeUser
    | SetActive
    | CreateCompany
    | ChangeCompany
    | CreateProject
    | ChangeProject
    | SaveTemplate
    | AddContact
    | CreateServiceAccount
    | SetLevels
    | SetMembership
    | CreateApp
    | ChangeApp
    | SetBlocked
    | SetInstallation
)
