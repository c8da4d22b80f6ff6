"""Pure rules of sending: which server, how long to wait, who is never written to."""

import re
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

from gatewright.base.folding import fold_email, is_email_shaped
from gatewright.mail.model import Encryption, MailServer, Undeliverable

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=30)
GIVEN_UP_AFTER = timedelta(days=1)
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9.]+\]")
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_STARTTLS: dict[str, Encryption] = {"off": "off", "offered": "offered", "required": "required"}


def mail_server(url: str) -> MailServer:
    """Return the server that `SMTP_URL` names: `smtp://USER:PASSWORD@HOST:PORT?starttls=required`, or `smtps://…`.

    STARTTLS is used where it is offered; a password goes to another computer encrypted or not at all.
    """
    parts = urlsplit(url)
    user = unquote(parts.username) if parts.username else None
    usual = "off" if parts.hostname in _LOOPBACK else "required" if user else "offered"
    stated = _STARTTLS[parts.query.removeprefix("starttls=") or usual]
    encryption = "whole" if parts.scheme == "smtps" else stated
    port = parts.port or (465 if encryption == "whole" else 587 if user else 25)
    return MailServer(parts.hostname or "", port, user, unquote(parts.password or "") if user else None, encryption)


def mail_sender(stated: str, *, host: str) -> Address:
    """Return who our mail is from: `MAIL_FROM`, else no-reply at the issuer's host."""
    name, email = parseaddr(stated or f"no-reply@{host if _DOMAIN.fullmatch(host) else 'localhost'}")
    return Address(name or "Gatewright", addr_spec=email)


def addressed(email: str) -> Address:
    """Return a mail address as a header holds it, quoted where it must be; Undeliverable for what is none."""
    local, _, domain = email.rpartition("@")
    try:
        ascii_domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
        if not is_email_shaped(email) or not _DOMAIN.fullmatch(ascii_domain):
            raise Undeliverable
        return Address(username=local, domain=ascii_domain)
    except ValueError:
        raise Undeliverable from None


def pause_after(attempts: int) -> timedelta:
    """Return how long a message waits after that many failed attempts: twice as long each time."""
    pause: timedelta = FIRST_PAUSE * 2 ** min(attempts - 1, 20)
    return min(LONGEST_PAUSE, pause)


def has_given_up(created_at: datetime, *, now: datetime) -> bool:
    """Return whether a message that could not be sent has waited long enough."""
    return now - created_at >= GIVEN_UP_AFTER


def is_service_address(email: str, *, service_domain: str) -> bool:
    """Return whether an address lies under the service accounts' domain, however it is spelled (S2)."""
    return is_email_shaped(email) and fold_email(email).endswith(f"@{fold_email(service_domain)}")
