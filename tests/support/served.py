"""A world behind several real server processes that share one SQLite folder."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from gatewright.app import create_app
from gatewright.base.secrets import mint_server_key
from gatewright.db.migrate import migrate
from gatewright.decisions.engine import Decisions
from gatewright.house import open_house
from gatewright.oauth.tokens import TokenReader
from gatewright.settings import Settings
from gatewright.web.limits import CallLimits
from tests.support.postgres import free_port
from tests.support.server import Server, running_server
from tests.support.world import World, fill


@dataclass(slots=True)
class ServedWorld(World):
    """A world whose HTTP goes to the first of several workers; verbs act from here, like the command line."""

    workers: list[httpx.AsyncClient] = field(default_factory=list)
    engines: list[Decisions] = field(default_factory=list)  # one as each worker's, in a house of its own
    manager: dict[str, str] = field(default_factory=dict)  # the headers of a company admin's app
    servers: list[Server] = field(default_factory=list)  # each worker's

    async def get_manager(self) -> None:
        """Get a token for the company admin's app."""
        tokens = await self.tokens("ada", "overseer", scope="company.manage")
        self.manager = {"authorization": f"Bearer {tokens.access}"}

    async def browser(self) -> httpx.AsyncClient:
        """Return a fresh browser at the first worker."""
        return await self._browsers.enter_async_context(program_at(str(self.workers[0].base_url)))


@asynccontextmanager
async def served_world(
    folder: Path, *, workers: int, database_url: str | None = None, chosen: Mapping[str, str] | None = None
) -> AsyncIterator[ServedWorld]:
    """Lend a filled world behind so many `gatewright serve` processes, each with a port of its own.

    On SQLite, unless a migrated PostgreSQL database is named. `chosen`: further settings of the processes.
    """
    data_dir = folder / "data"
    data_dir.mkdir(mode=0o700)
    if database_url is None:
        migrate(f"sqlite:///{data_dir / 'gatewright.db'}")
    issuer, key = f"http://127.0.0.1:{free_port()}", mint_server_key()
    settings = Settings(issuer=issuer, data_dir=data_dir, database_url=database_url or "", secret_keys=(key,))
    async with open_house(settings) as house, AsyncExitStack() as stack:
        servers = stack.enter_context(ExitStack())
        told = {"ISSUER": issuer, "RATE_LIMIT_SPIKE": "0", "RATE_LIMIT_HOUR": "0", "SECRET_KEYS": key}
        told |= {"DATABASE_URL": database_url} if database_url else {}
        told |= chosen or {}
        running = [servers.enter_context(running_server(data_dir=data_dir, settings=told)) for _ in range(workers)]
        clients = [await stack.enter_async_context(program_at(server.base_url)) for server in running]
        world = ServedWorld(create_app(settings), house, clients[0], workers=clients, servers=running)
        await fill(world)
        await world.add_app("overseer", "Overseer", owner="oda", scopes=("company.manage",))
        await world.get_manager()
        world.engines = [await stack.enter_async_context(engine(settings)) for _ in running]
        yield world
        await world.close()


@asynccontextmanager
async def engine(settings: Settings) -> AsyncIterator[Decisions]:
    """Lend the engine of one more process's share of the deployment."""
    async with open_house(settings) as house:
        tokens = TokenReader(settings, house.database, house.keys, house.facts)
        yield Decisions(house.database, house.facts, tokens, lambda _call, _at: None, CallLimits.of(settings))


@asynccontextmanager
async def program_at(base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a client of one server, which follows no redirects."""
    async with httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=30) as client:
        yield client
