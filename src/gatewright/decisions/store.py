"""The rows that decide, one indexed select each; and what a caller's lists hold. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select

from gatewright.base.ids import AppId, CompanyId, ContactId, ProjectId, ServiceAccountId, UserId
from gatewright.base.levels import Level
from gatewright.db.engine import Reader
from gatewright.db.schema import companies, contacts, installations, project_members, projects, service_accounts, tools
from gatewright.decisions.model import CompanyRow, ContactRow, EntryRow, Levels, MembershipRow, ToolRow
from gatewright.directory.model import Project


async def load_company(reader: Reader, company_id: int) -> CompanyRow | None:
    """Return the company, or None."""
    columns = select(companies.c.id, companies.c.name, companies.c.app_access)
    row = (await reader.execute(columns.where(companies.c.id == company_id))).one_or_none()
    return None if row is None else CompanyRow(CompanyId(row.id), row.name, row.app_access)


async def load_contact(reader: Reader, company_id: int, principal_id: int) -> ContactRow | None:
    """Return the contact that a user or service account has in the company, or None."""
    is_theirs = or_(contacts.c.user_id == principal_id, contacts.c.service_account_id == principal_id)
    columns = select(contacts.c.id, contacts.c.levels)
    row = (await reader.execute(columns.where(contacts.c.company_id == company_id, is_theirs))).one_or_none()
    return None if row is None else ContactRow(ContactId(row.id), read_levels(row.levels))


async def load_entry(reader: Reader, company_id: int, contact_id: int) -> EntryRow | None:
    """Return whose contact of the company it is, or None."""
    account, c = service_accounts.c, contacts.c
    found = (
        select(c.user_id, c.service_account_id, account.client_id)
        .outerjoin(service_accounts, and_(account.company_id == c.company_id, account.id == c.service_account_id))
        .where(c.company_id == company_id, c.id == contact_id)
    )
    row = (await reader.execute(found)).one_or_none()
    if row is None:
        return None
    if row.service_account_id is not None:
        return EntryRow("service_account", row.service_account_id, row.client_id)
    return EntryRow("none", 0, None) if row.user_id is None else EntryRow("user", row.user_id, None)


async def load_installation(reader: Reader, company_id: int, app_id: int) -> str | None:
    """Return the status of the app in the company, or None."""
    found = select(installations.c.status).where(
        installations.c.company_id == company_id, installations.c.app_id == app_id
    )
    return (await reader.execute(found)).scalar_one_or_none()


async def project_exists(reader: Reader, company_id: int, project_id: int) -> bool:
    """Return whether the company has that project."""
    found = exists().where(projects.c.company_id == company_id, projects.c.id == project_id)
    return bool((await reader.execute(select(found))).scalar_one())


async def load_membership(reader: Reader, company_id: int, project_id: int, contact_id: int) -> MembershipRow | None:
    """Return the contact's membership of the project, or None."""
    found = select(project_members.c.levels).where(
        project_members.c.company_id == company_id,
        project_members.c.project_id == project_id,
        project_members.c.contact_id == contact_id,
    )
    levels = (await reader.execute(found)).scalar_one_or_none()
    return None if levels is None else MembershipRow(read_levels(levels))


async def has_membership(reader: Reader, company_id: int, contact_id: int) -> bool:
    """Return whether the contact is a member of any project of the company."""
    found = exists().where(project_members.c.company_id == company_id, project_members.c.contact_id == contact_id)
    return bool((await reader.execute(select(found))).scalar_one())


async def load_tools(reader: Reader) -> tuple[ToolRow, ...]:
    """Return the declared tools in their order."""
    found = select(tools.c.scope, tools.c.key, tools.c.name).order_by(tools.c.scope, tools.c.position, tools.c.key)
    return tuple(ToolRow(row.scope, row.key, row.name) for row in await reader.execute(found))


def read_levels(stored: Mapping[str, str]) -> Levels:
    """Return levels as the database keeps them."""
    return {tool: Level.from_key(key) for tool, key in stored.items()}


# --- lists -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CompanyEntry:
    """One company of a caller's list."""

    id: CompanyId
    name: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class ProjectEntry:
    """One project of a caller's list, with its company's name."""

    project: Project
    company: str


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a list is wanted."""

    offset: int
    size: int


async def companies_of_user(
    reader: Reader, user_id: UserId, *, app_id: AppId | None, part: Part
) -> tuple[list[CompanyEntry], int]:
    """Return companies with a contact of the user where the app is not disconnected, and how many there are."""
    is_here = and_(installations.c.company_id == companies.c.id, installations.c.app_id == app_id)
    wanted = (
        select(companies.c.id, companies.c.name, companies.c.is_active)
        .join(contacts, contacts.c.company_id == companies.c.id)
        .where(contacts.c.user_id == user_id)
    )
    if app_id is not None:
        disconnected = exists().where(is_here, installations.c.status == "disconnected")
        wanted = wanted.where(~disconnected)
    return await _companies(reader, wanted, part)


async def company_of_service_account(
    reader: Reader, service_account_id: ServiceAccountId, *, part: Part
) -> tuple[list[CompanyEntry], int]:
    """Return the account's one company, and how many there are (S1)."""
    wanted = (
        select(companies.c.id, companies.c.name, companies.c.is_active)
        .join(contacts, contacts.c.company_id == companies.c.id)
        .where(contacts.c.service_account_id == service_account_id)
    )
    return await _companies(reader, wanted, part)


async def projects_of_company(
    reader: Reader, company_id: CompanyId, *, contact_id: ContactId | None, part: Part
) -> tuple[list[ProjectEntry], int]:
    """Return the company's projects, or only those the contact is a member of, and how many there are."""
    wanted = (
        select(projects, companies.c.name.label("company"))
        .join(companies, companies.c.id == projects.c.company_id)
        .where(projects.c.company_id == company_id)
    )
    if contact_id is not None:
        wanted = wanted.where(
            exists().where(
                project_members.c.company_id == projects.c.company_id,
                project_members.c.project_id == projects.c.id,
                project_members.c.contact_id == contact_id,
            )
        )
    rows = await reader.execute(wanted.order_by(projects.c.id).offset(part.offset).limit(part.size))
    return [_project(row) for row in rows], await _count(reader, wanted)


def _project(row: Any) -> ProjectEntry:
    project = Project(
        CompanyId(row.company_id),
        ProjectId(row.id),
        row.name,
        row.project_number,
        row.is_active,
        row.created_at,
        row.updated_at,
    )
    return ProjectEntry(project, row.company)


async def _companies(
    reader: Reader, wanted: Select[tuple[int, str, bool]], part: Part
) -> tuple[list[CompanyEntry], int]:
    rows = await reader.execute(wanted.order_by(companies.c.id).offset(part.offset).limit(part.size))
    entries = [CompanyEntry(CompanyId(row.id), row.name, row.is_active) for row in rows]
    return entries, await _count(reader, wanted)


async def _count(reader: Reader, wanted: Select[*tuple[object, ...]]) -> int:
    counted = select(func.count()).select_from(wanted.order_by(None).subquery())
    return int((await reader.execute(counted)).scalar_one())
