"""What the directory knows: users, companies, projects, tools, contacts and their levels."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from gatewright.base.ids import CompanyId, ContactId, ProjectId, ServiceAccountId, TemplateId, UserId
from gatewright.base.levels import Level

Levels = Mapping[str, Level]  # by tool; what is not stated is none (M2)
Scope = Literal["company", "project"]
Kind = Literal["user", "service_account", "none"]

DIRECTORY: Final = "directory"
ADMIN: Final = "admin"
APP_ACCESS: Final = ("open", "approval")


@dataclass(frozen=True, slots=True)
class User:
    """A person with one global id and one address (P1)."""

    id: UserId
    email: str
    name: str
    is_active: bool
    is_operator: bool
    epoch: int


@dataclass(frozen=True, slots=True)
class Company:
    """A company and its policy for apps (I2)."""

    id: CompanyId
    name: str
    app_access: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class Project:
    """A project of one company (P3)."""

    company_id: CompanyId
    id: ProjectId
    name: str
    number: str | None
    is_active: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Tool:
    """A named part of the platform, with the levels it supports, lowest first (M1)."""

    scope: Scope
    key: str
    name: str
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A named set of levels (M3)."""

    company_id: CompanyId
    id: TemplateId
    name: str
    company_levels: Levels
    project_levels: Levels


@dataclass(frozen=True, slots=True)
class Contact:
    """What joins one principal, or nobody, to one company (P2)."""

    company_id: CompanyId
    id: ContactId
    name: str
    email: str
    user_id: UserId | None
    service_account_id: ServiceAccountId | None
    template_id: TemplateId | None
    levels: Levels

    @property
    def kind(self) -> Kind:
        """Return what kind of principal it joins; `none`: an address-book entry."""
        if self.user_id is not None:
            return "user"
        return "service_account" if self.service_account_id is not None else "none"

    @property
    def principal_id(self) -> int | None:
        """Return the id of the user or service account, None without one."""
        return self.user_id if self.user_id is not None else self.service_account_id


@dataclass(frozen=True, slots=True)
class Membership:
    """A contact's place in one project, with its levels there (P3)."""

    project_id: ProjectId
    levels: Levels


@dataclass(frozen=True, slots=True)
class Grantor:
    """Whose own levels bound what they may give and take (M5): a contact of the same company."""

    contact_id: ContactId


@dataclass(frozen=True, slots=True)
class SavedTemplate:
    """A template's id, whether saving it changed anything, and how many contacts changed with it."""

    id: TemplateId
    changed: bool
    contacts: int
