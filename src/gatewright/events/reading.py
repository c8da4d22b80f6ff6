"""The record as it is read: entries with the names of whom and what they are about. Reads only.

Names are as they are now in the company's own tables; whoever acted from outside its
directory has none there (P6). The deployment's record is the operators' and names accounts.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, cast, exists, or_, select

from gatewright.base.ids import NO_COMPANY, CompanyId
from gatewright.db.engine import Database, Reader
from gatewright.db.schema import (
    apps,
    chains,
    companies,
    contacts,
    events,
    permission_templates,
    projects,
    service_accounts,
    users,
)
from gatewright.events import chain

# Where the name of an id that an event is about is found, as it is now.
_NAMED = {
    "contact_id": (contacts.c.id, contacts.c.name, contacts.c.company_id),
    "project_id": (projects.c.id, projects.c.name, projects.c.company_id),
    "template_id": (permission_templates.c.id, permission_templates.c.name, permission_templates.c.company_id),
    "service_account_id": (service_accounts.c.id, service_accounts.c.name, service_accounts.c.company_id),
    "app_id": (apps.c.id, apps.c.name, None),
    "in_company_id": (companies.c.id, companies.c.name, None),
}
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Recorded:
    """One entry of the record."""

    id: int
    position: int
    kind: str
    at: datetime
    by_kind: str
    by_id: int | None
    who: str | None  # the name of who did it, where the record's readers know one
    via_app_id: int | None
    via_app: str | None
    ip: str | None
    user_agent: str | None
    request_id: str | None
    about: Mapping[str, Any]
    names: Mapping[str, str]  # contact, project, template, service_account, app, user: those it is about
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    is_origin_erased: bool  # address and browser of who acted (R4)
    is_whom_erased: bool  # names and addresses of whom it is about


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries are asked for; positions are exclusive bounds."""

    kinds: Sequence[str] = ()
    contact_id: int | None = None  # about that contact, or done by whom it stands for
    app_id: int | None = None  # about that app, or done through it
    since: datetime | None = None
    until: datetime | None = None
    above: int | None = None
    below: int | None = None


async def load_recorded(
    reader: Reader, company_id: CompanyId, wanted: Wanted, *, limit: int, oldest_first: bool = False
) -> list[Recorded]:
    """Return entries of a company's record (0: the deployment's), newest first unless said otherwise."""
    order = events.c.position.asc() if oldest_first else events.c.position.desc()
    statement = select(events).where(*_conditions(company_id, wanted)).order_by(order).limit(limit)
    rows = (await reader.execute(statement)).all()
    names = {key: await _names(reader, company_id, key, _ids(rows, key)) for key in _NAMED}
    names["user_id"] = await _accounts(reader, company_id, _ids(rows, "user_id"))
    via = await _names(reader, NO_COMPANY, "app_id", {row.via_app_id for row in rows if row.via_app_id})
    people = await _people(reader, company_id, rows)
    return [_recorded(row, names, via, people) for row in rows]


async def name_of(reader: Reader, company_id: CompanyId, key: str, id_: int) -> str | None:
    """Return the name of one thing, such as a `contact_id`; None when the company has none (P6).

    An app is named where it ever did something in the company, or something was done to it.
    """
    if key == "app_id" and company_id != NO_COMPANY:
        came = exists().where(*_conditions(company_id, Wanted(app_id=id_)))
        if not (await reader.execute(select(came))).scalar_one():
            return None
    return (await _names(reader, company_id, key, {id_})).get(id_)


async def position_of(reader: Reader, company_id: CompanyId, event_id: int) -> int | None:
    """Return where an event stands in the company's record; None when it is not of it."""
    statement = select(events.c.position).where(events.c.company_id == company_id, events.c.id == event_id)
    return (await reader.execute(statement)).scalar_one_or_none()


async def chain_head(reader: Reader, company_id: CompanyId) -> tuple[int, bytes]:
    """Return position and digest of the newest entry; 0 and the genesis where there is none."""
    statement = select(chains.c.position, chains.c.digest).where(chains.c.company_id == company_id)
    found = (await reader.execute(statement)).one_or_none()
    return (0, chain.genesis(company_id)) if found is None else (found.position, found.digest)


async def rows_up_to(database: Database, company_id: CompanyId, last: int) -> AsyncIterator[list[Mapping[str, Any]]]:
    """Yield the stored rows of a record in its order, by chunks; each is read by itself, however slow the taker."""
    columns = [column for column in events.c if column.name != "keys"]
    for first in range(0, last, _CHUNK):
        here = (events.c.company_id == company_id, events.c.position > first, events.c.position <= first + _CHUNK)
        statement = select(*columns).where(*here, events.c.position <= last).order_by(events.c.position)
        async with database.read() as reader:
            rows = (await reader.execute(statement)).mappings().all()
        yield [dict(row) for row in rows]


def _conditions(company_id: CompanyId, wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = [events.c.company_id == company_id]
    if wanted.kinds:
        conditions.append(events.c.kind.in_(wanted.kinds))
    if wanted.contact_id is not None:
        conditions.append(_of_contact(company_id, wanted.contact_id))
    if wanted.app_id is not None:
        about = _about("app_id") == wanted.app_id
        conditions.append(or_(events.c.via_app_id == wanted.app_id, about))
    if wanted.since is not None:
        conditions.append(events.c.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(events.c.at < wanted.until)
    if wanted.above is not None:
        conditions.append(events.c.position > wanted.above)
    if wanted.below is not None:
        conditions.append(events.c.position < wanted.below)
    return conditions


def _of_contact(company_id: CompanyId, contact_id: int) -> ColumnElement[bool]:
    """Return whether an event is about the contact, or was done by the user or service account it stands for."""
    here = (contacts.c.company_id == company_id, contacts.c.id == contact_id)
    return or_(
        _about("contact_id") == contact_id,
        events.c.by_id == select(contacts.c.user_id).where(*here).scalar_subquery(),
        events.c.by_id == select(contacts.c.service_account_id).where(*here).scalar_subquery(),
    )


def _about(key: str) -> ColumnElement[Any]:
    return cast(events.c.about[key].as_string(), BigInteger)


def _ids(rows: Sequence[Any], key: str) -> set[int]:
    return {row.about[key] for row in rows if row.about.get(key) is not None}


def _recorded(
    row: Any, names: Mapping[str, Mapping[int, str]], via: Mapping[int, str], people: Mapping[int, str]
) -> Recorded:
    return Recorded(
        id=row.id,
        position=row.position,
        kind=row.kind,
        at=row.at,
        by_kind=row.by_kind,
        by_id=row.by_id,
        who=people.get(row.by_id),
        via_app_id=row.via_app_id,
        via_app=via.get(row.via_app_id),
        ip=row.ip,
        user_agent=row.user_agent,
        request_id=row.request_id,
        about=row.about,
        names={
            key.removesuffix("_id"): name
            for key, found in names.items()
            if (name := found.get(row.about.get(key))) is not None
        },
        before=chain.whole(row.before, row.whom, "before"),
        after=chain.whole(row.after, row.whom, "after"),
        is_origin_erased=row.by_salt is None,
        is_whom_erased=row.whom_salt is None,
    )


async def _people(reader: Reader, company_id: CompanyId, rows: Sequence[Any]) -> dict[int, str]:
    """Return the names of who acted, by the ids that users and service accounts share (P1)."""
    users_ids = {row.by_id for row in rows if row.by_id and row.by_kind in {"user", "operator"}}
    account_ids = {row.by_id for row in rows if row.by_id and row.by_kind == "service_account"}
    found = await _accounts(reader, company_id, users_ids)
    return found | await _names(reader, company_id, "service_account_id", account_ids)


async def _accounts(reader: Reader, company_id: CompanyId, ids: set[int]) -> dict[int, str]:
    """Return the names of users: as the company's directory has them, or of the accounts for the operators."""
    if not ids:
        return {}
    statement = select(users.c.id.label("id"), users.c.name.label("name")).where(users.c.id.in_(ids))
    if company_id != NO_COMPANY:
        here = (contacts.c.company_id == company_id, contacts.c.user_id.in_(ids))
        statement = select(contacts.c.user_id.label("id"), contacts.c.name.label("name")).where(*here)
    return {row.id: row.name for row in await reader.execute(statement)}


async def _names(reader: Reader, company_id: CompanyId, key: str, ids: set[int]) -> dict[int, str]:
    if not ids:
        return {}
    id_, name, company = _NAMED[key]
    here: list[ColumnElement[bool]] = []
    if company is not None and company_id != NO_COMPANY:
        here = [company == company_id]
    statement = select(id_.label("id"), name.label("name")).where(id_.in_(ids), *here)
    return {row.id: row.name for row in await reader.execute(statement)}
