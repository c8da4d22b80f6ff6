"""The chain of a record, pure; and chains as the databases hold them: gapless, verifiable, whoever writes at once."""

import asyncio
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from gatewright.activity.record_service import begin_export, record_key
from gatewright.base.ids import NO_COMPANY, CompanyId
from gatewright.db.engine import Database, Transaction
from gatewright.db.migrate import migrate
from gatewright.db.schema import chains, events
from gatewright.events import chain
from gatewright.events.catalogue import SYSTEM, CompanyChanged, ContactAdded, TermsPublished
from gatewright.events.log import record
from gatewright.events.verification import Verified, verify
from tests.events.exported import exported
from tests.support.postgres import off_the_loop
from tests.support.tenants import NOON, Tenants, by

ENTRY: dict[str, Any] = {name: name for name in chain.ENTRY_FIELDS}


# R2: what anybody can compute again with SHA-256 alone.
def test_an_entrys_digest_is_that_of_the_one_before_it_and_its_own_fields() -> None:
    first = chain.genesis(3)
    assert first == hashlib.sha256(b"gatewright record\x003").digest()
    written = json.dumps(ENTRY, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    digest = hashlib.sha256(b"gatewright entry\0" + first + written).digest()
    assert chain.entry_digest(first, ENTRY) == digest
    assert chain.entry_digest(first, {**ENTRY, "keys": ["not of it"]}) == digest


@pytest.mark.parametrize("name", chain.ENTRY_FIELDS)
def test_each_field_and_the_entry_before_count(name: str) -> None:
    # R2
    first = chain.genesis(3)
    digest = chain.entry_digest(first, ENTRY)
    assert chain.entry_digest(first, {**ENTRY, name: None}) != digest
    assert chain.entry_digest(chain.genesis(4), ENTRY) != digest


def test_personal_data_counts_by_a_salted_digest() -> None:
    # R4: the same data under another salt looks like any other
    salt, other = bytes(16), bytes([1] * 16)
    data = {"name": "Åsa"}
    assert (
        chain.personal_digest(salt, data)
        == hashlib.sha256(b"gatewright personal\0" + salt + '{"name":"Åsa"}'.encode()).digest()
    )
    assert len({chain.personal_digest(s, d) for s in (salt, other) for d in (data, None, {"name": "Asa"})}) == 6


def test_a_state_is_split_from_personal_data_and_put_together_again() -> None:
    # R4
    state = {"name": "Wim", "levels": {"name": "admin"}, "email": None}
    plain, personal = chain.split(state, frozenset({"name", "email"}))
    assert (plain, personal) == ({"levels": {"name": "admin"}}, {"name": "Wim", "email": None})
    assert chain.whole(plain, {"after": personal}, "after") == state
    assert chain.whole(plain, None, "after") == plain
    assert chain.split(None, frozenset({"name"})) == (None, {})
    assert chain.whole(None, {"after": personal}, "after") is None


# --- as the databases hold them --------------------------------------------------------------


async def positions(database: Database, company_id: int) -> list[int]:
    async with database.read() as reader:
        rows = await reader.execute(
            events.select().where(events.c.company_id == company_id).order_by(events.c.position)
        )
        return [row.position for row in rows]


async def unbroken(tenants: Tenants, company_id: CompanyId) -> int:
    """Return how many entries the company's exported record has, which must be verified."""
    told = verify(io.BytesIO(b"".join(await exported(tenants, company_id))))
    assert isinstance(told, Verified), told
    return told.entries


async def note(tx: Transaction, company_ids: Sequence[int]) -> None:
    """Record one event for each company, in that order."""
    for company_id in company_ids:
        event = CompanyChanged(company_id=CompanyId(company_id), after={"name": "x"})
        await record(tx, event, origin=by(7), now=NOON)


async def test_transactions_at_once_make_gapless_verifiable_chains(database: Database) -> None:
    # R2: forty at once, each to two of three chains, in either order; none waits for another forever
    tenants = Tenants(database)
    pairs = [(one, other) for one in (1, 2, 3) for other in (1, 2, 3) if one != other]
    turns = [pairs[at % len(pairs)] for at in range(40)]
    await asyncio.gather(*(database.write(partial(note, company_ids=of)) for of in turns))
    for company_id in (1, 2, 3):
        wanted = sum(company_id in of for of in turns)
        assert await positions(database, company_id) == list(range(1, wanted + 1))
        assert await unbroken(tenants, CompanyId(company_id)) == wanted


async def test_many_first_events_of_a_company_at_once_make_one_chain(database: Database) -> None:
    # R2
    tenants = Tenants(database)
    await asyncio.gather(*(database.write(lambda tx: note(tx, [5])) for _ in range(12)))
    assert await unbroken(tenants, CompanyId(5)) == 12


async def test_a_transaction_that_is_undone_leaves_no_gap(database: Database) -> None:
    # R1, R2
    tenants = Tenants(database)

    async def undone(tx: Transaction) -> None:
        await note(tx, [1, 1])
        await tx.take_last_steps()
        raise RuntimeError("undone")

    await database.write(lambda tx: note(tx, [1]))
    with pytest.raises(RuntimeError):
        await database.write(undone)
    await database.write(lambda tx: note(tx, [1, 1]))
    assert await positions(database, 1) == [1, 2, 3]
    assert await unbroken(tenants, CompanyId(1)) == 3


async def test_a_record_of_nothing_is_verified(database: Database) -> None:
    # R2
    assert await unbroken(Tenants(database), CompanyId(9)) == 0


async def test_what_is_written_during_an_export_is_not_of_it(database: Database) -> None:
    # R2: the head signs what stood when it began
    tenants = Tenants(database)
    await database.write(lambda tx: note(tx, [1, 1]))
    export = await begin_export(
        database, company_id=CompanyId(1), keys=tenants.keys, issuer="i", origin=SYSTEM, now=NOON
    )
    await database.write(lambda tx: note(tx, [1]))
    told = verify(io.BytesIO(b"".join([piece async for piece in export.lines(database)])))
    assert isinstance(told, Verified)
    assert told.entries == 2


async def test_two_who_need_the_first_key_at_once_get_one(database: Database) -> None:
    # R2
    tenants = Tenants(database)
    made = await asyncio.gather(*(record_key(database, keys=tenants.keys, origin=SYSTEM, now=NOON) for _ in range(6)))
    assert len({key.fingerprint for key in made}) == 1
    assert len(await tenants.recorded(kinds="record_key.made")) == 1


async def test_the_stored_key_is_sealed(database: Database) -> None:
    # T13
    tenants = Tenants(database)
    key = await record_key(database, keys=tenants.keys, origin=SYSTEM, now=NOON)
    async with database.read() as reader:
        [row] = (await reader.execute(text("SELECT private_key_sealed, kid FROM record_keys"))).all()
    assert key.private.private_bytes_raw() not in bytes(row.private_key_sealed)
    assert row.kid == key.fingerprint
    assert "private" not in repr(key)


async def test_an_event_is_split_where_it_is_recorded(database: Database) -> None:
    # R4: the plain part names nobody, the chain commits to the rest by a digest
    tenants = Tenants(database)
    event = ContactAdded(company_id=CompanyId(1), contact_id=4, after={"name": "Wim", "email": "w@x", "levels": {}})
    await database.write(lambda tx: record(tx, event, origin=by(7), now=NOON))
    [row] = await tenants.recorded(1)
    assert (row["after"], row["whom"]) == ({"levels": {}}, {"after": {"name": "Wim", "email": "w@x"}})
    assert row["whom_digest"] == chain.personal_digest(row["whom_salt"], row["whom"])
    assert row["by_digest"] == chain.personal_digest(row["by_salt"], {"ip": "192.0.2.7", "user_agent": None})
    assert row["whom_salt"] != row["by_salt"]


async def test_the_deployment_has_a_chain_of_its_own(database: Database) -> None:
    # R2: what belongs to no company
    tenants = Tenants(database)
    await database.write(lambda tx: record(tx, TermsPublished(version="1"), origin=SYSTEM, now=NOON))
    assert await unbroken(tenants, NO_COMPANY) == 2  # and the key that signs the export
    async with database.read() as reader:
        [head] = (await reader.execute(chains.select())).all()
    assert (head.company_id, head.position) == (0, 2)


# --- what was recorded before there were chains -----------------------------------------------


@pytest.fixture(params=("sqlite", "postgresql"))
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a database that holds nothing, once on each of the two."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return str(request.getfixturevalue("empty_postgresql_url"))


OLD = """
    INSERT INTO events (company_id, id, at, kind, by_kind, by_id, ip, user_agent, about, before, after, keys)
    VALUES (:company, :id, '2026-10-01 10:00:00.500000+00:00', :kind, 'user', 7, '192.0.2.9', 'é',
            :about, :before, :after, '[]')
"""
BEFORE = {
    1001: (0, "user.created", '{"user_id": 7}', None, '{"email": "w@x", "name": "Wim", "is_operator": false}'),
    1002: (3, "contact.added", '{"contact_id": 4}', None, '{"email": "w@x", "name": "Wim"}'),
    1003: (3, "contact.removed", '{"contact_id": 4}', '{"email": "w@x", "name": "Wim", "projects": [1]}', None),
    1004: (3, "project.created", '{"project_id": 1}', None, '{"name": "Pier 9"}'),
}


async def _inside(url: str, ask: Callable[[Connection], Any]) -> Any:
    driver = url.replace("sqlite:", "sqlite+aiosqlite:").replace("postgresql:", "postgresql+asyncpg:")
    engine = create_async_engine(driver)
    async with engine.begin() as connection:
        answer = await connection.run_sync(ask)
    await engine.dispose()
    return answer


def _fill(connection: Connection) -> None:
    for id_, (company, kind, about, before, after) in BEFORE.items():
        values = {"company": company, "id": id_, "kind": kind, "about": about, "before": before, "after": after}
        statement = OLD
        if connection.dialect.name == "postgresql":
            for name in ("about", "before", "after"):
                statement = statement.replace(f":{name}", f"CAST(:{name} AS JSON)")
        else:
            statement = statement.replace("+00:00'", "'")
        connection.execute(text(statement), values)


async def test_what_was_recorded_before_there_were_chains_is_chained_verifiably(empty_url: str) -> None:
    # R2, R4: and what comes later follows it; going back puts everything where it was
    off_the_loop(lambda: migrate(empty_url, to="0001"))
    await _inside(empty_url, _fill)
    off_the_loop(lambda: migrate(empty_url))
    database = Database.open(empty_url)
    tenants = Tenants(database)
    assert await unbroken(tenants, CompanyId(3)) == 3
    assert await unbroken(tenants, NO_COMPANY) == 2
    await database.write(lambda tx: note(tx, [3]))
    assert await unbroken(tenants, CompanyId(3)) == 4
    [removed] = await tenants.recorded(3, kinds="contact.removed")
    assert (removed["before"], removed["whom"]) == ({"projects": [1]}, {"before": {"email": "w@x", "name": "Wim"}})
    await database.close()
    off_the_loop(lambda: migrate(empty_url, to="-2"))

    def kept(connection: Connection) -> Any:
        assert "position" not in {column["name"] for column in inspect(connection).get_columns("events")}
        rows = connection.execute(text("SELECT id, before, after FROM events WHERE id > 1000 ORDER BY id")).all()
        return [[json.loads(s) if isinstance(s, str) else s for s in (row.before, row.after)] for row in rows]

    wanted = [[json.loads(s) if s else None for s in (before, after)] for _, _, _, before, after in BEFORE.values()]
    assert await _inside(empty_url, kept) == wanted
