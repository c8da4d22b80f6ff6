"""The rules of the domain, and the tests that cite them.

A test cites a rule in a comment (`# T7`, `# T5, T6: why`) on its lines or directly
above it, or at the head of a docstring line (`T7: …`, `T7.`).
"""

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
# Beside rules, tests cite attacks (`# T7, A41`); those have numbers of their own.
_NUMBERS = r"[A-Z]\d{1,3}(?:\s*(?:,|and)\s*[A-Z]\d{1,3})*"
_IN_COMMENT = re.compile(rf"#\s*({_NUMBERS})(?=[\s:.;)]|$)")
_IN_DOCSTRING = re.compile(rf"^\s*({_NUMBERS})\s*[:.]", re.MULTILINE)
_RULE = re.compile(r"\b[PMDTISXR]\d{1,2}\b")


@dataclass(frozen=True, slots=True)
class Citation:
    """One rule cited by one test, named as pytest names it."""

    rule: str
    test: str


def rules(file: Path) -> list[str]:
    """Return the rule numbers that begin the lines of `file`, in its order."""
    lines = (line.strip() for line in file.read_text().splitlines())
    return [line.split()[0] for line in lines if line and not line.startswith("#")]


def cited_by(folder: Path = TESTS) -> dict[str, set[str]]:
    """Return for each cited rule the tests below `folder` that cite it."""
    cited = defaultdict(set)
    for file in sorted(folder.rglob("test_*.py")):
        for citation in citations(file.read_text(), path=str(file.relative_to(folder.parent))):
            cited[citation.rule].add(citation.test)
    return dict(cited)


def citations(text: str, *, path: str) -> Iterator[Citation]:
    """Yield what the tests in `text` cite."""
    tree = ast.parse(text)
    comments = _comments(text)
    for name, node in _tests(tree):
        cited = _IN_DOCSTRING.findall(ast.get_docstring(node) or "")
        for line in _lines(node, comments):
            cited += _IN_COMMENT.findall(comments.get(line, ""))
        for rule in sorted(set(_RULE.findall(" ".join(cited)))):
            yield Citation(rule, f"{path}::{name}")


def _tests(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in tree.body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        front = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        for function in inside:
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name.startswith("test_"):
                yield front + function.name, function


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef, comments: dict[int, str]) -> range:
    """Return the lines of a test: its decorators, its body, and the comment directly above."""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    while comments.get(first - 1, "").startswith("#"):
        first -= 1
    return range(first, (node.end_lineno or node.lineno) + 1)


def _comments(text: str) -> dict[int, str]:
    """Return each line's comment; one that shares its line with code begins with a space."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    found = (token for token in tokens if token.type == tokenize.COMMENT)
    return {t.start[0]: ("" if t.line.lstrip().startswith("#") else " ") + t.string for t in found}
