"""A user's address and first password, as the sign-in slice has them changed (P7, P9)."""

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from gatewright.base.folding import fold_email
from gatewright.base.ids import UserId
from gatewright.db.engine import Transaction
from gatewright.db.schema import users


async def prove_address(tx: Transaction, user_id: UserId, *, now: datetime) -> bool:
    """Return whether an address that was unproven is proven now."""
    return await _write(tx, users.c.id == user_id, users.c.email_proven_at.is_(None), email_proven_at=now)


async def move_address(tx: Transaction, user_id: UserId, email: str, *, now: datetime) -> bool:
    """Return whether the user has this address, proven, from now on; False, with the transaction, when it is taken."""
    values = {"email": email, "email_folded": fold_email(email), "email_proven_at": now, "updated_at": now}
    try:
        return await _write(tx, users.c.id == user_id, **values)
    except IntegrityError:
        return False


async def claim(tx: Transaction, user_id: UserId, *, name: str, password_hash: str, now: datetime) -> bool:
    """Return whether an active, unproven account of no operator's is whoever's proved its address now.

    It is under a new epoch then (T11).
    """
    return await _write(
        tx,
        users.c.id == user_id,
        users.c.email_proven_at.is_(None),
        users.c.is_active,
        ~users.c.is_operator,
        name=name,
        password_hash=password_hash,
        password_changed_at=now,
        email_proven_at=now,
        epoch=users.c.epoch + 1,
        updated_at=now,
    )


async def _write(tx: Transaction, *which: Any, **values: Any) -> bool:
    return (await tx.execute(update(users).where(*which).values(**values))).rowcount == 1
