"""Following the server, as generators of effects: one reads the stream, one renews the lease."""

import random
import secrets
from collections.abc import Callable, Generator

from gatewright_sdk import clock
from gatewright_sdk.cache import Cache, Nonce
from gatewright_sdk.effects import Effect, NextLine, Open, Send, Signal, Wait
from gatewright_sdk.model import Allow, Deny
from gatewright_sdk.troubles import Troubles
from gatewright_sdk.wire import (
    NO_ANSWER,
    Credentials,
    Event,
    EventLines,
    Forget,
    Garbled,
    Position,
    Reply,
    Reset,
    nonce_call,
    read_renewed,
    received,
    stream_call,
)

A_LEASE = 4  # renewals
FIRST_RETRY, LAST_RETRY = 0.1, 3.0  # seconds
SILENCE = 25.0  # seconds without a line after which a stream is lost; the server says something every ten


class Following:
    """Keeps a cache honest until `stop` is set. `renewal_due` is set when a new incarnation began."""

    def __init__(
        self, cache: Cache[Allow | Deny], credentials: Credentials, troubles: Troubles, signal: Callable[[], Signal]
    ) -> None:
        self._cache = cache
        self._credentials = credentials
        self._troubles = troubles
        self.renewal_due = signal()
        self.stop = signal()

    def end(self) -> None:
        """Let both generators end."""
        self.stop.set()
        self.renewal_due.set()

    def fail(self, error: Exception) -> float:
        """Begin anew after what nobody foresaw: it is not known what was applied. Return seconds to wait."""
        self._troubles.fail("/authz/feed", error)
        self._cache.reset(None)
        return LAST_RETRY

    def follow(self) -> Generator[Effect, object, None]:
        """Read the stream and apply it, again and again, until `stop` is set."""
        failures = 0
        while not self.stop.is_set():
            after = self._cache.open_stream(clock.passed())
            reply = yield Open(stream_call(self._credentials, after=after))
            if not isinstance(reply, Reply) or reply.status != 200:
                self._troubles.tell("/authz/feed", f"status {reply.status}" if isinstance(reply, Reply) else NO_ANSWER)
                failures += 1
            elif (yield from self._read_stream()):
                failures = 0
            else:
                failures += 1
            self._cache.lose_stream()
            yield Wait(self.stop, _pause(failures))

    def _read_stream(self) -> Generator[Effect, object, bool]:
        """Apply a stream until it is lost; return whether it said anything."""
        lines, said = EventLines(), False
        while isinstance(line := (yield NextLine()), str):
            try:
                event = lines.add(line)
            except Garbled as garbled:
                self._cache.reset(None)
                self._troubles.tell("/authz/feed", str(garbled))
                return False
            if event is not None:
                self._apply(event)
                self._troubles.end("/authz/feed")
                said = True
        return said

    def _apply(self, event: Event) -> None:
        match event:
            case Forget(position, tags):
                self._cache.forget(position, tags)
            case Position(position):
                self._cache.at_position(position, clock.passed())
                self.renewal_due.set()
            case Reset(position):
                self._cache.reset(position)
                self.renewal_due.set()

    def renew(self) -> Generator[Effect, object, None]:
        """Renew the lease about four times in its length, until `stop` is set."""
        while not self.stop.is_set():
            self.renewal_due.clear()
            nonce = self._cache.send_nonce(clock.passed())
            if nonce is None:
                yield Wait(self.renewal_due, LAST_RETRY)
                continue
            word = secrets.token_urlsafe(12)
            reply = yield Send(nonce_call(self._credentials, word), follows=True)
            yield Wait(self.renewal_due, self._renewed(nonce, word, reply))

    def _renewed(self, nonce: Nonce, word: str, reply: object) -> float:
        """Take the answer to a renewal; return seconds until the next."""
        try:
            renewed = read_renewed(received(reply), nonce=word)
        except Garbled as garbled:
            self._troubles.tell("/authz/feed?nonce", str(garbled))
            return _pause(1)
        self._troubles.end("/authz/feed?nonce")
        self._cache.renew(nonce, position=renewed.position, lease=renewed.lease, now=clock.passed())
        return max(renewed.lease / A_LEASE, FIRST_RETRY / 2)


def _pause(failures: int) -> float:
    """Return seconds to wait, longer after each failure, never the same for all programs."""
    longest: float = min(LAST_RETRY, FIRST_RETRY * 2 ** min(failures, 10))
    return longest * (0.5 + random.random() / 2)  # noqa: S311  (spreads load; guards nothing)
