"""Guards the endpoints of a FastAPI app: `protect(app, guard)`, then `Depends(requires("rfis", "standard"))`.

An endpoint without it is open to anybody; `unguarded(app)` lists those.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, Literal

import fastapi.routing
from fastapi import FastAPI
from starlette.requests import HTTPConnection

from gatewright_sdk.guarding import Needs
from gatewright_sdk.model import Allow, Deny, Refused
from gatewright_sdk.starlette import NEEDS, answer_of, listed, protect

__all__ = ["protect", "requires", "unguarded"]


def requires(
    tool: str, level: str, *, of: Literal["company"] | None = None
) -> Callable[[HTTPConnection], Awaitable[Allow]]:
    """Return a dependency that gives the caller, or refuses who lacks this level on this tool.

    For an endpoint, `Annotated[Allow, Depends(requires("rfis", "standard"))]`, a router or an
    app, `dependencies=[Depends(…)]`. A websocket is judged when it opens and not again.
    """
    needs = Needs(tool, level, of)

    async def caller(connection: HTTPConnection) -> Allow:
        answer = await answer_of(connection, needs)
        if isinstance(answer, Deny):
            raise Refused(answer)
        return answer

    setattr(caller, NEEDS, needs)
    return caller


def unguarded(app: FastAPI, *, public: Collection[str] = ()) -> list[str]:
    """Return the routes that nothing guards, as `GET /path`, but for the paths in `public`.

    FastAPI's own pages, such as /docs and /openapi.json, are among them.
    """
    return sorted(listed(app.routes, public=public, flat=_flat))


def _flat(routes: Iterable[Any]) -> Iterable[Any]:
    """Return the routes with those of included routers, each with its whole path and all dependencies."""
    contexts = getattr(fastapi.routing, "iter_route_contexts", None)  # older versions keep one flat list
    return routes if contexts is None else contexts(list(routes))
