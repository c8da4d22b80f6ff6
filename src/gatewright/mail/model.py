"""A message, as whoever posts it knows it; and what sending it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Encryption = Literal["off", "offered", "required", "whole"]  # whole: from the first byte, smtps


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be said to one person: a template of `mail/templates` and what it shows.

    `shows` may hold a one-time link, so it is not in the repr and waits sealed (T13).
    """

    to: str = field(repr=False)
    template: str  # the name of NAME.txt and NAME.html
    shows: Mapping[str, Any] = field(repr=False)


class Undeliverable(Exception):
    """No mail can go to this address, now or later."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message of the outbox that this process may send now: others leave it alone for a while."""

    id: str
    sealed: bytes = field(repr=False)
    created_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that takes our mail."""

    host: str
    port: int
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)
    encryption: Encryption
