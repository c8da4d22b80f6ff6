"""The order in which events that touch facts were committed: positions, the same for all who follow them (T12).

Ids do not tell it: PostgreSQL hands them out before the commit. A position is given as the
transaction's last act, under a lock that is held until the commit is visible. So whoever
has read a position has missed none below it, ever.

Nobody waits for another in a circle: the heads of chains are locked first, in one order,
and this lock after them. Whoever holds it asks for no lock that anybody else can hold: the
rows that it still inserts have keys which the heads and this lock make its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select

from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import events

_LOCK = 0x6777_6665_6564  # of PostgreSQL's advisory locks; SQLite has one writer anyway
_TOUCHED = select(events.c.feed_position.label("position"), events.c.id, events.c["keys"].label("touched"))


@dataclass(frozen=True, slots=True)
class Touched:
    """What one committed event made stale."""

    position: int
    event_id: int
    keys: frozenset[str]


async def give_positions(transaction: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Give each row that touches a fact the next position. Nothing may be locked after this but the rows themselves."""
    touching = [row for row in rows if row["keys"]]
    for row in rows:
        row["feed_position"] = None
    if not touching:
        return
    if transaction.dialect == "postgresql":
        # By itself: the next statement must see what the one before us in the queue committed.
        await transaction.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    newest = await newest_position(transaction)
    for position, row in enumerate(touching, newest + 1):
        row["feed_position"] = position


async def newest_position(reader: Reader) -> int:
    """Return the position of the event that was committed last; 0 before the first."""
    newest = (await reader.execute(select(func.max(events.c.feed_position)))).scalar_one()
    return int(newest or 0)


async def touched_from(reader: Reader, position: int, *, most: int) -> list[Touched]:
    """Return at most so many committed events from this position on, it included, in the order of their commits."""
    place = events.c.feed_position
    found = await reader.execute(_TOUCHED.where(place >= position).order_by(place).limit(most))
    return [_touched(row) for row in found]


async def newest_touched(reader: Reader) -> Touched | None:
    """Return what was committed last; None before the first."""
    place = events.c.feed_position
    found = await reader.execute(_TOUCHED.where(place.is_not(None)).order_by(place.desc()).limit(1))
    return next((_touched(row) for row in found), None)


def _touched(row: Row[Any]) -> Touched:
    return Touched(row.position, row.id, frozenset(row.touched))
