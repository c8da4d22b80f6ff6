"""Posting: a message becomes a part of the transaction whose change it tells of."""

import json
from datetime import datetime

from gatewright.base.ids import random_id
from gatewright.base.secrets import Purpose, ServerKeys
from gatewright.db.engine import Transaction, verb
from gatewright.events.catalogue import SYSTEM, MailGivenUp
from gatewright.events.log import record
from gatewright.mail import store
from gatewright.mail.model import Message, Waiting


@verb
async def post(tx: Transaction, message: Message, *, keys: ServerKeys, now: datetime) -> None:
    """Put the message into the outbox; it is sent once the transaction is committed, or never.

    Whoever calls has made sure that mail is configured (`Settings.has_mail`).
    """
    message_id = random_id()
    text = json.dumps({"to": message.to, "template": message.template, "shows": dict(message.shows)}).encode()
    sealed = keys.seal(Purpose.MAIL, place(message_id), text)
    await store.insert_message(tx, message_id, key_id=keys.current.id, sealed=sealed, now=now)


@verb
async def give_up(tx: Transaction, waiting: Waiting, *, template: str, now: datetime) -> None:
    """Take a message that cannot be sent out of the outbox, and tell the operator so."""
    if await store.remove(tx, waiting):
        after = {"template": template, "attempts": waiting.attempts}
        await record(tx, MailGivenUp(after=after), origin=SYSTEM, now=now)


def opened(waiting: Waiting, *, keys: ServerKeys) -> Message:
    """Return what a message of the outbox says."""
    return Message(**json.loads(keys.unseal(Purpose.MAIL, place(waiting.id), waiting.sealed)))


def place(message_id: str) -> str:
    """Return what a sealed message is bound to: its table, column and row."""
    return f"mail_outbox.message_sealed:{message_id}"
