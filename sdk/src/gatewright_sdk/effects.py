"""What the core asks of a driver, one at a time: it yields an effect and is sent what came of it.

A driver performs effects with threads or with tasks; it decides nothing.
"""

from dataclasses import dataclass
from typing import Protocol

from gatewright_sdk.wire import Call


class Signal(Protocol):
    """Something that can be waited for: `threading.Event`, `asyncio.Event`."""

    def set(self) -> None:
        """Let go all who wait."""
        ...

    def clear(self) -> None:
        """Make who comes from now on wait."""
        ...

    def is_set(self) -> bool:
        """Return whether nobody has to wait."""
        ...


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request; answered with its Reply, or None where none came in time.

    `follows`: by the connections that follow the server, which questions never use up.
    """

    call: Call
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until a signal is set, or for so many seconds; answered with None."""

    signal: Signal
    seconds: float


@dataclass(frozen=True, slots=True)
class Open:
    """Open a stream in place of the one before; answered with the Reply (empty body at 200), or None."""

    call: Call


@dataclass(frozen=True, slots=True)
class NextLine:
    """Read a line of the open stream; answered with it, or None when the stream is lost."""


Effect = Send | Wait | Open | NextLine
