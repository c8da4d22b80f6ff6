"""One ending as a test meets it, and the requests that make up most of them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import httpx

from tests.support.served import ServedWorld

ME = "/rest/v1.0/me"
PROJECTS = "/rest/v1.0/projects"
REFUSED = frozenset({401, 403, 404})

Send = Callable[[httpx.AsyncClient], Awaitable[object]]
Ask = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


@dataclass(frozen=True, slots=True)
class Decided:
    """What a platform's own API asks about the same thing: a level on a tool, for the bearer of a token.

    `contact`: whom it asks about without a token, where the ending is that contact's too.
    """

    token: str
    company: int
    tool: str = "directory"
    level: str = "read_only"
    project: int | None = None
    contact: int | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """What is asked of every worker, and the request that must end it.

    `again`: whether the request can be repeated. `warm`: what is asked beforehand where asking
    itself would change the state. `refused`: the statuses that tell of the end. `decided`:
    the decision that ends with it, and `warm_decided` what is decided beforehand in its place.
    """

    name: str
    ask: Ask
    end: Send
    again: bool = True
    warm: Ask | None = None
    allowed: frozenset[int] = frozenset({200})
    refused: frozenset[int] = REFUSED
    decided: Decided | None = None
    warm_decided: Decided | None = None


Prepare = Callable[[ServedWorld], Awaitable[Ending]]


def asks(token: str, path: str = ME, *, company: int | None = None, method: str = "GET", json: object = None) -> Ask:
    """Return the question that a bearer asks."""
    headers = {"authorization": f"Bearer {token}"} | ({} if company is None else {"procore-company-id": str(company)})

    async def ask(worker: httpx.AsyncClient) -> httpx.Response:
        return await worker.request(method, path, headers=headers, json=json)

    return ask


async def read_by(world: ServedWorld, person: str, token: str) -> Decided:
    """Return what a person may do by a level of their own, in a company where nothing else happens."""
    company = "quiet"
    if company not in world.companies:
        await world.add_company(company, "Quiet Works")
    if company not in world.people[person].contacts:
        await world.add_contact(company, person, directory="read_only")
    return Decided(token, world.companies[company])


def posts(path: str, *statuses: int, data: Mapping[str, str]) -> Send:
    """Return the request that must be answered with one of these statuses."""

    async def post(worker: httpx.AsyncClient) -> None:
        answer = await worker.post(path, data=dict(data))
        assert answer.status_code in statuses, answer.text

    return post


def sends(world: ServedWorld, method: str, path: str, *statuses: int, json: object = None) -> Send:
    """Return the request of a company admin's app that must be answered with one of these statuses."""

    async def send(worker: httpx.AsyncClient) -> None:
        answer = await worker.request(method, path, headers=dict(world.manager), json=json)
        assert answer.status_code in statuses, answer.text

    return send


def acts(act: Callable[[], Awaitable[object]]) -> Send:
    """Return an act of another process, as the command line does it."""

    async def act_there(_worker: httpx.AsyncClient) -> None:
        await act()

    return act_there
