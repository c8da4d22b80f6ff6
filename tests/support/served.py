"""A world behind several real server processes that share one SQLite folder."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from gatewright.app import create_app
from gatewright.db.migrate import migrate
from gatewright.house import open_house
from gatewright.settings import Settings
from tests.support.postgres import free_port
from tests.support.server import running_server
from tests.support.world import World, fill


@dataclass(slots=True)
class ServedWorld(World):
    """A world whose HTTP goes to the first of several workers; verbs act from here, like the command line."""

    workers: list[httpx.AsyncClient] = field(default_factory=list)

    async def browser(self) -> httpx.AsyncClient:
        """Return a fresh browser at the first worker."""
        return await self._browsers.enter_async_context(program_at(str(self.workers[0].base_url)))


@asynccontextmanager
async def served_world(folder: Path, *, workers: int) -> AsyncIterator[ServedWorld]:
    """Lend a filled world behind so many `gatewright serve` processes, each with a port of its own."""
    data_dir = folder / "data"
    data_dir.mkdir(mode=0o700)
    migrate(f"sqlite:///{data_dir / 'gatewright.db'}")
    issuer = f"http://127.0.0.1:{free_port()}"
    settings = Settings(issuer=issuer, data_dir=data_dir)
    async with open_house(settings) as house, AsyncExitStack() as stack:
        servers = stack.enter_context(ExitStack())
        chosen = {"ISSUER": issuer, "RATE_LIMIT_SPIKE": "0", "RATE_LIMIT_HOUR": "0"}  # asked without a pause
        running = [servers.enter_context(running_server(data_dir=data_dir, settings=chosen)) for _ in range(workers)]
        clients = [await stack.enter_async_context(program_at(server.base_url)) for server in running]
        world = ServedWorld(create_app(settings), house, clients[0], workers=clients)
        await fill(world)
        yield world
        await world.close()


@asynccontextmanager
async def program_at(base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a client of one server, which follows no redirects."""
    async with httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=30) as client:
        yield client
