"""What is Starlette's own: functions, classes, websockets, mounts, and the list of unguarded routes."""

import functools

import pytest
from sdk.tests.callers import get, opened
from sdk.tests.guarded import on_starlette
from sdk.tests.table import Table
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Host, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from gatewright_sdk.starlette import protect, requires, unguarded

GOOD = {"Authorization": "Bearer good", "Gatewright-Company-Id": "1"}
asks = requires("rfis", "standard")


class Half(HTTPEndpoint):
    """One of its methods was forgotten."""

    @asks
    async def get(self, request: Request) -> Response:
        """Guarded."""
        return PlainTextResponse(str(request.state.gatewright.principal.id))

    async def delete(self, _request: Request) -> Response:
        """Forgotten."""
        return PlainTextResponse("deleted")


@asks
async def socket(websocket: WebSocket) -> None:
    """A websocket that is guarded."""
    await websocket.accept()
    await websocket.close()


async def bare(_request: Request) -> Response:
    """Open to anybody."""
    return PlainTextResponse("open")


async def bare_socket(_websocket: WebSocket) -> None:
    """Open to anybody."""


async def an_app(_scope: object, _receive: object, _send: object) -> None:
    """An app of its own."""
    raise AssertionError("nobody calls it")


def test_the_small_apis_only_open_route_is_found() -> None:
    app = on_starlette.app_of(Table())
    assert unguarded(app) == ["GET /open"]
    assert unguarded(app, public={"/open"}) == []


def test_routes_are_found_wherever_they_are() -> None:
    # X1: what nothing guards is open to anybody
    within = Mount("/a", routes=[Mount("/b", routes=[Route("/c", bare), Route("/d", asks(bare))])])
    app = Starlette(
        routes=[
            within,
            Host("other.example", Starlette(routes=[Route("/h", bare)])),
            Mount("/files", an_app),
            Route("/half", Half),
            Route("/partial", functools.partial(asks(bare))),
            Route("/raw", functools.partial(bare)),
            WebSocketRoute("/socket", socket),
            WebSocketRoute("/bare-socket", bare_socket),
        ]
    )
    assert unguarded(app) == ["* /files", "* /half", "GET /a/b/c", "GET /h", "GET /raw", "WEBSOCKET /bare-socket"]


class OwnHead(HTTPEndpoint):
    """What answers HEAD was forgotten."""

    @asks
    async def get(self, request: Request) -> Response:
        """Guarded."""
        return PlainTextResponse(str(request.state.gatewright.principal.id))

    async def head(self, _request: Request) -> Response:
        """Forgotten."""
        return PlainTextResponse("")


async def test_head_is_listed_where_an_endpoint_answers_it_itself() -> None:
    # X1: elsewhere it is answered as the GET beside it
    app = Starlette(
        routes=[
            Route("/get", bare),
            Route("/head", bare, methods=["HEAD"]),
            Route("/own", OwnHead),
            Route("/own-get", OwnHead, methods=["GET"]),
        ]
    )
    protect(app, Table())
    assert unguarded(app) == ["* /own", "GET /get", "GET /own-get", "HEAD /head", "HEAD /own-get"]
    for path in ("/get", "/head", "/own", "/own-get"):
        assert (await get(app, path, {}, method="HEAD")).status_code == 200, "it is open indeed"


async def test_an_app_that_runs_is_protected_too_late() -> None:
    # X1: it would answer a refusal with 500
    app = Starlette(routes=[Route("/", asks(bare))])
    assert (await get(app, "/none", {})).status_code == 404
    with pytest.raises(RuntimeError, match="too late"):
        protect(app, Table())


async def test_a_class_asks_before_the_methods_that_say_so() -> None:
    app = Starlette(routes=[Route("/half", Half)])
    protect(app, Table())
    assert (await get(app, "/half", GOOD)).text == "42"
    assert (await get(app, "/half", {})).status_code == 401
    assert (await get(app, "/half", {}, method="HEAD")).status_code == 401


async def test_whatever_a_sync_endpoint_returns_is_awaited_when_it_has_to_be() -> None:
    class Answering:
        async def __call__(self, request: Request) -> Response:
            return PlainTextResponse(str(request.state.gatewright.level))

    app = Starlette(routes=[Route("/", asks(functools.partial(Answering())))])
    protect(app, Table())
    assert (await get(app, "/", GOOD)).text == "standard"


async def test_an_app_without_protect_lets_nobody_in() -> None:
    # X1
    app = Starlette(routes=[Route("/", asks(bare))])
    with pytest.raises(RuntimeError, match="protect"):
        await get(app, "/", GOOD)


async def test_only_what_takes_a_request_can_be_guarded() -> None:
    app = Starlette(routes=[Mount("/", asks(an_app))])
    protect(app, Table())
    with pytest.raises(TypeError, match="takes a request"):
        await get(app, "/", GOOD)


@pytest.mark.parametrize("answers_http", [True, False])
async def test_a_websocket_is_judged_when_it_opens(answers_http: bool) -> None:
    # X1
    app = Starlette(routes=[WebSocketRoute("/", socket)])
    table = Table()
    protect(app, table)
    assert await opened(app, "/", GOOD, answers_http=answers_http) == ["websocket.accept", "websocket.close 1000"]
    assert table.asked[0].route == "WEBSOCKET /"
    expected = ["websocket.http.response.start 401"] if answers_http else ["websocket.close 1008"]
    assert (await opened(app, "/", {}, answers_http=answers_http))[:1] == expected


async def test_the_path_of_a_mount_counts_and_that_of_a_proxy_does_not() -> None:
    table = Table()
    app = Starlette(routes=[Mount("/{company_id}", routes=[Route("/x", asks(bare))])])
    protect(app, table)
    assert (await get(app, "/1/x", {"Authorization": "Bearer good"}, root_path="/behind")).status_code == 200
    assert (table.asked[0].company_id, table.asked[0].route) == (1, "GET /1/x")
