"""SQL of the outbox. The one writer of `mail_outbox`."""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, select, update

from gatewright.base.folding import fold_email, is_email_shaped
from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import mail_outbox, service_accounts
from gatewright.mail.model import Waiting


async def insert_message(tx: Transaction, message_id: str, *, key_id: str, sealed: bytes, now: datetime) -> None:
    """Insert a message that may be sent from now on."""
    await tx.insert(
        mail_outbox,
        {"id": message_id, "key_id": key_id, "message_sealed": sealed, "created_at": now, "not_before": now},
    )


async def find_due(reader: Reader, *, limit: int, now: datetime) -> list[str]:
    """Return the messages that may be sent now, those that waited longest first."""
    due = select(mail_outbox.c.id).where(mail_outbox.c.not_before <= now)
    return list((await reader.execute(due.order_by(mail_outbox.c.not_before).limit(limit))).scalars())


async def claim(tx: Transaction, message_id: str, *, until: datetime, now: datetime) -> Waiting | None:
    """Return the message, left alone by others until then; None when another process was first."""
    taken = (
        update(mail_outbox)
        .where(mail_outbox.c.id == message_id, mail_outbox.c.not_before <= now)
        .values(attempts=mail_outbox.c.attempts + 1, not_before=until)
        .returning(mail_outbox.c.id, mail_outbox.c.message_sealed, mail_outbox.c.created_at, mail_outbox.c.attempts)
    )
    found = (await tx.execute(taken)).first()
    return None if found is None else Waiting(found.id, found.message_sealed, found.created_at, found.attempts)


async def put_off(tx: Transaction, message: Waiting, *, until: datetime) -> None:
    """Let the message wait, unless another process has claimed it since."""
    await tx.execute(update(mail_outbox).where(*_as_claimed(message)).values(not_before=until))


async def remove(tx: Transaction, message: Waiting) -> bool:
    """Return whether the message left the outbox; False when another process has claimed it since."""
    return (await tx.execute(delete(mail_outbox).where(*_as_claimed(message)))).rowcount == 1


async def is_service_accounts(reader: Reader, email: str) -> bool:
    """Return whether a service account was ever given this address (S2)."""
    if not is_email_shaped(email):
        return False
    found = exists().where(service_accounts.c.address_folded == fold_email(email))
    return bool((await reader.execute(select(found))).scalar_one())


def _as_claimed(message: Waiting) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (mail_outbox.c.id == message.id, mail_outbox.c.attempts == message.attempts)
