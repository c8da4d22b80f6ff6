"""Bring a deployment to where it can be served: its folder, its database, its keys, its built-in tools."""

import asyncio
from datetime import datetime

from gatewright.base import clock
from gatewright.base.secrets import ServerKeys
from gatewright.db.engine import Database, Transaction
from gatewright.db.migrate import NewerSchema, SchemaState, migrate, schema_state, take_turns
from gatewright.directory.service import ensure_builtin_tools
from gatewright.events.catalogue import SYSTEM
from gatewright.house import CannotOpen, open_house, read_server_keys
from gatewright.oauth.signing import ensure_signing_key
from gatewright.settings import Settings

_NEWER = "The database was migrated by a newer version of Gatewright; use that version, or restore an older backup."


async def prepare(settings: Settings) -> bool:
    """Make or migrate the database, its folder, keys and built-in tools; return whether the schema changed.

    Safe to run twice, and by two at once.
    """
    if settings.is_embedded:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    read_server_keys(settings)  # before anything is changed: without keys nothing can be
    try:
        changed = await asyncio.to_thread(migrate, settings.database)
    except NewerSchema:
        raise CannotOpen(_NEWER) from None
    async with open_house(settings) as house:
        await house.database.write(lambda tx: _furnish(tx, house.keys, now=clock.now()))
    return changed


async def _furnish(tx: Transaction, keys: ServerKeys, *, now: datetime) -> None:
    await take_turns(tx)
    await ensure_builtin_tools(tx, origin=SYSTEM, now=now)
    await ensure_signing_key(tx, keys=keys, origin=SYSTEM, now=now)


async def prepare_or_require(settings: Settings) -> None:
    """Prepare an embedded database; CannotOpen when PostgreSQL was not migrated by an operator."""
    if settings.is_embedded:
        await prepare(settings)
        return
    read_server_keys(settings)
    await require_migrated(settings)


async def require_migrated(settings: Settings) -> None:
    """Raise CannotOpen unless the database has exactly this version's schema."""
    database = Database.open(settings.database)
    try:
        state = await schema_state(database)
    finally:
        await database.close()
    match state:
        case SchemaState.NEWER:
            raise CannotOpen(_NEWER)
        case SchemaState.EMPTY | SchemaState.OLDER:
            what = "holds no tables yet" if state is SchemaState.EMPTY else "has an older schema"
            raise CannotOpen(f"The database {what}; run: gatewright migrate")
        case SchemaState.CURRENT:
            return
