"""The application's route table, and who may be asked what along it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from fastapi import FastAPI
from starlette.routing import Route

from tests.support.forms import Page
from tests.support.world import World

API = "/rest/"


@dataclass(frozen=True, slots=True)
class Way:
    """One method at one path of the table."""

    method: str
    pattern: str
    parameters: frozenset[str]

    @property
    def is_api(self) -> bool:
        """Return whether a program asks it, with a token."""
        return self.pattern.startswith(API)

    def at(self, ids: dict[str, str]) -> str:
        """Return the path with these ids in it."""
        return self.pattern.format(**{name: ids[name] for name in self.parameters})


def ways(app: FastAPI, *, but: str = r"(?!)") -> Iterator[Way]:
    """Yield every method and path, but for the paths that begin as `but` says."""
    for route in app.routes:
        if isinstance(route, Route) and not re.match(but, route.path):
            for method in sorted((route.methods or {"GET", "POST"}) - {"HEAD"}):
                yield Way(method, route.path, frozenset(route.param_convertors))


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody who asks every route, by token or in a browser, whichever it is for."""

    world: World
    token: str
    browser: httpx.AsyncClient
    csrf: str

    async def ask(self, way: Way, ids: dict[str, str], *, query: str = "") -> httpx.Response:
        """Return what the route tells them about these ids."""
        path = way.at(ids) + query
        if way.is_api:
            body: dict[str, str] | None = {} if way.method in {"POST", "PUT", "PATCH"} else None
            return await self.world.call(self.token, path, method=way.method, json=body)
        form = {"csrf_token": self.csrf} if way.method == "POST" else None
        return await self.browser.request(way.method, path, data=form)


async def asker(world: World, person: str) -> Asker:
    """Return that person, with a token that may manage."""
    token = (await world.tokens(person, "crane", scope="company.manage")).access
    for _ in range(2):  # the first call confirms the token's generation, which is written (T6)
        await world.call(token, "/rest/v1.0/me")
    browser = await world.signed_in(person)
    return Asker(world, token, browser, Page(await browser.get("/")).form(action="/logout").fields["csrf_token"])
