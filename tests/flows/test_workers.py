"""T12 with several worker processes: what one of them ended, none of them allows afterwards.

Each ending is made through one worker, by name, while the others hold the facts in
memory and are being asked all the time. As soon as its answer is there, every worker
is asked by name. Then the ending is made again through another worker, and in the
next round by two workers at once: an answer that says "already ended" promises as much.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.endings.model import Ending
from tests.endings.table import ALL
from tests.endings.ways import Ways
from tests.support.served import ServedWorld, served_world

WORKERS = 4
LEAST_ASKED = 1000
ROUNDS = 4


@dataclass(slots=True)
class Asking:
    """How often workers were asked after an ending was answered, and how often they allowed before it."""

    asked: int = 0
    allowed: int = 0

    async def everyone(self, workers: list[httpx.AsyncClient], ending: Ending) -> None:
        """Ask each worker by name, at once: none may allow."""
        answers = await asyncio.gather(*(ending.ask(worker) for worker in workers))
        for number, answer in enumerate(answers):
            self.asked += 1
            assert answer.status_code in ending.refused, (ending.name, f"worker {number}", answer.text)


async def test_what_one_worker_ended_no_worker_allows_afterwards(tmp_path: Path) -> None:
    """T12: and the tokens, grants and levels were good on every worker until then, in every way of asking."""
    asking = Asking()
    async with served_world(tmp_path, workers=WORKERS) as world:
        ways = Ways(world)
        for round_ in range(ROUNDS):
            for number, prepare in enumerate(ALL):
                at = (round_ + number) % WORKERS
                ending = ways.all_of(await prepare(world))
                await end_and_ask(world, ending, asking, at=at, races=round_ % 2 == 1)
    assert asking.asked >= LEAST_ASKED
    assert asking.allowed >= LEAST_ASKED, "each ending must have ended something that every worker allowed"


async def end_and_ask(world: ServedWorld, ending: Ending, asking: Asking, *, at: int, races: bool) -> None:
    """Warm every worker, end it through one (or two at once), and ask all of them after each answer."""
    for worker in world.workers * 2:
        answer = await (ending.warm or ending.ask)(worker)
        assert answer.status_code in ending.allowed, (ending.name, answer.text)
        asking.allowed += 1
    ender, other = world.workers[at], world.workers[(at + 1) % len(world.workers)]

    async def end_through(worker: httpx.AsyncClient) -> None:
        await ending.end(worker)
        await asking.everyone(world.workers, ending)

    async with asked_all_the_time(world, ending):
        if races and ending.again:
            await asyncio.gather(end_through(ender), end_through(other))
        else:
            await end_through(ender)
    if ending.again:
        await end_through(other)


@asynccontextmanager
async def asked_all_the_time(world: ServedWorld, ending: Ending) -> AsyncIterator[None]:
    """Keep loads in flight on every worker while the block runs; what they answer is not judged."""

    async def keep_asking(worker: httpx.AsyncClient) -> None:
        while True:
            await (ending.warm or ending.ask)(worker)

    tasks = [asyncio.ensure_future(keep_asking(worker)) for worker in world.workers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
