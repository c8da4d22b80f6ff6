"""The migrated schema is the schema of db/schema.py, on both databases, up and down."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from gatewright.db.engine import Database, Transaction
from gatewright.db.migrate import NewerSchema, SchemaState, migrate, schema_state
from gatewright.db.schema import SEQUENCES, metadata
from tests.support.postgres import off_the_loop

DIALECTS = ("sqlite", "postgresql")
TWICE = "import sys; from gatewright.db.migrate import migrate; print(migrate(sys.argv[1]))"


@pytest.fixture(params=DIALECTS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a database that holds nothing, once on each of the two."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return str(request.getfixturevalue("empty_postgresql_url"))


async def _inside(url: str, ask: Callable[[Connection], Any]) -> Any:
    driver = url.replace("sqlite:", "sqlite+aiosqlite:").replace("postgresql:", "postgresql+asyncpg:")
    engine = create_async_engine(driver)
    async with engine.begin() as connection:
        answer = await connection.run_sync(ask)
    await engine.dispose()
    return answer


def _migrate(url: str, *, to: str = "head") -> bool:
    """Return what `migrate` returns, from a thread, so that it may run a loop of its own."""
    return off_the_loop(lambda: migrate(url, to=to))


def _plain(value: Any) -> Any:
    """Return a value whose text is the same whenever it means the same."""
    if isinstance(value, dict):
        return sorted((key, _plain(inner)) for key, inner in value.items())
    return str(value)


def _shape(connection: Connection) -> dict[str, Any]:
    """Return all that the inspector tells of every table but Alembic's own."""
    seen = inspect(connection)
    tables = sorted(set(seen.get_table_names()) - {"alembic_version"})

    def ordered(rows: Any) -> list[str]:
        return sorted(str(_plain(dict(row))) for row in rows)

    return {
        table: {
            "columns": [
                (c["name"], str(c["type"]), c["nullable"], str(c["default"]).replace("'", ""))
                for c in seen.get_columns(table)
            ],
            "primary key": seen.get_pk_constraint(table)["constrained_columns"],
            "foreign keys": ordered(seen.get_foreign_keys(table)),
            "unique": ordered(seen.get_unique_constraints(table)),
            "indexes": ordered(seen.get_indexes(table)),
        }
        for table in tables
    }


def _drop_all(connection: Connection) -> None:
    metadata.drop_all(connection)
    connection.execute(text("DROP TABLE alembic_version"))


async def test_the_migrated_schema_is_the_schema_of_the_page(empty_url: str) -> None:
    assert _migrate(empty_url)
    migrated = await _inside(empty_url, _shape)

    def difference(connection: Connection) -> Any:
        options = {"compare_type": True}  # defaults: the two shapes below
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    assert await _inside(empty_url, difference) == []
    await _inside(empty_url, _drop_all)
    await _inside(empty_url, metadata.create_all)
    assert migrated == await _inside(empty_url, _shape)
    assert len(migrated) == len(metadata.tables)


async def test_every_sequence_starts_at_one(empty_url: str) -> None:
    _migrate(empty_url)
    database = Database.open(empty_url)

    async def next_ids(transaction: Transaction) -> list[int]:
        return [await transaction.next_id(name) for name in SEQUENCES]

    assert await database.write(next_ids) == [1] * len(SEQUENCES)
    assert await database.write(next_ids) == [2] * len(SEQUENCES)
    await database.close()


async def test_down_leaves_nothing_and_up_again_works(empty_url: str) -> None:
    assert _migrate(empty_url)
    assert _migrate(empty_url, to="base")
    assert await _inside(empty_url, _shape) == {}

    def sequences(connection: Connection) -> list[str]:
        return inspect(connection).get_sequence_names() if connection.dialect.name == "postgresql" else []

    assert await _inside(empty_url, sequences) == []
    assert _migrate(empty_url)


async def test_a_second_migration_changes_nothing_and_says_so(empty_url: str) -> None:
    assert _migrate(empty_url)
    assert not _migrate(empty_url)


def test_two_that_migrate_at_once_take_turns(empty_url: str) -> None:
    start = [sys.executable, "-c", TWICE, empty_url]
    both = [subprocess.Popen(start, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    told = [process.communicate(timeout=60) for process in both]
    assert sorted(out.strip() for out, _ in told) == ["False", "False", "False", "True"], told


async def test_the_state_of_the_schema_is_told(empty_url: str) -> None:
    if empty_url.startswith("sqlite"):
        sqlite3.connect(empty_url.removeprefix("sqlite:///")).close()
    database = Database.open(empty_url)
    assert await schema_state(database) is SchemaState.EMPTY
    await database.close()
    _migrate(empty_url)
    database = Database.open(empty_url)
    assert await schema_state(database) is SchemaState.CURRENT
    await database.close()


async def test_a_newer_schema_is_left_alone(empty_url: str) -> None:
    _migrate(empty_url)

    def later(connection: Connection) -> None:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    await _inside(empty_url, later)
    database = Database.open(empty_url)
    assert await schema_state(database) is SchemaState.NEWER
    await database.close()
    with pytest.raises(NewerSchema):
        _migrate(empty_url)


def test_a_new_database_file_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        migrate(f"sqlite:///{tmp_path / 'new.db'}")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.db").stat().st_mode) == 0o600


async def test_the_revisions_are_read_once_and_the_database_each_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # X1
    assert await schema_state(database) is SchemaState.CURRENT

    def refuse(*_: object) -> None:
        raise AssertionError("the revisions were read again, on the event loop")

    monkeypatch.setattr(ScriptDirectory, "walk_revisions", refuse)
    assert await schema_state(database) is SchemaState.CURRENT
    async with database.writer.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'from_the_future'")
    assert await schema_state(database) is SchemaState.NEWER
