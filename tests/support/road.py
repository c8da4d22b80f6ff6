"""The road from a program to a server, which counts what passes and can be blocked in the middle of everything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(slots=True)
class Road:
    """Bytes go through both ways, unless it is blocked: then they wait, and connections stay open."""

    host: str
    port: int
    base_url: str = ""
    passed: list[bytes] = field(default_factory=list)  # the first line of each request
    _free: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    def times(self, beginning: bytes) -> int:
        """Return how many requests that begin so went to the server."""
        return sum(line.startswith(beginning) for line in self.passed)

    def block(self) -> None:
        """Hold up everything, in both directions."""
        self._free.clear()

    def free(self) -> None:
        """Let everything through."""
        self._free.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_server = await asyncio.open_connection(self.host, self.port)
        there = asyncio.ensure_future(self._pump(reader, to_server[1], self.passed))
        back = asyncio.ensure_future(self._pump(to_server[0], writer, None))
        self._tasks |= {there, back}
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        for task in (there, back):
            task.cancel()
        to_server[1].close()
        writer.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, noted: list[bytes] | None
    ) -> None:
        try:
            while piece := await reader.read(65536):
                await self._free.wait()
                line = piece.partition(b"\r\n")[0]
                if noted is not None and line.endswith(b" HTTP/1.1"):
                    noted.append(line)
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            return


@asynccontextmanager
async def road_to(base_url: str) -> AsyncIterator[Road]:
    """Lend a free road to the server at `base_url`, in this event loop."""
    parts = urlsplit(base_url)
    road = Road(parts.hostname or "", parts.port or 80)
    road.free()
    server = await asyncio.start_server(road._connected, "127.0.0.1", 0)
    road.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield road
    finally:
        server.close()
        for task in road._tasks:
            task.cancel()
        await asyncio.gather(*road._tasks, return_exceptions=True)
