"""The tail of the record, one per process: what any process committed, for all open streams at once (T12).

A commit of this process is read at once, another's within `PACE`. While nobody follows,
nothing is read.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

import structlog

from gatewright.base.errors import RateLimited, Unavailable
from gatewright.db.engine import Committed, Database
from gatewright.db.failures import is_storage_failure
from gatewright.events.keys import tag
from gatewright.events.positions import Touched, newest_position, newest_touched, touched_from

PACE = timedelta(milliseconds=100)
ANSWERED_WITHIN = timedelta(seconds=5)  # a database that takes longer is not to be had
MOST_KEPT = 1_000  # events; a stream that is farther behind is read too slowly
MOST_STREAMS = 100  # of one client in one process
RETRY_AFTER = timedelta(seconds=10)
_AT_ONCE = 500
_log = structlog.get_logger("gatewright.authz")


@dataclass(frozen=True, slots=True)
class Told:
    """One committed event, as every stream tells it."""

    position: int
    keys: frozenset[str]
    text: bytes


class CannotFollow(Exception):
    """What follows is not what came next: the database went back in time."""


@dataclass(slots=True)
class Stretch:
    """One unbroken time of following: where it stands, and the newest events for those a little behind.

    When the thread is lost it ends for good, and with it every stream that hangs from it: they
    could tell no more than silence, which would look like nothing to forget.
    """

    position: int
    event_id: int | None
    recent: deque[Told] = field(default_factory=lambda: deque(maxlen=MOST_KEPT))
    changed: asyncio.Event = field(default_factory=asyncio.Event)  # set once; then there is another
    has_ended: bool = False

    def after(self, position: int) -> list[Told] | None:
        """Return what came after a position; None when that is not kept any more."""
        behind = self.position - position
        if behind > len(self.recent):
            return None
        return list(islice(self.recent, len(self.recent) - behind, None)) if behind > 0 else []

    def take(self, found: list[Touched]) -> int:
        """Go on by what was read from where it stands; return by how many events. CannotFollow when it fits not."""
        if self.event_id is not None:
            if not found or (found[0].position, found[0].event_id) != (self.position, self.event_id):
                raise CannotFollow
            found = found[1:]
        for touched in found:
            if touched.position != self.position + 1:
                raise CannotFollow
            self.recent.append(told(touched))
            self.position, self.event_id = touched.position, touched.event_id
        if found:
            self._stir()
        return len(found)

    def end(self) -> None:
        """Let every stream that hangs from it end."""
        self.has_ended = True
        self._stir()

    def _stir(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class Tail:
    """Follows the record for the streams of one process."""

    def __init__(
        self, database: Database, *, pace: timedelta = PACE, answered_within: timedelta = ANSWERED_WITHIN
    ) -> None:
        self._database = database
        self._pace = pace
        self._answered_within = answered_within
        self._streams: dict[str, int] = {}  # how many are open, by client
        self._stretch: Stretch | None = None
        self._beginning = asyncio.Lock()
        self._stirred = asyncio.Event()
        self._is_leaving = False
        database.after_commit.append(self._hear)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow for whoever wants to, until the end; streams that are open then end."""
        following = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self.leave()
            following.cancel()
            # Awaited itself, it would make whoever is cancelled here take that for its end.
            await asyncio.wait({following})

    def leave(self) -> None:
        """End all streams, and open none any more."""
        self._is_leaving = True
        self._lose()
        self._stirred.set()

    async def newest(self) -> int:
        """Return the newest committed position, read now."""
        async with self._database.read() as reader:
            return await newest_position(reader)

    async def told_after(self, position: int) -> list[Told]:
        """Return some of what was committed after a position, in order; none when there is none."""
        async with self._database.read() as reader:
            return [told(touched) for touched in await touched_from(reader, position + 1, most=_AT_ONCE)]

    @asynccontextmanager
    async def streaming(self, client_id: str) -> AsyncIterator[Stretch]:
        """Lend what one more stream of a client hangs from; RateLimited when the client has too many."""
        if self._streams.get(client_id, 0) >= MOST_STREAMS:
            message = f"This client has {MOST_STREAMS} streams open here."
            raise RateLimited(message, help="One stream serves a whole process.", retry_after=RETRY_AFTER)
        self._streams[client_id] = self._streams.get(client_id, 0) + 1
        try:
            yield await self._join()
        finally:
            self._streams[client_id] -= 1
            if not self._streams[client_id]:
                del self._streams[client_id]

    async def _join(self) -> Stretch:
        async with self._beginning:
            if self._is_leaving:
                raise Unavailable("The server is leaving.")
            if self._stretch is None:
                async with self._database.read() as reader:
                    newest = await newest_touched(reader)
                self._stretch = Stretch(newest.position, newest.event_id) if newest else Stretch(0, None)
                self._stirred.set()
            return self._stretch

    async def _hear(self, committed: Committed) -> None:
        if committed.keys and self._stretch is not None:
            self._stirred.set()

    async def _run(self) -> None:
        # Not for ever: a connection that is given back while this is cancelled may raise in the place of that.
        while not self._is_leaving:
            with suppress(TimeoutError):
                # With nobody to tell it is waited for as long as it takes.
                patience = None if self._stretch is None else self._pace.total_seconds()
                await asyncio.wait_for(self._stirred.wait(), patience)
            self._stirred.clear()
            if self._stretch is None:
                continue
            if not self._streams:
                self._lose()
                continue
            try:
                await self._go_on(self._stretch)
            except Exception as error:
                # Whatever it was: streams that go on would be silent about what they do not know.
                tell = _log.warning if is_storage_failure(error) or isinstance(error, TimeoutError) else _log.error
                tell("feed_lost", error=type(error).__name__, streams=sum(self._streams.values()))
                self._lose()

    async def _go_on(self, stretch: Stretch) -> None:
        """Read all that was committed since."""
        is_behind = True
        while is_behind and not stretch.has_ended:
            async with asyncio.timeout(self._answered_within.total_seconds()), self._database.read() as reader:
                found = await touched_from(reader, stretch.position, most=_AT_ONCE)
            is_behind = stretch.take(found) >= _AT_ONCE - 1
            await asyncio.sleep(0)  # streams go on between

    def _lose(self) -> None:
        if self._stretch is not None:
            self._stretch.end()
            self._stretch = None


def told(touched: Touched) -> Told:
    """Return an event as streams tell it: tags alone, which name nothing."""
    data = {"position": touched.position, "tags": sorted(map(tag, touched.keys))}
    return Told(touched.position, touched.keys, message("forget", touched.position, data))


def message(event: str, position: int, data: object) -> bytes:
    """Return one server-sent event, whose id is the position."""
    return f"event: {event}\nid: {position}\ndata: {json.dumps(data)}\n\n".encode()
