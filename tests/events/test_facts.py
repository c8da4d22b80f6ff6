"""Facts in memory: kept until something touches them, and never past it (T12, X5)."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from gatewright.db.engine import Database, Reader
from gatewright.events.facts import Coherence, Fact, Facts, ReadThrough

SOON = 5  # seconds, for what waits for good when the guard is gone


@dataclass
class Hearsay:
    """What other processes touched, said by the test."""

    keeps: bool = True
    heard: list[str] = field(default_factory=list)

    def touched(self) -> Iterable[str]:
        """Return what was said since the last call."""
        heard, self.heard = self.heard, []
        return heard


@dataclass
class Row:
    """A row whose reading the test can hold up: `begun` when the value was read, `go` to hand it over."""

    value: str = "first"
    reads: int = 0
    holds: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    def fact(self) -> Fact[str]:
        """Return the fact of this row."""
        return Fact("row", self._load)

    async def _load(self, _reader: Reader) -> str:
        self.reads += 1
        value = self.value
        if self.holds:
            self.begun.set()
            await self.go.wait()
        return value


@pytest.fixture
def hearsay() -> Hearsay:
    """Return a coherence that keeps, and knows what the test tells it."""
    return Hearsay()


@pytest.fixture
def facts(database: Database, hearsay: Hearsay) -> Facts:
    """Return the facts of one process."""
    return Facts(database, hearsay)


async def touch(database: Database, *keys: str) -> None:
    """Commit a transaction of this process that touches these facts."""

    async def work(transaction: object) -> None:
        transaction.touch(keys, ending=True)  # type: ignore[attr-defined]

    await database.write(work)


async def test_a_fact_in_memory_is_not_read_again(facts: Facts) -> None:
    """X5."""
    row = Row()
    assert [await facts.get(row.fact()) for _ in range(3)] == ["first"] * 3
    assert row.reads == 1


async def test_the_absence_of_a_row_is_a_fact_too(facts: Facts) -> None:
    """X5: else every unknown id would cost a statement."""
    reads = 0

    async def load(_reader: Reader) -> None:
        nonlocal reads
        reads += 1

    await facts.get(Fact("absent", load))
    await facts.get(Fact("absent", load))
    assert reads == 1


async def test_the_absence_of_what_strangers_name_is_not_kept(facts: Facts) -> None:
    """X5: a flood of made-up client ids must not push facts out of memory."""
    reads = 0

    async def load(_reader: Reader) -> None:
        nonlocal reads
        reads += 1

    for _ in range(2):
        await facts.get(Fact("made up", load, keeps_absence=False))
    assert reads == 2


async def test_what_is_not_there_pushes_out_nothing_that_is(database: Database, hearsay: Hearsay) -> None:
    """X5: ids are chosen by strangers; absences have a room of their own, and it is bounded."""
    facts = Facts(database, hearsay, most_absent=2)
    row, reads = Row(), 0

    async def load(_reader: Reader) -> None:
        nonlocal reads
        reads += 1

    await facts.get(row.fact())
    for number in (1, 2, 3, 1, 3):
        await facts.get(Fact(f"absent {number}", load))
    await facts.get(row.fact())
    assert (row.reads, reads) == (1, 4)
    hearsay.heard = ["absent 3"]
    await facts.get(Fact("absent 3", load))
    assert reads == 5


async def test_a_commit_of_this_process_is_known_before_it_is_answered(facts: Facts, database: Database) -> None:
    """T12."""
    row = Row()
    await facts.get(row.fact())
    row.value = "second"
    await touch(database, "other")
    assert await facts.get(row.fact()) == "first"
    await touch(database, "row")
    assert await facts.get(row.fact()) == "second"


async def test_a_commit_of_another_process_is_known_before_a_fact_is_used(facts: Facts, hearsay: Hearsay) -> None:
    """T12."""
    row = Row()
    await facts.get(row.fact())
    row.value = "second"
    hearsay.heard = ["row"]
    assert await facts.get(row.fact()) == "second"


async def test_a_load_that_an_event_overtook_is_not_kept(facts: Facts, database: Database) -> None:
    """T12: who asked before the ending was answered may hear the old value; nobody after."""
    row = Row(holds=True)
    early = asyncio.ensure_future(facts.get(row.fact()))
    await row.begun.wait()
    row.value = "second"
    await touch(database, "row")
    row.go.set()
    assert await early == "first"
    assert await facts.get(row.fact()) == "second"


@pytest.mark.parametrize("is_ours", [True, False])
async def test_a_load_that_an_event_overtook_is_not_joined(
    facts: Facts, database: Database, hearsay: Hearsay, is_ours: bool
) -> None:
    """T12: a request that begins after the ending waits for a load of its own."""
    row = Row(holds=True)
    early = asyncio.ensure_future(facts.get(row.fact()))
    await row.begun.wait()
    row.value, row.holds = "second", False
    if is_ours:
        await touch(database, "row")
    else:
        hearsay.heard = ["row"]
    assert await asyncio.wait_for(facts.get(row.fact()), SOON) == "second"
    row.go.set()
    assert await early == "first"
    assert await facts.get(row.fact()) == "second", "the late load must not replace what came after it"
    assert row.reads == 2


async def test_requests_at_the_same_time_share_one_load(facts: Facts) -> None:
    """X5."""
    row = Row(holds=True)
    asking = [asyncio.ensure_future(facts.get(row.fact())) for _ in range(20)]
    await row.begun.wait()
    row.go.set()
    assert await asyncio.gather(*asking) == ["first"] * 20
    assert row.reads == 1


async def test_a_request_that_goes_away_fails_nobody_who_shares_its_load(facts: Facts) -> None:
    """X5."""
    row = Row(holds=True)
    leaver, stayer = (asyncio.ensure_future(facts.get(row.fact())) for _ in range(2))
    await row.begun.wait()
    leaver.cancel()
    row.go.set()
    assert await stayer == "first"
    assert leaver.cancelled()


async def test_a_load_that_fails_is_not_kept(facts: Facts) -> None:
    """X5: fail closed, and try again next time."""
    attempts = 0

    async def load(_reader: Reader) -> str:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise OSError("the database went away")
        return "there"

    with pytest.raises(OSError, match="went away"):
        await facts.get(Fact("failing", load))
    assert await facts.get(Fact("failing", load)) == "there"


async def test_memory_holds_no_more_than_it_may(database: Database, hearsay: Hearsay) -> None:
    """X5: what was not used for longest goes first."""
    facts, loads = Facts(database, hearsay, most=2), []

    def fact(key: str) -> Fact[str]:
        async def load(_reader: Reader) -> str:
            loads.append(key)
            return key

        return Fact(key, load)

    for key in ("a", "b", "c", "c", "b", "a"):
        assert await facts.get(fact(key)) == key
    assert loads == ["a", "b", "c", "a"]
    for key in ("b", "d", "b"):
        assert await facts.get(fact(key)) == key
    assert loads == ["a", "b", "c", "a", "d"]


@pytest.mark.parametrize("coherence", [ReadThrough(), Hearsay(keeps=False)])
async def test_where_nothing_can_be_kept_every_use_reads(database: Database, coherence: Coherence) -> None:
    """T12: and no load is shared, since a load begun before an ending may show what was before it."""
    facts, row = Facts(database, coherence), Row(holds=True)
    early = asyncio.ensure_future(facts.get(row.fact()))
    await row.begun.wait()
    row.value, row.holds = "second", False
    assert await asyncio.wait_for(facts.get(row.fact()), SOON) == "second"
    row.go.set()
    assert await early == "first"
    assert await facts.get(row.fact()) == "second"
    assert row.reads == 3


async def test_many_questions_of_one_request_read_each_fact_once_where_nothing_is_kept(database: Database) -> None:
    """T12: and the next request reads anew."""
    facts, row = Facts(database, ReadThrough()), Row()
    with facts.sharing():
        assert [await facts.get(row.fact()) for _ in range(3)] == ["first"] * 3
    assert row.reads == 1
    row.value = "second"
    assert await facts.get(row.fact()) == "second"
    with facts.sharing():
        assert await facts.get(row.fact()) == "second"
    assert row.reads == 3


async def test_what_this_process_changes_is_read_anew_within_the_request(database: Database) -> None:
    """I2: an app's first call connects it, and is judged by what it then finds."""
    facts, row = Facts(database, ReadThrough()), Row()
    with facts.sharing():
        await facts.get(row.fact())
        row.value = "second"
        await touch(database, "row")
        assert await facts.get(row.fact()) == "second"


async def test_a_read_that_a_change_overtook_is_not_shared(database: Database) -> None:
    """T12."""
    facts, row = Facts(database, ReadThrough()), Row(holds=True)
    with facts.sharing():
        reading = asyncio.create_task(facts.get(row.fact()))
        await asyncio.wait_for(row.begun.wait(), SOON)
        row.value, row.holds = "second", False
        await touch(database, "row")
        row.go.set()
        assert await reading == "first"
        assert await facts.get(row.fact()) == "second"


async def test_requests_at_once_share_nothing_with_each_other(database: Database) -> None:
    """T12: one may have begun after an ending that the other did not hear of."""
    facts, row = Facts(database, ReadThrough()), Row()

    async def request() -> str:
        with facts.sharing():
            return await facts.get(row.fact())

    with facts.sharing():
        assert await facts.get(row.fact()) == "first"
        row.value = "second"
        assert await asyncio.create_task(request()) == "second"
