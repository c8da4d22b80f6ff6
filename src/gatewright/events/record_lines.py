"""The lines of an exported record, taken strictly: what two programs might read differently is refused (R2)."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from gatewright.events import chain, record_file

MOST_LINE_BYTES: Final = 16 * 1024 * 1024
_HEX: Final = {size: re.compile(f"[0-9a-f]{{{2 * size}}}", re.ASCII) for size in (chain.SALT_BYTES, 32, 64)}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong first, and on which line of the file."""

    line: int
    message: str


class Wrong(Exception):
    """The first thing that is wrong was found."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(line, message)


Line = tuple[int, bytes]


def numbered(file: BinaryIO) -> Iterator[Line]:
    """Yield each line with its number, as it stands; nothing after one that has no end."""
    number = 0
    while raw := file.readline(MOST_LINE_BYTES + 1):
        number += 1
        yield number, raw
        if not raw.endswith(b"\n"):
            return


def parsed(number: int, raw: bytes) -> dict[str, Any]:
    """Return what a line holds; Wrong when it is not written as the record writes lines."""
    if len(raw) > MOST_LINE_BYTES:
        raise Wrong(number, "This line is longer than any that is exported.")
    if not raw.endswith(b"\n"):
        raise Wrong(number, "The file is cut off in the middle of this line.")
    try:
        value = json.loads(raw, object_pairs_hook=_unrepeated, parse_float=_refused, parse_constant=_refused)
        written = record_file.line(value)
    except (ValueError, RecursionError):
        raise Wrong(number, "This line was changed: it is no JSON as the record writes it.") from None
    if not isinstance(value, dict) or written != raw:
        raise Wrong(number, "This line was changed: it is not written as the record writes it, byte by byte.")
    if value.get("line") not in ("header", "entry", "head"):  # a list may stand there
        raise Wrong(number, "This line was changed: it is neither header, entry nor head.")
    return value


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a repeated key")
    return value


def _refused(text: str) -> Any:
    raise ValueError(f"{text} is no whole number")


def header_of(number: int, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the header; Wrong when it is none of this format and version."""
    if value.keys() != record_file.HEADER_FIELDS or value["format"] != record_file.FORMAT:
        raise Wrong(number, "The file does not begin with the header of an exported record.")
    if value["version"] != record_file.VERSION:
        raise Wrong(number, f"The file is of version {value['version']!r}; this program reads {record_file.VERSION}.")
    if not are(value, int, "company_id", "entries") or not are(value, str, "issuer", "exported_at"):
        raise Wrong(number, "The header was changed: it does not hold what it must.")
    return value


def entry_of(number: int, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the entry; Wrong when it is no whole one."""
    whole = value["line"] == "entry" and value.keys() == record_file.ENTRY_FIELDS
    whole = (
        whole
        and are(value, int, "company_id", "position")
        and all(is_hex(value[name], 32) for name in ("digest", "by_digest", "whom_digest"))
    )
    salts = whole and all(
        value[name] is None or is_hex(value[name], chain.SALT_BYTES) for name in ("by_salt", "whom_salt")
    )
    if not salts:
        raise Wrong(number, "This line was changed or inserted: it is no whole entry.")
    return value


def are(value: Mapping[str, Any], kind: type, *names: str) -> bool:
    """Return whether these are of that very type: a bool is no number here."""
    return all(type(value[name]) is kind for name in names)


def is_hex(value: Any, size: int) -> bool:
    """Return whether it is so many bytes in lower-case hex."""
    return isinstance(value, str) and _HEX[size].fullmatch(value) is not None
