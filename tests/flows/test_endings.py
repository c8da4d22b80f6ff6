"""T12: each kind of event that ends something has its case, which every worker obeys at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewright.events.catalogue import Event
from tests.endings.model import Prepare
from tests.endings.table import ALL, CASES, NO_DECISION
from tests.endings.ways import Ways
from tests.flows.test_workers import Asking, end_and_ask
from tests.support.databases import DIALECTS
from tests.support.served import served_world

WORKERS = 3


def endings(kind: type[Event] = Event) -> Iterator[type[Event]]:
    """Yield every event of the catalogue that ends something."""
    for event in kind.__subclasses__():
        if event.ENDS:
            yield event
        yield from endings(event)


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
    """T12: made once by name through one worker, asked of all of them: their API, `/authz/check`, `/authz/forward`."""
    url = request.getfixturevalue("postgresql_url") if dialect == "postgresql" else None
    asking = Asking()
    async with served_world(tmp_path, workers=WORKERS, database_url=url) as world:
        ways, decided = Ways(world), set()
        for number, (kind, prepare) in enumerate(cases()):
            ending = await prepare(world)
            await end_and_ask(world, ways.all_of(ending), asking, at=number % WORKERS, races=False)
            decided |= {kind} if ending.decided else set()
    assert decided == set(CASES) - set(NO_DECISION)
    assert asking.asked >= len(ALL) * WORKERS
