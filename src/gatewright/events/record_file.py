"""The file in which a record leaves the deployment, pure: a header, one line for each entry, a signed head (R2).

Each line is one JSON object in the canonical form of `chain.canonical`, and a line feed.
`docs/audit.md` describes it for whoever writes a verifier of their own.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gatewright.events import chain

FORMAT: Final = "gatewright record"
VERSION: Final = 1
ALGORITHM: Final = "EdDSA"
MEDIA_TYPE: Final = "application/x-ndjson"
HEADER_FIELDS: Final = frozenset({"line", "format", "version", "issuer", "company_id", "entries", "exported_at"})
ENTRY_FIELDS: Final = frozenset({*chain.ENTRY_FIELDS, "line", "digest", "by", "by_salt", "whom", "whom_salt"})
HEAD_FIELDS: Final = frozenset(
    {"line", "company_id", "position", "digest", "header_digest", "at", "alg", "kid", "jwk", "signature"}
)


def line(value: Mapping[str, Any]) -> bytes:
    """Return the value as one line of the file."""
    return chain.canonical(value) + b"\n"


def header(*, company_id: int, entries: int, issuer: str, at: datetime) -> dict[str, Any]:
    """Return the first line: whose record it is, and how many entries follow."""
    return {
        "line": "header",
        "format": FORMAT,
        "version": VERSION,
        "issuer": issuer,
        "company_id": company_id,
        "entries": entries,
        "exported_at": chain.instant(at),
    }


def entry(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the line of one stored event; personal data that was erased is null, and so is its salt (R4)."""
    by_salt, whom_salt = row["by_salt"], row["whom_salt"]
    return {
        "line": "entry",
        **chain.as_entry(row),
        "digest": row["digest"].hex(),
        "by": None if by_salt is None else {"ip": row["ip"], "user_agent": row["user_agent"]},
        "by_salt": None if by_salt is None else by_salt.hex(),
        "whom": None if whom_salt is None else row["whom"],
        "whom_salt": None if whom_salt is None else whom_salt.hex(),
    }


def head(
    first: Mapping[str, Any], *, position: int, digest: bytes, at: datetime, key: Ed25519PrivateKey
) -> dict[str, Any]:
    """Return the last line: where the chain of the header `first` ends, signed."""
    jwk = public_jwk(key)
    unsigned = {
        "line": "head",
        "company_id": first["company_id"],
        "position": position,
        "digest": digest.hex(),
        "header_digest": header_digest(first),
        "at": chain.instant(at),
        "alg": ALGORITHM,
        "kid": thumbprint(jwk),
        "jwk": jwk,
    }
    return {**unsigned, "signature": key.sign(signed_bytes(unsigned)).hex()}


def header_digest(first: Mapping[str, Any]) -> str:
    """Return the digest of the header that the head commits to, in hex."""
    return hashlib.sha256(b"gatewright header\0" + chain.canonical(first)).hexdigest()


def signed_bytes(last: Mapping[str, Any]) -> bytes:
    """Return what the signature of a head is made over: all of it but the signature."""
    return b"gatewright head\0" + chain.canonical({name: last[name] for name in last if name != "signature"})


def public_jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    """Return the public half as a JSON Web Key (RFC 8037)."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the fingerprint of a key (RFC 7638), which is its `kid` too."""
    return _base64url(hashlib.sha256(chain.canonical({name: jwk[name] for name in ("crv", "kty", "x")})).digest())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
