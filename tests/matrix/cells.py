"""The cells of the matrix: products of what is asked, by whom and where. It imports the description alone."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from tests.matrix.described import (
    ALIVE,
    AMBIGUOUS,
    COMPANIES,
    CONTACTS,
    FRESH,
    FRESH_HOLDERS,
    PROJECTS,
    REMOVED,
    TOKENS,
    TOO_BIG,
    TOOLS,
    UNDECLARED,
    UNKNOWN,
)

Cell = dict[str, Any]

EVERY_COMPANY = (*COMPANIES, UNKNOWN, TOO_BIG, None, AMBIGUOUS)
EVERY_TOOL = (*TOOLS, UNDECLARED)
ASKED_LEVELS = ("read_only", "standard", "admin")  # `none` is no question: it is malformed everywhere
SCOPED = (("directory", "read_only"), ("directory", "admin"), ("admin", "admin"))


def cells() -> list[Cell]:
    """Return every cell that changes nothing, each once."""
    found: dict[str, Cell] = {}
    for block in (_levels(), _places(), _dead(), _scopes(), _anybody(), _contacts()):
        for cell in block:
            found.setdefault(name(cell), cell)
    return list(found.values())


def first_calls() -> list[Cell]:
    """Return the cells whose first asking changes the state: each needs a company of its own for each way."""
    tokens = (*FRESH_HOLDERS, "ada, managing", "out", "revoked", "none at all", "rob")
    asked = [_tool("directory", "read_only"), _tool("directory", "admin", project=UNKNOWN)]
    return [_cell(token, company, **ask) for token, company, ask in product(tokens, FRESH, asked)]


def name(cell: Cell) -> str:
    """Return the cell in words, as a failure shows it."""
    said = [f"{key}={value!r}" for key, value in cell.items() if value not in {None, False} or key == "company"]
    return ", ".join(said)


def _levels() -> Iterator[Cell]:
    """Yield, where the app is connected: every tool and level in the company, and on each project."""
    for token, project, tool, level in product(ALIVE, (None, "bridge", "tower"), EVERY_TOOL, ASKED_LEVELS):
        yield _cell(token, "alder", **_tool(tool, level, project=project))
    for token, project in product(ALIVE, ("quay", "mill", UNKNOWN, TOO_BIG)):
        yield _cell(token, "alder", **_tool("rfis", "read_only", project=project))
    for token, tool, level in product(ALIVE, EVERY_TOOL, ASKED_LEVELS):
        if TOKENS[token]["app"] == "crane":
            yield _cell(token, "birch", **_tool(tool, level, project="quay"))


def _places() -> Iterator[Cell]:
    """Yield every company, and every way in which it may be none."""
    asked = [*_few((None, "bridge"), (("directory", "read_only"), ("rfis", "standard"))), _tool("admin", "admin")]
    for token, company, ask in product(ALIVE, EVERY_COMPANY, asked):
        yield _cell(token, company, **ask)


def _dead() -> Iterator[Cell]:
    """Yield every token that is not alive: where it would else be allowed, and where it would not."""
    asked = _few((None, "bridge"), (("directory", "read_only"), ("rfis", "read_only")))
    for token, company, ask in product(TOKENS, EVERY_COMPANY, asked):
        if token not in ALIVE:
            yield _cell(token, company, **ask)


def _scopes() -> Iterator[Cell]:
    """Yield what needs the scope, and tools of the company for something done to a project."""
    for token, company in product(ALIVE, COMPANIES):
        for tool, level in SCOPED:
            yield _cell(token, company, **_tool(tool, level), scope=True)
        for project in PROJECTS:
            yield _cell(token, company, **_tool("admin", "admin", project=project), of_company=True, scope=True)
            yield _cell(token, company, **_tool("budget", "standard", project=project), of_company=True)


def _anybody() -> Iterator[Cell]:
    """Yield what any live token may ask, and what any level or membership in a company may."""
    for token, company, asks in product(TOKENS, EVERY_COMPANY, ("token", "member")):
        yield _cell(token, company, asks=asks)


def _contacts() -> Iterator[Cell]:
    """Yield contacts asked about without a token, in their company and in others."""
    known = [*CONTACTS, *REMOVED]
    company_tools = (("directory", "read_only"), ("admin", "admin"), ("budget", "standard"), (UNDECLARED, "read_only"))
    asked = _few((None,), company_tools) + _few(("bridge", "tower", "mill", UNKNOWN), (("rfis", "standard"),))
    for contact, company, ask in product(known, ("alder", "dale"), asked):
        yield _cell(None, company, contact=contact, **ask)
    for contact, company in product(known, (UNKNOWN, TOO_BIG, None)):
        yield _cell(None, company, contact=contact, **_tool("directory", "read_only"))


def _few(projects: Sequence[str | None], asked: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    return [_tool(tool, level, project=project) for project, (tool, level) in product(projects, asked)]


def _tool(tool: str, level: str, *, project: str | None = None) -> dict[str, Any]:
    return {"tool": tool, "level": level, "project": project}


def _cell(token: str | None, company: str | None, **asked: Any) -> Cell:
    nothing = {"contact": None, "project": None, "tool": None, "level": None, "of_company": False, "scope": False}
    return {"token": token, "company": company, "asks": "tool", **nothing, **asked}
