"""Which server keys this database was written with, and what still hangs from each."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Column, ColumnElement, Table, exists, func, literal_column, select, update

from gatewright.base.secrets import MissingKey, Purpose, ServerKeys
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

_log = structlog.get_logger("gatewright.server_keys")
SEALED_ANEW = "sealed under the current key when a server starts"


@dataclass(frozen=True, slots=True)
class Hang:
    """Rows that name a server key: what would break, or silently stop being found, without it."""

    what: str
    column: Column[Any]
    until: str  # how they come to name the current key, or to need none
    lives: Callable[[datetime], Sequence[ColumnElement[bool]]]  # rows that are over need no key


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column whose values are sealed, bound to table, column and row."""

    column: Column[Any]
    row: Column[Any]
    key_id: Column[Any]
    purpose: Purpose

    def place(self, row: str) -> str:
        """Return what the value of that row is bound to."""
        return f"{self.column.table.name}.{self.column.name}:{row}"


def _unexpired(table: Table, *over: str) -> Callable[[datetime], Sequence[ColumnElement[bool]]]:
    return lambda now: (table.c.expires_at > now, *(table.c[name].is_(None) for name in over))


def _all(_now: datetime) -> Sequence[ColumnElement[bool]]:
    return ()


HANGS = (
    Hang(
        "client secrets",
        client_secrets.c.key_id,
        "each until it is used next, or retired",
        lambda _: (client_secrets.c.retired_at.is_(None),),
    ),
    Hang(
        "service accounts",
        service_accounts.c.secret_key_id,
        "each until it asks for a token next, or its secret is regenerated",
        lambda _: (service_accounts.c.deleted_at.is_(None),),
    ),
    Hang(
        "token families",
        token_families.c.key_id,
        "each until it is refreshed next, or ends",
        lambda _: (token_families.c.ended_at.is_(None),),
    ),
    Hang("sessions", sessions.c.key_id, "each until it expires or ends", _unexpired(sessions, "ended_at")),
    Hang(
        "authorization codes",
        authorization_codes.c.key_id,
        "each until it is used or expires",
        _unexpired(authorization_codes),
    ),
    Hang(
        "invitations",
        invitations.c.key_id,
        "each until it is accepted, withdrawn or expires",
        _unexpired(invitations, "consumed_at", "withdrawn_at"),
    ),
    Hang(
        "account links",
        account_links.c.key_id,
        "each until it is followed or expires",
        _unexpired(account_links, "consumed_at"),
    ),
    Hang("signing keys", signing_keys.c.key_id, SEALED_ANEW, _all),
    Hang("record keys", record_keys.c.key_id, SEALED_ANEW, _all),
    Hang("mail", mail_outbox.c.key_id, SEALED_ANEW, _all),
)

SEALED = (
    Sealed(signing_keys.c.private_key_sealed, signing_keys.c.kid, signing_keys.c.key_id, Purpose.SIGNING_KEY),
    Sealed(record_keys.c.private_key_sealed, record_keys.c.kid, record_keys.c.key_id, Purpose.RECORD_KEY),
    Sealed(mail_outbox.c.message_sealed, mail_outbox.c.id, mail_outbox.c.key_id, Purpose.MAIL),
)


@dataclass(frozen=True, slots=True)
class ServerKeyUse:
    """A server key that this database was written with, and how many rows hang from it, by what they are."""

    key_id: str
    first_seen_at: datetime
    hanging: Mapping[str, int]


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


async def missing_keys(reader: Reader, keys: ServerKeys, *, now: datetime) -> dict[str, list[str]]:
    """Return, by id, each server key the database names and the settings lack, with what hangs from it."""
    known = {key.id for key in keys.keys}
    named = (await reader.execute(select(server_keys.c.key_id))).scalars().all()
    missing = {}
    for key_id in sorted(set(named) - known):
        hanging = [
            hang.what
            for hang in HANGS
            if (await reader.execute(select(exists().where(hang.column == key_id, *hang.lives(now))))).scalar_one()
        ]
        if hanging:
            missing[key_id] = hanging
    return missing


async def server_key_uses(reader: Reader, *, now: datetime) -> list[ServerKeyUse]:
    """Return every server key this database was ever written with, the latest first, with what hangs from it."""
    counted: dict[str, dict[str, int]] = defaultdict(dict)
    for hang in HANGS:
        statement = select(hang.column.label("key_id"), func.count().label("many")).where(*hang.lives(now))
        for row in await reader.execute(statement.group_by(hang.column)):
            counted[row.key_id][hang.what] = row.many
    columns = server_keys.c
    rows = await reader.execute(select(server_keys).order_by(columns.first_seen_at.desc(), columns.key_id))
    return [ServerKeyUse(row.key_id, row.first_seen_at, counted[row.key_id]) for row in rows]


async def seal_anew(tx: Transaction, keys: ServerKeys) -> int:
    """Return how many sealed values are now under the current server key that were under another one.

    Each is exchanged only while it is what was read, so two servers may start at once. A value
    that does not open is left as it is, and goes on hanging from its key.
    """
    exchanged = 0
    for sealed in SEALED:
        old = select(sealed.row, sealed.column).where(sealed.key_id != keys.current.id)
        rows: Sequence[Any] = (await tx.execute(old)).all()
        for row, value in rows:
            try:
                plain = keys.unseal(sealed.purpose, sealed.place(row), value)
            except (MissingKey, ValueError):
                _log.error("not_sealed_anew", table=sealed.column.table.name, row=row)
                continue
            fresh = {sealed.column.name: keys.seal(sealed.purpose, sealed.place(row), plain)}
            exchange = update(sealed.column.table).where(sealed.row == row, sealed.column == value)
            done = await tx.execute(exchange.values(**fresh, **{sealed.key_id.name: keys.current.id}))
            exchanged += done.rowcount
    return exchanged


async def take_up_current_key(tx: Transaction, keys: ServerKeys, *, now: datetime) -> None:
    """Note that this database is written with the current server key from now on; what is sealed moves to it."""
    await tx.insert_or_ignore(server_keys, {"key_id": keys.current.id, "first_seen_at": now})
    await seal_anew(tx, keys)
