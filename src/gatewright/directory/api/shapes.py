"""What the directory's API reads and answers, as JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from gatewright.base.clock import rfc3339
from gatewright.base.levels import Level
from gatewright.directory.model import Company, Contact, Levels, Membership, Project, Scope, Template, Tool
from gatewright.directory.rules import CONFIRMATION, display_name


class Body(BaseModel):
    """A request's JSON object: unknown keys and other types are refused, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _left_out(default: Any) -> Any:  # Any, as Field itself returns
    """Return a field that may be left out, and whose default is nobody's business: it is never looked at."""
    return Field(default, json_schema_extra=_without_default)


def _without_default(schema: JsonDict) -> None:
    schema.pop("default", None)


# As in a path: a number that no id can be is refused before it reaches a statement.
_Id = Annotated[int, Field(ge=1, lt=2**53)]


class CompanyChange(Body):
    """Company settings (I2). What is left out stays as it is."""

    app_access: Literal["open", "approval"] = _left_out("open")


class NewContact(Body):
    """A contact to be added, without a login until its invitation is accepted (P2)."""

    email: str
    name: str
    levels: dict[str, str] = Field(default_factory=dict, description="Company tool to level; left out: none")
    template_id: _Id | None = Field(None, description="The template it holds from the start, in place of levels (M3)")


class ContactChange(Body):
    """A contact's label (P9) and template (M3). What is left out stays as it is; a `template_id` of null detaches."""

    email: str = _left_out("")
    name: str = _left_out("")
    template_id: _Id | None = _left_out(None)
    confirm: Literal["directory-admin"] = _left_out(CONFIRMATION)


class NewTemplate(Body):
    """A permission template to be made (M3)."""

    name: str
    company: dict[str, str] = Field(default_factory=dict, description="Company tool to level; left out: none")
    project: dict[str, str] = Field(default_factory=dict, description="Project tool to level; left out: none")


class TemplateChange(Body):
    """A change of a template, and of every contact that holds it. What is left out stays as it is."""

    name: str = _left_out("")
    company: dict[str, str] = _left_out({})
    project: dict[str, str] = _left_out({})
    confirm: Literal["directory-admin"] = _left_out(CONFIRMATION)


class TemplateEntry(BaseModel):
    """A permission template: every tool with its level, and how many contacts hold it."""

    id: int
    name: str
    company: dict[str, str]
    project: dict[str, str]
    contacts: int


class NewProject(Body):
    """A project to be made."""

    name: str
    project_number: str | None = None
    active: bool = True


class ProjectChange(Body):
    """A change of a project. What is left out stays as it is; a `project_number` of null takes it away."""

    name: str = _left_out("")
    project_number: str | None = _left_out(None)
    active: bool = _left_out(True)


class MembershipEntry(BaseModel):
    """A contact's place in one project: every project-level tool with its level there."""

    id: int
    levels: dict[str, str]


class MembershipAnswer(MembershipEntry):
    """A membership as it was set, with the template that its contact holds now (M3)."""

    template_id: int | None


class ContactEntry(BaseModel):
    """A contact. The last three only for a token with the scope `company.manage` (M8)."""

    id: int
    name: str
    email: str | None = Field(description="A service account's is null but for admin: admin and the account itself")
    kind: Literal["user", "service_account", "none"]
    user_id: int | None = Field(None, description="Present for kind user")
    service_account_id: int | None = Field(None, description="Present for kind service_account")
    template_id: int | None = None
    levels: dict[str, str] | None = None
    projects: list[MembershipEntry] | None = None


class CompanyRef(BaseModel):
    """A company, named."""

    id: int
    name: str


class ProjectEntry(BaseModel):
    """A project."""

    id: int
    name: str
    display_name: str
    project_number: str | None
    active: bool
    created_at: datetime
    updated_at: datetime
    company: CompanyRef


class CompanyEntry(BaseModel):
    """A company with its settings."""

    id: int
    name: str
    is_active: bool
    app_access: Literal["open", "approval"]


def contact_entry(contact: Contact, *, shows_address: bool) -> dict[str, object]:
    """Return the contact as everybody with `directory: read_only` sees it (S2: but some addresses)."""
    entry: dict[str, object] = {
        "id": contact.id,
        "name": contact.name,
        "email": contact.email if shows_address else None,
        "kind": contact.kind,
    }
    if contact.kind != "none":
        entry[f"{contact.kind}_id"] = contact.principal_id
    return entry


def managed_entry(
    contact: Contact, held: Sequence[Membership], *, tools: Sequence[Tool], shows_address: bool
) -> dict[str, object]:
    """Return the contact with its template, levels and memberships (M8)."""
    return {
        **contact_entry(contact, shows_address=shows_address),
        "template_id": contact.template_id,
        "levels": level_entries(contact.levels, tools, scope="company"),
        "projects": [membership_entry(membership, tools=tools) for membership in held],
    }


def membership_entry(membership: Membership, *, tools: Sequence[Tool]) -> dict[str, object]:
    """Return one membership with every project-level tool."""
    return {"id": membership.project_id, "levels": level_entries(membership.levels, tools, scope="project")}


def level_entries(levels: Levels, tools: Sequence[Tool], *, scope: Scope) -> dict[str, str]:
    """Return every tool of that scope with the stated level; not stated is none (M2, M7)."""
    return {tool.key: levels.get(tool.key, Level.NONE).key for tool in tools if tool.scope == scope}


def template_entry(template: Template, tools: Sequence[Tool], *, contacts: int) -> dict[str, object]:
    """Return a template with every tool's level."""
    return {
        "id": template.id,
        "name": template.name,
        "company": level_entries(template.company_levels, tools, scope="company"),
        "project": level_entries(template.project_levels, tools, scope="project"),
        "contacts": contacts,
    }


def project_entry(project: Project, *, company: str) -> dict[str, object]:
    """Return a project of the company so named, as every list of projects shows it."""
    return {
        "id": project.id,
        "name": project.name,
        "display_name": display_name(project.name, project.number),
        "project_number": project.number,
        "active": project.is_active,
        "created_at": rfc3339(project.created_at),
        "updated_at": rfc3339(project.updated_at),
        "company": {"id": project.company_id, "name": company},
    }


def company_entry(company: Company) -> dict[str, object]:
    """Return a company with its settings."""
    return {
        "id": company.id,
        "name": company.name,
        "is_active": company.is_active,
        "app_access": company.app_access,
    }
