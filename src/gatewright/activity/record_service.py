"""Exporting a record: the key that signs it, made when it is first needed, and the lines of the file (R2)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gatewright.activity import record_store as store
from gatewright.base.ids import NO_COMPANY, CompanyId
from gatewright.base.secrets import Purpose, ServerKeys
from gatewright.db.engine import Database, Transaction, verb
from gatewright.events import record_file
from gatewright.events.catalogue import Origin, RecordKeyMade
from gatewright.events.log import lock_chain, record
from gatewright.events.reading import chain_head, rows_up_to


@dataclass(frozen=True, slots=True)
class RecordKey:
    """The key that signs the heads of exported records; its fingerprint is shown to all who may export."""

    fingerprint: str
    private: Ed25519PrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class Export:
    """One record as it stood at one moment; what is written later is not of it."""

    company_id: CompanyId
    position: int
    digest: bytes
    issuer: str
    at: datetime
    key: RecordKey

    @property
    def filename(self) -> str:
        """Return a name for the file."""
        of = "deployment" if self.company_id == NO_COMPANY else f"company-{self.company_id}"
        return f"gatewright-record-{of}-{self.at:%Y%m%dT%H%M%SZ}.jsonl"

    async def lines(self, database: Database) -> AsyncIterator[bytes]:
        """Yield the file in pieces; no more of the record than one piece is held at a time."""
        header = record_file.header(company_id=self.company_id, entries=self.position, issuer=self.issuer, at=self.at)
        yield record_file.line(header)
        async for rows in rows_up_to(database, self.company_id, self.position):
            yield b"".join(record_file.line(record_file.entry(row)) for row in rows)
        head = record_file.head(header, position=self.position, digest=self.digest, at=self.at, key=self.key.private)
        yield record_file.line(head)


async def begin_export(
    database: Database, *, company_id: CompanyId, keys: ServerKeys, issuer: str, origin: Origin, now: datetime
) -> Export:
    """Return the record of a company (0: the deployment's) as it stands now, ready to be written."""
    key = await record_key(database, keys=keys, origin=origin, now=now)
    async with database.read() as reader:
        position, digest = await chain_head(reader, company_id)
    return Export(company_id, position, digest, issuer, now, key)


async def record_key(database: Database, *, keys: ServerKeys, origin: Origin, now: datetime) -> RecordKey:
    """Return the key that signs exported records; it is made when it is asked for the first time."""
    async with database.read() as reader:
        row = await store.find_record_key(reader)
    if row is None:
        return await make_record_key(database, keys=keys, origin=origin, now=now)
    return _opened(row.kid, row.private_key_sealed, keys)


@verb
async def make_record_key(tx: Transaction, *, keys: ServerKeys, origin: Origin, now: datetime) -> RecordKey:
    """Return the key of the deployment, made now unless another made it meanwhile."""
    await lock_chain(tx, NO_COMPANY)
    row = await store.find_record_key(tx)
    if row is not None:
        return _opened(row.kid, row.private_key_sealed, keys)
    private = Ed25519PrivateKey.generate()
    jwk = record_file.public_jwk(private)
    kid = record_file.thumbprint(jwk)
    sealed = keys.seal(Purpose.RECORD_KEY, _place(kid), private.private_bytes_raw())
    made: dict[str, Any] = {"kid": kid, "key_id": keys.current.id, "private_key_sealed": sealed}
    await store.insert_record_key(tx, {**made, "public_jwk": jwk, "created_at": now})
    await record(tx, RecordKeyMade(kid=kid, after={"public_jwk": jwk}), origin=origin, now=now)
    return RecordKey(kid, private)


def _opened(kid: str, sealed: bytes, keys: ServerKeys) -> RecordKey:
    raw = keys.unseal(Purpose.RECORD_KEY, _place(kid), sealed)
    return RecordKey(kid, Ed25519PrivateKey.from_private_bytes(raw))


def _place(kid: str) -> str:
    return f"record_keys.private_key_sealed:{kid}"
