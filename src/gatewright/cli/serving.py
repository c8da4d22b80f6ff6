"""`gatewright serve`: one process, or several that share a listening socket."""

import asyncio
import errno
import gc
import os
import signal
import socket
import sys
from functools import partial
from typing import NoReturn
from urllib.parse import urlsplit

import structlog
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.supervisors import Multiprocess

from gatewright.app import create_app
from gatewright.authz.route_file import read_route_map
from gatewright.authz.route_rules import RouteMap
from gatewright.cli.failures import CannotServe, DidNotStart
from gatewright.cli.loading import Loaded
from gatewright.cli.logs import configure_logging
from gatewright.cli.preparation import prepare_or_require
from gatewright.cli.protocol import IDLE_SECONDS, BoundedProtocol
from gatewright.house import open_house, text_of_routes
from gatewright.operations.service import undeclared_tools
from gatewright.settings import LOOPBACK, Settings

DRAIN_SECONDS = 8  # with what comes after it below ten
WAITING_CONNECTIONS = 2048
_STARTUP_FAILED = 3  # what uvicorn's processes exit with
_log = structlog.get_logger("gatewright.serve")


def serve(loaded: Loaded, *, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or Ctrl-C, then let running requests end.

    The port is taken before anything else, so that a second server changes nothing.
    """
    listener = listen(host, port)
    leave_quietly()
    configure_logging(loaded.settings.log_format)
    routes = text_of_routes(loaded.settings)  # before anything is changed, and once for all processes
    asyncio.run(prepare_or_require(loaded.settings))
    _warn_of_another_port(loaded, port)
    if routes is not None:
        asyncio.run(_warn_of_undeclared_tools(loaded.settings, read_route_map(routes)))
    run(listener, loaded.with_workers(workers), routes=routes)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; CannotServe, with what to do, when the address is not to be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(WAITING_CONNECTIONS)
    except OSError as error:
        raise CannotServe(_why_not(error, host, port)) from None
    listener.set_inheritable(True)
    return listener


def leave_quietly() -> None:
    """Let SIGTERM and Ctrl-C end this process with status 0 and without a word."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)


def run(listener: socket.socket, loaded: Loaded, *, routes: str | None) -> None:
    """Serve on the socket with as many processes as the settings say; DidNotStart when one could not start.

    `routes`: the text of the route map. A process that replaces one that died is told this and the settings like
    the first, whatever their files say by then: all decide alike, and half a file ends nobody.
    """
    config = _config(loaded, routes)
    if loaded.settings.workers == 1:
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except SystemExit as ended:  # by `_leave`, or because the application did not start
            if ended.code:
                raise DidNotStart from None
        return
    several = Multiprocess(config, sockets=[listener])
    several.run()
    if any(process.exitcode == _STARTUP_FAILED for process in several.processes):
        raise DidNotStart


def _config(loaded: Loaded, routes: str | None) -> uvicorn.Config:
    return uvicorn.Config(
        partial(serving_app, loaded, routes),
        factory=True,
        http=BoundedProtocol,
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # the edge reads them, from TRUSTED_PROXIES alone
        server_header=False,
        backlog=WAITING_CONNECTIONS,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        timeout_worker_healthcheck=30,
        workers=loaded.settings.workers,
    )


def serving_app(loaded: Loaded, routes: str | None) -> ASGIApp:
    """Return the application of one process, which says when it is ready; uvicorn calls this in each."""
    configure_logging(loaded.settings.log_format)
    return _Announced(create_app(loaded.settings, sources=loaded.sources, routes=routes), loaded.settings.issuer)


class _Announced:
    """The application, with a line in the log when it has started and when it has ended."""

    def __init__(self, app: ASGIApp, issuer: str) -> None:
        self._app = app
        self._issuer = issuer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                gc.collect()
                gc.freeze()  # what lives as long as the process is not looked through again while it serves
                _log.info("ready", issuer=self._issuer, pid=os.getpid())
            if message["type"] == "lifespan.shutdown.complete":
                _log.info("ended", pid=os.getpid())
            await send(message)

        await self._app(scope, receive, told)


def _why_not(error: OSError, host: str, port: int) -> str:
    place = f"port {port} on {host}"
    why = {
        errno.EADDRINUSE: "it is taken; end the program that has it, or choose another --port",
        errno.EACCES: "it needs more rights; choose a --port above 1023",
        errno.EADDRNOTAVAIL: f"{host} is no address of this computer; choose another --host",
    }.get(error.errno or 0, f"{error.strerror or 'that address is unknown'}; choose another --host")
    return f"Cannot listen at {place}: {why}."


def _warn_of_another_port(loaded: Loaded, port: int) -> None:
    parts = urlsplit(loaded.settings.issuer)
    if parts.hostname in LOOPBACK and (parts.port or 80) != port:
        _log.warning("the issuer names another port", issuer=loaded.settings.issuer, port=port)


async def _warn_of_undeclared_tools(settings: Settings, route_map: RouteMap) -> None:
    async with open_house(settings) as house, house.database.read() as reader:
        tools = await undeclared_tools(reader, route_map.tools)
    if tools:
        _log.warning("routes ask about tools that nobody declared, and refuse everybody", tools=tools)


def _leave(_number: int, _frame: object) -> NoReturn:
    # uvicorn handles them while it serves; after the last answer it raises the one it was ended by again.
    sys.exit(0)
