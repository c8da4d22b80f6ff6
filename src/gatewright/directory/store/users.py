"""Users: one row each, found by id or by folded address (P1)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, exists, select, update
from sqlalchemy.exc import IntegrityError

from gatewright.base.folding import fold_email
from gatewright.base.ids import UserId
from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import service_accounts, users
from gatewright.directory.model import User

_COLUMNS = (users.c.id, users.c.email, users.c.name, users.c.is_active, users.c.is_operator, users.c.epoch)


async def find_user(reader: Reader, user_id: UserId) -> User | None:
    """Return the user of that id."""
    row = (await reader.execute(select(*_COLUMNS).where(users.c.id == user_id))).one_or_none()
    return row and _user(row)


async def lock_user(tx: Transaction, user_id: UserId) -> User | None:
    """Return the user, whose row nobody else changes until this transaction ends."""
    row = (await tx.execute(select(*_COLUMNS).where(users.c.id == user_id).with_for_update())).one_or_none()
    return row and _user(row)


async def lock_operators(tx: Transaction) -> list[UserId]:
    """Return the active operators, whose rows nobody else changes until this transaction ends."""
    active = select(users.c.id).where(users.c.is_operator, users.c.is_active)
    return list((await tx.execute(active.order_by(users.c.id).with_for_update())).scalars())


async def is_service_address(reader: Reader, email: str) -> bool:
    """Return whether a service account was ever given this address (S2: nobody signs in with it)."""
    found = exists().where(service_accounts.c.address_folded == fold_email(email))
    return bool((await reader.execute(select(found))).scalar_one())


async def insert_user(
    tx: Transaction, user: User, *, password_hash: str | None, email_proven_at: datetime | None, now: datetime
) -> bool:
    """Return whether the user was inserted; False when the address is taken."""
    values = {
        "id": user.id,
        "email": user.email,
        "email_folded": fold_email(user.email),
        "name": user.name,
        "password_hash": password_hash,
        "email_proven_at": email_proven_at,
        "is_active": user.is_active,
        "is_operator": user.is_operator,
        "epoch": user.epoch,
        "created_at": now,
        "updated_at": now,
    }
    return await tx.insert_or_ignore(users, values)


async def update_user(tx: Transaction, user: User, *, now: datetime) -> bool:
    """Return whether the user's address, name and rank were written.

    False when the address is taken, and the transaction with it.
    """
    values = {"email": user.email, "email_folded": fold_email(user.email), "name": user.name}
    try:
        return await _write(tx, user.id, {**values, "is_operator": user.is_operator, "updated_at": now})
    except IntegrityError:
        return False


async def update_password_hash(tx: Transaction, user_id: UserId, password_hash: str, *, now: datetime) -> bool:
    """Return whether there was such a user, whose password hash is now this one."""
    values = {"password_hash": password_hash, "password_changed_at": now, "updated_at": now}
    return await _write(tx, user_id, values)


async def refresh_password_hash(tx: Transaction, user_id: UserId, password_hash: str) -> None:
    """Put another hash of the same password; nothing of the user has changed."""
    await _write(tx, user_id, {"password_hash": password_hash})


async def end_activity(tx: Transaction, user_id: UserId, *, now: datetime) -> bool:
    """Return whether an active user is inactive now, under a new epoch (T11)."""
    changed = update(users).where(users.c.id == user_id, users.c.is_active)
    values = {"is_active": False, "epoch": users.c.epoch + 1, "updated_at": now}
    return (await tx.execute(changed.values(**values))).rowcount == 1


async def restore_activity(tx: Transaction, user_id: UserId, *, now: datetime) -> bool:
    """Return whether an inactive user is active now; the epoch stays where the end put it."""
    changed = update(users).where(users.c.id == user_id, ~users.c.is_active)
    return (await tx.execute(changed.values(is_active=True, updated_at=now))).rowcount == 1


async def _write(tx: Transaction, user_id: UserId, values: dict[str, Any]) -> bool:
    return (await tx.execute(update(users).where(users.c.id == user_id).values(**values))).rowcount == 1


def _user(row: Row[Any]) -> User:
    return User(**row._mapping)
