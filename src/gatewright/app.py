"""The composition root: the house opened, the slices' routes joined, refusals told.

Nothing imports it but the command line and the tests.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, closing
from datetime import datetime

from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount
from starlette.types import Scope

from gatewright import __version__
from gatewright.activity import record_api, record_pages
from gatewright.activity.counters import Counters
from gatewright.activity.model import NOT_APPLICABLE, Refusal
from gatewright.activity.traces import RecordedTraces
from gatewright.apps import api as apps_api
from gatewright.apps import pages as apps_pages
from gatewright.apps.secret_uses import SecretUses
from gatewright.authz import check, feed
from gatewright.authz.assertion import Assertions
from gatewright.authz.feed_tail import Tail
from gatewright.authz.forward import Forward
from gatewright.authz.questions import PATH as FORWARD_PATH
from gatewright.base import clock
from gatewright.decisions import api as decisions_api
from gatewright.decisions import explain_api
from gatewright.decisions import pages as decisions_pages
from gatewright.decisions.calls import Call, RefusedCall
from gatewright.decisions.engine import Decisions
from gatewright.decisions.navigation import PlacesAndTabs
from gatewright.directory import api as directory_api
from gatewright.directory import pages as directory_pages
from gatewright.events.catalogue import SYSTEM
from gatewright.house import House, open_house, read_routes
from gatewright.login import pages as login_pages
from gatewright.login.asked import Answers
from gatewright.login.inviting import InvitationDesk
from gatewright.login.passwords import Passwords
from gatewright.login.sessions import SessionKeeper
from gatewright.mail.sending import Sender
from gatewright.oauth import authorize_endpoint, key_pages, trial_pages
from gatewright.oauth import endpoints as oauth_endpoints
from gatewright.oauth import pages as oauth_pages
from gatewright.oauth.signing import ensure_signing_key
from gatewright.oauth.tokens import TokenReader
from gatewright.operations import pages as operations_pages
from gatewright.service_accounts import api as service_accounts_api
from gatewright.service_accounts import pages as service_accounts_pages
from gatewright.settings import Settings
from gatewright.web import health
from gatewright.web.core import Core
from gatewright.web.edge import Edge, Plain, Seen
from gatewright.web.intake import Intake
from gatewright.web.limits import CallLimits
from gatewright.web.openapi import describe
from gatewright.web.refusals import TRANSLATED, translate
from gatewright.web.static_files import Static

# First what is asked most: no session, no form token and no page stands before it.
ROUTES: tuple[Sequence[BaseRoute], ...] = (
    check.routes,
    feed.routes,
    oauth_endpoints.routes,
    decisions_api.router.routes,
    explain_api.router.routes,
    directory_api.router.routes,
    apps_api.router.routes,
    service_accounts_api.router.routes,
    record_api.router.routes,
    health.routes,
    authorize_endpoint.routes,
    login_pages.routes,
    oauth_pages.routes,
    key_pages.routes,
    trial_pages.routes,
    directory_pages.routes,
    apps_pages.routes,
    service_accounts_pages.routes,
    record_pages.routes,
    decisions_pages.routes,
    operations_pages.routes,
    [Mount("/static", Static(), name="static")],
)


def create_app(settings: Settings, *, sources: Mapping[str, str] | None = None, routes: str | None = None) -> FastAPI:
    """Return the ASGI application; its lifespan opens and closes the house.

    `sources`: where each setting that is no default came from, for the operator's page.
    `routes`: the text of the route map; without it the file that the settings name is read at the start.
    """
    app = FastAPI(
        version=__version__,
        lifespan=_lifespan(settings, routes),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # they would answer with an address made of Host
        # T13: traces and their logs would hold what clients sent.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.state.setting_sources = dict.fromkeys(settings.model_fields_set, "given") if sources is None else sources
    for of_a_slice in ROUTES:
        app.router.routes.extend(of_a_slice)  # all in one list: 405 names every method of a path
    app.openapi = describe(app, settings)  # type: ignore[method-assign]
    app.add_middleware(Intake)
    app.add_middleware(Edge, trusted_proxies=settings.trusted_proxies, direct=(FORWARD_PATH, _forward))
    for kind in TRANSLATED:
        app.add_exception_handler(kind, translate)
    return app


async def _forward(scope: Scope, noted: Seen) -> Plain:
    forward: Forward = scope["app"].state.forward
    return await forward.answer(scope, noted)


def _lifespan(settings: Settings, routes: str | None) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_house(settings) as house:
            await ensure_signing_key(house.database, keys=house.keys, origin=SYSTEM, now=clock.now())
            counters, limits = Counters(house.database), CallLimits.of(settings)
            answers = Answers(house.keys, settings.issuer, settings.service_domain)
            sender = Sender(settings, house.database, house.keys, answers.by_template)
            with closing(Passwords()) as passwords:
                app.state.routes = route_map = read_routes(settings, text=routes)
                app.state.tools_of_routes = None if route_map is None else route_map.tools
                _furnish(app, house, passwords, counters, limits)
                app.state.secret_uses = uses = SecretUses(house.database)
                async with counters.running(), uses.running(), aclosing(limits), sender.running():
                    app.state.tail = tail = Tail(house.database)
                    async with tail.running():
                        yield

    return lifespan


def _furnish(app: FastAPI, house: House, passwords: Passwords, counters: Counters, limits: CallLimits) -> None:
    """Put the parts that routes ask for into the application's state."""
    app.state.house = house
    tokens = TokenReader(house.settings, house.database, house.keys, house.facts)
    app.state.tokens = tokens
    app.state.passwords = passwords
    app.state.counters = counters
    access = Decisions(house.database, house.facts, tokens, _counting(counters), limits)
    assertions = Assertions(house.settings, house.facts, tokens.signing)
    app.state.forward = Forward(house.settings, access, assertions, app.state.routes)
    app.state.core = Core(
        settings=house.settings,
        database=house.database,
        keys=house.keys,
        facts=house.facts,
        access=access,
        sessions=SessionKeeper(house),
        navigation=PlacesAndTabs(house.database, access),
        traces=RecordedTraces(house.settings, house.database, house.keys, access),
        invitations=InvitationDesk(house.settings, house.database, house.keys),
    )


def _counting(counters: Counters) -> Callable[[Call, datetime], None]:
    def count(call: Call, at: datetime) -> None:
        counters.count(
            company_id=call.company_id,
            app_id=call.app_id,
            service_account_id=call.service_account_id,
            result=call.result,
            at=at,
        )
        if call.refused is not None:
            counters.refusals.keep(_refusal(call, call.refused, at))

    return count


def _refusal(call: Call, refused: RefusedCall, at: datetime) -> Refusal:
    return Refusal(
        company_id=call.company_id or NOT_APPLICABLE,
        request_id=refused.request_id,
        at=at,
        code=call.result,
        app_id=call.app_id or NOT_APPLICABLE,
        service_account_id=call.service_account_id or NOT_APPLICABLE,
        user_id=refused.user_id,
        contact_id=refused.contact_id,
        project_id=refused.project_id,
        asked=refused.asked,
    )
