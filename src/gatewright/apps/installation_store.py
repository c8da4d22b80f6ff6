"""Installations: the only place that writes them, and what App Management shows of each (I1, I6)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, func, select, update

from gatewright.apps.model import (
    AppUser,
    CompanyBrief,
    DayOfCalls,
    Installation,
    InstallationRow,
    InstallationStatus,
    Stops,
)
from gatewright.apps.standing_store import is_standing
from gatewright.base.ids import AppId, CompanyId
from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import apps, authorizations, calls, companies, contacts, events, installations, users
from gatewright.events.catalogue import InstallationConnected, InstallationRequested

ALLOWED = "allow"  # `calls.result` of a call that was let through
_connector, _changer = users.alias("connector"), users.alias("changer")


async def company_needs_approval(tx: Transaction, company_id: CompanyId) -> bool:
    """Return whether new apps wait for approval there, held until this transaction ends (I2)."""
    statement = select(companies.c.app_access).where(companies.c.id == company_id).with_for_update(read=True)
    return bool((await tx.execute(statement)).scalar_one() == "approval")


async def load_installation_row(
    reader: Reader, company_id: CompanyId, app_id: AppId, *, lock: bool = False
) -> InstallationRow | None:
    """Return what is stored of the installation, or None; `lock` keeps others from changing it meanwhile."""
    columns = installations.c
    statement = select(
        columns.status, columns.connected_by, columns.connected_at, columns.changed_by, columns.changed_at
    ).where(*_is(company_id, app_id))
    row = (await reader.execute(statement.with_for_update() if lock else statement)).one_or_none()
    if row is None:
        return None
    return InstallationRow(
        InstallationStatus(row.status), row.connected_by, row.connected_at, row.changed_by, row.changed_at
    )


async def insert_installation(tx: Transaction, company_id: CompanyId, app_id: AppId, row: InstallationRow) -> bool:
    """Return whether it was inserted; False, and nothing changed, when there is one already (I2, I5)."""
    return await tx.insert_or_ignore(installations, {"company_id": company_id, "app_id": app_id, **_values(row)})


async def update_installation(
    tx: Transaction, company_id: CompanyId, app_id: AppId, row: InstallationRow, *, was: InstallationStatus
) -> bool:
    """Return whether it was changed; False when its status is no longer what it was."""
    statement = (
        update(installations)
        .where(*_is(company_id, app_id), installations.c.status == was.value)
        .values(**_values(row))
    )
    return (await tx.execute(statement)).rowcount == 1


async def disconnect_everywhere(
    tx: Transaction, app_id: AppId, *, now: datetime
) -> list[tuple[CompanyId, InstallationStatus]]:
    """Return the companies where the app was not disconnected, with how it stood there; now it is (D6).

    By nobody of theirs: `changed_by` is none. Two statements, however many companies there are.
    """
    stands = (installations.c.app_id == app_id, installations.c.status != InstallationStatus.DISCONNECTED.value)
    found = select(installations.c.company_id, installations.c.status).where(*stands)
    rows = await tx.execute(found.order_by(installations.c.company_id).with_for_update())
    was = [(CompanyId(row.company_id), InstallationStatus(row.status)) for row in rows]
    off = {"status": InstallationStatus.DISCONNECTED.value, "changed_by": None, "changed_at": now}
    await tx.execute(update(installations).where(*stands).values(**off))
    return was


async def load_stops(reader: Reader, company_id: CompanyId, app_id: AppId, *, now: datetime) -> Stops:
    """Return what disconnecting the app there would stop (I6)."""
    users_here = (await _count_users(reader, company_id, [app_id])).get(app_id, 0)
    yesterday = (now.astimezone(UTC) - timedelta(days=1)).date().isoformat()
    recent = case((calls.c.day >= yesterday, calls.c.count), else_=0)
    statement = select(
        func.coalesce(func.sum(recent), 0).label("recent"), func.max(calls.c.last_at).label("last")
    ).where(calls.c.company_id == company_id, calls.c.app_id == app_id, calls.c.result == ALLOWED)
    row = (await reader.execute(statement)).one()
    return Stops(users_here, int(row.recent), row.last)


async def load_company(reader: Reader, company_id: CompanyId) -> CompanyBrief | None:
    """Return what App Management says of the company itself, or None."""
    many = select(func.count()).where(contacts.c.company_id == companies.c.id).scalar_subquery()
    columns = (companies.c.id, companies.c.name, companies.c.app_access, many.label("contacts"))
    row = (await reader.execute(select(*columns).where(companies.c.id == company_id))).one_or_none()
    return None if row is None else CompanyBrief(row.id, row.name, row.app_access, row.contacts)


async def is_by_its_call(reader: Reader, company_id: CompanyId, here: Installation) -> bool:
    """Return whether a call of the app's, not an admin, brought the installation where it stands (I2)."""
    statement = select(events.c.id).where(
        events.c.via_app_id == here.app_id,
        events.c.company_id == company_id,
        events.c.kind.in_([InstallationConnected.KIND, InstallationRequested.KIND]),
        events.c.about["app_id"].as_integer() == here.app_id,
        events.c.at == here.changed_at,
    )
    return (await reader.execute(statement.limit(1))).one_or_none() is not None


async def count_by_status(reader: Reader, company_id: CompanyId) -> dict[InstallationStatus, int]:
    """Return how many of the company's installations stand in each status."""
    statement = (
        select(installations.c.status, func.count().label("many"))
        .join(apps, apps.c.id == installations.c.app_id)
        .where(installations.c.company_id == company_id, apps.c.deleted_at.is_(None))
        .group_by(installations.c.status)
    )
    return {InstallationStatus(row.status): row.many for row in await reader.execute(statement)}


async def count_installations(
    reader: Reader,
    company_id: CompanyId,
    *,
    statuses: Sequence[InstallationStatus] = tuple(InstallationStatus),
    name_folded: str = "",
) -> int:
    """Return how many installations `load_installations` finds in all its parts."""
    statement = (
        select(func.count())
        .select_from(installations.join(apps, apps.c.id == installations.c.app_id))
        .where(installations.c.company_id == company_id, apps.c.deleted_at.is_(None), *_so_named(statuses, name_folded))
    )
    return int((await reader.execute(statement)).scalar_one())


async def load_installation(reader: Reader, company_id: CompanyId, app_id: AppId, *, since: str) -> Installation | None:
    """Return one installation with its calls a day from the day `since`, or None."""
    found = await _load(reader, company_id, _select(company_id).where(apps.c.id == app_id), since=since)
    return found[0] if found else None


async def load_installations(
    reader: Reader,
    company_id: CompanyId,
    *,
    offset: int,
    limit: int,
    since: str,
    statuses: Sequence[InstallationStatus] = tuple(InstallationStatus),
    name_folded: str = "",
) -> list[Installation]:
    """Return one part of the company's installations, by app id, of those whose folded name holds `name_folded`."""
    statement = (
        _select(company_id).where(*_so_named(statuses, name_folded)).order_by(apps.c.id).offset(offset).limit(limit)
    )
    return await _load(reader, company_id, statement, since=since)


async def load_waiting(reader: Reader, company_id: CompanyId, *, limit: int) -> list[Installation]:
    """Return the installations that wait for an admin's decision, the oldest request first (I2)."""
    statement = (
        _select(company_id)
        .where(installations.c.status == InstallationStatus.REQUESTED.value)
        .order_by(installations.c.changed_at, apps.c.id)
        .limit(limit)
    )
    return [_installation(company_id, row) for row in await reader.execute(statement)]


async def load_users(reader: Reader, company_id: CompanyId, app_id: AppId, *, limit: int) -> list[AppUser]:
    """Return the contacts whose authorization of the app stands, the newest first."""
    statement = (
        _select_users(
            company_id, [app_id], contacts.c.id, contacts.c.name, contacts.c.email, authorizations.c.renewed_at
        )
        .order_by(authorizations.c.renewed_at.desc(), contacts.c.id)
        .limit(limit)
    )
    return [AppUser(row.id, row.name, row.email, row.renewed_at) for row in await reader.execute(statement)]


async def find_unseen_apps(
    reader: Reader, company_id: CompanyId, *, name_folded: str, limit: int
) -> list[tuple[AppId, str, str]]:
    """Return id, name and developer of apps so named that never came through there (I3)."""
    seen = select(installations.c.app_id).where(installations.c.company_id == company_id)
    statement = (
        select(apps.c.id, apps.c.name, users.c.name.label("developer"))
        .join(users, users.c.id == apps.c.owner_id)
        .where(
            apps.c.deleted_at.is_(None),
            apps.c.name_folded.contains(name_folded, autoescape=True),
            apps.c.id.not_in(seen),
        )
        .order_by(apps.c.name_folded)
        .limit(limit)
    )
    return [(row.id, row.name, row.developer) for row in await reader.execute(statement)]


async def _load(reader: Reader, company_id: CompanyId, statement: Select[Any], *, since: str) -> list[Installation]:
    found = [_installation(company_id, row) for row in await reader.execute(statement)]
    ids = [one.app_id for one in found]
    users_of = await _count_users(reader, company_id, ids)
    last_of = await _last_calls(reader, company_id, ids)
    days_of = await _days_of_calls(reader, company_id, ids, since=since)
    return [
        replace(
            one,
            users=users_of.get(one.app_id, 0),
            last_call_at=last_of.get(one.app_id),
            calls=tuple(days_of.get(one.app_id, ())),
        )
        for one in found
    ]


async def _count_users(reader: Reader, company_id: CompanyId, app_ids: Sequence[AppId]) -> dict[AppId, int]:
    counted = _select_users(company_id, app_ids, authorizations.c.app_id, func.count().label("many"))
    rows = await reader.execute(counted.group_by(authorizations.c.app_id))
    return {row.app_id: row.many for row in rows}


async def _last_calls(reader: Reader, company_id: CompanyId, app_ids: Sequence[AppId]) -> dict[AppId, datetime]:
    statement = (
        select(calls.c.app_id, func.max(calls.c.last_at).label("last"))
        .where(calls.c.company_id == company_id, calls.c.app_id.in_(app_ids), calls.c.result == ALLOWED)
        .group_by(calls.c.app_id)
    )
    return {row.app_id: row.last for row in await reader.execute(statement)}


async def _days_of_calls(
    reader: Reader, company_id: CompanyId, app_ids: Sequence[AppId], *, since: str
) -> Mapping[AppId, list[DayOfCalls]]:
    allowed = func.sum(case((calls.c.result == ALLOWED, calls.c.count), else_=0)).label("allowed")
    refused = func.sum(case((calls.c.result == ALLOWED, 0), else_=calls.c.count)).label("refused")
    statement = (
        select(calls.c.app_id, calls.c.day, allowed, refused)
        .where(calls.c.company_id == company_id, calls.c.app_id.in_(app_ids), calls.c.day >= since)
        .group_by(calls.c.app_id, calls.c.day)
        .order_by(calls.c.day)
    )
    days: dict[AppId, list[DayOfCalls]] = {}
    for row in await reader.execute(statement):
        days.setdefault(row.app_id, []).append(DayOfCalls(row.day, int(row.allowed), int(row.refused)))
    return days


def _so_named(statuses: Sequence[InstallationStatus], name_folded: str) -> tuple[ColumnElement[bool], ...]:
    return installations.c.status.in_(statuses), apps.c.name_folded.contains(name_folded, autoescape=True)


def _select(company_id: CompanyId) -> Select[Any]:
    developer = users.c.name.label("developer")
    return (
        select(
            installations,
            apps.c.name,
            apps.c.homepage,
            apps.c.owner_id,
            developer,
            _connector.c.name.label("connector"),
            _changer.c.name.label("changer"),
        )
        .join(apps, apps.c.id == installations.c.app_id)
        .join(users, users.c.id == apps.c.owner_id)
        .outerjoin(_connector, _connector.c.id == installations.c.connected_by)
        .outerjoin(_changer, _changer.c.id == installations.c.changed_by)
        .where(installations.c.company_id == company_id, apps.c.deleted_at.is_(None))
    )


def _select_users(company_id: CompanyId, app_ids: Sequence[AppId], *columns: ColumnElement[Any]) -> Select[Any]:
    """Select the contacts who use the apps, of apps that came through the company.

    P6: of any other app, blocked beforehand or not, a contact's authorization is for
    another company, and none of this one's concern.
    """
    came_through = installations.c.connected_at.is_not(None) | (
        installations.c.status == InstallationStatus.REQUESTED.value
    )
    return (
        select(*columns)
        .select_from(contacts)
        .join(users, users.c.id == contacts.c.user_id)
        .join(authorizations, authorizations.c.user_id == users.c.id)
        .join(apps, apps.c.id == authorizations.c.app_id)
        .join(installations, (installations.c.company_id == company_id) & (installations.c.app_id == apps.c.id))
        .where(contacts.c.company_id == company_id, came_through, authorizations.c.app_id.in_(app_ids), *is_standing())
    )


def _installation(company_id: CompanyId, row: Row[Any]) -> Installation:
    return Installation(
        company_id=company_id,
        app_id=row.app_id,
        name=row.name,
        developer=row.developer,
        developer_id=row.owner_id,
        homepage=row.homepage,
        status=InstallationStatus(row.status),
        connected_by=row.connector,
        connected_at=row.connected_at,
        changed_by=row.changer,
        changed_by_id=row.changed_by,
        changed_at=row.changed_at,
        users=0,
        last_call_at=None,
    )


def _is(company_id: CompanyId, app_id: AppId) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return installations.c.company_id == company_id, installations.c.app_id == app_id


def _values(row: InstallationRow) -> dict[str, Any]:
    return {
        "status": row.status.value,
        "connected_by": row.connected_by,
        "connected_at": row.connected_at,
        "changed_by": row.changed_by,
        "changed_at": row.changed_at,
    }
