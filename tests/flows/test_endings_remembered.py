"""T12, X5: what ended is felt by whoever remembers answers: the SDK forgets within its lease, with either driver."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gatewright_sdk import Allow, AsyncGatewright, Deny, Gatewright, Question
from tests.endings.model import Decided, Ending
from tests.endings.table import CASES, NO_DECISION
from tests.support.databases import DIALECTS
from tests.support.road import Road, road_to
from tests.support.served import ServedWorld, served_world

LEASE = 2.0  # seconds, as the server's settings have it
PATIENCE = 20.0  # for what a busy computer takes; never for a yes
SETTLED = 8  # answers from memory in a row, over a time in which every worker looks for events
CHECKS = b"POST /authz/check"

Answers = Callable[[Question], Awaitable[Allow | Deny]]


@dataclass(frozen=True, slots=True)
class Remembering:
    """A driver of the SDK, and the road that it asks along."""

    road: Road
    ask: Answers

    async def remember(self, question: Question) -> None:
        """Ask until the answer is a yes from memory, time and again: what made the case is forgotten by then.

        Before that a lease is had, and a key that is new is known.
        """
        until, in_a_row = time.monotonic() + PATIENCE, 0
        while time.monotonic() < until:
            before = self.road.times(CHECKS)
            answer = await self.ask(question)
            assert isinstance(answer, Allow) or answer.code in {"temporarily_unavailable", "token_invalid"}, answer
            is_remembered = isinstance(answer, Allow) and self.road.times(CHECKS) == before
            in_a_row = in_a_row + 1 if is_remembered else 0
            if in_a_row == SETTLED:
                return
            await asyncio.sleep(0.03)
        raise AssertionError("nothing is remembered")

    async def feels(self, name: str, question: Question, ended_at: float) -> None:
        """Ask until the answer is a no of the server's; a yes after one lease is a failure, and any after a no."""
        answer = await self._until_refused(name, question, ended_at)
        while answer.code == "temporarily_unavailable" and time.monotonic() < ended_at + PATIENCE:
            await asyncio.sleep(0.02)
            answer = await self._until_refused(name, question, ended_at)
        assert answer.status in {401, 403, 404}, (name, answer)
        assert isinstance(await self.ask(question), Deny), name

    async def _until_refused(self, name: str, question: Question, ended_at: float) -> Deny:
        while True:
            asked_at = time.monotonic()
            answer = await self.ask(question)
            if isinstance(answer, Deny):
                return answer
            assert asked_at < ended_at + LEASE, (name, "allowed after one lease", asked_at - ended_at)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def remembering(world: ServedWorld) -> AsyncIterator[list[Remembering]]:
    """Lend both drivers, each along a road of its own to the first worker."""
    gate, issuer, worker = world.apps["gate"], world.house.settings.issuer, str(world.workers[0].base_url)
    async with road_to(worker) as one, road_to(worker) as other:
        secret = gate.secret or ""
        with Gatewright(issuer, client_id=gate.client_id, client_secret=secret, address=one.base_url) as threads:
            async with AsyncGatewright(
                issuer, client_id=gate.client_id, client_secret=secret, address=other.base_url
            ) as tasks:

                async def in_a_thread(question: Question) -> Allow | Deny:
                    return await asyncio.to_thread(threads.check, question)

                yield [Remembering(one, in_a_thread), Remembering(other, tasks.check)]


def questions(decided: Decided) -> list[Question]:
    """Return what the platform's API asks: about a token, and where it ends for a contact, about that."""
    by_token = Question(
        token=decided.token,
        company_id=decided.company,
        project_id=decided.project,
        tool=decided.tool,
        level=decided.level,
    )
    by_contact = replace(by_token, token=None, contact_id=decided.contact)
    return [by_token] if decided.contact is None else [by_token, by_contact]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_each_ending_is_felt_by_the_sdk_within_its_lease(
    request: pytest.FixtureRequest, tmp_path: Path, dialect: str
) -> None:
    """T12, X5: ended through one worker, while the other tells the SDK what to forget."""
    url = request.getfixturevalue("postgresql_url") if dialect == "postgresql" else None
    felt = set()
    async with served_world(tmp_path, workers=3, database_url=url) as world, remembering(world) as drivers:
        # The SDK asks for an unknown key every ten seconds at most: the case that needs a new one comes last.
        for kind in sorted(CASES, key=lambda kind: kind == "signing_key.retired"):
            for prepare in CASES[kind]:
                ending = await prepare(world)
                if ending.decided is not None:
                    await _end_and_feel(world, ending, ending.decided, drivers)
                    felt.add(kind)
    assert felt == set(CASES) - set(NO_DECISION)


async def _end_and_feel(world: ServedWorld, ending: Ending, decided: Decided, drivers: list[Remembering]) -> None:
    for first in questions(ending.warm_decided or decided):
        await asyncio.gather(*(driver.remember(first) for driver in drivers))
    await ending.end(world.workers[1])
    ended_at = time.monotonic()
    for asked in questions(decided):
        await asyncio.gather(*(driver.feels(ending.name, asked, ended_at) for driver in drivers))


async def test_what_was_remembered_is_allowed_no_longer_than_a_lease_when_nothing_is_heard_any_more(
    tmp_path: Path,
) -> None:
    """X5: the connections stand, and nothing comes through them."""
    async with served_world(tmp_path, workers=2) as world, remembering(world) as drivers:
        ending = await CASES["family.ended"][0](world)
        if ending.decided is None:
            raise AssertionError("the end of a family ends a decision")
        (asked,) = questions(ending.decided)
        for driver in drivers:
            await driver.remember(asked)
        for driver in drivers:
            driver.road.block()
        await ending.end(world.workers[1])
        await asyncio.sleep(LEASE)
        for answer in await asyncio.gather(*(driver.ask(asked) for driver in drivers)):
            assert isinstance(answer, Deny)
            assert (answer.code, answer.status) == ("temporarily_unavailable", 503)
        for driver in drivers:
            driver.road.free()
        ended_at = time.monotonic() - LEASE
        for driver in drivers:
            await driver.feels(ending.name, asked, ended_at)
