"""What `gatewright doctor` asks of a database."""

from datetime import datetime, timedelta

from sqlalchemy import func, select

from gatewright.db.engine import Reader
from gatewright.db.schema import events, signing_keys, users


async def clock_difference(reader: Reader, *, now: datetime) -> timedelta:
    """Return how far this computer's clock is behind what the database knows to be past; 0 when it is not.

    PostgreSQL is asked for its own time; an embedded database knows when its last event happened.
    """
    if reader.dialect == "postgresql":
        theirs: datetime | None = (await reader.execute(select(func.clock_timestamp()))).scalar_one()
        return abs(now - theirs) if theirs is not None else timedelta(0)
    newest: datetime | None = (
        await reader.execute(select(events.c.at).order_by(events.c.id.desc()).limit(1))
    ).scalar_one_or_none()
    return max(timedelta(0), newest - now) if newest is not None else timedelta(0)


async def has_signing_key(reader: Reader, *, now: datetime) -> bool:
    """Return whether a key is there to sign access tokens with."""
    columns = signing_keys.c
    signs = (columns.retired_at.is_(None) | (columns.retired_at > now)) & columns.compromised_at.is_(None)
    standing = select(func.count()).where(signs, columns.current_from <= now)
    return bool((await reader.execute(standing)).scalar_one())


async def count_operators(reader: Reader) -> int:
    """Return how many active users are operators."""
    active = select(func.count()).where(users.c.is_operator, users.c.is_active)
    return int((await reader.execute(active)).scalar_one())
