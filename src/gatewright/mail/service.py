"""Posting: a message becomes a part of the transaction whose change it tells of."""

import json
from datetime import datetime

from gatewright.base.ids import random_id
from gatewright.base.secrets import Purpose, ServerKeys
from gatewright.db.engine import Transaction, verb
from gatewright.mail import store
from gatewright.mail.model import Message


@verb
async def post(tx: Transaction, message: Message, *, keys: ServerKeys, now: datetime) -> None:
    """Put the message into the outbox; it is sent once the transaction is committed, or never.

    Whoever calls has made sure that mail is configured (`Settings.has_mail`).
    """
    message_id = random_id()
    text = json.dumps({"to": message.to, "template": message.template, "shows": dict(message.shows)}).encode()
    sealed = keys.seal(Purpose.MAIL, place(message_id), text)
    await store.insert_message(tx, message_id, key_id=keys.current.id, sealed=sealed, now=now)


def place(message_id: str) -> str:
    """Return what a sealed message is bound to: its table, column and row."""
    return f"mail_outbox.message_sealed:{message_id}"
