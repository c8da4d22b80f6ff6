"""What the engines say of themselves and of what they were given."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gatewright.db.engine import Database, Transaction

SECRET = "canary-4711"


async def test_an_error_does_not_repeat_what_the_statement_was_given(database: Database) -> None:
    """T13: digests, addresses and sealed keys pass through statements."""

    async def work(tx: Transaction) -> None:
        await tx.execute(text("INSERT INTO nowhere (a) VALUES (:a)"), {"a": SECRET})

    with pytest.raises(DBAPIError) as failed:
        await database.write(work)
    assert SECRET not in str(failed.value) + repr(failed.value)
    with pytest.raises(DBAPIError) as failed:
        async with database.read() as reader:
            await reader.execute(text("SELECT a FROM nowhere WHERE a = :a"), {"a": SECRET})
    assert SECRET not in str(failed.value) + repr(failed.value)


def test_a_database_does_not_show_where_it_is() -> None:
    """T13: passwords stand in its URL."""
    database = Database.open(f"postgresql://gate:{SECRET}@db.example/gate?sslpassword={SECRET}")
    assert SECRET not in repr(database)
