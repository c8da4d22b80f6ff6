"""A message, as whoever posts it knows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be said to one person: a template of `mail/templates` and what it shows.

    `shows` may hold a one-time link, so it is not in the repr and waits sealed (T13).
    """

    to: str = field(repr=False)
    template: str  # the name of NAME.txt and NAME.html
    shows: Mapping[str, Any] = field(repr=False)
