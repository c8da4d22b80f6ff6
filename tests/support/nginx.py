"""A running nginx on a free loopback port, configured by the file that is shipped: only ports differ."""

import getpass
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.binaries import find_nginx
from tests.support.postgres import free_port

SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "nginx" / "gatewright.conf"
_READY_SECONDS = 10.0
_DRAIN_SECONDS = 10.0
# What a distribution's own nginx.conf stands for around a file in conf.d; every path is inside the prefix.
_AROUND = """
daemon off;
{user}
worker_processes 1;
pid nginx.pid;
error_log error.log notice;
events {{ worker_connections 512; }}
http {{
    access_log access.log;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include gatewright.conf;
}}
"""


@dataclass(slots=True)
class Nginx:
    """A running nginx; its log is what it said."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def base_url(self) -> str:
        """Return where clients ask."""
        return f"http://127.0.0.1:{self.port}"

    def said(self) -> str:
        """Return its error log so far, and what it said before it had one."""
        return "".join((self.folder / name).read_text(errors="replace") for name in ("started.log", "error.log"))


def needed_nginx() -> Path:
    """Return the executable; skips, loudly, where none is to be had."""
    executable = find_nginx()
    if executable is None:
        pytest.skip("no nginx with auth_request on this machine; `make test` tries to install it")
    return executable


def shipped(*, port: int, gatewright: int, api: int) -> str:
    """Return the shipped file with these ports; a place that is not there exactly once fails the test."""
    text = SHIPPED.read_text()
    for told, here in (
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("server 127.0.0.1:8400;", f"server 127.0.0.1:{gatewright};"),
        ("server 127.0.0.1:8410;", f"server 127.0.0.1:{api};"),
    ):
        assert text.count(told) == 1, f"{SHIPPED} has {told!r} {text.count(told)} times"
        text = text.replace(told, here)
    return text


@contextmanager
def running_nginx(folder: Path, *, gatewright: int, api: int) -> Iterator[Nginx]:
    """Lend an nginx in front of an API, in a folder of its own; it ends with its master's pid."""
    executable = needed_nginx()
    folder.mkdir()
    port = free_port()
    (folder / "gatewright.conf").write_text(shipped(port=port, gatewright=gatewright, api=api))
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_AROUND.format(user=user))
    (folder / "error.log").touch()
    with (folder / "started.log").open("wb") as sink:
        command = [str(executable), "-p", f"{folder}/", "-c", "nginx.conf"]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True
        )
    nginx = Nginx(port, folder, process)
    try:
        _wait_until_ready(nginx)
        yield nginx
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(_DRAIN_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # a session of its own: its workers and nothing else
        process.wait()


def _wait_until_ready(nginx: Nginx) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if nginx.process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", nginx.port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nginx is not ready:\n{nginx.said()}")
