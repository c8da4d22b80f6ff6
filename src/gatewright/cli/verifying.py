"""`gatewright events verify`: what an exported record proves by itself; no settings, no database."""

from collections.abc import Iterator
from pathlib import Path

from gatewright.base.ids import NO_COMPANY
from gatewright.events.record_lines import Fault
from gatewright.events.verification import verify

_UNPROVEN = (
    "Origin unproven: the file names the key that signed it by itself. Give --fingerprint, as the events page "
    "or `gatewright events fingerprint` shows it, and noted before there was a doubt."
)


class BrokenRecord(Exception):
    """An exported record is not as it was written; the message names file and line."""


def verified(file: Path, *, fingerprint: str | None) -> Iterator[str]:
    """Yield what the file proves; BrokenRecord when it is not as it was written."""
    with file.open("rb") as lines:
        told = verify(lines, fingerprint=fingerprint)
    if isinstance(told, Fault):
        raise BrokenRecord(f"{file}:{told.line}: {told.message}")
    of = "the deployment" if told.company_id == NO_COMPANY else f"company {told.company_id}"
    proven = " (fingerprint matches)" if told.is_origin_proven else ""
    entries = "1 entry" if told.entries == 1 else f"{told.entries} entries"
    yield f"{entries}, unbroken, head signed by {told.fingerprint}{proven}"
    yield f"The record of {of} at {_shown(told.issuer)}, as it stood at {_shown(told.signed_at)}."
    if told.erased:
        yield f"Personal data is erased from {told.erased} of them."
    if not told.is_origin_proven:
        yield _UNPROVEN


def _shown(text: str) -> str:
    """Return what a stranger's file says without what would steer a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
