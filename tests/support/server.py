"""A real `gatewright serve` process on a free loopback port."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.postgres import free_port

GATEWRIGHT = Path(sys.executable).with_name("gatewright")
_KEPT = ("HOME", "LANG", "PATH", "PYTHONPATH", "TMPDIR", "VIRTUAL_ENV")
_READY_SECONDS = 40.0
_DRAIN_SECONDS = 15.0


@dataclass(slots=True)
class Server:
    """One running server; `stop` asks it to leave, `kill` does not ask."""

    base_url: str
    data_dir: Path
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """Return the process that was started; workers are its children."""
        return self.process.pid

    def stop(self) -> int:
        """Return the exit status after SIGTERM; a server that does not drain in time is killed and told on."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not drain within {_DRAIN_SECONDS} s of SIGTERM:\n{self.said()}") from None

    def kill(self) -> None:
        """End it and its workers with SIGKILL, as a power cut would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)  # a session of its own: nothing else is in it
        self.process.wait()

    def said(self) -> str:
        """Return its log so far."""
        return self.log.read_text(errors="replace")

    def ready_pids(self, least: int, *, seconds: float = 60.0) -> list[int]:
        """Return the processes that became ready so far, once they are that many."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            told = (json.loads(line) for line in self.said().splitlines() if line.endswith("}"))
            pids = [line["pid"] for line in told if line["event"] == "ready"]
            if len(pids) >= least:
                return pids
            time.sleep(0.05)
        raise AssertionError(f"{least} processes were never ready:\n{self.said()}")

    def await_said(self, words: str, *, seconds: float = 20.0) -> str:
        """Return its log once these words are in it: an answer may arrive before the line about it is written."""
        until = time.monotonic() + seconds
        while words not in (said := self.said()):
            assert time.monotonic() < until, f"never said {words!r}:\n{said}"
            time.sleep(0.02)
        return said


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return a clean environment: what a process needs, and `GATEWRIGHT_` before each of `settings`."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {f"GATEWRIGHT_{name}": value for name, value in settings.items()}


def command(
    *arguments: str, data_dir: Path, settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Return what `gatewright ARGUMENTS` said and its exit status; it runs in an empty folder's company."""
    return subprocess.run(
        [GATEWRIGHT, *arguments],
        env=environment({"DATA_DIR": str(data_dir), **(settings or {})}),
        cwd=data_dir.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def start_server(
    *, data_dir: Path, settings: Mapping[str, str] | None = None, workers: int = 1, port: int | None = None
) -> Server:
    """Return a server that answers `/readyz` with 200; AssertionError with its log when it never does."""
    port = port or free_port()
    base_url = f"http://127.0.0.1:{port}"
    chosen = {
        "ISSUER": base_url,
        "DATA_DIR": str(data_dir),
        "MANAGEMENT_ADDRESS": f"127.0.0.1:{free_port()}",
        **(settings or {}),
    }
    log = data_dir.parent / f"server-{port}-{time.monotonic_ns()}.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [GATEWRIGHT, "serve", "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)],
            env=environment(chosen),
            cwd=data_dir.parent,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(base_url, data_dir, log, process)
    try:
        _wait_until_ready(server)
    except BaseException:
        server.kill()
        raise
    return server


@contextmanager
def running_server(*, data_dir: Path, settings: Mapping[str, str] | None = None, workers: int = 1) -> Iterator[Server]:
    """Lend a ready server; on the way out it must drain, unless the test killed it."""
    server = start_server(data_dir=data_dir, settings=settings, workers=workers)
    try:
        yield server
    except BaseException:
        server.kill()
        raise
    server.stop()


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    with httpx.Client(base_url=server.base_url, timeout=2, trust_env=False) as client:
        while time.monotonic() < deadline:
            if server.process.poll() is not None:
                raise AssertionError(f"exited with {server.process.returncode} before it was ready:\n{server.said()}")
            try:
                if client.get("/readyz").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
    raise AssertionError(f"not ready within {_READY_SECONDS} s:\n{server.said()}")
