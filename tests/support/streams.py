"""Server-sent events read from the application itself, without a network, while they happen."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message

SOON = 20.0  # seconds after which what was expected will not come


@dataclass(frozen=True, slots=True)
class Sent:
    """One server-sent event."""

    event: str
    id: str
    data: dict[str, Any]


@dataclass(slots=True)
class Stream:
    """An open answer of the application."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    has_ended: bool = False
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _read: int = 0

    async def send(self, message: Message) -> None:
        """Take a part of the answer, as a server does."""
        async with self.changed:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                self.body += message.get("body", b"")
                self.has_ended = not message.get("more_body", False)
            self.changed.notify_all()

    async def receive(self) -> Message:
        """Return what the client does: it waits until it is gone."""
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def next(self) -> Sent:
        """Return the next event; AssertionError when none comes."""
        return (await self.several(1))[0]

    async def several(self, many: int) -> list[Sent]:
        """Return the next events; AssertionError when they do not come."""
        async with asyncio.timeout(SOON), self.changed:
            await self.changed.wait_for(lambda: len(self.sent()) >= self._read + many or self.has_ended)
        found = self.sent()[self._read : self._read + many]
        assert len(found) == many, f"the stream ended: {self.body!r}"
        self._read += many
        return found

    async def end(self) -> list[Sent]:
        """Return what came until the stream ended."""
        async with asyncio.timeout(SOON), self.changed:
            await self.changed.wait_for(lambda: self.has_ended)
        return self.sent()[self._read :]

    async def started(self) -> None:
        """Wait for the status."""
        async with asyncio.timeout(SOON), self.changed:
            await self.changed.wait_for(lambda: self.status > 0)

    def sent(self) -> list[Sent]:
        """Return every whole event so far; comments are none."""
        return list(filter(None, map(_event, self.body.decode().split("\n\n")[:-1])))


def _event(text: str) -> Sent | None:
    if text.startswith(":"):
        return None
    fields = dict(line.split(": ", 1) for line in text.split("\n"))
    return Sent(fields["event"], fields["id"], json.loads(fields["data"]))


@asynccontextmanager
async def stream(
    app: ASGIApp, path: str, *, query: str = "", headers: Mapping[str, str] | None = None, method: str = "GET"
) -> AsyncIterator[Stream]:
    """Lend the answer to a request while it is being sent; on the way out whoever asked is gone."""
    opened = Stream()
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8400),
        "state": {},
    }

    async def answer() -> None:
        await app(scope, opened.receive, opened.send)

    answering = asyncio.create_task(answer())
    try:
        yield opened
    finally:
        opened.gone.set()
        async with asyncio.timeout(SOON):
            await answering
