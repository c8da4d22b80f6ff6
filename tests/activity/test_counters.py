"""Calls are counted in memory and written off every request's path, on both databases (I1)."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from structlog.testing import capture_logs

from gatewright.activity.counters import Counters
from gatewright.db.engine import Database
from gatewright.db.schema import calls

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def count(counters: Counters, *, result: str = "allow", at: datetime = NOON, company_id: int | None = 1) -> None:
    """Count one call of app 3."""
    counters.count(company_id=company_id, app_id=3, service_account_id=None, result=result, at=at)


async def written(database: Database) -> dict[tuple[int, str, str], tuple[int, datetime]]:
    """Return what is written, by company, day and result."""
    async with database.read() as reader:
        rows = (await reader.execute(select(calls))).mappings().all()
    return {(row["company_id"], row["day"], row["result"]): (row["count"], row["last_at"]) for row in rows}


async def test_nothing_is_written_before_the_flush_and_everything_after(database: Database) -> None:
    """I1: per day, company, app and result."""
    counters = Counters(database)
    for minutes in range(3):
        count(counters, at=NOON + timedelta(minutes=minutes))
    count(counters, result="app_not_connected")
    count(counters, at=NOON + timedelta(days=1))
    assert await written(database) == {}
    await counters.flush()
    assert await written(database) == {
        (1, "2026-11-23", "allow"): (3, NOON + timedelta(minutes=2)),
        (1, "2026-11-23", "app_not_connected"): (1, NOON),
        (1, "2026-11-24", "allow"): (1, NOON + timedelta(days=1)),
    }


async def test_flushes_of_several_processes_add_up(database: Database) -> None:
    """I1: two at once lock nobody out, and lose nothing."""
    processes = [Counters(database) for _ in range(4)]
    for counters in processes:
        for company_id in (1, 2, 3):
            count(counters, company_id=company_id)
    await asyncio.gather(*(counters.flush() for counters in processes))
    assert {key[0]: value[0] for key, value in (await written(database)).items()} == {1: 4, 2: 4, 3: 4}


async def test_a_call_that_names_no_company_is_counted_to_none(database: Database) -> None:
    """I1."""
    counters = Counters(database)
    count(counters, company_id=None, result="company_unknown")
    await counters.flush()
    assert list(await written(database)) == [(0, "2026-11-23", "company_unknown")]


async def test_what_cannot_be_written_now_is_kept_for_later(sqlite_url: str) -> None:
    """I1: a database that is away loses no counts, and fails no request."""
    database = Database.open(sqlite_url)
    counters = Counters(database)
    count(counters)
    async with database.writer.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE calls RENAME TO away")
    await counters.flush()
    count(counters)
    async with database.writer.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE away RENAME TO calls")
    await counters.flush()
    assert (await written(database))[(1, "2026-11-23", "allow")][0] == 2
    await database.close()


async def test_an_error_of_any_kind_does_not_end_the_writing(database: Database) -> None:
    """R3: what can never be written is let go, said, and followed by what can."""
    counters = Counters(database)
    with capture_logs() as said:
        async with counters.running(every=timedelta(milliseconds=10)):
            count(counters, company_id=2**70)  # beyond what a column holds
            for _ in range(500):
                if said:
                    break
                await asyncio.sleep(0.01)
            count(counters)
            for _ in range(500):
                if await written(database):
                    break
                await asyncio.sleep(0.01)
            assert list(await written(database)) == [(1, "2026-11-23", "allow")]
    assert [line["event"] for line in said] == ["counts_lost"]


async def test_the_counts_that_wait_are_bounded(sqlite_url: str) -> None:
    """R3: while the database is away memory does not grow without end; what is known is counted on."""
    database = Database.open(sqlite_url)
    counters = Counters(database, most=3)
    async with database.writer.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE calls RENAME TO away")
    for company_id in (1, 2, 3, 4, 1):
        count(counters, company_id=company_id)
        await counters.flush()
    async with database.writer.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE away RENAME TO calls")
    await counters.flush()
    assert {key[0]: value[0] for key, value in (await written(database)).items()} == {1: 2, 2: 1, 3: 1}
    await database.close()


async def test_the_end_flushes_once_more(database: Database) -> None:
    """I1: a process that is asked to leave loses nothing."""
    counters = Counters(database)
    async with counters.running(every=timedelta(hours=1)):
        count(counters)
    assert len(await written(database)) == 1


async def test_while_it_runs_counts_are_written_by_themselves(database: Database) -> None:
    """I1."""
    counters = Counters(database)
    async with counters.running(every=timedelta(milliseconds=10)):
        count(counters)
        for _ in range(500):
            if await written(database):
                break
            await asyncio.sleep(0.01)
        assert len(await written(database)) == 1
