"""An API behind a real nginx that asks a real Gatewright, and raw requests to it: every byte is the test's own."""

import json
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from tests.support.nginx import Nginx, needed_nginx, running_nginx
from tests.support.served import ServedWorld, served_world
from tests.support.upstream import Received, Upstream, running_upstream

ROUTES = Path(__file__).with_name("routes.yaml")
HOST = "api.example.com"
RFIS = "/rest/v1.0/projects/{bridge}/rfis"
_SECONDS = 20.0

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Answered:
    """What the client was told, and what reached the API meanwhile."""

    status: int
    headers: tuple[Header, ...]
    body: bytes
    arrived: tuple[Received, ...]

    def values(self, name: str) -> list[str]:
        """Return the values of a header, in order."""
        return [value for given, value in self.headers if given.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """Return the value of a header that came once; None when it did not come."""
        values = self.values(name)
        assert len(values) <= 1, (name, values)
        return values[0] if values else None

    @property
    def told(self) -> dict[str, Any]:
        """Return the body, which must be JSON."""
        assert self.header("content-type") in {"application/json", "application/json; charset=utf-8"}, self
        body = json.loads(self.body)
        assert isinstance(body, dict)
        return body

    @property
    def code(self) -> str:
        """Return the code of the error body, which must be whole and told to keep nobody's."""
        error = self.told["error"]
        assert set(error) == {"code", "message", "help", "request_id"}, error
        assert self.told["errors"][0] == error["message"], self.told
        assert error["request_id"] == self.header("x-request-id"), (error, self.headers)
        assert self.header("cache-control") == "no-store", self.headers
        return str(error["code"])

    @property
    def only(self) -> Received:
        """Return the one request that reached the API."""
        assert len(self.arrived) == 1, self
        return self.arrived[0]

    @property
    def is_passed_on(self) -> bool:
        """Return whether the API answered."""
        return bool(self.arrived)


@dataclass(slots=True)
class Guarded:
    """The world, the proxy and the API behind it, with tokens that were had once."""

    world: ServedWorld
    nginx: Nginx
    upstream: Upstream
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    async def token(self, person: str, app: str = "crane", *, scope: str = "") -> str:
        """Return an access token of a person's; the same one each time."""
        if (person, app + scope) not in self.tokens:
            self.tokens[person, app + scope] = (await self.world.tokens(person, app, scope=scope)).access
        return self.tokens[person, app + scope]

    def path(self, pattern: str) -> str:
        """Return a path with the ids of the world in the places of its names."""
        return pattern.format(**self.world.projects, **self.world.companies)

    def company(self, key: str = "alder") -> Header:
        """Return the header that names a company."""
        return ("Gatewright-Company-Id", str(self.world.companies[key]))

    def call(
        self,
        method: str,
        target: str,
        *,
        token: str | None = None,
        headers: Iterable[Header] = (),
        body: bytes | None = None,
    ) -> Answered:
        """Return the answer to a request of these very bytes."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {HOST}", "Connection: close"]
        lines += [f"Authorization: Bearer {token}"] if token is not None else []
        lines += [f"{name}: {value}" for name, value in headers]
        lines += [f"Content-Length: {len(body)}"] if body is not None else []
        return self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""), method=method)

    def send(self, data: bytes, *, method: str = "GET") -> Answered:
        """Return the answer to whatever these bytes are."""
        before = len(self.upstream.received)
        with socket.create_connection(("127.0.0.1", self.nginx.port), timeout=_SECONDS) as connection:
            connection.sendall(data)
            answer = HTTPResponse(connection, method=method)
            answer.begin()
            body = answer.read()
        arrived = tuple(self.upstream.received[before:])
        return Answered(answer.status, tuple(answer.getheaders()), body, arrived)


@asynccontextmanager
async def guarded_api(folder: Path, *, chosen: dict[str, str] | None = None) -> AsyncIterator[Guarded]:
    """Lend an API that only nginx reaches, and nginx asks Gatewright about each request."""
    needed_nginx()
    settings = {"TRUSTED_PROXIES": "127.0.0.1", "ROUTES": str(ROUTES), **(chosen or {})}
    async with served_world(folder, workers=1, chosen=settings) as world:
        port = int(world.servers[0].base_url.rpartition(":")[2])
        with ExitStack() as stack:
            upstream = stack.enter_context(running_upstream())
            nginx = stack.enter_context(running_nginx(folder / "nginx", gatewright=port, api=upstream.port))
            yield Guarded(world, nginx, upstream)
