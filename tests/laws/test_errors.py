"""Fail closed: nothing swallows every error without a word."""

import ast
from collections.abc import Iterator

from tests.laws.source import Module, dotted, planted, product

EVERYTHING = {"BaseException", "Exception"}


def swallowed_errors(module: Module) -> Iterator[str]:
    """Yield each `except Exception: pass`, each bare `except`, each `suppress(Exception)`."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler) and (node.type is None or _is_silent(node)):
            yield f"{module.at(node)} swallows every error; catch what is expected, or log it and refuse"
        if isinstance(node, ast.Call) and dotted(node.func).endswith("suppress") and _names(node.args) & EVERYTHING:
            yield f"{module.at(node)} suppresses every error; name the expected ones"


def _is_silent(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    silent = all(
        isinstance(line, ast.Pass | ast.Continue)
        or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
        for line in handler.body
    )
    return silent and bool(_names(caught) & EVERYTHING)


def _names(nodes: list[ast.expr] | list[ast.expr | None]) -> set[str]:
    return {dotted(node) for node in nodes if node is not None}


def test_no_error_is_swallowed() -> None:
    assert [told for module in product() for told in swallowed_errors(module)] == []


def test_a_swallowed_error_is_caught() -> None:
    for text in (
        "try: f()\nexcept Exception: pass",
        "try: f()\nexcept (OSError, Exception): ...",
        "try: f()\nexcept: log()",
        "with contextlib.suppress(Exception): f()",
        "for x in y:\n  try: f()\n  except BaseException: continue",
    ):
        assert len(list(swallowed_errors(planted(text, path="x.py")))) == 1, text
    for text in ("try: f()\nexcept OSError: pass", "try: f()\nexcept Exception:\n  log()\n  raise"):
        assert list(swallowed_errors(planted(text, path="x.py"))) == [], text
