"""The Jobsite API guarded by the SDK: each request's token is judged here, from memory where that is fresh."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Request

from examples.jobsite_api.api import Caller, create_api
from examples.jobsite_api.store import Place, Store
from gatewright_sdk import Allow, AsyncGatewright
from gatewright_sdk.fastapi import protect, requires


def from_environment() -> FastAPI:
    """Return the API as its environment says; uvicorn calls this."""
    guard = AsyncGatewright(
        os.environ["JOBSITE_ISSUER"],
        client_id=os.environ["JOBSITE_CLIENT_ID"],
        client_secret=os.environ["JOBSITE_CLIENT_SECRET"],
    )
    return create_app(Store(Path(os.environ.get("JOBSITE_DATABASE", "jobsite.db"))), guard)


def create_app(store: Store, guard: AsyncGatewright) -> FastAPI:
    """Return the API, open to whom `guard` allows; the guard ends with it."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with guard:
            yield

    app = create_api(store, _may, lifespan=lifespan)
    protect(app, guard)
    return app


def _may(tool: str, level: str) -> Callable[..., Awaitable[None]]:
    async def let_in(request: Request, allow: Annotated[Allow, Depends(requires(tool, level))]) -> None:
        place = Place(allow.company_id, int(request.path_params["project_id"]))
        who = allow.principal
        request.state.caller = Caller(place, f"{who.kind.replace('_', ' ')} {who.id}")

    return let_in
