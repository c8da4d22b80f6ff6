"""The feed of real server processes that share one database (T12)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gatewright.events import keys
from gatewright.events.keys import tag
from tests.support.databases import DIALECTS
from tests.support.served import ServedWorld, program_at, served_world
from tests.support.server import running_server
from tests.support.world import World

PATH = "/authz/feed"
SOON = 20
ROUNDS = 12


def credentials(world: World) -> tuple[str, str]:
    """Return the client authentication of the world's resource server."""
    return world.apps["gate"].client_id, world.apps["gate"].secret or ""


@asynccontextmanager
async def events_of(worker: httpx.AsyncClient, auth: tuple[str, str]) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """Lend what a worker's stream tells, once it has begun."""
    async with worker.stream("GET", PATH, auth=auth) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield (
            json.loads(line.removeprefix("data: ")) async for line in answer.aiter_lines() if line.startswith("data: ")
        )


async def newest(worker: httpx.AsyncClient, auth: tuple[str, str]) -> int:
    """Return the position with which a worker answers a nonce."""
    answer = await worker.get(PATH, params={"nonce": "n"}, auth=auth, headers={"accept": "application/json"})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["position"])


async def turn(world: ServedWorld, act: str) -> None:
    """Disconnect an app from a company, or reconnect it, through the first worker."""
    place = f"/rest/v1.0/companies/{world.companies['alder']}/installations/{world.apps['plain'].id}/{act}"
    answer = await world.workers[0].post(place, headers=world.manager)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_one_worker_ended_stands_below_the_position_that_another_gives_afterwards(
    tmp_path: Path, dialect: str, request: pytest.FixtureRequest
) -> None:
    """T12: and the other worker's stream tells of it."""
    url = None if dialect == "sqlite" else str(request.getfixturevalue("postgresql_url"))
    async with served_world(tmp_path, workers=2, database_url=url) as world:
        auth, other = credentials(world), world.workers[1]
        wanted = tag(keys.installation(world.companies["alder"], world.apps["plain"].id))
        async with asyncio.timeout(SOON * 2), events_of(other, auth) as told:
            await anext(told)
            for number in range(ROUNDS):
                await turn(world, ("disconnect", "reconnect")[number % 2])
                given = await newest(other, auth)
                event = await anext(told)
                while wanted not in event["tags"]:
                    event = await anext(told)
                assert given >= event["position"]


async def test_a_server_that_leaves_ends_its_streams_first(tmp_path: Path) -> None:
    """T12: whole, so that whoever reads them does not take it for a broken line; and it need not cut them off."""
    async with served_world(tmp_path, workers=1) as world:
        auth = credentials(world)
        settings = {"ISSUER": world.house.settings.issuer, "SECRET_KEYS": world.house.settings.secret_keys[0]}
        with running_server(data_dir=tmp_path / "data", settings=settings, workers=2) as server:
            async with program_at(server.base_url) as one, events_of(one, auth) as told, events_of(one, auth) as also:
                await anext(told)
                await anext(also)
                assert await asyncio.to_thread(server.stop) == 0
                assert [event async for event in told] == [event async for event in also] == []
            assert "graceful shutdown exceeded" not in server.said()
