"""An answer that is written in one piece is the answer that uvicorn would have written, or is left to it."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from weakref import ref

import httpx
import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from gatewright.cli.protocol import _give_at_once
from tests.support.authz import named
from tests.support.served import ServedWorld, served_world

HEADERS = [(b"gatewright-auth-user-id", b"7"), (b"gatewright-auth-level", b""), (b"content-length", b"2")]
DEFAULT = [(b"date", b"Mon, 30 Nov 2026 20:00:00 GMT")]
BODY = b"{}"


@dataclass
class Line:
    """What a connection writes to, and whether it may."""

    write_paused: bool = False
    written: list[bytes] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        """Keep what is written."""
        self.written.append(data)


def cycle_on(line: Line, done: list[str], *, keeps_alive: bool = True, expects: bool = False) -> RequestResponseCycle:
    """Return a request that waits for its answer, as the protocol makes it."""
    return RequestResponseCycle(
        scope=cast(Any, {"type": "http", "method": "GET"}),
        transport=cast(Any, line),
        flow=cast(Any, line),
        logger=cast(Any, None),
        access_logger=cast(Any, None),
        access_log=False,
        default_headers=DEFAULT,
        message_event=asyncio.Event(),
        expect_100_continue=expects,
        keep_alive=keeps_alive,
        on_response=lambda: done.append("answered"),
    )


async def test_it_is_the_same_bytes_and_leaves_the_request_as_answered() -> None:
    usual, at_once, done = Line(), Line(), list[str]()
    by_uvicorn, by_us = cycle_on(usual, done), cycle_on(at_once, done)
    await by_uvicorn.send({"type": "http.response.start", "status": 403, "headers": HEADERS})
    await by_uvicorn.send({"type": "http.response.body", "body": BODY, "more_body": False})
    assert _give_at_once(ref(by_us), 403, HEADERS, BODY)
    assert b"".join(at_once.written) == b"".join(usual.written)
    assert len(at_once.written) == 1
    assert done == ["answered"] * 2
    for name in ("response_started", "response_complete", "keep_alive", "disconnected"):
        assert getattr(by_us, name) == getattr(by_uvicorn, name), name
    assert by_us.message_event.is_set()


@pytest.mark.parametrize(
    "header",
    [(b"x", b"a\nb"), (b"x", b"a\rb"), (b"x", b"a\r\nset-cookie: b"), (b"x\n", b"a"), (b"x", b"a\0b")],
)
async def test_a_line_end_in_a_header_is_left_to_whoever_refuses_it(header: tuple[bytes, bytes]) -> None:
    """A210: no header begins another one."""
    line, done = Line(), list[str]()
    cycle = cycle_on(line, done)
    assert not _give_at_once(ref(cycle), 200, [header], b"")
    assert (line.written, done, cycle.response_started) == ([], [], False)


@pytest.mark.parametrize("changed", ["paused", "gone", "begun", "closing", "waiting"])
async def test_what_is_not_plain_goes_the_usual_way(changed: str) -> None:
    line, done = Line(write_paused=changed == "paused"), list[str]()
    cycle = cycle_on(line, done, keeps_alive=changed != "closing", expects=changed == "waiting")
    cycle.disconnected, cycle.response_started = changed == "gone", changed == "begun"
    assert not _give_at_once(ref(cycle), 200, HEADERS, BODY)
    assert (line.written, done) == ([], [])


async def test_requests_on_one_connection_are_answered_in_order_and_the_last_one_closes_it(tmp_path: Path) -> None:
    """RFC 9112 §9.3.2: pipelined, of several kinds, HEAD without a body among them."""
    async with served_world(tmp_path, workers=1) as world:
        token = (await world.tokens("wim", "crane")).access
        query = named(world)
        asked = [
            request(world, "GET", f"/authz/forward?{query}", token),
            request(world, "GET", f"/authz/forward?{query}", "nonsense"),
            request(world, "HEAD", f"/authz/forward?{query}", token),
            request(world, "HEAD", f"/authz/forward?{query}", "nonsense"),
            request(world, "GET", "/healthz", token),
            request(world, "GET", f"/authz/forward?{query}", token, closes=True),
        ]
        url = httpx.URL(str(world.servers[0].base_url))
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(b"".join(asked))
        answers = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    assert answers.count(b"HTTP/1.1 200") == 4
    assert answers.count(b"HTTP/1.1 401") == 2
    assert answers.count(b'\r\n\r\n{"error"') == 1  # HEAD has none (RFC 9110 §9.3.2)
    assert answers.index(b"HTTP/1.1 200") < answers.index(b"HTTP/1.1 401") < answers.rindex(b"HTTP/1.1 200")
    assert answers.count(b"connection: close") == 1


def request(world: ServedWorld, method: str, path: str, token: str, *, closes: bool = False) -> bytes:
    """Return a request as it goes over the wire."""
    host = httpx.URL(str(world.servers[0].base_url)).netloc.decode()
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {token}"]
    return "\r\n".join([*lines, *(["Connection: close"] if closes else []), "", ""]).encode()
