"""SECRET_KEYS rotated: what hangs from each key, and what is sealed anew (T13)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import LargeBinary, Table, insert, select, update

from gatewright.base.secrets import Purpose, ServerKeys, mint_server_key
from gatewright.db.engine import Database
from gatewright.db.schema import mail_outbox, metadata, record_keys, sessions, signing_keys, users
from gatewright.db.server_keys import HANGS, SEALED, missing_keys, seal_anew, server_key_uses, take_up_current_key

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD_TEXT, NEW_TEXT = mint_server_key(), mint_server_key()
OLD, NEW = ServerKeys.from_texts([OLD_TEXT]), ServerKeys.from_texts([NEW_TEXT])
BOTH = ServerKeys.from_texts([NEW_TEXT, OLD_TEXT])


def test_every_column_that_names_a_server_key_is_watched() -> None:
    """T13: a table whose rows name a key and that nobody asks would let a key be removed that is needed."""
    naming = {c for table in metadata.tables.values() for c in table.c if c.name.endswith("key_id")}
    assert naming - {metadata.tables["server_keys"].c.key_id} == {hang.column for hang in HANGS}


def test_every_sealed_column_is_sealed_anew() -> None:
    """T13."""
    named = {c for table in metadata.tables.values() for c in table.c if c.name.endswith("_sealed")}
    assert named == {sealed.column for sealed in SEALED}
    assert all(isinstance(sealed.column.type, LargeBinary) for sealed in SEALED)
    assert {sealed.key_id for sealed in SEALED} < {hang.column for hang in HANGS}


async def put(database: Database, table: Table, row: Mapping[str, Any]) -> None:
    """Insert one row."""
    await database.write(lambda tx: tx.insert(table, row))


async def seal_some(database: Database, keys: ServerKeys) -> None:
    """Insert a signing key, a record key and a message, sealed where their tables seal."""

    def sealed(purpose: Purpose, place: str, plain: str) -> bytes:
        return keys.seal(purpose, place, plain.encode())

    at, key_id = NOON, keys.current.id
    for table, column in ((signing_keys, "signing_keys"), (record_keys, "record_keys")):
        purpose = Purpose.SIGNING_KEY if table is signing_keys else Purpose.RECORD_KEY
        for kid in ("one", "two"):
            value = sealed(purpose, f"{column}.private_key_sealed:{kid}", f"private {kid}")
            row: dict[str, Any] = {
                "kid": kid,
                "key_id": key_id,
                "private_key_sealed": value,
                "public_jwk": {},
                "created_at": at,
            }
            if table is signing_keys:
                row["current_from"] = at
            await put(database, table, row)
    value = sealed(Purpose.MAIL, "mail_outbox.message_sealed:m", "hello")
    mail = {"id": "m", "key_id": key_id, "message_sealed": value, "created_at": at, "not_before": at}
    await put(database, mail_outbox, mail)


async def opened(database: Database, keys: ServerKeys) -> set[str]:
    """Return what the sealed values say, opened in their own rows."""
    found = set()
    async with database.read() as reader:
        for sealed in SEALED:
            rows: Sequence[Any] = (await reader.execute(select(sealed.row, sealed.column))).all()
            found |= {keys.unseal(sealed.purpose, sealed.place(row), value).decode() for row, value in rows}
    return found


async def test_what_is_sealed_moves_to_the_current_key_when_a_server_starts(database: Database) -> None:
    """T13: afterwards the new key alone opens all of it; a second start moves nothing."""
    await database.write(lambda tx: take_up_current_key(tx, OLD, now=NOON))
    await seal_some(database, OLD)
    await database.write(lambda tx: take_up_current_key(tx, BOTH, now=NOON + HOUR))
    assert await opened(database, NEW) == {"private one", "private two", "hello"}
    assert await database.write(lambda tx: seal_anew(tx, BOTH)) == 0
    async with database.read() as reader:
        new, old = await server_key_uses(reader, now=NOON)
        assert await missing_keys(reader, NEW, now=NOON) == {}
    assert (new.key_id, new.hanging) == (NEW.current.id, {"signing keys": 2, "record keys": 2, "mail": 1})
    assert (old.key_id, old.hanging) == (OLD.current.id, {})


async def test_a_value_of_another_row_does_not_open(database: Database) -> None:
    """T13: sealing is bound to table, column and row; a swapped value is left, told, and hangs from its key."""
    await seal_some(database, OLD)
    async with database.read() as reader:
        columns = signing_keys.c
        first = (await reader.execute(select(columns.private_key_sealed).where(columns.kid == "one"))).scalar_one()
    swapped = update(signing_keys).where(signing_keys.c.kid == "two").values(private_key_sealed=first)
    await database.write(lambda tx: tx.execute(swapped))
    with pytest.raises(ValueError, match="altered"):
        await opened(database, OLD)
    assert await database.write(lambda tx: seal_anew(tx, BOTH)) == 4
    async with database.read() as reader:
        kept = (await reader.execute(select(columns.private_key_sealed).where(columns.kid == "two"))).scalar_one()
    assert kept == first


async def test_a_key_that_nothing_living_hangs_from_may_go(database: Database) -> None:
    """T13: an expired session needs no key; a live one is named when its key is taken away."""
    await database.write(lambda tx: take_up_current_key(tx, OLD, now=NOON))
    user = {"id": 1, "email": "a", "email_folded": "a", "name": "A", "created_at": NOON, "updated_at": NOON}
    await database.write(lambda tx: tx.execute(insert(users).values(**user)))
    times = {"created_at": NOON, "last_seen_at": NOON, "expires_at": NOON + HOUR}
    session = {"id": "s", "digest": b"d", "key_id": OLD.current.id, "user_id": 1, "user_epoch": 0, **times}
    await database.write(lambda tx: tx.execute(insert(sessions).values(**session)))
    async with database.read() as reader:
        just_before = NOON + HOUR - timedelta(microseconds=1)
        assert await missing_keys(reader, NEW, now=just_before) == {OLD.current.id: ["sessions"]}
        assert await missing_keys(reader, NEW, now=NOON + HOUR) == {}
        (use,) = await server_key_uses(reader, now=just_before)
    assert use.hanging == {"sessions": 1}
