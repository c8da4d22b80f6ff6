"""One throw-away PostgreSQL cluster per test run, shared by every pytest worker.

The first test that needs it starts it under a file lock; the pytest process that
everything descends from stops it. A database is a copy of a template that was
migrated once.
"""

import asyncio
import fcntl
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import asyncpg

from tests.support.binaries import find_postgresql

T = TypeVar("T")
RUN_FOLDER = "PYTEST_CLUSTER_FOLDER"
_PREFIX = "gatewright-pg-"
_START_ATTEMPTS = 5
_SETTINGS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=300",
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster: where its binaries and data are, and its loopback port."""

    binaries: str
    folder: str
    port: int

    def url(self, database: str) -> str:
        """Return the address of one of its databases."""
        return f"postgresql://gatewright@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        """Run one statement outside of any transaction, from wherever we are."""
        off_the_loop(lambda: asyncio.run(_execute(self.url("postgres"), statement)))

    def create_database(self, *, template: str = "template1") -> str:
        """Return the name of a new database that is a copy of `template`."""
        name = f"t{uuid4().hex}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is still connected."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def template(self, name: str, *, fill: Callable[[str], object]) -> str:
        """Return `name`, a database that `fill(url)` filled once for the whole run."""
        with _locked(Path(self.folder).parent):
            done = Path(self.folder).parent / f"{name}.template"
            if not done.exists():
                self.drop_database(name)
                self.execute(f'CREATE DATABASE "{name}"')
                off_the_loop(lambda: fill(self.url(name)))
                done.touch()
        return name


def running_cluster() -> Cluster:
    """Return this run's cluster, started if it is not; LookupError without binaries."""
    folder = Path(os.environ[RUN_FOLDER])
    folder.mkdir(mode=0o755, exist_ok=True)
    with _locked(folder):
        note = folder / "cluster.json"
        if not note.exists():
            cluster = _start(folder)
            note.write_text(json.dumps(asdict(cluster)))
        return Cluster(**json.loads(note.read_text()))


def claim_run_folder() -> Path:
    """Name the folder that this run's workers share, and clear away what dead runs left behind."""
    parent = _reachable_parent()
    for left in parent.glob(f"{_PREFIX}*"):
        pid = left.name.removeprefix(_PREFIX)
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            remove_run_folder(left)
    folder = parent / f"{_PREFIX}{os.getpid()}"
    os.environ[RUN_FOLDER] = str(folder)
    return folder


def remove_run_folder(folder: Path) -> None:
    """Stop the cluster in `folder`, if one runs there, and remove everything."""
    note = folder / "cluster.json"
    if note.exists():
        cluster = Cluster(**json.loads(note.read_text()))
        _postgresql(cluster.binaries, "pg_ctl", "stop", "-D", cluster.folder, "-m", "immediate", check=False)
    shutil.rmtree(folder, ignore_errors=True)


def _reachable_parent() -> Path:
    """Return a folder for temporary things that the unprivileged user can walk into."""
    chosen = Path(tempfile.gettempdir())
    parents = (chosen, *chosen.parents)
    return chosen if all(folder.stat().st_mode & 0o001 for folder in parents) else Path("/tmp")


def _start(folder: Path) -> Cluster:
    binaries = find_postgresql()
    if binaries is None:
        raise LookupError("no PostgreSQL binaries on this machine; `make test` tries to install them")
    data = folder / "data"
    data.mkdir(mode=0o700)
    if user := _user():
        shutil.chown(data, user)
        binaries = _readable(binaries, folder)
    _postgresql(
        str(binaries), "initdb", "-D", str(data), "-U", "gatewright", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"
    )
    for attempt in range(_START_ATTEMPTS):
        port = free_port()
        options = " ".join(f"-c {setting}" for setting in (*_SETTINGS, f"port={port}"))
        log = str(data / "server.log")
        last = attempt + 1 == _START_ATTEMPTS
        if _postgresql(str(binaries), "pg_ctl", "start", "-w", "-D", str(data), "-l", log, "-o", options, check=last):
            return Cluster(str(binaries), str(data), port)
    raise AssertionError("unreachable: the last attempt returns or raises")


def _readable(binaries: Path, folder: Path) -> Path:
    """Return `binaries`, or a copy of the wheel's where the unprivileged user can run them."""
    program = str(binaries / "postgres")
    if subprocess.run(["test", "-x", program], user=_user(), check=False, cwd="/").returncode == 0:
        return binaries
    if binaries.parent.name != "pginstall":
        raise LookupError(f"{_user()} may not run {program}; PostgreSQL refuses root, so make it reachable")
    package = binaries.parents[1]
    for part in package.parent.glob(f"{package.name}*"):  # the binaries look for their libraries beside the package
        shutil.copytree(part, folder / part.name, symlinks=True)
    return folder / package.name / "pginstall" / "bin"


def _postgresql(binaries: str, program: str, *arguments: str, check: bool = True) -> bool:
    """Return whether the program succeeded; its words are raised when it must and did not."""
    user = _user()
    # pg_ctl's child keeps our pipes open, so it writes to a file instead.
    with tempfile.TemporaryFile("w+") as said:
        done = subprocess.run(
            [Path(binaries) / program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd="/",
            check=False,
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
        )
        said.seek(0)
        if check and done.returncode != 0:
            raise RuntimeError(f"{program} failed: {said.read()[-2000:]}")
    return done.returncode == 0


def _user() -> str | None:
    """Return whom PostgreSQL runs as when we are root: initdb and postgres refuse root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def free_port() -> int:
    """Return a loopback port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def off_the_loop(work: Callable[[], T]) -> T:
    """Return what `work` returns on a thread of its own, so that it may run an event loop wherever we stand."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()
