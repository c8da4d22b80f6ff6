"""Bring a database to this version of the schema, alone: two that try at once take turns."""

import asyncio
import os
import sqlite3
import time
from contextlib import suppress
from enum import StrEnum
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, create_engine, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from gatewright.db.engine import SQLITE_BUSY_SECONDS, Database, Transaction

_HERE = Path(__file__).with_name("migrations")
_ADVISORY_LOCK = 0x67617465  # any number, the same in every process
_LOCK = text("SELECT pg_advisory_xact_lock(:lock)")
_TO_WAL_ATTEMPTS = 200


class SchemaState(StrEnum):
    """How a database's schema stands to this version of the program."""

    EMPTY = "empty"
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"


class NewerSchema(Exception):
    """The database was migrated by a newer version; this one must not touch it."""


def migrate(url: str, *, to: str = "head") -> bool:
    """Bring the database at `url` to this version's schema; return whether anything changed.

    All or nothing, in one transaction. An SQLite file that is absent is made, readable by
    its owner alone. NewerSchema when a later version was here. `to`: a revision to go up
    to; `base`, or a number of steps such as `-1`, goes down.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _migrate_sqlite(parsed, to=to)
    return asyncio.run(_migrate_postgresql(parsed, to=to))


async def schema_state(database: Database) -> SchemaState:
    """Return how the schema of `database` stands to this version."""
    async with database.reader.connect() as connection:
        return await connection.run_sync(_state)


async def take_turns(transaction: Transaction) -> None:
    """Wait until no other process migrates or prepares this database; SQLite's transactions do so by themselves."""
    if transaction.dialect == "postgresql":
        await transaction.execute(_LOCK, {"lock": _ADVISORY_LOCK})


def configuration(connection: Connection) -> Config:
    """Return Alembic's configuration for running the revisions on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["connection"] = connection
    return config


def _migrate_sqlite(url: URL, *, to: str) -> bool:
    path = Path(url.database or "")
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    _to_wal(path)
    options = {"timeout": SQLITE_BUSY_SECONDS * 6, "isolation_level": None}
    engine = create_engine(url.set(drivername="sqlite"), poolclass=NullPool, connect_args=options)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            changed = _run(connection, to=to)
            connection.commit()
            return changed
    finally:
        engine.dispose()


def _to_wal(path: Path) -> None:
    """Switch the file to a write-ahead log, which SQLite refuses without waiting while another process switches."""
    for attempt in range(_TO_WAL_ATTEMPTS):
        connection = sqlite3.connect(path, timeout=SQLITE_BUSY_SECONDS)
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
            return
        except sqlite3.OperationalError:
            if attempt + 1 == _TO_WAL_ATTEMPTS or not path.stat().st_size == 0:
                raise
            time.sleep(0.02)
        finally:
            connection.close()


async def _migrate_postgresql(url: URL, *, to: str) -> bool:
    engine = create_async_engine(url.set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(_LOCK, {"lock": _ADVISORY_LOCK})
            return await connection.run_sync(lambda sync: _run(sync, to=to))
    finally:
        await engine.dispose()


def _run(connection: Connection, *, to: str) -> bool:
    if _state(connection) is SchemaState.NEWER:
        raise NewerSchema
    before = MigrationContext.configure(connection).get_current_heads()
    move = command.downgrade if to == "base" or to.startswith("-") else command.upgrade
    move(configuration(connection), to)
    return MigrationContext.configure(connection).get_current_heads() != before


def _state(connection: Connection) -> SchemaState:
    heads = MigrationContext.configure(connection).get_current_heads()
    if not heads:
        return SchemaState.EMPTY
    known, newest = _revisions()
    if not set(heads) <= known:
        return SchemaState.NEWER
    return SchemaState.CURRENT if set(heads) == newest else SchemaState.OLDER


@cache
def _revisions() -> tuple[frozenset[str], frozenset[str]]:
    """Return every revision of this version, and the newest; read once, for readiness is asked every few seconds."""
    scripts = ScriptDirectory(str(_HERE))
    return frozenset(script.revision for script in scripts.walk_revisions()), frozenset(scripts.get_heads())
