"""An exported record judged by itself: no server, no database, no settings (R2).

One pass, and no more than a line of the file in memory. The first thing that is wrong ends
the judging; the rest of the file is read once more for what it tells about it.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gatewright.events import chain, record_file
from gatewright.events.record_lines import Fault, Line, Wrong, are, entry_of, header_of, is_hex, numbered, parsed


@dataclass(frozen=True, slots=True)
class Verified:
    """The record is as it was written."""

    company_id: int
    entries: int
    erased: int  # entries whose personal data was erased, or left out of this file
    fingerprint: str  # of the key that signed the head
    is_origin_proven: bool  # whether the fingerprint is the one that was given
    issuer: str
    signed_at: str


def verify(file: BinaryIO, *, fingerprint: str | None = None) -> Verified | Fault:
    """Return what the file proves, or the line on which it fails. `fingerprint`: of the key, from elsewhere."""
    try:
        return _judged(numbered(file), fingerprint)
    except Wrong as wrong:
        return wrong.fault


def _judged(lines: Iterator[Line], fingerprint: str | None) -> Verified:
    number, raw = next(lines, (1, b""))
    if not raw:
        raise Wrong(1, "The file is empty.")
    header = header_of(number, parsed(number, raw))
    walk = _Walk(header, chain.genesis(header["company_id"]))
    for number, raw in lines:
        try:
            value = parsed(number, raw)
            if value["line"] == "head":
                return _end(walk, _Numbered(number, value), lines, fingerprint)
            walk.take(_Numbered(number, entry_of(number, value)))
        except Wrong as wrong:
            raise _header_first(walk, lines, wrong) from None
        except _Misplaced as misplaced:
            raise _explained(walk, misplaced.entry, lines) from None
    raise Wrong(number, "The file is cut off after this line: the signed head, its last line, is missing.")


@dataclass(frozen=True, slots=True)
class _Numbered:
    line: int
    value: Mapping[str, Any]

    @property
    def position(self) -> int:
        position: int = self.value["position"]
        return position

    def follows(self, digest: bytes, *, at: int | None = None) -> bool:
        """Return whether its digest is that of this entry (at that position) after another's digest."""
        value = self.value if at is None else {**self.value, "position": at}
        return bool(chain.entry_digest(digest, value).hex() == self.value["digest"])


class _Misplaced(Exception):
    def __init__(self, entry: _Numbered) -> None:
        super().__init__()
        self.entry = entry


class _Walk:
    """How far the chain was followed."""

    def __init__(self, header: Mapping[str, Any], digest: bytes) -> None:
        self.header = header
        self.position = 0
        self.digest = digest
        self.before = digest  # the digest before the last entry's
        self.erased = 0

    def take(self, entry: _Numbered) -> None:
        """Go on to the next entry; _Misplaced when it is not the one that comes next."""
        if entry.position != self.position + 1 or not entry.follows(self.digest):
            raise _Misplaced(entry)
        for data, salt, digest in (("by", "by_salt", "by_digest"), ("whom", "whom_salt", "whom_digest")):
            _check_personal(entry, data, salt, digest)
        self.erased += entry.value["by_salt"] is None or entry.value["whom_salt"] is None
        self.position, self.before = entry.position, self.digest
        self.digest = bytes.fromhex(entry.value["digest"])


def _check_personal(entry: _Numbered, data: str, salt: str, digest: str) -> None:
    if entry.value[salt] is None:
        if entry.value[data] is not None:
            raise Wrong(entry.line, f"This line was changed: {data} stands without its salt.")
        return
    if chain.personal_digest(bytes.fromhex(entry.value[salt]), entry.value[data]).hex() != entry.value[digest]:
        raise Wrong(entry.line, f"This line was changed: its personal data ({data}) is not what was recorded.")


# --- the end of the file ---------------------------------------------------------------------


def _end(walk: _Walk, last: _Numbered, lines: Iterator[Line], fingerprint: str | None) -> Verified:
    _check_signature(last)
    _check_header(walk, last)
    _check_reach(walk, last)
    if fingerprint is not None and last.value["kid"] != fingerprint:
        raise Wrong(last.line, f"The head is signed by the key {last.value['kid']}, not by {fingerprint}.")
    if (after := next(lines, None)) is not None:
        raise Wrong(after[0], "This line was inserted: the head before it is the last line of a record.")
    return Verified(
        company_id=walk.header["company_id"],
        entries=walk.position,
        erased=walk.erased,
        fingerprint=last.value["kid"],
        is_origin_proven=fingerprint is not None,
        issuer=walk.header["issuer"],
        signed_at=last.value["at"],
    )


def _check_signature(last: _Numbered) -> None:
    value = last.value
    try:
        jwk = value["jwk"]
        key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(jwk["x"] + "="))
        key.verify(bytes.fromhex(value["signature"]), record_file.signed_bytes(value))
        is_whole = value.keys() == record_file.HEAD_FIELDS and is_hex(value["signature"], 64)
        is_whole = is_whole and are(value, int, "company_id", "position") and are(value, str, "at", "kid")
        is_whole = is_whole and is_hex(value["digest"], 32)
        is_signed = is_whole and value["alg"] == record_file.ALGORITHM and value["kid"] == record_file.thumbprint(jwk)
    except (InvalidSignature, KeyError, TypeError, ValueError):
        is_signed = False
    if not is_signed:
        raise Wrong(last.line, "The head was changed: its signature does not fit.")


def _check_header(walk: _Walk, last: _Numbered) -> None:
    signed, company_id, header = last.value["header_digest"], last.value["company_id"], walk.header
    if signed == record_file.header_digest(header) and company_id == header["company_id"]:
        return
    # Entries that follow from the header's company are of it, so the head is foreign.
    is_signed_with = signed == record_file.header_digest({**header, "company_id": company_id})
    if company_id != header["company_id"] and (walk.position > 0 or not is_signed_with):
        message = "The head signs the record of company {}, and this file is of company {}."
        raise Wrong(last.line, message.format(company_id, header["company_id"]))
    raise Wrong(1, "This line was changed: it is not the header that the head was signed with.")


def _check_reach(walk: _Walk, last: _Numbered) -> None:
    signed = last.value["position"]
    if signed > walk.position:
        missing = _entries(walk.position + 1, signed)
        raise Wrong(last.line, f"Lines were cut off before this one: {missing} missing, of {signed}.")
    if signed < walk.position:
        raise Wrong(signed + 2, f"This line was inserted: the head ends the record with entry {signed}.")
    if walk.digest.hex() != last.value["digest"]:
        raise Wrong(last.line, "The head signs other entries than these: they were written anew, digests and all.")


# --- what the rest of the file tells of an entry that is not the next one ---------------------


@dataclass(slots=True)
class _Rest:
    """What follows in the file."""

    wanted: _Numbered | None = None  # the entry that was to come next
    again: bool = False  # the one that came instead, once more
    head: _Numbered | None = None


def _rest(lines: Iterator[Line], *, wanted: int, came: int) -> _Rest:
    rest = _Rest()
    for number, raw in lines:
        try:
            value = parsed(number, raw)
            if value["line"] == "head":
                _check_signature(_Numbered(number, value))
                rest.head = _Numbered(number, value)
            else:
                _note(rest, _Numbered(number, entry_of(number, value)), wanted=wanted, came=came)
        except Wrong:
            continue
    return rest


def _note(rest: _Rest, entry: _Numbered, *, wanted: int, came: int) -> None:
    if entry.position == wanted and rest.wanted is None:
        rest.wanted = entry
    rest.again = rest.again or entry.position == came


def _explained(walk: _Walk, entry: _Numbered, lines: Iterator[Line]) -> Wrong:
    wanted = walk.position + 1
    rest = _rest(lines, wanted=wanted, came=entry.position)
    if rest.head is not None and (wrong := _of_header(walk, rest.head)) is not None:
        return wrong
    if entry.position != wanted and entry.follows(walk.digest, at=wanted):
        return Wrong(entry.line, f"This line was changed: it is entry {wanted}, and says {entry.position}.")
    if entry.position == wanted:
        return _not_the_next(walk, entry, rest)
    if entry.position < wanted:
        return _twice(walk, entry, rest)
    return _too_early(walk, entry, rest)


def _not_the_next(walk: _Walk, entry: _Numbered, rest: _Rest) -> Wrong:
    if rest.wanted is not None and rest.wanted.follows(walk.digest):
        message = f"This line was inserted: entry {entry.position} stands on line {rest.wanted.line}."
        return Wrong(entry.line, message)
    if entry.value["company_id"] != walk.header["company_id"]:
        return Wrong(entry.line, f"This line is of the record of company {entry.value['company_id']}.")
    return Wrong(entry.line, "This line was changed: its digest does not fit what it says and the entry before it.")


def _twice(walk: _Walk, entry: _Numbered, rest: _Rest) -> Wrong:
    is_genuine = entry.position == walk.position and entry.follows(walk.before)
    if is_genuine and rest.wanted is not None and rest.wanted.follows(bytes.fromhex(entry.value["digest"])):
        return Wrong(entry.line - 1, f"This line was inserted: entry {entry.position} stands on the next line.")
    return Wrong(entry.line, f"This line was inserted: entry {entry.position} stood on line {entry.position + 1}.")


def _too_early(walk: _Walk, entry: _Numbered, rest: _Rest) -> Wrong:
    wanted = walk.position + 1
    if rest.wanted is not None and rest.again:
        return Wrong(entry.line, f"This line was inserted: entry {entry.position} stands further below.")
    if rest.wanted is not None:
        message = f"Lines were reordered: entry {entry.position} stands here, and entry {wanted} on line {{}}."
        return Wrong(entry.line, message.format(rest.wanted.line))
    return Wrong(entry.line, f"Lines were removed before this one: {_entries(wanted, entry.position - 1)} missing.")


def _header_first(walk: _Walk, lines: Iterator[Line], wrong: Wrong) -> Wrong:
    """Return the wrong that was found, unless the header above it is what was changed."""
    rest = _rest(lines, wanted=0, came=0)
    return (_of_header(walk, rest.head) if rest.head is not None else None) or wrong


def _of_header(walk: _Walk, last: _Numbered) -> Wrong | None:
    try:
        _check_header(walk, last)
    except Wrong as wrong:
        return wrong if wrong.fault.line == 1 else None
    return None


def _entries(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"
