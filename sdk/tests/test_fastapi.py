"""What is FastAPI's own: dependencies of routers, mounted apps, websockets, and the list of unguarded routes."""

from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from sdk.tests.callers import get, opened
from sdk.tests.guarded import on_fastapi
from sdk.tests.table import Table
from starlette.routing import Mount, Route

from gatewright_sdk import Allow
from gatewright_sdk.fastapi import protect, requires, unguarded
from gatewright_sdk.starlette import requires as requires_here

ASKS = Depends(requires("rfis", "standard"))
GOOD = {"Authorization": "Bearer good", "Gatewright-Company-Id": "1"}


def test_the_small_apis_only_open_route_is_found() -> None:
    app = on_fastapi.app_of(Table())
    assert unguarded(app) == ["GET /open"]
    assert unguarded(app, public={"/open"}) == []


def test_routes_are_found_wherever_they_are() -> None:
    # X1: what nothing guards is open to anybody
    app, guarded, bare, inner = FastAPI(), APIRouter(dependencies=[ASKS]), APIRouter(prefix="/bare"), FastAPI()
    app.add_api_websocket_route("/socket", _socket)
    app.add_api_websocket_route("/guarded-socket", _socket, dependencies=[ASKS])
    app.add_api_route("/two", _nothing, methods=["GET", "POST"])
    guarded.add_api_route("/below", _nothing)
    bare.add_api_route("/{company_id}/here", _nothing)
    bare.include_router(guarded)
    bare.include_router(bare_within())
    app.include_router(bare, prefix="/v1")
    inner.add_api_route("/in", _nothing)
    inner.add_api_route("/in-guarded", _nothing, dependencies=[ASKS])
    app.mount("/sub", inner)
    app.mount("/files", _an_app)
    app.router.routes.append(Mount("/old", routes=[Route("/plain", _nothing)]))
    pages = {"/docs", "/docs/oauth2-redirect", "/openapi.json", "/redoc"}
    assert unguarded(app, public=pages | {f"/sub{page}" for page in pages}) == [
        "* /files",
        "GET /old/plain",
        "GET /sub/in",
        "GET /two",
        "GET /v1/bare/{company_id}/here",
        "POST /two",
        "PUT /v1/bare/deeper/there",
        "WEBSOCKET /socket",
    ]
    assert "GET /docs" in unguarded(app)


async def test_a_lifespan_is_too_late_to_protect_an_app() -> None:
    # X1: it would answer a refusal with 500
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        protect(app, Table())
        yield

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    said = []

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    with pytest.raises(RuntimeError, match="where the app is made"):
        await FastAPI(lifespan=lifespan)({"type": "lifespan"}, receive, send)
    assert [message["type"] for message in said] == ["lifespan.startup.failed"]


def bare_within() -> APIRouter:
    """Return a router that lies in another one."""
    router = APIRouter(prefix="/deeper")
    router.add_api_route("/there", _nothing, methods=["PUT"])
    return router


def test_a_dependency_of_a_dependency_guards() -> None:
    def outer(_caller: Annotated[Allow, ASKS]) -> None: ...

    app = FastAPI(openapi_url=None)
    app.add_api_route("/deep", _nothing, dependencies=[Depends(outer)])
    assert unguarded(app) == []


async def test_a_whole_app_can_be_guarded() -> None:
    app = FastAPI(openapi_url=None, dependencies=[ASKS])
    protect(app, Table())
    app.add_api_route("/", _nothing)
    assert unguarded(app) == []
    assert [(await get(app, "/", headers)).status_code for headers in (GOOD, {})] == [200, 401]


async def test_an_app_without_protect_lets_nobody_in() -> None:
    # X1
    app = FastAPI()
    app.add_api_route("/", _nothing, dependencies=[ASKS])
    with pytest.raises(RuntimeError, match="protect"):
        await get(app, "/", GOOD)


async def test_a_mounted_app_is_asked_about_its_own_path_and_that_of_its_mount() -> None:
    # X3
    app, inner, table = FastAPI(), FastAPI(), Table()
    protect(inner, table)
    inner.add_api_route("/projects/{project_id}", _nothing, dependencies=[ASKS])
    app.mount("/companies/{company_id}", inner)
    answer = await get(app, "/companies/1/projects/7", {"Authorization": "Bearer good"})
    assert (answer.status_code, table.asked[0].company_id, table.asked[0].project_id) == (200, 1, 7)


async def test_a_body_that_is_malformed_is_told_of() -> None:
    app = on_fastapi.app_of(Table())
    answer = await get(app, "/rest/v1.0/projects/7/rfis", GOOD | {"Content-Type": "application/json"}, b"{", "POST")
    assert answer.status_code == 422


@pytest.mark.parametrize("answers_http", [True, False])
async def test_a_websocket_is_judged_when_it_opens(answers_http: bool) -> None:
    # X1
    app = FastAPI()
    protect(app, Table())
    app.add_api_websocket_route("/{project_id}", _socket, dependencies=[ASKS])
    assert await opened(app, "/7", GOOD, answers_http=answers_http) == ["websocket.accept", "websocket.close 1000"]
    expected = ["websocket.http.response.start 401"] if answers_http else ["websocket.close 1008"]
    assert (await opened(app, "/7", {}, answers_http=answers_http))[:1] == expected
    expected = ["websocket.http.response.start 404"] if answers_http else ["websocket.close 1008"]
    assert (await opened(app, "/8", GOOD, answers_http=answers_http))[:1] == expected


@pytest.mark.parametrize(
    ("tool", "level"),
    [("rfis", "none"), ("rfis", ""), ("rfis", "Admin"), ("", "admin"), ("RFIs", "admin"), ("a b", "admin")],
)
def test_what_nobody_can_hold_is_told_when_the_program_starts(tool: str, level: str) -> None:
    for kind in (requires, requires_here):
        with pytest.raises(ValueError, match=r"no (tool|level)"):
            kind(tool, level)
    with pytest.raises(ValueError, match="of="):
        requires("rfis", "admin", of="project")  # type: ignore[arg-type]


def _nothing() -> dict[str, object]:
    return {}


async def _socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


async def _an_app(_scope: object, _receive: object, _send: object) -> None:
    raise AssertionError("nobody calls it")
