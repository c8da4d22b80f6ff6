"""Lists of projects and of those who are members of one. Reads only."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select

from gatewright.base.ids import CompanyId, ContactId, ProjectId
from gatewright.db.engine import Reader
from gatewright.db.schema import contacts, project_members, projects
from gatewright.directory.model import Contact, Levels
from gatewright.directory.store.companies import unstored
from gatewright.directory.store.contacts import contact_columns, contact_of, matching
from gatewright.directory.store.searching import LONGEST_SOUGHT, holds


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project in a list, and how many contacts are members of it."""

    id: ProjectId
    name: str
    number: str | None
    is_active: bool
    contacts: int


@dataclass(frozen=True, slots=True)
class PlacedContact:
    """A contact that is a member of a project, with its levels there."""

    contact: Contact
    on_project: Levels


async def list_projects(
    reader: Reader, company_id: CompanyId, *, q: str, known_to: ContactId | None, limit: int, offset: int
) -> list[ProjectRow]:
    """Return a part of the projects by name, of those whose name or number holds `q`.

    `known_to`: only those that this contact is a member of (P6).
    """
    m = project_members.c
    placed = (
        select(func.count())
        .where(m.company_id == projects.c.company_id, m.project_id == projects.c.id)
        .scalar_subquery()
    )
    columns = (projects.c.id, projects.c.name, projects.c.project_number.label("number"), projects.c.is_active)
    statement = select(*columns, placed.label("contacts")).where(_sought(company_id, q=q, known_to=known_to))
    rows = await reader.execute(statement.order_by(projects.c.name, projects.c.id).limit(limit).offset(offset))
    return [ProjectRow(**row._mapping) for row in rows]


async def count_projects(reader: Reader, company_id: CompanyId, *, q: str, known_to: ContactId | None) -> int:
    """Return how many projects `list_projects` would find in all."""
    found = _sought(company_id, q=q, known_to=known_to)
    return int((await reader.execute(select(func.count()).select_from(projects).where(found))).scalar_one())


def _sought(company_id: CompanyId, *, q: str, known_to: ContactId | None) -> ColumnElement[bool]:
    found = projects.c.company_id == company_id
    if len(q) > LONGEST_SOUGHT:
        return false()
    if q:
        found = and_(found, or_(holds(projects.c.name, q), holds(projects.c.project_number, q)))
    if known_to is not None:
        m = project_members.c
        theirs = select(m.project_id).where(m.company_id == company_id, m.contact_id == known_to)
        found = and_(found, projects.c.id.in_(theirs))
    return found


async def list_placed(
    reader: Reader,
    company_id: CompanyId,
    project_id: ProjectId,
    *,
    q: str,
    all_addresses: bool,
    limit: int,
    offset: int,
) -> list[PlacedContact]:
    """Return a part of those who are members of the project, by contact id (S2: `all_addresses`)."""
    m = project_members.c
    statement = (
        select(*contact_columns, m.levels.label("on_project"))
        .join(project_members, and_(m.company_id == contacts.c.company_id, m.contact_id == contacts.c.id))
        .where(m.project_id == project_id, matching(company_id, q=q, all_addresses=all_addresses))
        .order_by(contacts.c.id)
    )
    rows = await reader.execute(statement.limit(limit).offset(offset))
    return [PlacedContact(contact_of(row), unstored(row.on_project)) for row in rows]


async def count_placed(
    reader: Reader, company_id: CompanyId, project_id: ProjectId, *, q: str, all_addresses: bool
) -> int:
    """Return how many contacts `list_placed` would find in all."""
    found = and_(matching(company_id, q=q, all_addresses=all_addresses), _is_placed(project_id))
    return int((await reader.execute(select(func.count()).select_from(contacts).where(found))).scalar_one())


async def others(
    reader: Reader, company_id: CompanyId, project_id: ProjectId, *, q: str, all_addresses: bool, limit: int
) -> list[Contact]:
    """Return contacts that are no members of the project and whose name or address holds `q`, by name."""
    found = and_(matching(company_id, q=q, all_addresses=all_addresses), ~_is_placed(project_id))
    statement = select(*contact_columns).where(found).order_by(contacts.c.name, contacts.c.id).limit(limit)
    return [contact_of(row) for row in await reader.execute(statement)]


def _is_placed(project_id: ProjectId) -> ColumnElement[bool]:
    m = project_members.c
    return exists().where(
        m.company_id == contacts.c.company_id, m.contact_id == contacts.c.id, m.project_id == project_id
    )
