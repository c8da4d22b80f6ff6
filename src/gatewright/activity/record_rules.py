"""How an entry of the record is told, pure: its state before and after as lines, and as JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One value of what an event is about, before and after; None: it had none."""

    name: str
    before: str | None
    after: str | None


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[Difference]:
    """Return what an event says of the state before and after; what stayed the same is left out."""
    was, is_ = dict(_flat(before)), dict(_flat(after))
    names = [*was, *(name for name in is_ if name not in was)]
    return [
        Difference(name.replace("_", " "), was.get(name), is_.get(name))
        for name in names
        if was.get(name) != is_.get(name)
    ]


def _flat(state: Mapping[str, Any] | None, prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in (state or {}).items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}: ")
        else:
            yield f"{prefix}{name}", _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ([], {}, ""):
        return "nothing"
    return ", ".join(_text(one) for one in value) if isinstance(value, list) else str(value)
