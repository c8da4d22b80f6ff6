"""Guards the endpoints of a Starlette app: `protect(app, guard)`, then `@requires("rfis", "standard")`.

An endpoint without `requires` is open to anybody; `unguarded(app)` lists those.
"""

import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Literal, TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from gatewright_sdk.guarding import AsyncGuard, Call, Guard, Needs, decide, decide_awaited
from gatewright_sdk.model import Allow, Deny, Refused

__all__ = ["answer_of", "protect", "requires", "unguarded"]

NEEDS = "__gatewright_needs__"
_POLICY_VIOLATION = 1008
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def protect(app: Starlette, guard: AsyncGuard | Guard) -> None:
    """Let `guard` answer for the endpoints of `app`. An app that is mounted in another one needs its own `protect`.

    RuntimeError for an app that runs already: its handlers of exceptions are fixed, and a refusal would be a 500.
    """
    if app.middleware_stack is not None:
        told = "Call it where the app is made; the guard itself may be opened and closed in the lifespan."
        raise RuntimeError(f"protect(app, guard) comes too late: the app runs already. {told}")
    app.state.gatewright = guard
    app.add_exception_handler(Refused, refuse)  # type: ignore[arg-type]  # for requests and websockets alike


def requires(tool: str, level: str, *, of: Literal["company"] | None = None) -> Callable[[Endpoint], Endpoint]:
    """Return a decorator: only callers with this level on this tool reach the endpoint.

    For functions, sync or async, the methods of an HTTPEndpoint, and functions of a websocket, which is judged
    when it opens and not again. The endpoint finds the caller in `request.state.gatewright`, an `Allow`.
    """
    needs = Needs(tool, level, of)

    def guarded(endpoint: Endpoint) -> Endpoint:
        @functools.wraps(endpoint)
        async def judged(*args: Any, **kwargs: Any) -> Any:
            connection = _connection(args, kwargs)
            answer = await answer_of(connection, needs)
            if isinstance(answer, Deny):
                return await refuse(connection, Refused(answer))
            connection.state.gatewright = answer
            if inspect.iscoroutinefunction(endpoint):
                return await endpoint(*args, **kwargs)
            made = await run_in_threadpool(endpoint, *args, **kwargs)
            return await made if inspect.isawaitable(made) else made

        setattr(judged, NEEDS, needs)
        return judged  # type: ignore[return-value]  # awaited where the endpoint was not; Starlette takes both

    return guarded


async def answer_of(connection: HTTPConnection, needs: Needs) -> Allow | Deny:
    """Return the answer to a request or the opening of a websocket; RuntimeError where `protect` was forgotten."""
    guard: AsyncGuard | Guard | None = getattr(connection.app.state, "gatewright", None)
    if guard is None:
        raise RuntimeError("No guard answers for this app: call protect(app, guard).")
    call = call_of(connection)
    if inspect.iscoroutinefunction(guard.check):
        return await decide_awaited(guard, needs, call)  # type: ignore[arg-type]  # an AsyncGuard, as just seen
    return await run_in_threadpool(decide, guard, needs, call)  # type: ignore[arg-type]


def call_of(connection: HTTPConnection) -> Call:
    """Return the request as it was routed."""
    return Call(
        method=str(connection.scope.get("method", "WEBSOCKET")),
        pattern=_pattern(connection),
        parameters=connection.path_params,
        headers=connection.headers.items(),
        query=connection.query_params.multi_items(),
    )


async def refuse(connection: HTTPConnection, error: Exception) -> Response | None:
    """Return the answer to a refused request: status, error body and headers of the platform's API."""
    if not isinstance(error, Refused):
        raise error
    answer = JSONResponse(error.deny.body(), error.deny.status, error.deny.headers())
    if not isinstance(connection, WebSocket):
        return answer
    if "websocket.http.response" in connection.scope.get("extensions", {}):
        await connection.send_denial_response(answer)
    else:
        await connection.close(_POLICY_VIOLATION, error.deny.code)
    return None


def unguarded(app: Starlette, *, public: Collection[str] = ()) -> list[str]:
    """Return the routes that nothing guards, as `GET /path`, but for the paths in `public`.

    For a test of your own: `assert unguarded(app, public={"/healthz"}) == []`.
    """
    return sorted(listed(app.routes, public=public))


def listed(
    routes: Iterable[Any],
    *,
    public: Collection[str],
    flat: Callable[[Iterable[Any]], Iterable[Any]] = list,
    front: str = "",
) -> Iterator[str]:
    """Yield `METHOD /path` of each route, also below mounts, that is not guarded and not public."""
    for route in flat(routes):
        path = front + str(getattr(route, "path", ""))
        if getattr(route, "routes", None):
            yield from listed(route.routes, public=public, flat=flat, front=path)
        elif path not in public and not _is_guarded(route):
            yield from (f"{method} {path}" for method in _methods(route))


def _methods(route: Any) -> list[str]:
    """Return what a route answers to. `*`: an app of its own, which cannot be looked into."""
    if isinstance(getattr(route, "original_route", route), WebSocketRoute):
        return ["WEBSOCKET"]
    methods = set(getattr(route, "methods", None) or ["*"])
    if "GET" in methods and not hasattr(getattr(route, "endpoint", None), "head"):
        methods.discard("HEAD")  # answered as its GET is
    return sorted(methods)


def _is_guarded(route: Any) -> bool:
    endpoint: Any = getattr(route, "endpoint", None)
    if isinstance(endpoint, type) and issubclass(endpoint, HTTPEndpoint):
        names = ("get", "head", "post", "put", "patch", "delete", "options")
        methods = [getattr(endpoint, name) for name in names if hasattr(endpoint, name)]
        return bool(methods) and all(is_marked(method) for method in methods)
    dependant = getattr(route, "dependant", None)
    return is_marked(endpoint) or (dependant is not None and _depends(dependant))


def _depends(dependant: Any) -> bool:
    """Return whether FastAPI's `Depends(requires(…))` is among what an endpoint depends on, at any depth."""
    return is_marked(dependant.call) or any(_depends(inner) for inner in dependant.dependencies)


def is_marked(endpoint: object) -> bool:
    """Return whether `requires` stands before this endpoint."""
    while isinstance(endpoint, functools.partial):
        endpoint = endpoint.func
    return isinstance(getattr(endpoint, NEEDS, None), Needs)


def _connection(args: Sequence[Any], kwargs: dict[str, Any]) -> HTTPConnection:
    """Return the request among an endpoint's arguments: the first, or the second of a method."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, Request | WebSocket):
            return value
    raise TypeError("@requires stands before a function that takes a request or a websocket.")


def _pattern(connection: HTTPConnection) -> str:
    """Return the path of the route, with what it is mounted below."""
    scope = connection.scope
    mounted = str(scope.get("root_path", "")).removeprefix(str(scope.get("app_root_path", "")))
    chosen = scope.get("fastapi", {}).get("effective_route_context") or scope.get("route")
    path = getattr(chosen, "path_format", None) or getattr(chosen, "path", None)
    if path:
        return mounted + str(path)
    front = scope.get("app_root_path", scope.get("root_path", ""))  # Starlette did not always say which route it took
    return str(scope.get("path", "")).removeprefix(str(front))
