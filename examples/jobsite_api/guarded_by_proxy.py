"""The Jobsite API behind a proxy that asks Gatewright before it passes a request on (`routes.yaml`).

Who calls is told by the headers `Gatewright-Auth-*`. Anybody could write those, so they count only
beside an assertion that Gatewright signed for the same identity, for this tool and this project, less
than a minute ago. Keep the API where the proxy alone reaches it all the same: for that minute an
assertion is good for whoever holds it, also after what it says has ended.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from examples.jobsite_api.api import Caller, Guard, create_api
from examples.jobsite_api.store import Place, Store
from gatewright_sdk import AsyncGatewright, Deny, Identity, Refused
from gatewright_sdk.model import LEVELS

ASSERTION = "gatewright-auth-assertion"
_FOUND_OUT = Deny(
    code="token_invalid",
    status=401,
    message="The identity headers are not those that the assertion was signed for.",
    help="Whoever runs this API lets its proxy strip what callers send as Gatewright-Auth-* and set its own.",
)
_OF_ANOTHER_ROUTE = Deny(
    code="token_invalid",
    status=401,
    message="The assertion was signed for another tool or another project.",
    help="Whoever runs this API gives its proxy a route map that names what the API needs.",
)


def from_environment() -> FastAPI:
    """Return the API as its environment says; uvicorn calls this."""
    # It verifies assertions by the public key set and asks nothing else: no credentials are needed.
    guard = AsyncGatewright(os.environ["JOBSITE_ISSUER"], client_id="none", client_secret="none")
    return create_app(Store(Path(os.environ.get("JOBSITE_DATABASE", "jobsite.db"))), guard)


def create_app(store: Store, guard: AsyncGatewright) -> FastAPI:
    """Return the API, for requests that came through the proxy; `guard` ends with it."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with guard:
            yield

    app = create_api(store, _may(guard), lifespan=lifespan)
    app.add_exception_handler(Refused, _told)
    return app


def _may(guard: AsyncGatewright) -> Guard:
    def may(tool: str, level: str) -> Callable[[Request], Awaitable[None]]:
        async def decide(request: Request) -> None:
            identity = await guard.verify_assertion(_header(request, ASSERTION))
            if isinstance(identity, Deny):
                raise Refused(identity)
            request.state.caller = _let_in(request, identity, tool=tool, level=level)

        return decide

    return may


def _let_in(request: Request, identity: Identity, *, tool: str, level: str) -> Caller:
    told = {name: _header(request, name) for name in _headers_of(identity)}
    if told != _headers_of(identity) or identity.company_id is None:
        raise Refused(_FOUND_OUT)
    # The proxy asked for this route already; an assertion of another route is no way around it.
    project_id = int(request.path_params["project_id"])
    if not identity.holds(tool, level, project_id=project_id):
        is_of_here = identity.holds(tool, LEVELS[0], project_id=project_id)
        raise Refused(_too_low(level) if is_of_here else _OF_ANOTHER_ROUTE)
    who = f"service account {identity.service_account_id}" if identity.user_id is None else f"user {identity.user_id}"
    return Caller(Place(identity.company_id, project_id), who)


def _headers_of(identity: Identity) -> dict[str, str]:
    """Return what the proxy passes on for this identity."""
    told = {
        "user-id": identity.user_id,
        "service-account-id": identity.service_account_id,
        "client-id": identity.client_id,
        "company-id": identity.company_id,
        "contact-id": identity.contact_id,
        "level": identity.level,
        "scope": " ".join(identity.scopes),
    }
    return {f"gatewright-auth-{name}": "" if value is None else str(value) for name, value in told.items()}


def _header(request: Request, name: str) -> str:
    """Return a header's one value, empty when it is not there; Refused when there are two, in any spelling."""
    found = [value for given, value in request.headers.items() if given.replace("_", "-") == name]
    if len(found) > 1:
        raise Refused(_FOUND_OUT)
    return found[0] if found else ""


def _too_low(level: str) -> Deny:
    needs = f"This needs the level {level.replace('_', ' ')}."
    who = "Someone who holds Directory: Admin in this company can raise it."
    return Deny(code="permission_insufficient", status=403, message=needs, help=who)


async def _told(_request: Request, refused: Exception) -> JSONResponse:
    assert isinstance(refused, Refused)  # noqa: S101
    deny = replace(refused.deny, request_id=str(uuid4()))
    return JSONResponse(deny.body(), deny.status, headers=deny.headers())
