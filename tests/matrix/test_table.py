"""X1, X2: the table is an independent reading: it imports nothing of the product, and the cells reach all it says."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.matrix.cells import cells, first_calls, name
from tests.matrix.described import ALIVE, TOKENS, TOOLS
from tests.matrix.expected import STATUSES, expected

HERE = Path(__file__).parent
APART = ("described", "expected", "cells")
STANDARD = {"collections", "itertools", "typing"}
LEAST_CELLS, LEAST_ALLOWED, LEAST_OF_A_CODE = 2_000, 400, 40


def imported(source: str) -> Iterator[str]:
    """Yield every module that the source imports, by statement or by name at run time."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
        elif isinstance(node, ast.Name) and node.id in {"__import__", "eval", "exec", "importlib"}:
            yield node.id


def foreign(source: str) -> list[str]:
    """Return what the source imports beside the standard library's shapes and the table's own rooms."""
    own = {f"tests.matrix.{room}" for room in APART}
    return [module for module in imported(source) if module not in own and module.partition(".")[0] not in STANDARD]


def test_the_table_imports_nothing_of_the_product() -> None:
    """X1: else it would only say what the product says."""
    for room in APART:
        assert foreign((HERE / f"{room}.py").read_text()) == [], room


def test_an_import_of_the_product_would_be_found() -> None:
    """X1."""
    for planted in (
        "import gatewright",
        "from gatewright.decisions.rules import decide",
        "def late():\n    from gatewright.base.levels import Level",
        "from tests.matrix.built import Built",
        "rules = __import__('gatewright.decisions.rules')",
        "from . import built",
    ):
        assert foreign(planted), planted


def test_every_code_of_the_order_is_expected_somewhere() -> None:
    """X2: and no cell is there twice."""
    asked = cells()
    assert len(asked) >= LEAST_CELLS
    assert len({name(cell) for cell in asked}) == len(asked)
    codes = Counter(expected(cell)["code"] for cell in asked)
    assert set(codes) == {None, *STATUSES}
    assert codes[None] >= LEAST_ALLOWED
    assert min(codes.values()) >= LEAST_OF_A_CODE, codes


def test_every_token_tool_and_level_is_asked_about() -> None:
    """X1: each live token is allowed something, but for those that hold nothing anywhere; no dead one is."""
    asked = cells()
    assert {cell["token"] for cell in asked} == {None, *TOKENS}
    assert {cell["tool"] for cell in asked} == {None, "ghost", *TOOLS}
    allowed = {cell["token"] for cell in asked if expected(cell)["code"] is None}
    assert allowed - {None} == set(ALIVE)
    assert {expected(cell)["code"] for cell in first_calls()} >= {None, "app_approval_required", "company_unknown"}
