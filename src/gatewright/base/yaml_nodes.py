"""YAML as nodes with lines: what each must be is asked here, and every fault is kept.

The text is composed and never constructed, so no tag makes an object, and what an
alias repeats is the same node, counted each time it is read.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

T = TypeVar("T")
MOST_BYTES = 4 * 1024 * 1024
MOST_NODES = 200_000
_TEXT, _WHOLE_NUMBER, _SWITCH = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "bool"))
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, the line it stands on, and how to mend it."""

    line: int
    where: str
    message: str


class BadFile(Exception):
    """A file that cannot be used; nothing was changed."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = sorted(faults, key=lambda fault: fault.line)

    def sentences(self, file: Path) -> tuple[str, ...]:
        """Return one sentence for each fault, with file and line."""
        return tuple(f"{file}:{one.line}: {f'{one.where}: ' if one.where else ''}{one.message}" for one in self.faults)


def compose(text: str, *, example: str) -> Node:
    """Return the root of the file; BadFile, with the line, for what is no YAML. `example`: where one can be seen."""
    if len(text.encode()) > MOST_BYTES:
        raise BadFile([Fault(1, "the file", f"is larger than {MOST_BYTES // 1024 // 1024} MiB")])
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadFile([Fault(mark.line + 1 if mark else 1, "the file", f"is no YAML: {error.problem}")]) from None
    except yaml.YAMLError:
        raise BadFile([Fault(1, "the file", "holds characters that YAML does not allow")]) from None
    except RecursionError:
        raise BadFile([Fault(1, "the file", "is nested too deeply")]) from None
    if root is None:
        raise BadFile([Fault(1, "the file", f"is empty; see {example}")])
    return root


class Faults:
    """What is wrong so far, and how many nodes were read."""

    def __init__(self) -> None:
        self.found: list[Fault] = []
        self._nodes = 0

    def add(self, line: int, where: str, message: str) -> None:
        """Keep one fault."""
        self.found.append(Fault(line, where, message))

    def count(self, line: int) -> None:
        """Count one node; BadFile when aliases blow a small file up."""
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise BadFile([Fault(line, "the file", f"says more than {MOST_NODES} things; split it")])

    def settle(self) -> None:
        """Raise BadFile when anything was wrong."""
        if self.found:
            raise BadFile(self.found)


class Value:
    """One node and where it stands, such as `companies[0].name`; `named_at` is the line of its key."""

    def __init__(self, node: Node, where: str, faults: Faults, named_at: int | None = None) -> None:
        self.node = node
        self.where = where
        self.line = int(node.start_mark.line) + 1
        self.named_at = named_at or self.line
        self.faults = faults
        faults.count(self.line)

    def wrong(self, message: str) -> None:
        """Keep the fault that this value has."""
        self.faults.add(self.line, self.where, message)

    def text(self) -> str | None:
        """Return the text; None, with a fault, for anything else."""
        if isinstance(self.node, ScalarNode) and self.node.tag == _TEXT:
            return str(self.node.value)
        # `name: No` is a switch and `number: 12` a number to YAML.
        self.wrong("must be a text" + (": put it in quotes" if isinstance(self.node, ScalarNode) else ""))
        return None

    def text_or_number(self) -> str | None:
        """Return the text, or a whole number as it is written; None, with a fault, for anything else."""
        if isinstance(self.node, ScalarNode) and self.node.tag == _WHOLE_NUMBER:
            return str(self.node.value)
        return self.text()

    def switch(self) -> bool | None:
        """Return true or false; None, with a fault, for anything else."""
        if isinstance(self.node, ScalarNode) and self.node.tag == _SWITCH:
            return str(self.node.value).lower() in {"true", "yes", "on"}
        self.wrong("must be true or false")
        return None

    def items(self) -> list["Value"]:
        """Return the entries of a list; none, with a fault, for anything else."""
        if not isinstance(self.node, SequenceNode):
            self.wrong("must be a list")
            return []
        return [Value(node, f"{self.where}[{index}]", self.faults) for index, node in enumerate(self.node.value)]

    def each(self, read: Callable[["Value"], T | None]) -> tuple[T, ...]:
        """Return what `read` makes of each entry, without those it found wrong."""
        return tuple(made for item in self.items() if (made := read(item)) is not None)

    def pairs(self) -> Iterator[tuple[str, "Value"]]:
        """Yield the keys of a mapping, in order, with their values; a repeated key is a fault."""
        if not isinstance(self.node, MappingNode):
            self.wrong("must be a mapping, such as {key: value}")
            return
        seen: dict[str, int] = {}
        for key_node, node in self.node.value:
            line = int(key_node.start_mark.line) + 1
            if not isinstance(key_node, ScalarNode) or key_node.tag == _MERGE:
                self.faults.add(line, self.where, "each key must be a plain text")
            elif key_node.value in seen:
                self.faults.add(line, self.where, f"repeats the key {key_node.value!r} of line {seen[key_node.value]}")
            else:
                seen[key_node.value] = line
                yield str(key_node.value), Value(node, self._below(key_node.value), self.faults, line)

    def fields(self, *, known: tuple[str, ...], needed: tuple[str, ...] = ()) -> dict[str, "Value"] | None:
        """Return the fields of a mapping by key; None, with a fault, when a needed one is missing."""
        found, seen = {}, set()
        for key, value in self.pairs():
            seen.add(key)
            if key not in known:
                value.wrong(f"is not known here; known are {', '.join(known)}")
            elif isinstance(value.node, ScalarNode) and value.node.tag == "tag:yaml.org,2002:null":
                value.wrong("has no value; write one, or leave the key out")
            else:
                found[key] = value
        missing = [key for key in needed if key not in seen]
        if missing and isinstance(self.node, MappingNode):
            self.wrong(f"needs {', '.join(missing)}")
        return found if set(needed) <= set(found) else None

    def _below(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key
