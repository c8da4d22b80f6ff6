"""Statements on signing keys: the only place that writes them, but for their sealing anew (db/server_keys)."""

from datetime import datetime

from sqlalchemy import insert, select, update

from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import signing_keys
from gatewright.oauth.key_rules import Keys
from gatewright.oauth.model import SigningKey

_COLUMNS = (
    signing_keys.c.kid,
    signing_keys.c.private_key_sealed,
    signing_keys.c.public_jwk,
    signing_keys.c.created_at,
    signing_keys.c.current_from,
    signing_keys.c.retired_at,
    signing_keys.c.compromised_at,
)


async def load_signing_keys(reader: Reader) -> Keys:
    """Return every signing key, in the order in which they become current."""
    statement = select(*_COLUMNS).order_by(signing_keys.c.current_from, signing_keys.c.kid)
    return tuple(SigningKey(**row) for row in (await reader.execute(statement)).mappings())


async def lock_signing_keys(tx: Transaction) -> Keys:
    """Return the same; nobody else changes or makes one until the transaction ends."""
    await tx.execute(select(signing_keys.c.kid).order_by(signing_keys.c.kid).with_for_update())
    return await load_signing_keys(tx)  # anew: a key made while we waited for the lock is in it


async def insert_signing_key(tx: Transaction, key: SigningKey, *, key_id: str, now: datetime) -> None:
    """Insert a signing key whose private half was sealed under the server key of that id."""
    await tx.execute(
        insert(signing_keys).values(
            kid=key.kid,
            key_id=key_id,
            private_key_sealed=key.private_key_sealed,
            public_jwk=key.public_jwk,
            created_at=now,
            current_from=key.current_from,
        )
    )


async def make_current(tx: Transaction, kid: str, *, at: datetime) -> None:
    """Have a key that waits for its turn sign from now on."""
    await tx.execute(update(signing_keys).where(signing_keys.c.kid == kid).values(current_from=at))


async def retire(tx: Transaction, kid: str, *, at: datetime | None) -> None:
    """Set when the key signs no longer; None: it goes on."""
    await tx.execute(update(signing_keys).where(signing_keys.c.kid == kid).values(retired_at=at))


async def note_compromised(tx: Transaction, kid: str, *, now: datetime) -> bool:
    """Have the key verify nothing from now on; False when that was so already."""
    columns = signing_keys.c
    ended = update(signing_keys).where(columns.kid == kid, columns.compromised_at.is_(None))
    return (await tx.execute(ended.values(compromised_at=now))).rowcount == 1
