"""Reads what a world file names, in one look before anything is changed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import Row, func, select
from sqlalchemy.sql.elements import ColumnElement

from gatewright.base.folding import fold_email
from gatewright.base.ids import AppId, CompanyId, ContactId, ProjectId, ServiceAccountId, UserId
from gatewright.base.levels import Level
from gatewright.db.engine import Reader
from gatewright.db.schema import (
    apps,
    companies,
    contacts,
    installations,
    permission_templates,
    project_members,
    projects,
    service_accounts,
    terms,
    tools,
    users,
)
from gatewright.world.model import World
from gatewright.world.state import (
    AppState,
    CompanyState,
    ContactState,
    Levels,
    ProjectState,
    ServiceAccountState,
    State,
    ToolState,
    UserState,
)

K = TypeVar("K")
_AT_ONCE = 500  # names in one statement: databases bound the number of parameters


async def load_state(reader: Reader, world: World) -> State:
    """Return what the database holds of the things that `world` names."""
    named_apps = {app.name for app in world.apps}
    named_users = {user.email for user in world.users} | {app.owner for app in world.apps if app.owner}
    for company in world.companies:
        named_apps |= {installation.app for installation in company.installations}
        named_users |= {contact.user for contact in company.contacts}
    declared = await _tools(reader)
    return State(
        tools=declared,
        stranded=await _stranded(reader, world, declared),
        terms=await _terms(reader),
        users=await _users(reader, {fold_email(email) for email in named_users}),
        companies={
            row.name: await _company(reader, row)
            for row in await _rows(reader, companies.c.name, {company.name for company in world.companies})
        },
        apps=await _apps(reader, named_apps),
    )


async def _rows(reader: Reader, column: ColumnElement[Any], wanted: Iterable[Any]) -> list[Row[Any]]:
    """Return the rows of the column's table whose column is one of `wanted`."""
    found: list[Row[Any]] = []
    for some in _parts(sorted(wanted)):
        found += (await reader.execute(select(column.table).where(column.in_(some)))).all()
    return found


def _parts(wanted: Sequence[K]) -> Iterator[Sequence[K]]:
    for start in range(0, len(wanted), _AT_ONCE):
        yield wanted[start : start + _AT_ONCE]


async def _tools(reader: Reader) -> dict[tuple[str, str], ToolState]:
    rows = await reader.execute(select(tools.c.scope, tools.c.key, tools.c.name, tools.c.levels))
    return {(row.scope, row.key): ToolState(row.name, tuple(map(Level.from_key, row.levels))) for row in rows}


async def _stranded(
    reader: Reader, world: World, declared: Mapping[tuple[str, str], ToolState]
) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for tool in world.tools or ():
        before = declared.get((tool.scope, tool.key))
        if before is not None and (taken := set(before.levels) - set(tool.levels)):
            held = contacts.c.levels if tool.scope == "company" else project_members.c.levels
            holders = held[tool.key].as_string().in_(sorted(level.key for level in taken))
            counts[(tool.scope, tool.key)] = (await reader.execute(select(func.count()).where(holders))).scalar_one()
    return counts


async def _terms(reader: Reader) -> dict[str, str]:
    return {row.version: row.text for row in await reader.execute(select(terms.c.version, terms.c.text))}


async def _users(reader: Reader, folded: set[str]) -> dict[str, UserState]:
    return {
        row.email_folded: UserState(UserId(row.id), row.name, row.is_active, row.is_operator)
        for row in await _rows(reader, users.c.email_folded, folded)
    }


async def _apps(reader: Reader, names: set[str]) -> dict[str, AppState]:
    rows = await _rows(reader, apps.c.name, names)
    return {row.name: _app(row) for row in rows if row.deleted_at is None}


def _app(row: Row[Any]) -> AppState:
    seconds = row.retry_window_seconds
    return AppState(
        id=AppId(row.id),
        owner_id=UserId(row.owner_id),
        client_id=row.client_id,
        is_confidential=row.is_confidential,
        homepage=row.homepage,
        redirect_uris=tuple(row.redirect_uris),
        scopes=tuple(row.scopes),
        retry_window=None if seconds is None else timedelta(seconds=seconds),
        is_resource_server=row.is_resource_server,
        is_blocked=row.blocked_at is not None,
    )


async def _company(reader: Reader, company: Row[Any]) -> CompanyState:
    found_projects = await _of(reader, projects.c.company_id, company.id)
    found_templates = await _of(reader, permission_templates.c.company_id, company.id)
    accounts = await _of(reader, service_accounts.c.company_id, company.id)
    here = await _of(reader, installations.c.company_id, company.id)
    return CompanyState(
        id=CompanyId(company.id),
        app_access=company.app_access,
        projects={row.name: ProjectState(ProjectId(row.id), row.project_number) for row in found_projects},
        templates={row.name: (_levels(row.company_levels), _levels(row.project_levels)) for row in found_templates},
        contacts=await _contacts(reader, company.id),
        service_accounts=tuple(
            ServiceAccountState(ServiceAccountId(row.id), row.name, row.client_id, ContactId(row.contact_id))
            for row in accounts
            if row.deleted_at is None
        ),
        installations={AppId(row.app_id): row.status for row in here},
    )


async def _contacts(reader: Reader, company_id: int) -> tuple[ContactState, ...]:
    memberships: dict[int, dict[ProjectId, Levels]] = defaultdict(dict)
    for row in await _of(reader, project_members.c.company_id, company_id):
        memberships[row.contact_id][ProjectId(row.project_id)] = _levels(row.levels)
    return tuple(
        ContactState(
            ContactId(row.id),
            row.email_folded,
            row.user_id,
            row.service_account_id,
            _levels(row.levels),
            memberships[row.id],
        )
        for row in await _of(reader, contacts.c.company_id, company_id)
    )


async def _of(reader: Reader, column: ColumnElement[Any], company_id: int) -> Sequence[Row[Any]]:
    return (await reader.execute(select(column.table).where(column == company_id))).all()


def _levels(stored: Mapping[str, str]) -> Levels:
    found = {tool: Level.from_key(level) for tool, level in stored.items()}
    return {tool: level for tool, level in found.items() if level is not Level.NONE}
