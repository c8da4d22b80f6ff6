"""Which server keys this database was written with, and what still hangs from each."""

from datetime import datetime

from sqlalchemy import exists, select

from gatewright.base.secrets import ServerKeys
from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import (
    authorization_codes,
    client_secrets,
    invitations,
    server_keys,
    service_accounts,
    sessions,
    signing_keys,
    token_families,
)

# What would break, or silently stop being found, without its key.
_HANGS = {
    "client secrets": client_secrets.c.key_id,
    "service accounts": service_accounts.c.secret_key_id,
    "token families": token_families.c.key_id,
    "signing keys": signing_keys.c.key_id,
    "sessions": sessions.c.key_id,
    "authorization codes": authorization_codes.c.key_id,
    "invitations": invitations.c.key_id,
}


async def missing_keys(reader: Reader, keys: ServerKeys) -> dict[str, list[str]]:
    """Return, by id, each server key the database names and the settings lack, with what hangs from it."""
    known = {key.id for key in keys.keys}
    named = (await reader.execute(select(server_keys.c.key_id))).scalars().all()
    missing = {}
    for key_id in sorted(set(named) - known):
        hanging = [
            what
            for what, column in _HANGS.items()
            if (await reader.execute(select(exists().where(column == key_id)))).scalar_one()
        ]
        if hanging:
            missing[key_id] = hanging
    return missing


async def register_current_key(transaction: Transaction, keys: ServerKeys, *, now: datetime) -> None:
    """Note that this database is written with the current server key from now on."""
    await transaction.insert_or_ignore(server_keys, {"key_id": keys.current.id, "first_seen_at": now})
