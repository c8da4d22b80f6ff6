"""Letters: a message's template made into mail, as text and as HTML."""

import unicodedata
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from gatewright.mail.model import Message
from gatewright.mail.rules import addressed

TEMPLATES = Path(__file__).parent / "templates"
_TITLE = "Subject: "


def compose(message: Message, *, sender: Address, issuer: str, message_id: str, now: datetime) -> EmailMessage:
    """Return the mail: plain text and HTML of the same words; ValueError for an address that mail cannot go to.

    The subject is the first line of the text. Nothing shown can begin a header or a line of
    its own: line ends and controls become spaces before anything is put into a template.
    """
    to = addressed(message.to)
    shows = {name: _on_one_line("" if value is None else str(value)) for name, value in message.shows.items()} | {
        "issuer": issuer
    }
    title, _, text = _environment().get_template(f"{message.template}.txt").render(shows).partition("\n")
    html = _environment().get_template(f"{message.template}.html").render(shows)
    letter = EmailMessage(SMTP if to.username.isascii() else SMTPUTF8)
    letter["Subject"] = title.removeprefix(_TITLE)
    letter["From"] = sender
    letter["To"] = to
    letter["Date"] = now
    letter["Message-ID"] = f"<{message_id}@{sender.domain}>"
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's out-of-office answers it
    letter.set_content(text.strip() + "\n")
    letter.add_alternative(html, subtype="html")
    return letter


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _on_one_line(text: str) -> str:
    odd = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return "".join(" " if unicodedata.category(letter) in odd else letter for letter in text)
