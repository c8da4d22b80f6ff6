"""Migrated, empty databases on SQLite and PostgreSQL, each a copy of one migrated once per run."""

import asyncio
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from gatewright.db.engine import Database
from gatewright.db.migrate import migrate
from tests.support.postgres import RUN_FOLDER, Cluster, claim_run_folder, remove_run_folder, running_cluster

DIALECTS = ("sqlite", "postgresql")
_TEMPLATE = "gatewright_template"
_WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
_SOON = 30  # seconds


def pytest_configure(config: pytest.Config) -> None:
    """Name the folder that this run's workers share; the workers inherit its name."""
    if not hasattr(config, "workerinput"):
        claim_run_folder()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the cluster, if a test started one; the workers are gone by now."""
    if not hasattr(config, "workerinput"):
        remove_run_folder(Path(os.environ[RUN_FOLDER]))


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """Return this run's PostgreSQL cluster; skips, loudly, where no binaries are to be had."""
    try:
        return running_cluster()
    except LookupError as missing:
        pytest.skip(str(missing))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Return the address of a migrated, empty SQLite database."""
    file = tmp_path / "gatewright.db"
    shutil.copyfile(sqlite_template(), file)
    return f"sqlite:///{file}"


@pytest.fixture
def postgresql_url(cluster: Cluster) -> Iterator[str]:
    """Lend the address of a migrated, empty PostgreSQL database."""
    name = cluster.create_database(template=postgresql_template(cluster))
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.fixture
def empty_postgresql_url(cluster: Cluster) -> Iterator[str]:
    """Lend the address of a PostgreSQL database that holds nothing at all."""
    name = cluster.create_database()
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the address of a migrated, empty database, once on each of the two."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Lend an open, migrated, empty database, once on each of the two."""
    opened = Database.open(database_url)
    yield opened
    await opened.close()


async def somebody_waits_for_a_lock(database: Database) -> None:
    """Return once a transaction waits for another's lock, on PostgreSQL."""
    async with asyncio.timeout(_SOON), database.read() as reader:
        while (await reader.execute(_WAITING)).scalar_one() == 0:
            continue


def postgresql_template(cluster: Cluster) -> str:
    """Return the name of the cluster's migrated, empty database, which nobody uses."""
    return cluster.template(_TEMPLATE, fill=migrate)


def sqlite_template() -> Path:
    """Return the file of a migrated, empty database, which nobody uses."""
    folder = Path(os.environ[RUN_FOLDER])
    folder.mkdir(mode=0o755, exist_ok=True)
    template = folder / "template.db"
    with (folder / "sqlite.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            making = folder / "making.db"
            making.unlink(missing_ok=True)
            migrate(f"sqlite:///{making}")
            if Path(f"{making}-wal").exists():
                raise AssertionError("the migration left a write-ahead log: a copy of the file alone is not whole")
            making.rename(template)
    return template
