"""Companies, their projects, and the deployment's tools."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.exc import IntegrityError

from gatewright.base.ids import CompanyId, ProjectId, UserId
from gatewright.base.levels import Level
from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import companies, contacts, projects, tools
from gatewright.directory.model import Company, Levels, Project, Scope, Tool

_PROJECT = (
    projects.c.company_id,
    projects.c.id,
    projects.c.name,
    projects.c.project_number.label("number"),
    projects.c.is_active,
    projects.c.created_at,
    projects.c.updated_at,
)


def stored(levels: Levels) -> dict[str, str]:
    """Return levels as a column holds them: those above none, as words."""
    return {tool: level.key for tool, level in sorted(levels.items()) if level is not Level.NONE}


def unstored(levels: Mapping[str, str]) -> Levels:
    """Return the levels that a column holds."""
    return {tool: Level.from_key(key) for tool, key in levels.items()}


async def find_company(reader: Reader, company_id: CompanyId) -> Company | None:
    """Return the company of that id."""
    row = (await reader.execute(_companies().where(companies.c.id == company_id))).one_or_none()
    return row and Company(**row._mapping)


async def lock_company(tx: Transaction, company_id: CompanyId) -> Company | None:
    """Return the company; until this transaction ends no other changes it or its directory.

    Rows that merely refer to the company can still be inserted by others.
    """
    statement = _companies().where(companies.c.id == company_id).with_for_update(key_share=True)
    row = (await tx.execute(statement)).one_or_none()
    return row and Company(**row._mapping)


async def lock_administered(tx: Transaction, user_id: UserId) -> None:
    """Lock, as `lock_company` does, every company of which the user is company admin; all in one order."""
    theirs = select(contacts.c.company_id).where(contacts.c.user_id == user_id, contacts.c.is_directory_admin)
    statement = select(companies.c.id).where(companies.c.id.in_(theirs)).order_by(companies.c.id)
    await tx.execute(statement.with_for_update(key_share=True))


async def insert_company(tx: Transaction, company: Company, *, now: datetime) -> bool:
    """Return whether the company was inserted; False when the name is taken."""
    values = {"id": company.id, "name": company.name, "app_access": company.app_access, "is_active": company.is_active}
    return await tx.insert_or_ignore(companies, {**values, "created_at": now, "updated_at": now})


async def update_company(tx: Transaction, company: Company, *, now: datetime) -> bool:
    """Return whether the company's name and policy were written.

    False when the name is taken, and the transaction with it.
    """
    changed = update(companies).where(companies.c.id == company.id)
    try:
        await tx.execute(changed.values(name=company.name, app_access=company.app_access, updated_at=now))
    except IntegrityError:
        return False
    return True


def _companies() -> Any:  # a Select, whose row type SQLAlchemy's own stubs lose in with_for_update
    return select(companies.c.id, companies.c.name, companies.c.app_access, companies.c.is_active)


# projects ------------------------------------------------------------------------------------


async def find_project(reader: Reader, company_id: CompanyId, project_id: ProjectId) -> Project | None:
    """Return the project, if it is one of this company's (P6)."""
    return await _project(reader, projects.c.company_id == company_id, projects.c.id == project_id)


async def find_project_by_name(reader: Reader, company_id: CompanyId, name: str) -> Project | None:
    """Return the company's project of that name."""
    return await _project(reader, projects.c.company_id == company_id, projects.c.name == name)


async def insert_project(tx: Transaction, project: Project) -> bool:
    """Return whether the project was inserted; False when the company has one of that name."""
    values = {
        "company_id": project.company_id,
        "id": project.id,
        "name": project.name,
        "project_number": project.number,
        "is_active": project.is_active,
        "created_at": project.created_at,
        "updated_at": project.updated_at,
    }
    return await tx.insert_or_ignore(projects, values)


async def update_project(tx: Transaction, project: Project) -> None:
    """Write the project's name, number and whether it is active."""
    changed = update(projects).where(projects.c.company_id == project.company_id, projects.c.id == project.id)
    values = {"name": project.name, "project_number": project.number, "is_active": project.is_active}
    await tx.execute(changed.values(**values, updated_at=project.updated_at))


async def _project(reader: Reader, *conditions: Any) -> Project | None:
    row = (await reader.execute(select(*_PROJECT).where(*conditions))).one_or_none()
    return row and Project(**row._mapping)


# tools ---------------------------------------------------------------------------------------


async def list_tools(reader: Reader) -> list[Tool]:
    """Return the deployment's tools, the company-level ones first, as they were declared."""
    columns = (tools.c.scope, tools.c.key, tools.c.name, tools.c.levels)
    return [_tool(row) for row in await reader.execute(select(*columns).order_by(tools.c.scope, tools.c.position))]


async def insert_tool(tx: Transaction, tool: Tool, *, now: datetime) -> bool:
    """Return whether the tool was inserted, after all others; False when it was declared before."""
    last = (await tx.execute(select(func.coalesce(func.max(tools.c.position), 0)))).scalar_one()
    values = {"scope": tool.scope, "key": tool.key, "name": tool.name, "position": last + 1, "created_at": now}
    return await tx.insert_or_ignore(tools, {**values, "levels": [level.key for level in tool.levels]})


async def update_tool(tx: Transaction, tool: Tool) -> Tool | None:
    """Return the tool as it was, if it differed from what is written now."""
    key = (tools.c.scope == tool.scope, tools.c.key == tool.key)
    columns = (tools.c.scope, tools.c.key, tools.c.name, tools.c.levels)
    before = _tool((await tx.execute(select(*columns).where(*key).with_for_update())).one())
    if before == tool:
        return None
    await tx.execute(update(tools).where(*key).values(name=tool.name, levels=[level.key for level in tool.levels]))
    return before


def _tool(row: Row[Any]) -> Tool:
    scope: Scope = row.scope
    return Tool(scope, row.key, row.name, tuple(Level.from_key(key) for key in row.levels))
