"""`GET /authz/forward`, asked as a proxy asks: by a question in the query, and by a forwarded request."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from tests.matrix.built import Built
from tests.matrix.cells import Cell
from tests.matrix.over_http import Request, identity, sent
from tests.matrix.placed import NAMINGS, Answer, Placed
from tests.matrix.route_map import request_of

FORWARD = "/authz/forward"
TELLS = ("kind", "principal", "company", "contact", "level", "client_id", "scopes")
NO_TOKEN = "a proxy asks about the bearer of a token, never about a contact"


@dataclass(frozen=True, slots=True)
class ForwardedQuestion:
    """The question stands in the query."""

    built: Built
    name: str = "forward, by query"
    least: int = 2_000
    acts: bool = True
    tells: tuple[str, ...] = TELLS

    def why_not(self, cell: Cell) -> str | None:
        """Return why a cell cannot be asked."""
        if cell["contact"] is not None:
            return NO_TOKEN
        if cell["asks"] != "tool":
            return "the query needs tool and level"
        if cell["scope"] or cell["of_company"]:
            return "the query names neither a scope nor a tool of the company on a project"
        return None

    async def ask(self, placed: Sequence[Placed]) -> list[Answer]:
        """Return the answers."""
        return [read(answer) for answer in await sent(self.built.world.client, [_asked(one) for one in placed])]


@dataclass(frozen=True, slots=True)
class ForwardedRequest:
    """The method and URI of a request are forwarded, and a route map says what it needs."""

    built: Built
    name: str = "forward, by route map"
    least: int = 3_500
    acts: bool = True
    tells: tuple[str, ...] = TELLS

    def why_not(self, cell: Cell) -> str | None:
        """Return why a cell cannot be asked."""
        return NO_TOKEN if cell["contact"] is not None else None

    async def ask(self, placed: Sequence[Placed]) -> list[Answer]:
        """Return the answers."""
        return [read(answer) for answer in await sent(self.built.world.client, [_forwarded(one) for one in placed])]


@dataclass(frozen=True, slots=True)
class AppendedRequest:
    """The path of a request is appended to ours, as Envoy does it."""

    built: Built
    name: str = "forward, by a path appended"
    least: int = 3_500
    acts: bool = True
    tells: tuple[str, ...] = TELLS

    def why_not(self, cell: Cell) -> str | None:
        """Return why a cell cannot be asked."""
        return NO_TOKEN if cell["contact"] is not None else None

    async def ask(self, placed: Sequence[Placed]) -> list[Answer]:
        """Return the answers."""
        return [read(answer) for answer in await sent(self.built.world.client, [_appended(one) for one in placed])]


def read(answer: httpx.Response) -> Answer:
    """Return what a proxy is told: 200, or 401 or 403 with the code and status of X2 in headers."""
    if answer.status_code == 200:
        return identity(answer.headers, all_present=True)
    code, status = answer.headers["gatewright-code"], int(answer.headers["gatewright-status"])
    assert answer.status_code == (401 if status == 401 else 403), (answer.status_code, answer.text)
    assert answer.json()["error"]["code"] == code
    assert json.loads(answer.headers["gatewright-error"]) == answer.json()
    assert not any(name.startswith("gatewright-auth-") for name in answer.headers)
    return Answer(code, status)


def _asked(one: Placed) -> Request:
    headers, in_query, _ = one.named(places=NAMINGS[:3])
    named = {"company_id": in_query, "project_id": one.project, "tool": one.cell["tool"], "level": one.cell["level"]}
    params = {name: value for name, value in named.items() if value is not None}
    return Request("GET", FORWARD, [*one.bearer, *headers], params)


def _forwarded(one: Placed) -> Request:
    uri, headers = request_of(one)
    asked = [("x-forwarded-method", "GET"), ("x-forwarded-uri", uri)]
    return Request("GET", FORWARD, [*one.bearer, *headers, *asked])


def _appended(one: Placed) -> Request:
    uri, headers = request_of(one)
    return Request("GET", FORWARD + uri, [*one.bearer, *headers])
