"""Statements on a user's sessions, taken together, and on one by its owner."""

from datetime import datetime, timedelta

from sqlalchemy import desc, select, update

from gatewright.base.ids import UserId
from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import sessions, users
from gatewright.login.model import OwnSession

SEEN_EVERY = timedelta(minutes=5)


async def standing_sessions(reader: Reader, user_id: UserId, *, now: datetime) -> list[OwnSession]:
    """Return the sessions in which the user is signed in, the last seen first."""
    columns = sessions.c
    statement = (
        select(columns.id.label("session_id"), columns.ip, columns.user_agent, columns.created_at, columns.last_seen_at)
        .join(users, users.c.id == columns.user_id)
        .where(
            columns.user_id == user_id,
            columns.ended_at.is_(None),
            columns.expires_at > now,
            columns.user_epoch == users.c.epoch,
        )
        .order_by(desc(columns.last_seen_at), columns.id)
    )
    return [OwnSession(**row._asdict()) for row in await reader.execute(statement)]


async def is_of(reader: Reader, session_id: str, user_id: UserId) -> bool:
    """Return whether the session, ended or not, is this user's."""
    found = select(sessions.c.id).where(sessions.c.id == session_id, sessions.c.user_id == user_id)
    return (await reader.execute(found)).first() is not None


async def end_sessions(tx: Transaction, user_id: UserId, *, besides: str | None, now: datetime) -> list[str]:
    """Return the sessions of the user that this ended, but for one, in the order of their ids."""
    ended = (
        update(sessions)
        .where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None), sessions.c.id != (besides or ""))
        .values(ended_at=now)
        .returning(sessions.c.id)
    )
    return sorted((await tx.execute(ended)).scalars())


async def end_oldest(tx: Transaction, user_id: UserId, *, keep: int, now: datetime) -> list[str]:
    """Return the sessions of the user that this ended: all but the newest `keep`."""
    standing = (sessions.c.user_id == user_id) & sessions.c.ended_at.is_(None)
    newest = (
        select(sessions.c.id).where(standing).order_by(desc(sessions.c.created_at), desc(sessions.c.id)).limit(keep)
    )
    ended = update(sessions).where(standing, sessions.c.id.not_in(newest)).values(ended_at=now)
    return sorted((await tx.execute(ended.returning(sessions.c.id))).scalars())


async def note_seen(tx: Transaction, session_id: str, *, now: datetime) -> None:
    """Note when the session was last seen; not again within some minutes, however many processes ask."""
    noted = update(sessions).where(sessions.c.id == session_id, sessions.c.last_seen_at <= now - SEEN_EVERY)
    await tx.execute(noted.values(last_seen_at=now))
