"""The small API on Starlette."""

from sdk.tests.guarded import said
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from gatewright_sdk.guarding import AsyncGuard, Guard
from gatewright_sdk.starlette import protect, requires


@requires("directory", "read_only")
async def contacts(request: Request) -> JSONResponse:
    """The company is in the path, a header or the query."""
    return JSONResponse(said(request.state.gatewright))


@requires("rfis", "standard")
def new_rfi(request: Request) -> JSONResponse:
    """The project is in the path."""
    return JSONResponse(said(request.state.gatewright))


class Project(HTTPEndpoint):
    """A project."""

    @requires("directory", "admin", of="company")
    async def patch(self, request: Request) -> JSONResponse:
        """A company tool, though the path names a project."""
        return JSONResponse({"changed": int(request.path_params["project_id"])})


async def open_to_all(_request: Request) -> JSONResponse:
    """Nothing guards it."""
    return JSONResponse({})


def app_of(guard: AsyncGuard | Guard) -> Starlette:
    """Return the API, guarded."""
    app = Starlette(
        routes=[
            Mount(
                "/rest/v1.0",
                routes=[
                    Route("/companies/{company_id}/contacts", contacts),
                    Route("/contacts", contacts),
                    Route("/projects/{project_id}/rfis", new_rfi, methods=["POST"]),
                    Route("/projects/{project_id}", Project),
                ],
            ),
            Route("/open", open_to_all),
        ]
    )
    protect(app, guard)
    return app
