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


async def test_who_writes_sees_what_was_committed_while_it_waited(postgresql_url: str) -> None:
    """T12: positions are given under a lock, whatever isolation the database itself prefers."""
    operators = Database.open(postgresql_url)
    prefers = f"ALTER DATABASE {operators.url.database} SET default_transaction_isolation = 'repeatable read'"
    async with operators.reader.connect() as connection:
        await connection.execute(text(prefers))
    await operators.close()
    ours = Database.open(postgresql_url)

    async def isolation(tx: Transaction) -> str:
        return str((await tx.execute(text("SHOW transaction_isolation"))).scalar_one())

    assert await ours.write(isolation) == "read committed"
    await ours.close()
