"""The newest events of a company, with the names of what they are about. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from gatewright.base.ids import CompanyId
from gatewright.db.engine import Reader
from gatewright.db.schema import apps, contacts, events, projects, service_accounts, users
from gatewright.events import chain

# Where the name of an id in an event is about is found, as it is now.
_NAMED = {
    "contact_id": (contacts.c.id, contacts.c.name, contacts.c.company_id),
    "project_id": (projects.c.id, projects.c.name, projects.c.company_id),
    "service_account_id": (service_accounts.c.id, service_accounts.c.name, service_accounts.c.company_id),
    "app_id": (apps.c.id, apps.c.name, None),
}


@dataclass(frozen=True, slots=True)
class RecentEvent:
    """One event: who did it, its state before and after, and names by what they name."""

    kind: str
    at: datetime
    by_kind: str
    who: str | None
    names: Mapping[str, str]  # contact, project, service_account, app: those it is about
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


async def recent_events(
    reader: Reader, company_id: CompanyId, *, kinds: tuple[str, ...], limit: int
) -> list[RecentEvent]:
    """Return the company's newest events of these kinds, newest first."""
    statement = select(events).where(events.c.company_id == company_id, events.c.kind.in_(kinds))
    rows = (await reader.execute(statement.order_by(events.c.id.desc()).limit(limit))).all()
    names = {
        key: await _names(reader, company_id, key, {row.about[key] for row in rows if key in row.about})
        for key in _NAMED
    }
    people = await _people(reader, {row.by_id for row in rows if row.by_kind in {"user", "operator"} and row.by_id})
    robots = {row.by_id for row in rows if row.by_kind == "service_account"}
    people |= await _names(reader, company_id, "service_account_id", robots)
    return [
        RecentEvent(
            row.kind,
            row.at,
            row.by_kind,
            people.get(row.by_id),
            {
                key.removesuffix("_id"): name
                for key, found in names.items()
                if (name := found.get(row.about.get(key))) is not None
            },
            chain.whole(row.before, row.whom, "before"),
            chain.whole(row.after, row.whom, "after"),
        )
        for row in rows
    ]


async def _names(reader: Reader, company_id: CompanyId, key: str, ids: set[int]) -> dict[int, str]:
    if not ids:
        return {}
    id_, name, company = _NAMED[key]
    here: list[ColumnElement[bool]] = [] if company is None else [company == company_id]
    statement = select(id_.label("id"), name.label("name")).where(id_.in_(ids), *here)
    return {row.id: row.name for row in await reader.execute(statement)}


async def _people(reader: Reader, ids: set[int]) -> dict[int, str]:
    if not ids:
        return {}
    return {
        row.id: row.name for row in await reader.execute(select(users.c.id, users.c.name).where(users.c.id.in_(ids)))
    }
