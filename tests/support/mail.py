"""A real SMTP server on loopback that keeps what it is given, or turns it down."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.postgres import free_port

_LINK = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail as it arrived."""

    sender: str
    to: list[str]
    mail: EmailMessage

    @property
    def text(self) -> str:
        """Return its plain text."""
        body = self.mail.get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    @property
    def html(self) -> str:
        """Return its HTML."""
        body = self.mail.get_body(("html",))
        assert body is not None
        return str(body.get_content())

    @property
    def path(self) -> str:
        """Return the path of the first link in the text."""
        found = _LINK.search(self.text)
        assert found is not None, self.text
        return "/" + found[0].split("/", 3)[3]


@dataclass(slots=True)
class Sink:
    """What arrived, and how the server answers from now on."""

    port: int
    letters: list[Letter] = field(default_factory=list)
    answer: str = "250 OK"
    seconds: float = 0  # that the server takes for each

    @property
    def url(self) -> str:
        """Return the sink as `SMTP_URL` names it."""
        return f"smtp://127.0.0.1:{self.port}"

    def to(self, email: str) -> list[Letter]:
        """Return what arrived for an address, oldest first."""
        return [letter for letter in self.letters if letter.to == [email]]

    async def handle_RCPT(  # noqa: N802  # aiosmtpd looks for this name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the recipient, or answer as told."""
        await asyncio.sleep(self.seconds)
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the mail."""
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.letters.append(Letter(str(envelope.mail_from), list(envelope.rcpt_tos), mail))
        return "250 OK"


@contextmanager
def running_sink(port: int | None = None) -> Iterator[Sink]:
    """Lend a mail server on a free port of this computer, or on that one."""
    sink = Sink(port or free_port())
    controller = Controller(sink, hostname="127.0.0.1", port=sink.port)
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()
