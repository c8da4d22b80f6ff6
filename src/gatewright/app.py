"""The composition root: the house opened, the slices' routes joined, refusals told.

Nothing imports it but the command line and the tests.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from fastapi import FastAPI
from starlette.routing import Mount

from gatewright import __version__
from gatewright.activity.counters import Counters
from gatewright.activity.traces import RecordedTraces
from gatewright.base import clock
from gatewright.decisions.engine import Call, Decisions
from gatewright.decisions.navigation import PlacesAndTabs
from gatewright.events.catalogue import SYSTEM
from gatewright.house import House, open_house
from gatewright.login.passwords import Passwords
from gatewright.login.sessions import SessionKeeper
from gatewright.oauth.signing import ensure_signing_key
from gatewright.oauth.tokens import TokenReader
from gatewright.settings import Settings
from gatewright.web import health
from gatewright.web.core import Core
from gatewright.web.edge import Edge
from gatewright.web.intake import Intake
from gatewright.web.openapi import describe
from gatewright.web.refusals import TRANSLATED, translate
from gatewright.web.static_files import Static

API = (
    "gatewright.decisions.api",
    "gatewright.directory.api",
    "gatewright.apps.api",
    "gatewright.service_accounts.api",
)
ENDPOINTS = ("gatewright.oauth.endpoints", "gatewright.oauth.authorize_endpoint", "gatewright.decisions.endpoints")
PAGES = (
    "gatewright.login.pages",
    "gatewright.oauth.pages",
    "gatewright.directory.pages",
    "gatewright.apps.pages",
    "gatewright.service_accounts.pages",
)


def create_app(settings: Settings) -> FastAPI:
    """Return the ASGI application; its lifespan opens and closes the house."""
    app = FastAPI(
        version=__version__,
        lifespan=_lifespan(settings),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # they would answer with an address made of Host
        # T13: traces and their logs would hold what clients sent.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    for name in API:
        if module := _found(name):
            app.router.routes.extend(module.router.routes)  # all in one list: 405 names every method of a path
    for name in (*ENDPOINTS, *PAGES):
        if module := _found(name):
            app.router.routes.extend(getattr(module, "routes", ()))
    app.router.routes.extend(health.routes)
    app.router.routes.append(Mount("/static", Static(), name="static"))
    app.openapi = describe(app, settings)  # type: ignore[method-assign]
    app.add_middleware(Intake)
    app.add_middleware(Edge, trusted_proxies=settings.trusted_proxies)
    for kind in TRANSLATED:
        app.add_exception_handler(kind, translate)
    return app


def _found(name: str) -> Any:
    try:
        return import_module(name) if find_spec(name) else None
    except ModuleNotFoundError:
        return None


def _lifespan(settings: Settings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_house(settings) as house:
            await ensure_signing_key(house.database, keys=house.keys, origin=SYSTEM, now=clock.now())
            counters = Counters(house.database)
            _furnish(app, house, counters)
            async with counters.running():
                yield
            app.state.passwords.close()

    return lifespan


def _furnish(app: FastAPI, house: House, counters: Counters) -> None:
    """Put the parts that routes ask for into the application's state."""
    app.state.house = house
    tokens = TokenReader(house.settings, house.database, house.keys, house.facts)
    app.state.tokens = tokens
    app.state.passwords = Passwords()
    app.state.counters = counters
    access = Decisions(house.database, house.facts, tokens, _counting(counters))
    app.state.core = Core(
        settings=house.settings,
        database=house.database,
        keys=house.keys,
        facts=house.facts,
        access=access,
        sessions=SessionKeeper(house),
        navigation=PlacesAndTabs(house.database, access),
        traces=RecordedTraces(house.settings, house.database, house.keys, access),
    )


def _counting(counters: Counters) -> Callable[[Call], None]:
    def count(call: Call) -> None:
        counters.count(
            company_id=call.company_id,
            app_id=call.app_id,
            service_account_id=call.service_account_id,
            result=call.result,
            at=call.at,
        )

    return count
