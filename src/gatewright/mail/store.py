"""SQL of the outbox. The one writer of `mail_outbox`."""

from datetime import datetime

from gatewright.db.engine import Transaction
from gatewright.db.schema import mail_outbox


async def insert_message(tx: Transaction, message_id: str, *, key_id: str, sealed: bytes, now: datetime) -> None:
    """Insert a message that may be sent from now on."""
    await tx.insert(
        mail_outbox,
        {"id": message_id, "key_id": key_id, "message_sealed": sealed, "created_at": now, "not_before": now},
    )
