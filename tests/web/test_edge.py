"""What every answer carries, and whose address counts."""

import uuid

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gatewright.web.edge import MOST_HEADER_BYTES, Edge, seen

SECRET = "canary-in-an-exception"


async def _who(request: Request) -> JSONResponse:
    return JSONResponse({"ip": seen(request).ip, "agent": seen(request).user_agent})


async def _fail(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise RuntimeError(SECRET)


async def _answer_then_fail(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({}, 500)(scope, receive, send)
    raise RuntimeError(SECRET)


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    failing = {"/fail": _fail, "/answer-then-fail": _answer_then_fail}
    await failing.get(scope["path"], Starlette(routes=[Route("/", _who)]))(scope, receive, send)


def _client(*, peer: str = "10.0.0.1", trusted: tuple[str, ...] = ()) -> httpx.AsyncClient:
    app = Edge(_app, trusted_proxies=trusted)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(peer, 1)), base_url="http://test")


async def test_every_answer_carries_a_request_id_of_ours() -> None:
    async with _client() as client:
        answers = [await client.get(path, headers={"x-request-id": "theirs"}) for path in ("/", "/nowhere", "/fail")]
    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == 3
    assert all(str(uuid.UUID(request_id)) == request_id for request_id in ids)
    assert all(answer.headers["referrer-policy"] == "no-referrer" for answer in answers)  # A177
    assert all("frame-ancestors 'none'" in answer.headers["content-security-policy"] for answer in answers)  # A176


async def test_a_failure_says_nothing_of_what_failed(capfd: pytest.CaptureFixture[str]) -> None:
    """T13: an exception may quote input, so neither the answer nor the log repeats it."""
    async with _client() as client:
        answer = await client.get("/fail")
        assert (await client.get("/answer-then-fail")).json() == {}
    logged = capfd.readouterr()
    assert answer.status_code == 500
    assert answer.json()["error"]["request_id"] == answer.headers["x-request-id"]
    assert SECRET not in answer.text + logged.out + logged.err
    assert "RuntimeError" in logged.out + logged.err


async def test_headers_above_32_kib_are_refused() -> None:
    """A136."""
    async with _client() as client:
        assert (await client.get("/", headers={"x": "y" * MOST_HEADER_BYTES})).status_code == 431
        assert (await client.get("/", headers={"x": "y" * (MOST_HEADER_BYTES - 1000)})).status_code == 200


@pytest.mark.parametrize(
    ("peer", "forwarded", "ip"),
    [
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # Several headers are one list, in their order (RFC 9110 §5.3).
        ("10.0.0.1", ["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9", "10.0.0.2"], "203.0.113.9"),
        # What is no address ends the search: what stands left of it may be the client's own.
        ("10.0.0.1", ["garbage"], None),
        ("10.0.0.1", ["198.51.100.1, unknown"], None),
        ("10.0.0.1", ["198.51.100.1, _hidden, 10.0.0.2"], None),
        ("10.0.0.1", ["198.51.100.1, "], None),
        ("10.0.0.1", ["198.51.100.1,,10.0.0.2"], None),
        ("10.0.0.1", [""], None),
        ("10.0.0.1", ["x" * 5000], None),
        ("10.0.0.1", ["0300.0.0.1"], None),
        ("10.0.0.1", ["3405803785"], None),
        # Ports, brackets, spellings, zones.
        ("10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9:x"], None),
        ("10.0.0.1", ["[2001:db8::9]:4711"], "2001:db8::9"),
        ("10.0.0.1", ["[2001:db8::9]"], "2001:db8::9"),
        ("10.0.0.1", ["2001:DB8:0:0::9"], "2001:db8::9"),
        ("10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["fe80::1"], "fe80::1"),
        ("10.0.0.1", [f"fe80::1%{'x' * 60}"], None),
        ("10.0.0.1", ["10.0.0.2," * 60 + "10.0.0.2"], "10.0.0.2"),
    ],
)
async def test_only_a_trusted_proxy_says_who_the_client_is(peer: str, forwarded: list[str], ip: str | None) -> None:
    """A186: what the client wrote itself into X-Forwarded-For stands left of what our proxy added."""
    headers = [("x-forwarded-for", value) for value in forwarded]
    async with _client(peer=peer, trusted=("10.0.0.0/8",)) as client:
        assert (await client.get("/", headers=headers)).json()["ip"] == ip


async def test_nothing_that_a_client_writes_changes_its_address_where_no_proxy_is_trusted() -> None:
    """A186: nor do the other headers that are said to name it."""
    for name in ("x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip", "cf-connecting-ip"):
        async with _client(peer="203.0.113.5") as client:
            assert (await client.get("/", headers={name: "198.51.100.1"})).json()["ip"] == "203.0.113.5", name
