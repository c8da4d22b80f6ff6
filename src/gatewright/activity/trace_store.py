"""SQL of the traces: what an app changed, from the record, and how those things are now. Reads only."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import exists, select

from gatewright.activity.trace_rules import KINDS, Change, State, Target, target
from gatewright.db.engine import Reader
from gatewright.db.schema import (
    apps,
    companies,
    contacts,
    events,
    installations,
    project_members,
    projects,
    service_accounts,
)

MOST_CHANGES = 500


async def load_changes(
    reader: Reader,
    *,
    app_id: int,
    company_id: int | None = None,
    user_id: int | None = None,
    ids: Sequence[int] | None = None,
) -> list[Change]:
    """Return what the app changed, newest first: in one company, in one user's name, or these events."""
    wanted = (
        select(events, companies.c.name.label("company"))
        .join(companies, companies.c.id == events.c.company_id)
        .where(events.c.via_app_id == app_id, events.c.kind.in_(KINDS))
    )
    if company_id is not None:
        wanted = wanted.where(events.c.company_id == company_id)
    if user_id is not None:
        # Where they have a contact still: the names of a company they left are not theirs to see (P6).
        is_in = exists().where(contacts.c.company_id == events.c.company_id, contacts.c.user_id == user_id)
        wanted = wanted.where(events.c.by_kind == "user", events.c.by_id == user_id, is_in)
    if ids is not None:
        wanted = wanted.where(events.c.id.in_(ids))
    rows = await reader.execute(wanted.order_by(events.c.id.desc()).limit(MOST_CHANGES))
    return [_change(row) for row in rows]


async def load_state(reader: Reader, changes: Iterable[Change]) -> State:
    """Return how the changed things are now, and their names."""
    values: dict[Target, Any] = {}
    names: dict[Target, str] = {}
    for at in {target(change) for change in changes}:
        found = await _LOADERS[str(at[0])](reader, at)
        if found is not None:
            values[at], names[at] = found
    return State(values=values, names=names)


async def _account(reader: Reader, at: Target) -> tuple[Any, str] | None:
    row = await _live_account(reader, at)
    return None if row is None else (True, row.name)


async def _secret(reader: Reader, at: Target) -> tuple[Any, str] | None:
    row = await _live_account(reader, at)
    return None if row is None else (row.regenerated_via_app_id, row.name)


async def _live_account(reader: Reader, at: Target) -> Any:
    found = select(service_accounts.c.name, service_accounts.c.regenerated_via_app_id).where(
        service_accounts.c.company_id == at[1],
        service_accounts.c.id == at[2],
        service_accounts.c.deleted_at.is_(None),
    )
    return (await reader.execute(found)).one_or_none()


async def _contact(reader: Reader, at: Target) -> tuple[Any, str] | None:
    row = await _contact_row(reader, at[1], at[2])
    # A service account's contact goes with the account.
    return None if row is None or row.service_account_id is not None else (True, row.name)


async def _levels(reader: Reader, at: Target) -> tuple[Any, str] | None:
    row = await _contact_row(reader, at[1], at[2])
    return None if row is None else (dict(row.levels), row.name)


async def _contact_row(reader: Reader, company_id: object, contact_id: object) -> Any:
    found = select(contacts.c.name, contacts.c.levels, contacts.c.service_account_id).where(
        contacts.c.company_id == company_id, contacts.c.id == contact_id
    )
    return (await reader.execute(found)).one_or_none()


async def _membership(reader: Reader, at: Target) -> tuple[Any, str] | None:
    held, project = project_members.c, projects.c
    found = (
        select(held.levels, contacts.c.name.label("contact"), project.name.label("project"))
        .join(contacts, (contacts.c.company_id == held.company_id) & (contacts.c.id == held.contact_id))
        .join(projects, (project.company_id == held.company_id) & (project.id == held.project_id))
        .where(held.company_id == at[1], held.project_id == at[2], held.contact_id == at[3])
    )
    row = (await reader.execute(found)).one_or_none()
    return None if row is None else (dict(row.levels), f"{row.contact} on {row.project}")


async def _installation(reader: Reader, at: Target) -> tuple[Any, str] | None:
    found = (
        select(installations.c.status, apps.c.name)
        .join(apps, apps.c.id == installations.c.app_id)
        .where(installations.c.company_id == at[1], installations.c.app_id == at[2])
    )
    row = (await reader.execute(found)).one_or_none()
    return None if row is None else (row.status, row.name)


async def _access(reader: Reader, at: Target) -> tuple[Any, str] | None:
    found = select(companies.c.app_access, companies.c.name).where(companies.c.id == at[1])
    row = (await reader.execute(found)).one_or_none()
    return None if row is None else (row.app_access, row.name)


_LOADERS = {
    "account": _account,
    "secret": _secret,
    "contact": _contact,
    "levels": _levels,
    "member": _membership,
    "installation": _installation,
    "access": _access,
}


def _change(row: Any) -> Change:
    return Change(
        id=row.id,
        company_id=row.company_id,
        company=row.company,
        kind=row.kind,
        about=row.about,
        before=row.before,
        after=row.after,
        via_app_id=row.via_app_id,
        at=row.at,
    )
