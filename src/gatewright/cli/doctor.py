"""`gatewright doctor`: what stands in the way of serving, and what to do about it."""

import stat
from collections.abc import AsyncIterator, Iterator

from gatewright.base import clock
from gatewright.cli.failures import sentences
from gatewright.cli.preparation import require_migrated
from gatewright.house import KEYS_FILE, BadRoutes, embedded_file, open_house, read_routes
from gatewright.operations import service
from gatewright.operations.model import Finding
from gatewright.settings import Settings


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Yield what was found: database, keys, clock, route map, issuer, proxy headers."""
    for finding in _files(settings):
        yield finding
    async for finding in _database(settings):
        yield finding
    yield service.issuer(settings)
    yield service.proxies(settings)


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
            async for finding in service.contents(reader, now=clock.now()):
                yield finding
            route_map = read_routes(settings)
            yield await service.routes(reader, None if route_map is None else route_map.tools)
    except BadRoutes as bad:
        for sentence in bad.sentences:
            yield Finding("routes", sentence, True)
    except Exception as error:  # whatever it is, it is what doctor was asked for
        for sentence in sentences(error, settings=settings):
            yield Finding("database", sentence, True)
