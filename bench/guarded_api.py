"""An API of one endpoint, once open and once guarded by the SDK: what the guard costs is the difference."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.bare import serve
from gatewright_sdk import AsyncGatewright
from gatewright_sdk.starlette import protect, requires

OPEN, GUARDED = "/open/{project_id}/rfis", "/projects/{project_id}/rfis"
ISSUER, CLIENT_ID, CLIENT_SECRET = "BENCH_ISSUER", "BENCH_CLIENT_ID", "BENCH_CLIENT_SECRET"


async def rfis(_request: Request) -> Response:
    """Answer an empty 200."""
    return Response()


@requires("rfis", "standard")
async def guarded_rfis(_request: Request) -> Response:
    """Answer an empty 200 to whoever may."""
    return Response()


def create_app() -> Starlette:
    """Return the API, guarded by what the environment names."""
    guard = AsyncGatewright(
        os.environ[ISSUER], client_id=os.environ[CLIENT_ID], client_secret=os.environ[CLIENT_SECRET]
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with guard:
            yield

    app = Starlette(routes=[Route(OPEN, rfis), Route(GUARDED, guarded_rfis)], lifespan=lifespan)
    protect(app, guard)
    return app


if __name__ == "__main__":
    serve(create_app(), int(sys.argv[1]), lifespan="on")
