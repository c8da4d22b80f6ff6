"""Every route that names a company, taken from the route table: a foreign one answers like none (P6, A194).

A route with a path parameter that has no case here fails the test.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from starlette.routing import Route

from tests.support.forms import Page
from tests.support.world import World

UNKNOWN = 987_654_321
# What differs from request to request by itself.
PASSING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}")
# Paths that name something else than what belongs to a company.
ELSEWHERE = re.compile(r"/(static|invitation|account|developer|operator|oauth)\b")


def company_routes(world: World) -> Iterator[tuple[str, str, set[str]]]:
    """Yield each method and path that names a company, with the path's other parameters."""
    for route in world.app.routes:
        if not isinstance(route, Route) or not route.param_convertors or ELSEWHERE.match(route.path):
            continue
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield method, route.path, set(route.param_convertors)


async def fill_both(world: World) -> None:
    """Give each company what its paths name and the small world lacks."""
    await world.add_robot("other", "birch", "Other export")
    for company in ("alder", "birch"):
        await world.add_template(company, company, levels={}, on_projects={})


def ids_of(world: World, company: str) -> dict[str, int]:
    """Return an id that is of that company, for each parameter of a path."""
    ids = {
        "alder": (world.people["wim"].contacts["alder"], world.projects["bridge"], world.robots["robot"].id),
        "birch": (world.people["bea"].contacts["birch"], world.projects["mill"], world.robots["other"].id),
    }[company]
    contact_id, project_id, service_account_id = ids
    return {
        "company_id": world.companies[company],
        "contact_id": contact_id,
        "project_id": project_id,
        "service_account_id": service_account_id,
        "app_id": world.apps["crane"].id,
        "template_id": world.templates[company],
    }


def told(answer: httpx.Response, path: str) -> tuple[int, str]:
    """Return the answer without what differs by itself: ids of requests, form tokens, the path asked for."""
    return answer.status_code, PASSING.sub("", answer.text.replace(path, ""))


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody who asks every route, by token or in a browser, whichever it is for."""

    world: World
    token: str
    browser: httpx.AsyncClient
    csrf: str

    async def ask(self, method: str, pattern: str, ids: dict[str, int]) -> tuple[int, str]:
        """Return what the route tells them about these ids."""
        path = pattern.format(**ids)
        if pattern.startswith("/rest/"):
            body: dict[str, str] | None = {} if method in {"POST", "PUT", "PATCH"} else None
            return told(await self.world.call(self.token, path, method=method, json=body), path)
        form = {"csrf_token": self.csrf} if method == "POST" else None
        return told(await self.browser.request(method, path, data=form), path)


async def asker(world: World, person: str) -> Asker:
    """Return that person, with a token that may manage."""
    token = (await world.tokens(person, "crane", scope="company.manage")).access
    browser = await world.signed_in(person)
    return Asker(world, token, browser, Page(await browser.get("/")).form(action="/logout").fields["csrf_token"])


async def test_every_route_answers_for_a_foreign_company_as_for_none(world: World) -> None:
    """P6, A194: as JSON and as a page, whatever the method; no session and no token changes it."""
    await fill_both(world)
    max_ = await asker(world, "max")  # in alder alone
    seen = 0
    for method, pattern, parameters in company_routes(world):
        assert parameters <= set(ids_of(world, "alder")), f"{pattern} needs a case: what are its ids?"
        assert "company_id" in parameters, f"{pattern} needs a case: whose are its ids?"
        answers = [
            await max_.ask(method, pattern, ids) for ids in (ids_of(world, "birch"), dict.fromkeys(parameters, UNKNOWN))
        ]
        assert answers[0] == answers[1], (method, pattern)
        assert answers[0][0] == 404, (method, pattern, answers[0])
        seen += 1
    assert seen >= 40


async def test_every_route_answers_for_a_foreign_thing_as_for_none(world: World) -> None:
    """P6, A194: within one's own company, an id of another company one manages too."""
    await fill_both(world)
    ada = await asker(world, "ada")
    own, foreign, seen = ids_of(world, "alder"), ids_of(world, "birch"), 0
    for method, pattern, parameters in company_routes(world):
        # An app is of no company: disconnecting one that was never seen there blocks it beforehand (I3).
        for name in parameters - {"company_id", "app_id"}:
            answers = [await ada.ask(method, pattern, {**own, name: other}) for other in (foreign[name], UNKNOWN)]
            assert answers[0] == answers[1], (method, pattern, name)
            assert answers[0][0] == 404, (method, pattern, name, answers[0])
            seen += 1
    assert seen >= 15
