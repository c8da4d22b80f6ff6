"""What a developer reads of an app's refused calls, counted by code and day (R3, X4). Reads only."""

from dataclasses import dataclass

from sqlalchemy import func, select

from gatewright.base.ids import AppId
from gatewright.db.engine import Reader
from gatewright.db.schema import calls

_ALLOWED = "allow"  # `calls.result` of a call that was let through


@dataclass(frozen=True, slots=True)
class RefusedDay:
    """How many calls of an app one code refused on one day, in UTC, over all companies."""

    code: str
    day: str
    count: int


async def load_refused_days(reader: Reader, app_id: AppId, *, since: str) -> list[RefusedDay]:
    """Return the app's refused calls by code and day, from the day `since`."""
    many = func.sum(calls.c.count).label("many")
    statement = (
        select(calls.c.result, calls.c.day, many)
        .where(calls.c.app_id == app_id, calls.c.day >= since, calls.c.result != _ALLOWED)
        .group_by(calls.c.result, calls.c.day)
        .order_by(calls.c.result, calls.c.day)
    )
    return [RefusedDay(row.result, row.day, int(row.many)) for row in await reader.execute(statement)]
