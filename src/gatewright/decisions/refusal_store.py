"""Refused calls as they were kept, for a company's admins and for an app's developer (X4). Reads only.

What is older than it may be kept is shown to nobody, swept already or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select

from gatewright.base.ids import AppId, CompanyId, UserId
from gatewright.db.engine import Reader
from gatewright.db.schema import apps, calls, contacts, projects, refusals, service_accounts
from gatewright.decisions.explain_model import KeptRefusal

KEPT_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which refused calls are looked for; None: any."""

    app_id: AppId | None = None
    code: str | None = None
    day: datetime | None = None  # its first instant


@dataclass(frozen=True, slots=True)
class AppName:
    """An app, as a list to choose from names it."""

    id: AppId
    name: str


@dataclass(frozen=True, slots=True)
class ToldRefusal:
    """A refused call as its developer may know it: no person, no company (X4)."""

    request_id: str
    at: datetime
    code: str
    app: str
    method: str
    path: str
    sentence: str


@dataclass(frozen=True, slots=True)
class DayCount:
    """How many calls of an app were refused with one code on one day."""

    day: str
    code: str
    count: int


async def find_refusal(reader: Reader, company_id: CompanyId, request_id: str, *, now: datetime) -> KeptRefusal | None:
    """Return the refused call of this company, or None: those of no company are nobody's to see."""
    found = _kept(company_id, now).where(refusals.c.request_id == request_id)
    row = (await reader.execute(found)).one_or_none()
    return None if row is None else _from(row)


async def list_refusals(
    reader: Reader, company_id: CompanyId, wanted: Wanted, *, now: datetime, offset: int, limit: int
) -> tuple[list[KeptRefusal], int]:
    """Return a part of the company's refused calls, newest first, and how many there are."""
    r, where = refusals.c, _matching(wanted)
    newest = _kept(company_id, now).where(*where).order_by(r.at.desc(), r.request_id).offset(offset).limit(limit)
    counted = (
        select(func.count()).select_from(refusals).where(r.company_id == company_id, r.at >= now - KEPT_FOR, *where)
    )
    total = int((await reader.execute(counted)).scalar_one())
    return [_from(row) for row in await reader.execute(newest)], total


async def refused_with(reader: Reader, company_id: CompanyId, *, now: datetime) -> list[str]:
    """Return the codes that calls were refused with in the company."""
    r = refusals.c
    found = select(r.code).where(r.company_id == company_id, r.at >= now - KEPT_FOR).distinct().order_by(r.code)
    return list((await reader.execute(found)).scalars())


async def refused_apps(reader: Reader, company_id: CompanyId, *, now: datetime) -> list[AppName]:
    """Return the apps that were refused in the company, by name."""
    r = refusals.c
    ids = select(r.app_id).where(r.company_id == company_id, r.at >= now - KEPT_FOR)
    found = select(apps.c.id, apps.c.name).where(apps.c.id.in_(ids)).order_by(apps.c.name)
    return [AppName(AppId(row.id), row.name) for row in await reader.execute(found)]


def _kept(company_id: CompanyId, now: datetime) -> Select[Any]:
    r = refusals.c
    return (
        select(
            refusals,
            apps.c.name.label("app"),
            func.coalesce(contacts.c.name, service_accounts.c.name).label("contact"),
            projects.c.name.label("project"),
        )
        .outerjoin(apps, apps.c.id == r.app_id)
        .outerjoin(contacts, and_(contacts.c.company_id == r.company_id, contacts.c.id == r.contact_id))
        .outerjoin(
            service_accounts,
            and_(service_accounts.c.company_id == r.company_id, service_accounts.c.id == r.service_account_id),
        )
        .outerjoin(projects, and_(projects.c.company_id == r.company_id, projects.c.id == r.project_id))
        .where(r.company_id == company_id, r.at >= now - KEPT_FOR)
    )


def _matching(wanted: Wanted) -> list[ColumnElement[bool]]:
    r = refusals.c
    where: list[ColumnElement[bool]] = []
    if wanted.app_id is not None:
        where.append(r.app_id == wanted.app_id)
    if wanted.code is not None:
        where.append(r.code == wanted.code)
    if wanted.day is not None:
        where.append(and_(r.at >= wanted.day, r.at < wanted.day + timedelta(days=1)))
    return where


def _from(row: Any) -> KeptRefusal:
    return KeptRefusal(
        request_id=row.request_id,
        at=row.at,
        code=row.code,
        app_id=row.app_id or None,
        app=row.app,
        service_account_id=row.service_account_id or None,
        user_id=row.user_id,
        contact_id=row.contact_id,
        contact=row.contact,
        project_id=row.project_id,
        project=row.project,
        asked=row.asked,
    )


# --- the developer's own ----------------------------------------------------------------------


async def own_apps(reader: Reader, owner_id: UserId) -> list[AppName]:
    """Return the apps that the user develops, by name."""
    found = select(apps.c.id, apps.c.name).where(apps.c.owner_id == owner_id, apps.c.deleted_at.is_(None))
    return [AppName(AppId(row.id), row.name) for row in await reader.execute(found.order_by(apps.c.name))]


async def told_refusals(
    reader: Reader, app_ids: Sequence[AppId], wanted: Wanted, *, now: datetime, offset: int, limit: int
) -> tuple[list[ToldRefusal], int]:
    """Return a part of the refused calls of these apps, newest first, and how many there are."""
    r = refusals.c
    where = (r.app_id.in_(app_ids), r.at >= now - KEPT_FOR, *_matching(wanted))
    newest = select(r.request_id, r.at, r.code, r.asked, apps.c.name).join(apps, apps.c.id == r.app_id).where(*where)
    rows = await reader.execute(newest.order_by(r.at.desc(), r.request_id).offset(offset).limit(limit))
    total = int((await reader.execute(select(func.count()).select_from(refusals).where(*where))).scalar_one())
    told = [
        ToldRefusal(
            row.request_id, row.at, row.code, row.name, row.asked["method"], row.asked["path"], row.asked["sentence"]
        )
        for row in rows
    ]
    return told, total


async def counted_refusals(
    reader: Reader, app_ids: Sequence[AppId], wanted: Wanted, *, now: datetime
) -> list[DayCount]:
    """Return how often these apps were refused, by day and code, in the days of which calls are kept."""
    c = calls.c
    first = (now - KEPT_FOR).astimezone(UTC).date().isoformat()
    found = (
        select(c.day, c.result, func.sum(c.count).label("times"))
        .where(c.app_id.in_(app_ids), c.day >= first, c.result != "allow")
        .group_by(c.day, c.result)
        .order_by(c.day.desc(), func.sum(c.count).desc(), c.result)
    )
    if wanted.app_id is not None:
        found = found.where(c.app_id == wanted.app_id)
    if wanted.code is not None:
        found = found.where(c.result == wanted.code)
    return [DayCount(row.day, row.result, int(row.times)) for row in await reader.execute(found)]
