"""The filled world, made once on each database by each process of the tests. A flow has a copy of its own."""

import asyncio
import shutil
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gatewright.app import create_app
from gatewright.base.secrets import mint_server_key
from gatewright.settings import Settings
from tests.support.databases import postgresql_template, sqlite_template
from tests.support.postgres import Cluster, off_the_loop
from tests.support.world import BASE_URL, World, browser_on, fill

_NOTES = ("people", "companies", "projects", "templates", "apps", "robots")


@cache
def server_key() -> str:
    """Return the key under which the filled worlds of this process are sealed."""
    return mint_server_key()


@dataclass(frozen=True, slots=True)
class Filled:
    """A database with the world in it, which nobody uses, and what its maker noted of it."""

    database: str  # the file, or the name in the cluster
    notes: dict[str, Any]

    def tell(self, world: World) -> None:
        """Have the world know what is in a copy of this database."""
        for name, noted in deepcopy(self.notes).items():
            setattr(world, name, noted)


@pytest.fixture(scope="session")
def filled_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Return the filled world on SQLite."""
    file = tmp_path_factory.mktemp("filled") / "gatewright.db"
    shutil.copyfile(sqlite_template(), file)
    return Filled(str(file), _fill(f"sqlite:///{file}", file.parent))


@pytest.fixture(scope="session")
def filled_postgresql(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Return the filled world on PostgreSQL."""
    name = cluster.create_database(template=postgresql_template(cluster))
    return Filled(name, _fill(cluster.url(name), tmp_path_factory.mktemp("filled")))


@pytest.fixture
def filled_sqlite_url(filled_sqlite: Filled, tmp_path: Path) -> str:
    """Return the address of a copy of the filled world on SQLite."""
    file = shutil.copyfile(filled_sqlite.database, tmp_path / "gatewright.db")
    return f"sqlite:///{file}"


@pytest.fixture
def filled_postgresql_url(cluster: Cluster, filled_postgresql: Filled) -> Iterator[str]:
    """Lend the address of a copy of the filled world on PostgreSQL."""
    name = cluster.create_database(template=filled_postgresql.database)
    yield cluster.url(name)
    cluster.drop_database(name)


def _fill(url: str, data_dir: Path) -> dict[str, Any]:
    async def filled() -> dict[str, Any]:
        settings = Settings(issuer=BASE_URL, data_dir=data_dir, database_url=url, secret_keys=(server_key(),))
        app = create_app(settings)
        async with app.router.lifespan_context(app), browser_on(app) as client:
            world = World(app, app.state.house, client)
            await fill(world)
            await world.close()
        return {name: getattr(world, name) for name in _NOTES}

    return off_the_loop(lambda: asyncio.run(filled()))
