"""Ending sessions: one of a user's own, or many at once."""

from datetime import datetime

from gatewright.base.ids import UserId
from gatewright.db.engine import Transaction, verb
from gatewright.events.catalogue import Origin, SessionEnded
from gatewright.events.log import record
from gatewright.login import session_store


@verb
async def end_sessions(
    tx: Transaction, *, user_id: UserId, besides: str | None = None, origin: Origin, now: datetime
) -> int:
    """Return how many of the user's sessions this ended: all, or all but one; each is recorded.

    An answer that follows says "ended" even where there was nothing to end (T12).
    """
    ended = await session_store.end_sessions(tx, user_id, besides=besides, now=now)
    for session_id in ended:
        await record(tx, SessionEnded(session_id=session_id, user_id=user_id), origin=origin, now=now)
    tx.answers_an_ending()
    return len(ended)
