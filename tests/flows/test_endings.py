"""T12: each kind of event that ends something has its case, which every worker obeys at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewright.events.catalogue import Event
from tests.endings.table import ALL, CASES
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


def test_each_kind_of_ending_has_a_case() -> None:
    """T12: `Event.ENDS` is the one list of endings; a new one fails the build until it is tried."""
    assert {event.KIND for event in endings()} == set(CASES)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_each_ending_holds_at_every_worker_when_it_is_answered(
    request: pytest.FixtureRequest, tmp_path: Path, dialect: str
) -> None:
    """T12: made once by name through one worker, asked of all of them."""
    url = request.getfixturevalue("postgresql_url") if dialect == "postgresql" else None
    asking = Asking()
    async with served_world(tmp_path, workers=WORKERS, database_url=url) as world:
        for number, prepare in enumerate(ALL):
            await end_and_ask(world, await prepare(world), asking, at=number % WORKERS, races=False)
    assert asking.asked >= len(ALL) * WORKERS
