"""docs/audit.md lists what the catalogue holds, and describes the file well enough to verify it by."""

import base64
import hashlib
import json
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gatewright.db.engine import Database
from gatewright.events import chain, record_file
from tests.events.exported import company_with_record, exported
from tests.events.test_sentences import EVERY_KIND
from tests.support.tenants import Tenants

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
ROW = re.compile(r"^\| `([a-z_.]+)` \| (yes)? ?\| (.+\.) \|$", re.MULTILINE)


def test_every_kind_of_event_stands_on_the_page_with_whether_it_is_an_ending() -> None:
    # R1, T12
    listed = {kind: ends == "yes" for kind, ends, _ in ROW.findall(PAGE)}
    assert listed == {kind: event.ENDS for kind, event in EVERY_KIND.items()}


def test_the_page_names_every_key_of_the_file() -> None:
    # R2
    for name in (*record_file.HEADER_FIELDS, *record_file.ENTRY_FIELDS, *record_file.HEAD_FIELDS):
        assert f"`{name}`" in PAGE, name
    counted = PAGE[PAGE.index("`counted` is the object") : PAGE.index("Digests and salts enter")]
    assert re.findall(r"`([a-z_]+)`", counted)[1:] == list(chain.ENTRY_FIELDS)


async def test_a_verifier_written_from_the_page_alone_agrees(sqlite_url: str) -> None:
    # R2: with the standard library and Ed25519, nothing of ours
    database = Database.open(sqlite_url)
    tenants = Tenants(database)
    lines = await exported(tenants, await company_with_record(tenants))
    await database.close()

    def canonical(value: object) -> bytes:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    def sha(*parts: bytes) -> bytes:
        return hashlib.sha256(b"".join(parts)).digest()

    values = [json.loads(line) for line in lines]
    assert [canonical(value) + b"\n" for value in values] == lines
    header, *entries, head = values
    digest = sha(b"gatewright record\0", str(header["company_id"]).encode())
    counted = (
        "company_id position id at kind by_kind by_id via_app_id request_id about before after by_digest whom_digest"
    )
    for entry in entries:
        for data in ("by", "whom"):
            salt = bytes.fromhex(entry[f"{data}_salt"])
            assert sha(b"gatewright personal\0", salt, canonical(entry[data])).hex() == entry[f"{data}_digest"]
        digest = sha(b"gatewright entry\0", digest, canonical({name: entry[name] for name in counted.split()}))
        assert digest.hex() == entry["digest"]
    assert (head["digest"], head["position"]) == (digest.hex(), header["entries"])
    assert head["header_digest"] == sha(b"gatewright header\0", lines[0].rstrip(b"\n")).hex()
    signature = bytes.fromhex(head.pop("signature"))
    key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(head["jwk"]["x"] + "="))
    key.verify(signature, b"gatewright head\0" + canonical(head))
    assert base64.urlsafe_b64encode(sha(canonical(head["jwk"]))).rstrip(b"=").decode() == head["kid"]
