"""The whole application on a fresh database, and a world in it. Flows speak only HTTP.

SQLite, unless a test says `@pytest.mark.parametrize("flow_dialect", DIALECTS)`.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from gatewright.app import create_app
from gatewright.base.secrets import mint_server_key
from gatewright.settings import Settings
from tests.support.filled import server_key
from tests.support.world import BASE_URL, World, browser_on, fill


@pytest.fixture
def flow_dialect() -> str:
    """Return the database that the flow runs on."""
    return "sqlite"


@pytest.fixture
def settings(request: pytest.FixtureRequest, flow_dialect: str, tmp_path: Path) -> Settings:
    """Return the settings of a deployment on a migrated database, empty unless the flow has a world."""
    is_filled = "world" in request.fixturenames
    url = request.getfixturevalue(f"filled_{flow_dialect}_url" if is_filled else f"{flow_dialect}_url")
    return Settings(
        issuer=BASE_URL,
        data_dir=tmp_path,
        database_url=url,
        secret_keys=(server_key() if is_filled else mint_server_key(),),
        rate_limit_spike=100_000,  # counted all the same; a flow asks faster than people do
        rate_limit_hour=100_000,
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    """Lend the running application."""
    made = create_app(settings)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a client of the application that is signed in as nobody."""
    async with browser_on(app) as browser:
        yield browser


@pytest.fixture
async def world(
    request: pytest.FixtureRequest, app: FastAPI, client: httpx.AsyncClient, settings: Settings, flow_dialect: str
) -> AsyncIterator[World]:
    """Lend a world of users, companies, apps and a service account; see `World`."""
    made = World(app, app.state.house, client)
    if settings.secret_keys == (server_key(),):
        request.getfixturevalue(f"filled_{flow_dialect}").tell(made)
    else:  # settings of the module's own
        await fill(made)
    yield made
    await made.close()
