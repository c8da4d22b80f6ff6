"""SQL of the keys that sign exported records. The one writer of `record_keys`."""

from typing import Any

from sqlalchemy import select

from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import record_keys


async def find_record_key(reader: Reader) -> Any:
    """Return the row of the key that signs, the oldest there is; None before the first was needed."""
    oldest = select(record_keys).order_by(record_keys.c.created_at, record_keys.c.kid).limit(1)
    return (await reader.execute(oldest)).one_or_none()


async def insert_record_key(tx: Transaction, row: dict[str, Any]) -> None:
    """Keep a key, its private half sealed."""
    await tx.insert(record_keys, row)
