"""How the tests call an app: over ASGI, or over WSGI as a server joins headers."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.util import setup_testing_defaults

import httpx
from sdk.tests.guarded import on_django, on_fastapi, on_flask, on_starlette

from gatewright_sdk.guarding import AsyncGuard, Guard

FRAMEWORKS = ("fastapi", "starlette", "flask", "django-wsgi", "django-asgi")


@asynccontextmanager
async def app_in(framework: str, *, guard: Guard, awaited: AsyncGuard | Guard) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a client of the small API in a framework; `awaited` guards where the framework takes one."""
    async with AsyncExitStack() as stack:
        transport: httpx.AsyncBaseTransport
        match framework:
            case "fastapi":
                transport = httpx.ASGITransport(on_fastapi.app_of(awaited))
            case "starlette":
                transport = httpx.ASGITransport(on_starlette.app_of(awaited))
            case "flask":
                transport = Joined(on_flask.app_of(guard))
            case "django-wsgi":
                transport = Joined(stack.enter_context(on_django.wsgi_app_of(guard)))
            case _:
                transport = httpx.ASGITransport(stack.enter_context(on_django.asgi_app_of(guard)))
        yield await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://api.example"))


class Joined(httpx.AsyncBaseTransport):
    """A WSGI server, as far as requests go (PEP 3333): repeated headers are joined with a comma (RFC 3875 §4.1.18)."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the app's answer."""
        return await asyncio.to_thread(self._answer, _environ(request, await request.aread()))

    def _answer(self, environ: dict[str, Any]) -> httpx.Response:
        told: list[Any] = []
        pieces = self._app(environ, lambda status, headers, _error=None: told.extend((status, headers)))
        content = b"".join(pieces)
        if hasattr(pieces, "close"):
            pieces.close()
        return httpx.Response(int(told[0].split()[0]), headers=told[1], content=content)


def _environ(request: httpx.Request, body: bytes) -> dict[str, Any]:
    environ: dict[str, Any] = {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    setup_testing_defaults(environ)
    path, _, query = request.url.raw_path.partition(b"?")
    environ |= {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
    }
    for name, value in request.headers.raw:
        key, text = "HTTP_" + name.decode("latin-1").upper().replace("-", "_"), value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ and key != "HTTP_HOST" else text
    return environ


async def get(
    app: Any,
    path: str,
    headers: Mapping[str, str],
    content: bytes = b"",
    method: str = "GET",
    *,
    root_path: str = "",
) -> httpx.Response:
    """Return an ASGI app's answer; what it raises is raised."""
    transport = httpx.ASGITransport(app, root_path=root_path)
    async with httpx.AsyncClient(transport=transport, base_url="http://api.example") as client:
        return await client.request(method, root_path + path, headers=headers, content=content)


async def opened(app: Any, path: str, headers: Mapping[str, str], *, answers_http: bool) -> list[str]:
    """Return what an ASGI app says to the opening of a websocket, of a server that can or cannot refuse by HTTP."""
    said: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Mapping[str, Any]) -> None:
        number = message.get("status") or message.get("code") or ""
        said.append(f"{message['type']} {number}".strip())

    scope = {
        "type": "websocket",
        "path": path,
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "extensions": {"websocket.http.response": {}} if answers_http else {},
    }
    await app(scope, receive, send)
    return said
