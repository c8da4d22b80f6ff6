"""Statements on a user's sessions, taken together."""

from datetime import datetime

from sqlalchemy import update

from gatewright.base.ids import UserId
from gatewright.db.engine import Transaction
from gatewright.db.schema import sessions


async def end_sessions(tx: Transaction, user_id: UserId, *, besides: str | None, now: datetime) -> list[str]:
    """Return the sessions of the user that this ended, but for one, in the order of their ids."""
    ended = (
        update(sessions)
        .where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None), sessions.c.id != (besides or ""))
        .values(ended_at=now)
        .returning(sessions.c.id)
    )
    return sorted((await tx.execute(ended)).scalars())
