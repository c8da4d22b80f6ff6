"""nginx in front of an API, by the configuration that is shipped; the API tells which identity it was given."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from tests.matrix.built import Built
from tests.matrix.cells import Cell
from tests.matrix.over_http import Request, identity, sent
from tests.matrix.placed import Answer, Placed
from tests.matrix.route_map import request_of
from tests.matrix.way_forward import NO_TOKEN, TELLS


@dataclass(frozen=True, slots=True)
class BehindNginx:
    """Asks for the paths of the route map as a client of the API does."""

    built: Built
    client: httpx.AsyncClient
    name: str = "nginx"
    least: int = 3_500
    acts: bool = True
    tells: tuple[str, ...] = TELLS

    def why_not(self, cell: Cell) -> str | None:
        """Return why a cell cannot be asked."""
        return NO_TOKEN if cell["contact"] is not None else None

    async def ask(self, placed: Sequence[Placed]) -> list[Answer]:
        """Return the answers: the API's echo, or the refusal that it never saw."""
        requests = []
        for one in placed:
            uri, headers = request_of(one)
            requests.append(Request("GET", uri, [*one.bearer, *headers]))
        return [_read(answer) for answer in await sent(self.client, requests)]


def _read(answer: httpx.Response) -> Answer:
    if answer.status_code == 200:
        return identity(answer.json(), all_present=False)
    return Answer(answer.json()["error"]["code"], answer.status_code)


@asynccontextmanager
async def echoing_api() -> AsyncIterator[int]:
    """Lend the port of an API that answers every request with the identity headers it came with."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:-2]
        pairs = [line.split(": ", 1) for line in head]
        told = json.dumps({key.lower(): value for key, value in pairs if key.lower().startswith("gatewright-")})
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(told)}\r\nConnection: close\r\n\r\n{told}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])
