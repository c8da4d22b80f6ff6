"""The Jobsite API guarded in both ways, before a served world; and callers who hold each level."""

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from examples.jobsite_api import guarded_by_proxy, guarded_by_sdk
from examples.jobsite_api.store import Place, Store
from gatewright.base import clock
from gatewright.directory import service as directory
from gatewright.directory.model import Tool
from gatewright.events.catalogue import SYSTEM
from gatewright_sdk import AsyncGatewright
from tests.support.nginx import needed_nginx, running_nginx
from tests.support.served import ServedWorld, served_world
from tests.support.world import EVERY_LEVEL

ROUTES = Path(guarded_by_sdk.__file__).with_name("routes.yaml")
HOLDERS = ("none", "read_only", "standard", "admin")
HOST = "api.example.com"


@dataclass(frozen=True, slots=True)
class Site:
    """A guarded Jobsite API: its database, a program that calls it, and a token for each level on `bridge`."""

    world: ServedWorld
    store: Store
    client: httpx.AsyncClient
    tokens: dict[str, str]

    @property
    def place(self) -> Place:
        """Return where the callers hold their levels."""
        return Place(self.world.companies["alder"], self.world.projects["bridge"])

    def rfi(self) -> int:
        """Return the id of a new open RFI there."""
        made = self.store.add_rfi(self.place, {"subject": "Bearing", "question": ""}, by="nobody", now=clock.now())
        rfi_id: int = made["id"]
        return rfi_id

    async def call(
        self, method: str, path: str, *, token: str | None, company: int | None, json: Any = None
    ) -> httpx.Response:
        """Return the API's answer."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        headers |= {} if company is None else {"gatewright-company-id": str(company)}
        return await self.client.request(method, path, headers=headers, **({} if json is None else {"json": json}))


@asynccontextmanager
async def guarded_by(version: str, folder: Path) -> AsyncIterator[Site]:
    """Lend the API guarded by the `sdk`, or by a real nginx as its `proxy`."""
    chosen = {}
    if version == "proxy":
        needed_nginx()
        chosen = {"TRUSTED_PROXIES": "127.0.0.1", "ROUTES": str(ROUTES)}
    async with served_world(folder, workers=1, chosen=chosen) as world:
        tokens = await _tokens(world)
        store, guard = Store(folder / "jobsite.db"), await guard_of(world)
        if version == "sdk":
            app = guarded_by_sdk.create_app(store, guard)
            async with app.router.lifespan_context(app), program_on(app) as client:
                yield Site(world, store, client, tokens)
            return
        gatewright = int(world.servers[0].base_url.rpartition(":")[2])
        with (
            _served(guarded_by_proxy.create_app(store, guard)) as api,
            running_nginx(folder / "nginx", gatewright=gatewright, api=api) as nginx,
        ):
            async with httpx.AsyncClient(base_url=nginx.base_url, headers={"host": HOST}, trust_env=False) as client:
                yield Site(world, store, client, tokens)


async def guard_of(world: ServedWorld) -> AsyncGatewright:
    """Return the SDK's guard of a served world."""
    gate = world.apps["gate"]
    address = world.servers[0].base_url
    return AsyncGatewright(
        world.house.settings.issuer,
        client_id=gate.client_id,
        client_secret=gate.secret or "",
        address=address,
        timeout=20,
    )


@asynccontextmanager
async def program_on(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a client of an application, without a network."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}", trust_env=False) as client:
        yield client


async def _tokens(world: ServedWorld) -> dict[str, str]:
    """Return a token of a service account for each level, and of Wim, who may write RFIs through an app."""
    tool = Tool("project", "daily_log", "Daily log", EVERY_LEVEL)
    await directory.declare_tool(world.house.database, tool=tool, origin=SYSTEM, now=clock.now())
    tokens = {}
    for level in HOLDERS:
        robot = await world.add_robot(level, "alder", f"Holds {level}")
        held = {} if level == "none" else dict.fromkeys(("rfis", "drawings", "daily_log"), level)
        await world.add_member("alder", "bridge", robot.contact_id, **held)
        tokens[level] = await world.robot_token(level)
    return tokens | {"wim": (await world.tokens("wim", "crane")).access}


@contextmanager
def _served(app: FastAPI) -> Iterator[int]:
    """Lend the port at which another thread serves an application."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
