"""Which server keys this database was written with, and what still hangs from each."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy import exists, literal_column, select

from gatewright.base.secrets import ServerKeys
from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import (
    account_links,
    authorization_codes,
    client_secrets,
    invitations,
    mail_outbox,
    record_keys,
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
    "account links": account_links.c.key_id,
    "mail": mail_outbox.c.key_id,
    "record keys": record_keys.c.key_id,
}


def has_server_keys(file: Path) -> bool:
    """Return whether the embedded database in the file was written with a server key; False when there is none.

    Asked before the database is opened for use: nothing is made or changed.
    """
    if not file.exists():
        return False
    # Reading a database makes the files of its log, unless it is said to stand still.
    how = "mode=ro" if file.with_name(f"{file.name}-wal").exists() else "mode=ro&immutable=1"
    asked = str(select(server_keys.c.key_id).limit(literal_column("1")))
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?{how}", uri=True)) as connection:
            return connection.execute(asked).fetchone() is not None
    except sqlite3.DatabaseError:  # no database, or one without tables yet: whoever opens it tells
        return False


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
