"""Answers that last: they end when nobody reads them, and when the process leaves (T12)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from gatewright.cli.protocol import BoundedProtocol
from gatewright.web.leaving import when_leaving
from tests.support.postgres import free_port

SOON = 10
PART = b"x" * 16_384
PARTS = 256  # far more than the sockets' buffers hold
ASK = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


class Hasty(BoundedProtocol):
    """The same bounds, with less patience."""

    reading_seconds = 0.4


@asynccontextmanager
async def serving(app: ASGIApp, protocol: type[BoundedProtocol] = Hasty) -> AsyncIterator[uvicorn.Server]:
    """Lend a server of the application, in this loop."""
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        port=free_port(),
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())
    async with asyncio.timeout(SOON):
        await _until_it_listens(server)
        try:
            yield server
        finally:
            server.should_exit = True
            await running


async def _until_it_listens(server: uvicorn.Server) -> None:
    for _ in range(500):
        if server.started:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("does not listen")


async def test_an_answer_that_nobody_reads_is_given_up() -> None:
    """T12: otherwise its connection would stay as long as somebody wants."""
    gone = asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not gone.is_set():
            await send({"type": "http.response.body", "body": PART, "more_body": True})
            await asyncio.sleep(0)
            if server.server_state.connections == set():
                gone.set()

    async with serving(endless) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.config.port, limit=1)
        writer.write(ASK)
        await gone.wait()
        writer.close()


async def test_an_answer_that_is_read_slowly_is_sent_whole() -> None:
    """T12: a little of it has to be taken in time, not all of it."""

    async def long(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
        for _ in range(PARTS):
            await send({"type": "http.response.body", "body": PART, "more_body": True})
        await asyncio.sleep(Hasty.reading_seconds * 2)  # nobody has to read what is not sent yet
        await send({"type": "http.response.body", "body": b""})

    async with serving(long) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.config.port, limit=len(PART))
        writer.write(ASK)
        read = b""
        while part := await reader.read(len(PART) * 4):
            read += part
            await asyncio.sleep(0.02)
        assert read.count(b"x" * 1024) >= PARTS * 16 - PARTS  # chunks cut some of them in two
        assert read.endswith(b"0\r\n\r\n")
        writer.close()


async def test_an_answer_that_lasts_is_told_that_the_process_leaves() -> None:
    """T12: it ends whole, at once, and not when it is cut off."""
    leaving = asyncio.Event()

    async def lasting(scope: Scope, receive: Receive, send: Send) -> None:
        when_leaving(scope, leaving.set)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await leaving.wait()
        await send({"type": "http.response.body", "body": b"ended"})

    async with serving(lasting) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.config.port)
        writer.write(ASK)
        await reader.readuntil(b"begun\r\n")
        server.should_exit = True
        assert (await reader.read()).endswith(b"ended\r\n0\r\n\r\n")
        writer.close()


async def test_an_answer_that_ends_by_itself_is_not_disturbed() -> None:
    """T12: a process that leaves lets it end; idle connections close."""
    asked, release = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set()
        await release.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async with serving(slow) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.config.port)
        _, idle = await asyncio.open_connection("127.0.0.1", server.config.port)
        writer.write(ASK)
        await asked.wait()
        server.should_exit = True
        release.set()
        assert (await reader.read()).endswith(b"ok")
        writer.close()
        idle.close()
