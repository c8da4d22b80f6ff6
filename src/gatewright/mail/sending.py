"""Sending: the outbox emptied, by whichever process comes first to a message."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from time import monotonic
from urllib.parse import urlsplit

import aiosmtplib
import structlog

from gatewright.base import clock
from gatewright.base.secrets import ServerKeys
from gatewright.db.engine import Database, Transaction
from gatewright.mail import store
from gatewright.mail.letters import compose
from gatewright.mail.model import MailServer, Message, Undeliverable, Waiting
from gatewright.mail.rules import addressed, has_given_up, is_service_address, mail_sender, mail_server, pause_after
from gatewright.mail.service import give_up, opened
from gatewright.settings import Settings

EVERY = timedelta(seconds=1)
LEFT_ALONE_FOR = timedelta(minutes=2)  # longer than an attempt takes
ATTEMPT_SECONDS = 45
MOST_AT_ONCE = 20
LAST_WORDS_SECONDS = 5
_PERMANENT = 500
_log = structlog.get_logger("gatewright.mail")

# What becomes of a message that is a question to a higher floor: it posts the answer, in the same transaction.
Answer = Callable[[Transaction, Message, datetime], Awaitable[None]]


@dataclass(slots=True)
class Sender:
    """Sends what was posted: at least once, and by one process at a time.

    A message is claimed by a conditional update, so that others leave it alone, and removed
    when the server took it. Who dies in between leaves it to be sent again.
    """

    settings: Settings
    database: Database
    keys: ServerKeys
    answers: Mapping[str, Answer]  # by template
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send once in a while until the end; what is being sent then is finished."""
        if not self.settings.has_mail:
            yield
            return
        task = asyncio.get_running_loop().create_task(self._keep_sending())
        try:
            yield
        finally:
            self._stop.set()
            _, unfinished = await asyncio.wait({task}, timeout=LAST_WORDS_SECONDS)
            for one in unfinished:
                one.cancel()

    async def send_due(self, *, now: datetime) -> int:
        """Return how many messages left the outbox, of those that may be sent now."""
        async with self.database.read() as reader:
            due = await store.find_due(reader, limit=MOST_AT_ONCE, now=now)
        sent, began = 0, monotonic()
        for message_id in due:
            if self._stop.is_set():
                break
            # As late as it is when its turn comes: those before it may have taken a slow server minutes.
            sent += await self._send(message_id, now=now + timedelta(seconds=int(monotonic() - began)))
        return sent

    async def _keep_sending(self) -> None:
        while not self._stop.is_set():
            try:
                if await self.send_due(now=clock.now()):
                    continue
            except Exception as error:  # a database that is away for a while must not end the sending
                _log.warning("mail_waits", error=type(error).__name__)
            _, waiting = await asyncio.wait({asyncio.ensure_future(self._stop.wait())}, timeout=EVERY.total_seconds())
            for one in waiting:
                one.cancel()

    async def _send(self, message_id: str, *, now: datetime) -> bool:
        until = now + LEFT_ALONE_FOR
        waiting = await self.database.write(lambda tx: store.claim(tx, message_id, until=until, now=now))
        if waiting is None:
            return False
        template = "sealed"
        try:
            message = opened(waiting, keys=self.keys)
            template = message.template
            return await self._deal_with(waiting, message, now=now)
        except Exception as error:  # whatever it is: one message must not hold up the others
            await self._put_off(waiting, template, error, now=now)
            return False

    async def _deal_with(self, waiting: Waiting, message: Message, *, now: datetime) -> bool:
        if (answer := self.answers.get(message.template)) is not None:
            return await self.database.write(lambda tx: _answered(tx, waiting, message, answer, now=now))
        if not await self._is_never_written_to(message.to):
            sender = mail_sender(self.settings.mail_from, host=urlsplit(self.settings.issuer).hostname or "localhost")
            issuer = self.settings.issuer
            letter = compose(message, sender=sender, issuer=issuer, message_id=waiting.id, now=now)
            to = addressed(message.to).addr_spec
            await _hand_over(letter, mail_server(self.settings.smtp_url), sender=sender.addr_spec, to=to)
        return await self.database.write(lambda tx: store.remove(tx, waiting))

    async def _is_never_written_to(self, email: str) -> bool:
        """Return whether the address is a service account's, where nobody reads (S2, S8)."""
        if is_service_address(email, service_domain=self.settings.service_domain):
            return True
        async with self.database.read() as reader:
            return await store.is_service_accounts(reader, email)

    async def _put_off(self, waiting: Waiting, template: str, error: Exception, *, now: datetime) -> None:
        # T13: neither the address nor the server's words, which may repeat it.
        told = {"template": template, "attempts": waiting.attempts, "error": type(error).__name__}
        if _is_permanent(error) or has_given_up(waiting.created_at, now=now):
            await give_up(self.database, waiting, template=template, now=now)
            _log.warning("mail_given_up", **told)
            return
        until = now + pause_after(waiting.attempts)
        await self.database.write(lambda tx: store.put_off(tx, waiting, until=until))
        _log.warning("mail_put_off", **told)


async def _answered(tx: Transaction, waiting: Waiting, message: Message, answer: Answer, *, now: datetime) -> bool:
    if not await store.remove(tx, waiting):
        return False
    await answer(tx, message, now)
    return True


async def _hand_over(letter: EmailMessage, server: MailServer, *, sender: str, to: str) -> None:
    """Give the mail to the server; it is responsible for it from then on."""
    async with asyncio.timeout(ATTEMPT_SECONDS):
        await aiosmtplib.send(
            letter,
            sender=sender,
            recipients=[to],
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.encryption == "whole",
            start_tls={"required": True, "offered": None}.get(server.encryption, False),
            tls_context=None if server.encryption == "off" else ssl.create_default_context(),
            timeout=ATTEMPT_SECONDS,
        )


def _is_permanent(error: Exception) -> bool:
    """Return whether trying again cannot help: the address is refused, or is none that mail can go to."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(one.code >= _PERMANENT for one in error.recipients)
    return isinstance(error, Undeliverable)
