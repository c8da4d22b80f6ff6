"""Refused calls are kept one by one, bounded in memory and in the database, on both databases (R3)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from gatewright.activity import refusal_store
from gatewright.activity.counters import Counters
from gatewright.activity.model import Refusal
from gatewright.activity.refusal_buffer import RefusalBuffer
from gatewright.activity.refusal_store import MOST_OF_A_COMPANY
from gatewright.db.engine import Database
from gatewright.db.schema import refusals
from tests.support.statements import counted

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def refusal(number: int = 0, *, company_id: int = 1, app_id: int = 3, at: datetime = NOON) -> Refusal:
    """Return one refused call."""
    return Refusal(
        company_id=company_id,
        request_id=f"{company_id}-{app_id}-{number}",
        at=at,
        code="app_not_connected",
        app_id=app_id,
        service_account_id=0,
        user_id=7,
        contact_id=5,
        project_id=None,
        asked={"method": "GET"},
    )


def tell(counters: Counters, one: Refusal) -> None:
    """Count the call and keep it, as the engine does."""
    counters.count(company_id=one.company_id, app_id=one.app_id, service_account_id=None, result=one.code, at=one.at)
    counters.refusals.keep(one)


async def kept(database: Database) -> list[str]:
    """Return the request ids that are kept, in order."""
    async with database.read() as reader:
        return sorted((await reader.execute(select(refusals.c.request_id))).scalars())


async def test_they_are_written_with_the_counts_and_no_sooner(database: Database) -> None:
    """R3: off the path of every call."""
    counters = Counters(database)
    tell(counters, refusal())
    assert await kept(database) == []
    with counted(database) as seen:
        await counters.flush()
    assert await kept(database) == ["1-3-0"]
    assert seen.commits == 1


async def test_a_company_keeps_at_most_its_share_and_the_newest(database: Database) -> None:
    """R3: 10,000 a company; another company's are its own."""
    assert MOST_OF_A_COMPANY == 10_000
    many = [refusal(number, at=NOON + timedelta(seconds=number)) for number in range(10)]

    async def add(rows: list[Refusal]) -> None:
        await database.write(lambda tx: refusal_store.add_refusals(tx, rows, most=4))

    await add([*many, refusal(company_id=2)])
    assert await kept(database) == ["1-3-6", "1-3-7", "1-3-8", "1-3-9", "2-3-0"]
    await add([refusal(10, at=NOON + timedelta(minutes=1))])
    assert await kept(database) == ["1-3-10", "1-3-7", "1-3-8", "1-3-9", "2-3-0"]


async def test_ten_thousand_are_kept_and_not_one_more(sqlite_url: str) -> None:
    """R3: the boundary itself."""
    database = Database.open(sqlite_url)
    many = [refusal(number) for number in range(MOST_OF_A_COMPANY)]
    await database.write(lambda tx: refusal_store.add_refusals(tx, many))
    assert len(await kept(database)) == MOST_OF_A_COMPANY
    newest = refusal(MOST_OF_A_COMPANY, at=NOON + timedelta(seconds=1))
    await database.write(lambda tx: refusal_store.add_refusals(tx, [newest]))
    left = await kept(database)
    assert len(left) == MOST_OF_A_COMPANY
    assert newest.request_id in left
    await database.close()


async def test_a_flood_of_one_app_pushes_out_its_own_alone(database: Database) -> None:
    """R3: newer, and more than fits; it takes no more than its share."""
    quiet = [refusal(number, app_id=4) for number in range(2)]
    flood = [refusal(number, at=NOON + timedelta(hours=1, seconds=number)) for number in range(30)]
    for rows in (quiet, flood):
        await database.write(lambda tx, rows=rows: refusal_store.add_refusals(tx, rows, most=5))  # type: ignore[misc]
    assert await kept(database) == ["1-3-27", "1-3-28", "1-3-29", "1-4-0", "1-4-1"]


async def test_after_seven_days_they_are_gone_with_the_next_call(database: Database) -> None:
    """R3: to the instant."""
    counters = Counters(database)
    tell(counters, refusal(1, at=NOON))
    tell(counters, refusal(2, at=NOON + timedelta(seconds=1)))
    await counters.flush()
    counters = Counters(database)
    counters.count(
        company_id=9, app_id=None, service_account_id=None, result="allow", at=NOON + timedelta(days=7, seconds=1)
    )
    await counters.flush()
    assert await kept(database) == ["1-3-2"]


async def test_the_sweep_comes_once_an_hour(database: Database) -> None:
    """R3: the table is not read for it every second."""
    counters = Counters(database)
    for minutes in (0, 1, 59):
        tell(counters, refusal(minutes, at=NOON + timedelta(minutes=minutes)))
        with counted(database) as seen:
            await counters.flush()
        swept = [text for text in seen.statements if text.startswith("DELETE FROM refusals")]
        assert len(swept) == (1 if minutes == 0 else 0)
    tell(counters, refusal(60, at=NOON + timedelta(minutes=60)))
    with counted(database) as seen:
        await counters.flush()
    assert any(text.startswith("DELETE FROM refusals") for text in seen.statements)


def test_what_waits_is_bounded_and_shared_out() -> None:
    """R3: memory does not grow with a flood, and others still find room."""
    buffer = RefusalBuffer(most=5, most_of_one=3)
    for number in range(9):
        buffer.keep(refusal(number))
    for number in range(9):
        buffer.keep(refusal(number, app_id=4))
    taken = [one.request_id for one in buffer.take()]
    assert taken == ["1-3-0", "1-3-1", "1-3-2", "1-4-0", "1-4-1"]
    assert buffer.take() == []
    buffer.keep(refusal(10))
    assert len(buffer.take()) == 1


async def test_a_database_that_is_away_loses_none(sqlite_url: str) -> None:
    """R3: what could not be written is written later, once."""
    database = Database.open(sqlite_url)
    counters = Counters(database)
    tell(counters, refusal())
    async with database.writer.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE refusals RENAME TO away")
    await counters.flush()
    async with database.writer.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE away RENAME TO refusals")
    await counters.flush()
    assert await kept(database) == ["1-3-0"]
    await database.close()


async def test_what_is_there_already_is_left_alone(database: Database) -> None:
    """R3: a commit whose answer was lost is repeated."""
    for code in ("app_not_connected", "rate_limited"):
        rows = [replace(refusal(), code=code)]
        await database.write(lambda tx, rows=rows: refusal_store.add_refusals(tx, rows))  # type: ignore[misc]
    async with database.read() as reader:
        assert (await reader.execute(select(func.min(refusals.c.code)))).scalar_one() == "app_not_connected"
    assert len(await kept(database)) == 1


async def test_a_flush_costs_the_same_however_many_there_are(database: Database) -> None:
    """R3: a constant number of statements."""
    costs = []
    for most in (1, 100):
        rows = [refusal(number, app_id=most, company_id=1 + number % 7) for number in range(most)]
        with counted(database) as seen:
            await database.write(lambda tx, rows=rows: refusal_store.add_refusals(tx, rows))  # type: ignore[misc]
        costs.append(len(seen.statements))
    assert costs[0] == costs[1]
