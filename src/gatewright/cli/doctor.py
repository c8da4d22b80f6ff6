"""`gatewright doctor`: what stands in the way of serving, and what to do about it."""

import json
import stat
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPException
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from gatewright.base import clock
from gatewright.cli.failures import sentences
from gatewright.cli.preparation import require_migrated
from gatewright.db.engine import Reader
from gatewright.db.health import clock_difference, count_operators, has_signing_key
from gatewright.house import KEYS_FILE, embedded_file, open_house
from gatewright.settings import Settings

_MOST_DIFFERENCE = timedelta(seconds=5)
_ANSWER_SECONDS = 3
_METADATA = "/.well-known/oauth-authorization-server"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `is_wrong` ones stand in the way."""

    about: str
    says: str
    is_wrong: bool = False


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Yield what was found: database, keys, clock, issuer, proxy headers."""
    for finding in _files(settings):
        yield finding
    async for finding in _database(settings):
        yield finding
    yield _issuer(settings)
    yield _proxies(settings)


def _files(settings: Settings) -> Iterator[Finding]:
    if not settings.is_embedded:
        return
    for path, wanted in ((settings.data_dir, 0o700), (settings.data_dir / KEYS_FILE, 0o600)):
        if path.exists() and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
            yield Finding("files", f"{path} is open to other users ({mode:o}); run: chmod {wanted:o} {path}", True)


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    file = embedded_file(settings)
    if file is not None and not file.exists():
        yield Finding("database", f"{file} does not exist yet; run: gatewright migrate", True)
        return
    try:
        await require_migrated(settings)
        async with open_house(settings) as house, house.database.read() as reader:
            yield Finding("database", f"{house.database.dialect}, reachable, with this version's schema")
            async for finding in _contents(reader):
                yield finding
    except Exception as error:  # whatever it is, it is what doctor was asked for
        for sentence in sentences(error, settings=settings):
            yield Finding("database", sentence, True)


async def _contents(reader: Reader) -> AsyncIterator[Finding]:
    now = clock.now()
    if await has_signing_key(reader, now=now):
        yield Finding("keys", "every server key is there, and one to sign tokens with")
    else:
        yield Finding("keys", "no key to sign tokens with; run: gatewright migrate", True)
    difference = await clock_difference(reader, now=now)
    if difference > _MOST_DIFFERENCE:
        said = f"this computer's clock differs from the database's by {difference.total_seconds():.0f} s"
        yield Finding("clock", f"{said}; set both by NTP, else tokens end too early or too late", True)
    else:
        yield Finding("clock", "agrees with the database")
    if await count_operators(reader) == 0:
        yield Finding("operator", "nobody is operator yet; run: gatewright operator create EMAIL")


def _issuer(settings: Settings) -> Finding:
    address = settings.issuer + _METADATA
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=_ANSWER_SECONDS) as answer:
            named = json.loads(answer.read(65_536)).get("issuer")
    except (URLError, HTTPException, OSError, ValueError, AttributeError):
        return Finding("issuer", f"nothing of ours answers at {settings.issuer} now; the server may not be running")
    if named != settings.issuer:
        return Finding("issuer", f"{settings.issuer} is answered by another issuer; correct GATEWRIGHT_ISSUER", True)
    return Finding("issuer", f"{settings.issuer} answers")


def _proxies(settings: Settings) -> Finding:
    if settings.is_https and not settings.trusted_proxies:
        told = "https means a proxy in front, but GATEWRIGHT_TRUSTED_PROXIES is empty: "
        return Finding("proxy", told + "every call seems to come from the proxy; name its address", True)
    trusted = ", ".join(settings.trusted_proxies) or "nobody"
    return Finding("proxy", f"X-Forwarded-For is believed from {trusted}")
