"""T12: each kind of ending is felt by the SDK within its lease, whichever worker it follows."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sdk.tests.asking import DRIVERS, guarding

from gatewright_sdk import Question
from gatewright_sdk.clock import passed
from tests.endings.model import Decided
from tests.endings.table import ALL
from tests.sdk.watching import Requests, Watched, counted_requests
from tests.support.databases import DIALECTS
from tests.support.served import ServedWorld, served_world

WORKERS = 3


async def watched(world: ServedWorld, requests: Requests, stack: AsyncExitStack) -> list[Watched]:
    """Return a guard of each driver, each following a worker of its own."""
    gate, issuer = world.apps["gate"], world.house.settings.issuer
    made = []
    for driver, server in zip(DRIVERS, world.servers[1:], strict=True):
        guard = guarding(
            driver, issuer, client_id=gate.client_id, client_secret=gate.secret or "", address=server.base_url
        )
        made.append(Watched(await stack.enter_async_context(guard), requests))
    return made


def asked(decided: Decided) -> Question:
    """Return the SDK's question about it."""
    return Question(
        token=decided.token,
        company_id=decided.company,
        project_id=decided.project,
        tool=decided.tool,
        level=decided.level,
    )


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_each_ending_is_felt_within_the_lease(
    request: pytest.FixtureRequest, tmp_path: Path, dialect: str
) -> None:
    """T12: made through one worker while both drivers have the yes in memory."""
    url = request.getfixturevalue("postgresql_url") if dialect == "postgresql" else None
    tried = 0
    async with served_world(tmp_path, workers=WORKERS, database_url=url) as world, AsyncExitStack() as stack:
        guards = await watched(world, stack.enter_context(counted_requests()), stack)
        for number, prepare in enumerate(ALL):
            ending = await prepare(world)
            if ending.decided is None:
                continue
            before, after = asked(ending.warm_decided or ending.decided), asked(ending.decided)
            for one in guards:  # one after the other: they share the count
                await one.have_in_memory(before)
            await ending.end(world.workers[number % WORKERS])
            ended_at = passed()
            for deny in await asyncio.gather(*(one.feel(after, ended_at=ended_at) for one in guards)):
                assert deny.status in ending.refused, (ending.name, deny)
            tried += 1
    assert tried > len(ALL) / 2
