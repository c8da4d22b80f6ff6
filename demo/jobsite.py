"""The Jobsite API beside the demo: in this process while history is played, in one of its own afterwards."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request

from demo.in_process import Caller as Sender
from demo.names import JOBSITE
from examples.jobsite_api.api import Caller, Fault, Guard, create_api
from examples.jobsite_api.store import Place, Store
from gatewright.base import clock
from gatewright.cli.failures import CannotServe
from gatewright.cli.serving import leave_quietly, listen

HOST = "127.0.0.1"
PORT = int(os.environ.get("JOBSITE_PORT", "8410"))
_READY_SECONDS = 30.0


def database_in(folder: Path) -> Path:
    """Return where the API keeps what it was told."""
    return folder / "jobsite.db"


def begin_anew(folder: Path) -> None:
    """Remove the RFIs of another world: its companies had other ids."""
    for kept in folder.glob("jobsite.db*"):
        kept.unlink()


def played(platform: Sender, credentials: Mapping[str, str], folder: Path) -> FastAPI:
    """Return the API in this process; it asks `/authz/check` as its own program, at the hour that is played."""
    return create_api(Store(database_in(folder)), _asking(platform, credentials), now=_hour)


def _asking(platform: Sender, credentials: Mapping[str, str]) -> Guard:
    own = b64encode(f"{credentials['client_id']}:{credentials['client_secret']}".encode()).decode()
    headers = {"authorization": f"Basic {own}", "content-type": "application/json"}

    def may(tool: str, level: str) -> Callable[[Request], Any]:
        async def decide(request: Request) -> None:
            question = {**_named(request), "tool": tool, "level": level}
            body = json.dumps({"questions": [question]}).encode()
            told = (await platform.send("POST", "/authz/check", body=body, headers=headers)).json()
            request.state.caller = _let_in(told["answers"][0], question)

        return decide

    return may


def _named(request: Request) -> dict[str, Any]:
    """Return whom and what a request of the history names; it is never malformed."""
    return {
        "token": request.headers["authorization"].removeprefix("Bearer "),
        "company_id": int(request.headers["gatewright-company-id"]),
        "project_id": int(request.path_params["project_id"]),
        "route": f"{request.method} {request.scope['route'].path}",
    }


def _let_in(answer: Mapping[str, Any], question: Mapping[str, Any]) -> Caller:
    if not answer["allow"]:
        raise Fault(answer["status"], answer["code"], answer["message"], help=answer["help"])
    who = answer["principal"]
    by = f"{who['kind'].replace('_', ' ')} {who['id']}"
    return Caller(Place(who["company_id"], question["project_id"]), by)


def _hour() -> datetime:
    return clock.now()


@contextmanager
def served_beside(
    issuer: str, credentials: Mapping[str, str] | None, folder: Path, *, port: int = PORT
) -> Iterator[str]:
    """Serve the API in a process of its own meanwhile; lend the line that says where, or why not."""
    if credentials is None or "client_secret" not in credentials:
        yield f"The {JOBSITE} does not run: this demo was made without it. Delete {folder} to begin anew."
        return
    try:
        listener = listen(HOST, port)
    except CannotServe:
        yield f"The {JOBSITE} does not run: port {port} is taken. End the program that has it, or set JOBSITE_PORT."
        return
    told = {
        "JOBSITE_ISSUER": issuer,
        "JOBSITE_CLIENT_ID": credentials["client_id"],
        "JOBSITE_CLIENT_SECRET": credentials["client_secret"],
        "JOBSITE_DATABASE": str(database_in(folder)),
    }
    with _running(listener, told) as process:
        listener.close()  # the process has it: where that ends, callers are turned away instead of kept waiting
        why_not = _why_unanswered(process, port)
        if why_not:
            yield f"The {JOBSITE} does not run: {why_not}"
        else:
            yield f"The {JOBSITE}, guarded by the SDK, is at http://{HOST}:{port}"


@contextmanager
def _running(listener: socket.socket, told: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "demo.jobsite", str(listener.fileno())]
    with (
        listener,
        subprocess.Popen(
            command,
            env={**os.environ, **told},
            stdin=subprocess.PIPE,  # it ends when this closes, however this process ends
            pass_fds=[listener.fileno()],
            start_new_session=True,  # Ctrl-C is told to the first process alone
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()


def _why_unanswered(process: subprocess.Popen[bytes], port: int) -> str:
    """Return why the API in that process does not answer; empty once it does."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return f"its process ended with status {process.returncode}. What it said stands above."
        if _answers(port):
            return ""
        time.sleep(0.05)
    process.terminate()
    return f"it did not answer within {_READY_SECONDS:.0f} seconds."


def _answers(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/rest/v1.0/ping")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def main() -> None:
    """Serve on the socket of that number until whoever began this ends."""
    leave_quietly()
    # Here the server is away for one reason alone: the demo is ending, and this process with it.
    logging.getLogger("gatewright_sdk").setLevel(logging.CRITICAL)
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    app = "examples.jobsite_api.guarded_by_sdk:from_environment"
    config = uvicorn.Config(app, factory=True, log_level="warning", server_header=False)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])


def _end_with_the_first() -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing is ever written: it returns when the other end is closed
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
