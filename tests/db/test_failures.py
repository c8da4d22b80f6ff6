"""Which exceptions say that the database cannot be asked now, on both databases (X2: `temporarily_unavailable`)."""

import pytest
from sqlalchemy import insert, text

from gatewright.db.engine import Database
from gatewright.db.failures import STORAGE_ERRORS, is_storage_failure
from gatewright.db.schema import sequences


async def test_a_missing_table_is_a_failure_of_storage(database: Database) -> None:
    """X2: the schema is not there yet, or no longer."""
    with pytest.raises(STORAGE_ERRORS) as raised:
        async with database.read() as reader:
            await reader.execute(text("SELECT 1 FROM not_there"))
    assert is_storage_failure(raised.value)


async def test_a_taken_key_is_none(database: Database) -> None:
    """X2: it is somebody's mistake, and no second attempt mends it."""
    twice = [{"name": "taken", "value": 1}] * 2
    with pytest.raises(STORAGE_ERRORS) as raised:
        await database.write(lambda transaction: transaction.execute(insert(sequences), twice))
    assert not is_storage_failure(raised.value)


async def test_a_server_that_is_not_there_is_a_failure_of_storage() -> None:
    """X2."""
    database = Database.open("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(STORAGE_ERRORS) as raised:
        async with database.read():
            pass
    assert is_storage_failure(raised.value)
    await database.close()


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), RuntimeError("x")])
def test_a_mistake_of_ours_is_none(error: Exception) -> None:
    """X2: a 503 would hide it."""
    assert not is_storage_failure(error)
