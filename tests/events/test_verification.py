"""An exported record says by itself whether it is as it was written; each way to change it is named with its line."""

import io
import json
import random
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gatewright.apps.service import change_app
from gatewright.db.engine import Database
from gatewright.db.migrate import migrate
from gatewright.events import chain, record_file, record_lines
from gatewright.events.record_lines import Fault
from gatewright.events.verification import Verified, verify
from tests.events.exported import company_with_record, exported
from tests.support.postgres import off_the_loop
from tests.support.tenants import NOON, OPERATOR, Tenants

Lines = list[bytes]
HEAD = 12  # the line of the head: a header, ten entries, the head


@pytest.fixture
async def lines(sqlite_url: str) -> Lines:
    """Return the lines of a real company's exported record."""
    database = Database.open(sqlite_url)
    tenants = Tenants(database)
    await tenants.company("Zero")
    made = await exported(tenants, await company_with_record(tenants))
    await database.close()
    assert len(made) == HEAD
    return made


def judged(lines: Lines, **given: Any) -> Verified | Fault:
    return verify(io.BytesIO(b"".join(lines)), **given)


def fault(lines: Lines, **given: Any) -> Fault:
    told = judged(lines, **given)
    assert isinstance(told, Fault), told
    return told


def changed(raw: bytes, /, **values: Any) -> bytes:
    """Return the line with these values, written as the record writes it."""
    return record_file.line({**json.loads(raw), **values})


def rechained(lines: Lines, start: int) -> Lines:
    """Return the lines with every digest from line `start` on made to fit, as a forger would; the head stays."""
    made = list(lines)
    for at in range(start - 1, len(lines) - 1):
        previous = bytes.fromhex(json.loads(made[at - 1])["digest"])
        value = json.loads(made[at])
        value["position"] = json.loads(made[at - 1])["position"] + 1
        made[at] = record_file.line({**value, "digest": chain.entry_digest(previous, value).hex()})
    return made


def test_a_record_as_it_was_written_is_verified_and_its_origin_proven_by_a_fingerprint(lines: Lines) -> None:
    # R2
    told = judged(lines)
    assert isinstance(told, Verified)
    assert (told.company_id, told.entries, told.erased, told.is_origin_proven) == (2, 10, 0, False)
    assert judged(lines, fingerprint=told.fingerprint) == Verified(
        told.company_id, 10, 0, told.fingerprint, is_origin_proven=True, issuer=told.issuer, signed_at=told.signed_at
    )


async def test_the_deployments_record_holds_no_number_that_is_not_whole(sqlite_url: str) -> None:
    """R2: two programs write a float differently, so a record with one cannot be verified."""
    database = Database.open(sqlite_url)
    tenants = Tenants(database)
    made = await tenants.app(await tenants.user("Dev Dorn"), "Crane Reports")
    for window in (timedelta(minutes=5), timedelta(seconds=1.5)):
        await change_app(database, app_id=made.app_id, retry_window=window, origin=OPERATOR, now=NOON)
    told = judged(await exported(tenants))
    await database.close()
    assert isinstance(told, Verified), told


def test_a_changed_line_is_named(lines: Lines) -> None:
    # R2: what it says, whether or not its own digest is made to fit
    lines[6] = changed(lines[6], kind="contact.removed")
    assert fault(lines) == Fault(
        7, "This line was changed: its digest does not fit what it says and the entry before it."
    )
    lines[6] = changed(lines[6], digest=chain.entry_digest(bytes(32), json.loads(lines[6])).hex())
    assert fault(lines).line == 7


@pytest.mark.parametrize("position", [5, 7, 60, 0, -6, True])
def test_a_changed_position_is_named(lines: Lines, position: int) -> None:
    # R2
    lines[6] = changed(lines[6], position=position)
    told = fault(lines)
    assert (told.line, "changed" in told.message) == (7, True)


@pytest.mark.parametrize("at", [2, 7, 11])
def test_a_removed_line_is_named(lines: Lines, at: int) -> None:
    # R2
    del lines[at - 1]
    told = fault(lines)
    assert told.line == at
    assert f"entry {at - 1} " in told.message


def test_several_removed_lines_are_named(lines: Lines) -> None:
    # R2
    del lines[4:8]
    assert fault(lines) == Fault(5, "Lines were removed before this one: entries 4 to 7 are missing.")


@pytest.mark.parametrize(("source", "to"), [(3, 7), (9, 7), (7, 7), (2, 11)])
def test_an_inserted_line_is_named(lines: Lines, source: int, to: int) -> None:
    # R2: an entry that is there a second time, above or below
    copied = lines[source - 1]
    lines.insert(to - 1, copied)
    told = fault(lines)
    assert (told.line - to in {0, 1}, "inserted" in told.message) == (True, True), told
    assert lines[told.line - 1] == copied


@pytest.mark.parametrize("digest", ["", "fitting"])
def test_a_forged_line_is_named_where_it_was_inserted(lines: Lines, digest: str) -> None:
    # R2: it takes the place of an entry, which follows it
    forged = json.loads(changed(lines[6], kind="contact.removed", id=999))
    if digest:
        previous = bytes.fromhex(json.loads(lines[5])["digest"])
        forged["digest"] = chain.entry_digest(previous, forged).hex()
    lines.insert(6, record_file.line(forged))
    assert (fault(lines).line, "inserted" in fault(lines).message) == (7, True)


@pytest.mark.parametrize(("one", "other"), [(5, 6), (2, 11), (4, 9)])
def test_reordered_lines_are_named(lines: Lines, one: int, other: int) -> None:
    # R2
    lines[one - 1], lines[other - 1] = lines[other - 1], lines[one - 1]
    assert fault(lines) == Fault(
        one, f"Lines were reordered: entry {other - 1} stands here, and entry {one - 1} on line {other}."
    )


@pytest.mark.parametrize("left", range(1, HEAD))
def test_a_file_that_was_cut_off_is_named(lines: Lines, left: int) -> None:
    # R2: after a line, and in the middle of one
    assert fault(lines[:left]) == Fault(
        left, "The file is cut off after this line: the signed head, its last line, is missing."
    )
    assert fault([*lines[:left], lines[left][:20]]) == Fault(
        left + 1, "The file is cut off in the middle of this line."
    )


def test_entries_that_are_missing_before_the_head_are_named(lines: Lines) -> None:
    # R2: the head tells how many there were
    assert fault([*lines[:7], lines[-1]]) == Fault(
        8, "Lines were cut off before this one: entries 7 to 10 are missing, of 10."
    )
    assert fault([lines[0], lines[-1]]).line == 2


def test_entries_that_were_appended_are_named(lines: Lines) -> None:
    # R2: chained as they should be, but not signed
    more = [*lines[:-1], changed(lines[-2], id=999), lines[-1]]
    assert fault(rechained(more, HEAD)).line == HEAD


def test_a_record_written_anew_with_all_its_digests_is_found_by_its_head(lines: Lines) -> None:
    # R2
    lines[6] = changed(lines[6], kind="contact.removed")
    told = fault(rechained(lines, 7))
    assert (told.line, "written anew" in told.message) == (HEAD, True)


def test_nothing_follows_the_head(lines: Lines) -> None:
    # R2
    for more in (lines[-1], lines[5], b"\n"):
        assert fault([*lines, more]).line == HEAD + 1


@pytest.mark.parametrize(("data", "salt"), [("by", "by_salt"), ("whom", "whom_salt")])
def test_changed_personal_data_is_named_and_erased_data_is_counted(lines: Lines, data: str, salt: str) -> None:
    # R2, R4
    value = json.loads(lines[6])
    other = {"by": {"ip": "192.0.2.8", "user_agent": None}, "whom": {"after": {"name": "Eve"}}}[data]
    for forged in ({data: other}, {data: None}, {salt: "00" * 16}, {salt: None}, {salt: value[salt][:-2]}):
        told = fault([*lines[:6], changed(lines[6], **forged), *lines[7:]])
        assert (told.line, "changed" in told.message) == (7, True), forged
    told_erased = judged([*lines[:6], changed(lines[6], **{data: None, salt: None}), *lines[7:]])
    assert isinstance(told_erased, Verified)
    assert told_erased.erased == 1


def test_a_head_that_was_changed_or_signed_by_another_key_is_named(lines: Lines) -> None:
    # R2
    genuine, header = judged(lines), json.loads(lines[0])
    assert isinstance(genuine, Verified)
    last = json.loads(lines[-1])
    each: list[dict[str, Any]] = [
        {"position": 9},
        {"at": "2026-11-23T12:00:00.000001Z"},
        {"alg": "none"},
        {"kid": "x"},
        {"jwk": {}},
        {"jwk": "x"},
        {"jwk": {**last["jwk"], "x": "§"}},
        {"signature": last["signature"].upper()},
        {"signature": None},
        {"digest": None},
        {"more": 1},
    ]
    for forged in each:
        told = fault([*lines[:-1], changed(lines[-1], **forged)])
        assert told == Fault(HEAD, "The head was changed: its signature does not fit."), forged
    resigned = record_file.head(
        header,
        position=10,
        digest=bytes.fromhex(last["digest"]),
        at=datetime.fromisoformat(last["at"]),
        key=Ed25519PrivateKey.generate(),
    )
    forged_file = [*lines[:-1], record_file.line(resigned)]
    assert isinstance(judged(forged_file), Verified)  # its origin is unproven, and said to be
    told = fault(forged_file, fingerprint=genuine.fingerprint)
    assert told.line == HEAD
    assert genuine.fingerprint in told.message


def test_a_head_whose_time_is_no_text_is_no_head_however_it_is_signed(lines: Lines) -> None:
    """R2: a stranger may sign anything with a key of their own; what cannot be shown is not believed."""
    last, key = json.loads(lines[-1]), Ed25519PrivateKey.generate()
    jwk = record_file.public_jwk(key)
    unsigned = {**last, "at": 5, "jwk": jwk, "kid": record_file.thumbprint(jwk)}
    forged = {**unsigned, "signature": key.sign(record_file.signed_bytes(unsigned)).hex()}
    told = fault([*lines[:-1], record_file.line(forged)])
    assert told == Fault(HEAD, "The head was changed: its signature does not fit.")


def test_a_changed_header_is_named(lines: Lines) -> None:
    # R2
    for forged in (
        {"company_id": 3},
        {"entries": 9},
        {"entries": "10"},
        {"issuer": "https://other.example"},
        {"exported_at": "2026"},
        {"version": 2},
        {"format": "another"},
        {"more": 1},
        {"line": "entry"},
    ):
        assert fault([changed(lines[0], **forged), *lines[1:]]).line == 1, forged
    assert fault(lines[1:]).line == 1
    assert fault([]) == Fault(1, "The file is empty.")


async def test_entries_and_heads_of_another_company_are_named(sqlite_url: str) -> None:
    # R2, P6
    database = Database.open(sqlite_url)
    tenants = Tenants(database)
    one, other = [await exported(tenants, await company_with_record(tenants, name)) for name in ("Alder", "Birch")]
    await database.close()
    told = fault([*one[:-1], other[-1]])
    assert told == Fault(HEAD, "The head signs the record of company 2, and this file is of company 1.")
    told = fault([*one[:6], other[6], *one[7:]])
    assert told == Fault(7, "This line is of the record of company 2.")
    assert fault([other[0], *one[1:]]).line == 1


def test_lines_are_written_in_one_way_alone(lines: Lines) -> None:
    # R2: what two programs might read differently is no line of a record
    value, raw = json.loads(lines[6]), lines[6]
    for forged in (
        json.dumps(value).encode() + b"\n",
        raw.replace(b"\n", b"\r\n"),
        b" " + raw,
        raw.replace(b'"kind"', b'"kind":"x","kind"'),
        raw.replace(b"null", b"NaN", 1),
        raw.replace(b'"position":6', b'"position":6.0'),
        raw.replace(b'"position":6', b'"position":6e0'),
        b"[" * 100_000 + b"\n",
        b'"x"\n',
        b"\xff\n",
        b"{}\n",
        b'{"line":[]}\n',
        b"\n",
        raw.decode().encode("utf-16"),
        raw.replace(b'"line":"entry"', b'"line":"header"'),
    ):
        assert fault([*lines[:6], forged, *lines[7:]]).line == 7, forged[:60]


def test_any_byte_that_is_changed_added_or_taken_is_named_with_its_line(lines: Lines) -> None:
    # R2
    chosen = random.Random(7)
    for at in (1, 2, 7, 11, HEAD):
        raw = lines[at - 1]
        for place in range(len(raw)):
            other = bytes([chosen.choice([byte for byte in range(256) if byte != raw[place]])])
            for forged in (
                raw[:place] + other + raw[place + 1 :],
                raw[:place] + raw[place + 1 :],
                raw[:place] + other + raw[place:],
            ):
                told = fault([*lines[: at - 1], forged, *lines[at:]])
                # A line feed put before the last one ends the line there, and begins another.
                assert told.line in ({at, at + 1} if forged.startswith(raw) else {at}), (at, place, forged)


@pytest.mark.parametrize(("more", "told"), [(0, "no JSON"), (1, "longer")])
def test_a_line_without_end_is_not_read_whole(lines: Lines, more: int, told: str) -> None:
    # R2
    endless = b"x" * (record_lines.MOST_LINE_BYTES - 1 + more) + b"\n"
    found = fault([lines[0], endless, *lines[2:]])
    assert (found.line, told in found.message) == (2, True)


def test_a_long_record_is_not_held_in_memory(lines: Lines) -> None:
    # R2: no more than a line at a time is asked for

    class Counting(io.BytesIO):
        most = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            line = super().readline(size)
            self.most = max(self.most, len(line))
            return line

        def read(self, size: int | None = -1, /) -> bytes:
            raise AssertionError("the whole file was asked for")

        def readlines(self, hint: int | None = -1, /) -> list[bytes]:
            raise AssertionError("the whole file was asked for")

    file = Counting(b"".join(lines))
    assert isinstance(verify(file), Verified)
    assert file.most == max(map(len, lines))


async def test_events_from_before_the_chain_are_chained_and_verified(tmp_path: Path) -> None:
    """R2, R4: names go beside the chain, and a number that was no whole one becomes one."""
    url, record = f"sqlite:///{tmp_path / 'old.db'}", "INSERT INTO events VALUES (0, {}, '{}', '{}', 'system', {})"
    off_the_loop(lambda: migrate(url, to="0001"))
    nobody, at = "NULL, NULL, NULL, NULL, NULL", "2026-03-02 12:00:00.000000"
    named = """'{"user_id": 1}', NULL, '{"email": "ada@example.com", "name": "Ada", "is_active": true}', '[]'"""
    window = """'{"app_id": 1}', '{"retry_window": null}', '{"retry_window": 300.0}', '[]'"""
    with closing(sqlite3.connect(tmp_path / "old.db")) as old, old:
        old.execute(record.format(1, at, "user.created", f"{nobody}, {named}"))
        old.execute(record.format(2, at, "app.changed", f"{nobody}, {window}"))
        old.execute("UPDATE sequences SET value = 2 WHERE name = 'event'")
    off_the_loop(lambda: migrate(url))
    database = Database.open(url)
    made = await exported(Tenants(database))
    await database.close()
    told = judged(made)
    assert isinstance(told, Verified), told
    assert json.loads(made[1])["whom"] == {"after": {"email": "ada@example.com", "name": "Ada"}}
    assert json.loads(made[2])["after"] == {"retry_window": 300}
