"""Half load: requests sent at a steady rate over kept connections, whether or not answers came back.

`wrk` keeps each of its connections busy, so it shows saturation alone. Here a clock of one
millisecond sends what is due by then; each request counts from the instant it was due, so a
server that stalls is charged for all that waited meanwhile.
"""

import asyncio
import re
from collections import deque
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast
from urllib.parse import urlsplit

import uvloop

CONNECTIONS = 64
TICK = 0.001
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class _Connection(asyncio.Protocol):
    """One kept connection; answers come in the order of their requests."""

    def __init__(self, delays: list[float]) -> None:
        self._delays = delays
        self._due: deque[float] = deque()
        self._buffer = b""
        self.errors = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what requests are written to."""
        self._transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes, due: float) -> None:
        """Send one request that was due then."""
        self._due.append(due)
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Note each answer that is whole."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            length = _LENGTH.search(head)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < size:
                return
            self._buffer = self._buffer[size:]
            self.errors += not head.startswith(b"HTTP/1.1 200")
            self._delays.append(perf_counter() - self._due.popleft())

    def connection_lost(self, exc: Exception | None) -> None:
        """Count what was never answered."""
        self.errors += len(self._due)


@dataclass(slots=True)
class Steady:
    """What came of a steady load."""

    delays: list[float] = field(default_factory=list)
    errors: int = 0


async def _run(url: str, request: bytes, rate: float, seconds: float) -> Steady:
    parts, came = urlsplit(url), Steady()
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(lambda: _Connection(came.delays), parts.hostname or "", parts.port or 80))[1]
        for _ in range(CONNECTIONS)
    ]
    began, sent = perf_counter(), 0
    while (elapsed := perf_counter() - began) < seconds:
        while sent < elapsed * rate:
            connections[sent % CONNECTIONS].send(request, began + sent / rate)
            sent += 1
        await asyncio.sleep(TICK)
    await asyncio.sleep(1)
    came.errors = sum(connection.errors for connection in connections) + sent - len(came.delays)
    return came


def steady(url: str, request: bytes, *, rate: float, seconds: float) -> Steady:
    """Return what came of so many requests a second."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(url, request, rate, seconds))
