"""The hash chain of a record, pure: what each entry commits to, and how personal data stays erasable (R2, R4).

An entry's digest covers the digest of the entry before it, its own plain fields, and two
digests of personal data: of who acted (address, browser) and of whom it is about (name,
e-mail). Each is salted, so that data and salt can be erased together, leaving a digest
that tells nothing, and the chain as it was.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

SALT_BYTES = 16
ENTRY_FIELDS = (
    "company_id",
    "position",
    "id",
    "at",
    "kind",
    "by_kind",
    "by_id",
    "via_app_id",
    "request_id",
    "about",
    "before",
    "after",
    "by_digest",
    "whom_digest",
)


def canonical(value: Any) -> bytes:
    """Return the one JSON text of a value: sorted keys, no spaces, UTF-8. Values are never floats."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def genesis(company_id: int) -> bytes:
    """Return what the first entry of a company's chain follows (32 bytes); company 0 is the deployment."""
    return hashlib.sha256(b"gatewright record\0" + canonical(company_id)).digest()


def personal_digest(salt: bytes, data: Mapping[str, Any] | None) -> bytes:
    """Return the digest (32 bytes) that stands in the chain for personal data."""
    return hashlib.sha256(b"gatewright personal\0" + salt + canonical(data)).digest()


def entry_digest(previous: bytes, entry: Mapping[str, Any]) -> bytes:
    """Return the digest (32 bytes) of an entry, of which `ENTRY_FIELDS` count, after the one before it."""
    counted = {name: entry[name] for name in ENTRY_FIELDS}
    return hashlib.sha256(b"gatewright entry\0" + previous + canonical(counted)).digest()


def as_entry(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the chain commits to of a stored row, in JSON's own values."""
    return {
        **{name: row[name] for name in ENTRY_FIELDS},
        "at": instant(row["at"]),
        "by_digest": row["by_digest"].hex(),
        "whom_digest": row["whom_digest"].hex(),
    }


def instant(at: datetime) -> str:
    """Return a time as the record writes it: RFC 3339, UTC, microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def split(state: Mapping[str, Any] | None, personal: frozenset[str]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Return a state without its personal keys, and those alone."""
    if state is None:
        return None, {}
    plain = {key: value for key, value in state.items() if key not in personal}
    return plain, {key: value for key, value in state.items() if key in personal}


def whole(state: Mapping[str, Any] | None, whom: Mapping[str, Any] | None, side: str) -> dict[str, Any] | None:
    """Return a state as it was recorded; what was erased is absent. `side`: before or after."""
    return None if state is None else {**state, **(whom or {}).get(side, {})}
