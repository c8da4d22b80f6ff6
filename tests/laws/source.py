"""The product's modules as syntax trees, and what the laws ask of them again and again."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "gatewright"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One file: where it stands below the package (`oauth/store.py`), its text and its tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the folders and the name without `.py`: `("oauth", "store")`."""
        return tuple(self.path.removesuffix(".py").split("/"))

    @property
    def floor(self) -> str:
        """Return the topmost folder, or the module's own name at the top."""
        return self.parts[0]

    def is_room(self, *rooms: str) -> bool:
        """Return whether this is one of a slice's `rooms`: whole, in a folder of that name, or as `topic_room.py`."""
        return any(part == room or part.endswith(f"_{room}") for part in self.parts[1:] for room in rooms)

    def at(self, node: ast.AST) -> str:
        """Return `path:line` of a node, for a message."""
        return f"{self.path}:{getattr(node, 'lineno', 0)}"


def planted(text: str, *, path: str) -> Module:
    """Return a module made of `text`, as if it stood at `path`."""
    text = dedent(text)
    return Module(path, text, ast.parse(text))


@cache
def product() -> tuple[Module, ...]:
    """Return every module of the package but the migrations' versions."""
    files = (file for file in sorted(PACKAGE.rglob("*.py")) if "versions" not in file.parts)
    return tuple(planted(file.read_text(), path=str(file.relative_to(PACKAGE))) for file in files)


def imports(module: Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield each imported dotted name, `from a import b` as `a.b`, and its node."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", node) for alias in node.names)


def functions(module: Module) -> Iterator[Function]:
    """Yield every function and method, inner ones too."""
    for node in ast.walk(module.tree):
        if isinstance(node, Function):
            yield node


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for a name or an attribute of one, else an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (front := dotted(node.value)):
        return f"{front}.{node.attr}"
    return ""


def texts(module: Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield each string that is no docstring; what an f-string puts in stands as `{}`."""
    docstrings = {id(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Expr)}
    pieces = {id(piece) for node in ast.walk(module.tree) if isinstance(node, ast.JoinedStr) for piece in node.values}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values), node
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings | pieces:
            yield node.value, node
