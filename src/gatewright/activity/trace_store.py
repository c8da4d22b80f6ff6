"""SQL of the traces: what an app changed, from the record, and how those things are now. Reads only."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, cast, exists, func, select, tuple_

from gatewright.activity.trace_rules import KINDS, TICKED, Change, State, Target, target, template_levels
from gatewright.db.engine import Reader
from gatewright.db.schema import (
    apps,
    companies,
    contacts,
    events,
    installations,
    permission_templates,
    project_members,
    projects,
    service_accounts,
)
from gatewright.events import chain

MOST_CHANGES = 500


async def load_changes(
    reader: Reader,
    *,
    app_id: int,
    company_id: int | None = None,
    user_id: int | None = None,
    ids: Sequence[int] | None = None,
    most: int = MOST_CHANGES,
) -> list[Change]:
    """Return what the app changed, newest first: in one company, in one user's name, or these events.

    What it did with accounts that live is asked for by itself, the last of each kind for each
    account: no number of other changes, before or after, crowds a planted account out.
    """
    wanted = [events.c.via_app_id == app_id]
    if company_id is not None:
        wanted.append(events.c.company_id == company_id)
    if user_id is not None:
        # Where they have a contact still: the names of a company they left are not theirs to see (P6).
        is_in = exists().where(contacts.c.company_id == events.c.company_id, contacts.c.user_id == user_id)
        wanted += [events.c.by_kind == "user", events.c.by_id == user_id, is_in]
    if ids is not None:
        wanted.append(events.c.id.in_(ids))
    others = events.c.kind.in_([kind for kind in KINDS if kind not in TICKED])
    rows = [
        *await _newest(reader, [*wanted, others], most=most),
        *await _newest(reader, [events.c.id.in_(_last_of_accounts(wanted))], most=most),
    ]
    return [_change(row) for row in sorted(rows, key=lambda row: int(row.id), reverse=True)]


async def _newest(reader: Reader, wanted: Sequence[ColumnElement[bool]], *, most: int) -> Sequence[Any]:
    named = select(events, companies.c.name.label("company"))
    found = named.join(companies, companies.c.id == events.c.company_id).where(*wanted)
    return (await reader.execute(found.order_by(events.c.id.desc()).limit(most))).all()


def _last_of_accounts(wanted: Sequence[ColumnElement[bool]]) -> Select[tuple[int]]:
    of, account_id = service_accounts.c, cast(events.c.about["service_account_id"].as_string(), BigInteger)
    lives = exists().where(of.company_id == events.c.company_id, of.id == account_id, of.deleted_at.is_(None))
    last = select(func.max(events.c.id)).where(*wanted, events.c.kind.in_(TICKED), lives)
    return last.group_by(events.c.company_id, events.c.kind, account_id)


async def load_state(reader: Reader, changes: Iterable[Change]) -> State:
    """Return how the changed things are now, and their names; one statement for each kind of thing."""
    ids: dict[str, list[Target]] = {}
    for at in {target(change) for change in changes}:
        ids.setdefault(str(at[0]), []).append(at[1:])
    values: dict[Target, Any] = {}
    names: dict[Target, str] = {}
    for kind, wanted in ids.items():
        for of, value, name in await _LOADERS[kind](reader, wanted):
            values[kind, *of], names[kind, *of] = value, name
    return State(values=values, names=names)


# Each returns, of the things that are there: their ids without the kind, how they are, and their names.
Found = list[tuple[Target, Any, str]]


async def _accounts(reader: Reader, ids: Sequence[Target]) -> Found:
    return [((row.company_id, row.id), True, row.name) for row in await _live_accounts(reader, ids)]


async def _secrets(reader: Reader, ids: Sequence[Target]) -> Found:
    rows = await _live_accounts(reader, ids)
    return [((row.company_id, row.id), row.regenerated_via_app_id, row.name) for row in rows]


async def _live_accounts(reader: Reader, ids: Sequence[Target]) -> Any:
    of = service_accounts.c
    found = select(of.company_id, of.id, of.name, of.regenerated_via_app_id)
    return await reader.execute(found.where(tuple_(of.company_id, of.id).in_(ids), of.deleted_at.is_(None)))


async def _contacts(reader: Reader, ids: Sequence[Target]) -> Found:
    rows = await _contact_rows(reader, ids)
    # A service account's contact goes with the account.
    return [((row.company_id, row.id), True, row.name) for row in rows if row.service_account_id is None]


async def _levels(reader: Reader, ids: Sequence[Target]) -> Found:
    return [((row.company_id, row.id), dict(row.levels), row.name) for row in await _contact_rows(reader, ids)]


async def _contact_rows(reader: Reader, ids: Sequence[Target]) -> Any:
    of = contacts.c
    found = select(of.company_id, of.id, of.name, of.levels, of.service_account_id)
    return await reader.execute(found.where(tuple_(of.company_id, of.id).in_(ids)))


async def _memberships(reader: Reader, ids: Sequence[Target]) -> Found:
    held, project = project_members.c, projects.c
    found = (
        select(project_members, contacts.c.name.label("contact"), project.name.label("project"))
        .join(contacts, (contacts.c.company_id == held.company_id) & (contacts.c.id == held.contact_id))
        .join(projects, (project.company_id == held.company_id) & (project.id == held.project_id))
        .where(tuple_(held.company_id, held.project_id, held.contact_id).in_(ids))
    )
    return [
        ((row.company_id, row.project_id, row.contact_id), dict(row.levels), f"{row.contact} on {row.project}")
        for row in await reader.execute(found)
    ]


async def _templates(reader: Reader, ids: Sequence[Target]) -> Found:
    of = permission_templates.c
    found = select(of.company_id, of.id, of.name, of.company_levels, of.project_levels)
    rows = await reader.execute(found.where(tuple_(of.company_id, of.id).in_(ids)))
    return [
        (
            (row.company_id, row.id),
            template_levels({"company": row.company_levels, "project": row.project_levels}),
            row.name,
        )
        for row in rows
    ]


async def _installations(reader: Reader, ids: Sequence[Target]) -> Found:
    of = installations.c
    found = select(of.company_id, of.app_id, of.status, apps.c.name).join(apps, apps.c.id == of.app_id)
    rows = await reader.execute(found.where(tuple_(of.company_id, of.app_id).in_(ids)))
    return [((row.company_id, row.app_id), row.status, row.name) for row in rows]


async def _access(reader: Reader, ids: Sequence[Target]) -> Found:
    found = select(companies.c.id, companies.c.app_access, companies.c.name)
    rows = await reader.execute(found.where(companies.c.id.in_([of[0] for of in ids])))
    return [((row.id,), row.app_access, row.name) for row in rows]


_LOADERS = {
    "account": _accounts,
    "secret": _secrets,
    "contact": _contacts,
    "levels": _levels,
    "member": _memberships,
    "template": _templates,
    "installation": _installations,
    "access": _access,
}


def _change(row: Any) -> Change:
    return Change(
        id=row.id,
        company_id=row.company_id,
        company=row.company,
        kind=row.kind,
        about=row.about,
        before=chain.whole(row.before, row.whom, "before"),
        after=chain.whole(row.after, row.whom, "after"),
        via_app_id=row.via_app_id,
        at=row.at,
    )
