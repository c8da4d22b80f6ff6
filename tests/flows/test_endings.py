"""T12: each kind of event that ends something has its case, which every worker obeys at once."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from gatewright.events.catalogue import Event
from tests.endings.model import Prepare
from tests.endings.table import ALL, CASES, NO_DECISION
from tests.endings.ways import Ways
from tests.flows.test_workers import Asking, end_and_ask
from tests.matrix.route_map import route_map
from tests.matrix.way_nginx import echoing_api
from tests.support.databases import DIALECTS
from tests.support.nginx import running_nginx
from tests.support.served import program_at, served_world

WORKERS = 3


def endings(kind: type[Event] = Event) -> Iterator[type[Event]]:
    """Yield every event of the catalogue that ends something."""
    for event in kind.__subclasses__():
        if event.ENDS:
            yield event
        yield from endings(event)


@asynccontextmanager
async def proxied(folder: Path, worker: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a client of an nginx in front of an API, which asks one worker by name."""
    async with echoing_api() as api:
        with running_nginx(folder / "nginx", gatewright=worker.base_url.port or 0, api=api) as nginx:
            async with program_at(nginx.base_url) as client:
                yield client


def cases() -> Iterator[tuple[str, Prepare]]:
    """Yield every case with the kind that it stands for."""
    for kind, some in CASES.items():
        for prepare in some:
            yield kind, prepare


def test_each_kind_of_ending_has_a_case() -> None:
    """T12: `Event.ENDS` is the one list of endings; a new one fails the build until it is tried."""
    assert {event.KIND for event in endings()} == set(CASES)


def test_each_kind_of_ending_ends_a_decision_or_says_why_not() -> None:
    """T12: what `/authz` is asked about, or the reason why nothing there can hang from it."""
    assert set(NO_DECISION) < set(CASES)
    assert all(NO_DECISION.values())


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_each_ending_holds_at_every_worker_when_it_is_answered(
    request: pytest.FixtureRequest, tmp_path: Path, dialect: str
) -> None:
    """T12: made through one worker by name, asked of all: API, `/authz/check`, `/authz/forward`, nginx before one."""
    url = request.getfixturevalue("postgresql_url") if dialect == "postgresql" else None
    asking, decided = Asking(), set()
    routes = tmp_path / "routes.yaml"
    routes.write_text(route_map())
    chosen = {"ROUTES": str(routes), "TRUSTED_PROXIES": "127.0.0.1"}
    async with (
        served_world(tmp_path, workers=WORKERS, database_url=url, chosen=chosen) as world,
        proxied(tmp_path, world.workers[-1]) as proxy,
    ):
        ways = Ways(world, {world.workers[-1]: proxy})
        for number, (kind, prepare) in enumerate(cases()):
            ending = await prepare(world)
            await end_and_ask(world, ways.all_of(ending), asking, at=number % WORKERS, races=False)
            decided |= {kind} if ending.decided else set()
    assert decided == set(CASES) - set(NO_DECISION)
    assert asking.asked >= len(ALL) * WORKERS
