"""Companies, projects and tools."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from gatewright.base.changes import KEEP, Keep
from gatewright.base.errors import Invalid, Problem
from gatewright.base.ids import CompanyId, ProjectId
from gatewright.db.engine import Transaction, verb
from gatewright.directory import rules
from gatewright.directory.model import Company, Project, Tool
from gatewright.directory.service.levels import company_unknown, project_unknown
from gatewright.directory.store import companies as store
from gatewright.events.catalogue import (
    CompanyChanged,
    CompanyCreated,
    Origin,
    ProjectChanged,
    ProjectCreated,
    ToolDeclared,
)
from gatewright.events.log import record


@verb
async def create_company(
    tx: Transaction, *, name: str, app_access: str = "open", origin: Origin, now: datetime
) -> CompanyId:
    """Return the id of a new company, whose directory is empty; Invalid when the name is taken."""
    refuse(rules.company_problems(name=name, app_access=app_access))
    company = Company(CompanyId(await tx.next_id("company")), name, app_access, is_active=True)
    if not await store.insert_company(tx, company, now=now):
        raise Invalid(_taken("another company"))
    await record(tx, CompanyCreated(company_id=company.id, after=_company(company)), origin=origin, now=now)
    return company.id


@verb
async def change_company(
    tx: Transaction,
    *,
    company_id: CompanyId,
    name: str | None = None,
    app_access: str | None = None,
    origin: Origin,
    now: datetime,
) -> bool:
    """Return whether the company's name or policy (I2) changed; None leaves it as it is."""
    refuse(rules.company_problems(name=name, app_access=app_access))
    before = await store.lock_company(tx, company_id)
    if before is None:
        raise company_unknown()
    after = replace(before, name=name or before.name, app_access=app_access or before.app_access)
    if after == before:
        tx.answers_an_ending()  # another may just have asked for approval (T12)
        return False
    if not await store.update_company(tx, after, now=now):
        raise Invalid(_taken("another company"))
    event = CompanyChanged(company_id=company_id, before=_company(before), after=_company(after))
    await record(tx, event, origin=origin, now=now)
    return True


@verb
async def create_project(
    tx: Transaction,
    *,
    company_id: CompanyId,
    name: str,
    project_number: str | None = None,
    is_active: bool = True,
    origin: Origin,
    now: datetime,
) -> ProjectId:
    """Return the id of a new project without members (P3); Invalid when the company has one of that name."""
    refuse(rules.project_problems(name=name, number=project_number))
    if await store.lock_company(tx, company_id) is None:
        raise company_unknown()
    project_id = ProjectId(await tx.next_id("project"))
    project = Project(company_id, project_id, name, project_number, is_active, created_at=now, updated_at=now)
    if not await store.insert_project(tx, project):
        raise Invalid(_taken("another project of this company"))
    event = ProjectCreated(company_id=company_id, project_id=project_id, after=_project(project))
    await record(tx, event, origin=origin, now=now)
    return project_id


@verb
async def change_project(
    tx: Transaction,
    *,
    company_id: CompanyId,
    project_id: ProjectId,
    name: str | None = None,
    project_number: str | Keep | None = KEEP,
    is_active: bool | None = None,
    origin: Origin,
    now: datetime,
) -> bool:
    """Return whether the project changed. `project_number` None takes the number away."""
    await store.lock_company(tx, company_id)  # so that two projects do not take one name
    before = await store.find_project(tx, company_id, project_id)
    if before is None:
        raise project_unknown()
    after = replace(
        before,
        name=before.name if name is None else name,
        number=before.number if isinstance(project_number, Keep) else project_number,
        is_active=before.is_active if is_active is None else is_active,
    )
    refuse(rules.project_problems(name=after.name, number=after.number))
    if after == before:
        return False
    await _refuse_taken_project(tx, before, after)
    await store.update_project(tx, replace(after, updated_at=now))
    await record(tx, _project_changed(before, after), origin=origin, now=now)
    return True


@verb
async def declare_tool(tx: Transaction, *, tool: Tool, origin: Origin, now: datetime) -> bool:
    """Return whether the deployment's list of tools changed (M1). A new one is none for everybody (M7)."""
    refuse(rules.tool_problems(tool))
    before = None
    if not await store.insert_tool(tx, tool, now=now):
        before = await store.update_tool(tx, tool)
        if before is None:
            return False
    event = ToolDeclared(
        scope=tool.scope, tool=tool.key, before=None if before is None else _tool(before), after=_tool(tool)
    )
    await record(tx, event, origin=origin, now=now)
    return True


@verb
async def ensure_builtin_tools(tx: Transaction, *, origin: Origin, now: datetime) -> bool:
    """Return whether `directory` or `admin` was missing; both are declared now (M1)."""
    missing = False
    for tool in rules.BUILT_IN:
        missing = await declare_tool(tx, tool=tool, origin=origin, now=now) or missing
    return missing


async def _refuse_taken_project(tx: Transaction, before: Project, after: Project) -> None:
    if after.name != before.name and await store.find_project_by_name(tx, after.company_id, after.name) is not None:
        raise Invalid(_taken("another project of this company"))


def refuse(problems: list[Problem]) -> None:
    """Raise Invalid when there are problems."""
    if problems:
        raise Invalid(*problems)


def _taken(by: str) -> Problem:
    return Problem("name", f"is the name of {by} already")


def _company(company: Company) -> dict[str, Any]:
    return {"name": company.name, "app_access": company.app_access}


def _project(project: Project) -> dict[str, Any]:
    return {"name": project.name, "project_number": project.number, "is_active": project.is_active}


def _project_changed(before: Project, after: Project) -> ProjectChanged:
    return ProjectChanged(
        company_id=before.company_id, project_id=before.id, before=_project(before), after=_project(after)
    )


def _tool(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "levels": [level.key for level in tool.levels]}
