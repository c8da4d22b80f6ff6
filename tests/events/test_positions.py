"""Positions grow in the order of commits, on both databases, and none is ever skipped (T12)."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from gatewright.base.ids import CompanyId
from gatewright.db.engine import Database, Transaction
from gatewright.db.migrate import migrate
from gatewright.events.catalogue import SYSTEM, CompanyChanged, CompanyCreated, Event, TermsPublished
from gatewright.events.log import record, record_all
from gatewright.events.positions import newest_position, touched_from
from tests.support.databases import somebody_waits_for_a_lock
from tests.support.postgres import off_the_loop
from tests.support.tenants import NOON

WRITERS, EACH = 6, 8


@pytest.fixture
async def elsewhere(database_url: str) -> AsyncIterator[Database]:
    """Lend the same database as another process has it."""
    opened = Database.open(database_url)
    yield opened
    await opened.close()


def changed(*company_ids: int) -> list[Event]:
    """Return an event about each of the companies."""
    return [CompanyChanged(company_id=CompanyId(company_id)) for company_id in company_ids]


async def commit(
    database: Database,
    happened: list[Event],
    *,
    first: Callable[[], Awaitable[Any]] | None = None,
    last: Callable[[], Awaitable[Any]] | None = None,
) -> list[int]:
    """Return the ids of the events, committed. `first` runs once they have ids, `last` right before the commit."""

    async def work(tx: Transaction) -> list[int]:
        ids = [int(id_) for id_ in await record_all(tx, happened, origin=SYSTEM, now=NOON)]
        if first is not None:
            await first()
        if last is not None:
            waiting = last

            async def linger(_tx: Transaction, _items: object) -> None:
                await waiting()

            tx.put_off(linger, None)  # after the events were written, so it comes after them
        return ids

    return await database.write(work)


@dataclass(slots=True)
class Following:
    """A reader that asks all the time for what came after what it has seen."""

    database: Database
    seen: list[tuple[int, int]]
    is_over: bool = False

    async def follow(self) -> None:
        """Read until it is over, and once more then."""
        while not self.is_over:
            await self.read()
        await self.read()

    async def read(self) -> None:
        """Note each event after the last, and what the newest position is."""
        at = self.seen[-1][0] if self.seen else 0
        async with self.database.read() as reader:
            newest = await newest_position(reader)
            found = [touched for touched in await touched_from(reader, at, most=1000) if touched.position > at]
        assert not found or found[-1].position >= newest
        assert found or newest == at, "a position was passed whose event is not to be had"
        self.seen += [(touched.position, touched.event_id) for touched in found]
        await asyncio.sleep(0)


async def test_events_are_numbered_in_the_order_of_their_commits(database: Database, elsewhere: Database) -> None:
    """T12: who records first and commits last has the higher position, and nobody passes it unseen."""
    ids_are_there, release = asyncio.Event(), asyncio.Event()

    async def wait_long() -> None:
        ids_are_there.set()
        await release.wait()

    following = Following(database, [])
    reading = asyncio.create_task(following.follow())
    early = asyncio.create_task(commit(database, changed(1), first=wait_long))
    await ids_are_there.wait()
    late = asyncio.create_task(commit(elsewhere, changed(2)))
    if database.dialect == "postgresql":  # SQLite's one writer keeps it waiting
        await late
    release.set()
    [early_id], [late_id] = await early, await late
    following.is_over = True
    await reading
    assert early_id < late_id
    wanted = [late_id, early_id] if database.dialect == "postgresql" else [early_id, late_id]
    assert following.seen == [(1, wanted[0]), (2, wanted[1])]


async def test_a_commit_that_takes_long_keeps_those_after_it_waiting(database: Database, elsewhere: Database) -> None:
    """T12: otherwise a reader would pass a position that is not committed yet."""
    written, release = asyncio.Event(), asyncio.Event()

    async def wait_long() -> None:
        written.set()
        await release.wait()

    following = Following(database, [])
    first = asyncio.create_task(commit(database, changed(1), last=wait_long))
    await written.wait()
    second = asyncio.create_task(commit(elsewhere, changed(2)))
    if database.dialect == "postgresql":
        await somebody_waits_for_a_lock(database)
    await following.read()
    assert (second.done(), following.seen) == (False, [])
    release.set()
    ids = [*(await first), *(await second)]
    await following.read()
    assert following.seen == list(enumerate(ids, 1))


async def test_of_many_writers_none_is_skipped_and_none_waits_in_a_circle(
    database: Database, elsewhere: Database
) -> None:
    """T12, R2: they record about the same companies in other orders, and linger before and after."""
    dice = random.Random(4)

    async def linger() -> None:
        for _ in range(dice.randrange(4)):
            await asyncio.sleep(0.001)

    async def write(number: int) -> list[int]:
        where, made = (database, elsewhere)[number % 2], []
        for _ in range(EACH):
            about = changed(*dice.sample(range(1, 6), 3))
            made += await commit(where, about, first=linger, last=linger)
        return made

    following = Following(database, [])
    reading = asyncio.create_task(following.follow())
    made = [id_ for ids in await asyncio.gather(*map(write, range(WRITERS))) for id_ in ids]
    following.is_over = True
    await reading
    assert [position for position, _ in following.seen] == list(range(1, WRITERS * EACH * 3 + 1))
    assert sorted(event_id for _, event_id in following.seen) == sorted(made)


async def test_an_event_that_touches_nothing_has_no_position(database: Database) -> None:
    """T12: so a follower reaches the newest position though it is told nothing of it."""
    await commit(database, [*changed(1), TermsPublished(version="1"), *changed(2)])
    await commit(database, [TermsPublished(version="2")])
    async with database.read() as reader:
        assert await newest_position(reader) == 2
        told = [(touched.position, touched.keys) for touched in await touched_from(reader, 0, most=9)]
    assert told == [(1, frozenset({"company:1"})), (2, frozenset({"company:2"}))]


async def test_what_was_undone_leaves_no_gap(database: Database) -> None:
    """T12."""

    class Undone(Exception):
        pass

    async def undo() -> None:
        raise Undone

    with pytest.raises(Undone):
        await commit(database, changed(1), last=undo)
    await commit(database, changed(2))
    async with database.read() as reader:
        assert [touched.position for touched in await touched_from(reader, 0, most=9)] == [1]


async def test_at_most_so_many_are_read_from_a_position_on(database: Database) -> None:
    """T12."""
    await commit(database, changed(1, 2, 3, 4))
    async with database.read() as reader:
        found = await touched_from(reader, 2, most=2)
    assert [(touched.position, *touched.keys) for touched in found] == [(2, "company:2"), (3, "company:3")]


def ask(url: str, statements: Iterable[str]) -> list[Any]:
    """Return the rows of the last statement."""
    driver = url.replace("sqlite:", "sqlite+aiosqlite:").replace("postgresql:", "postgresql+asyncpg:")
    rows: list[Any] = []

    def each(connection: Connection) -> None:
        for statement in statements:
            result = connection.exec_driver_sql(statement)
        rows.extend(tuple(row) for row in result)

    async def run() -> None:
        engine = create_async_engine(driver)
        async with engine.begin() as connection:
            await connection.run_sync(each)
        await engine.dispose()

    off_the_loop(lambda: asyncio.run(run()))
    return rows


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
async def test_events_from_before_positions_are_numbered_and_later_ones_follow(
    dialect: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """T12: those that touch facts; going back forgets the numbers alone."""
    is_sqlite = dialect == "sqlite"
    url = f"sqlite:///{tmp_path / 'old.db'}" if is_sqlite else str(request.getfixturevalue("empty_postgresql_url"))
    off_the_loop(lambda: migrate(url, to="0002"))
    empty = "x''" if is_sqlite else r"'\x'"
    old = (
        "INSERT INTO events (company_id, id, at, kind, by_kind, about, keys, position, digest, by_digest, whom_digest)"
        " VALUES (0, {0}, '2026-11-23 12:00:00', 'terms.published', 'system', '{{}}', '{1}', {0}, {2}, {2}, {2})"
    )
    rows = {101: '["user:1"]', 102: "[]", 103: '["tools"]'}
    ask(url, [*(old.format(id_, keys, empty) for id_, keys in rows.items()), "SELECT 1"])
    off_the_loop(lambda: migrate(url))
    database = Database.open(url)
    await database.write(lambda tx: record(tx, CompanyCreated(company_id=CompanyId(1)), origin=SYSTEM, now=NOON))
    async with database.read() as reader:
        told = [(touched.position, *touched.keys) for touched in await touched_from(reader, 0, most=9)]
    await database.close()
    assert told == [(1, "user:1"), (2, "tools"), (3, "company:1")]
    off_the_loop(lambda: migrate(url, to="-1"))
    assert ask(url, ["SELECT count(*) FROM events"]) == [(4,)]
