"""A route map with one route for each thing that a cell may ask, and the path of each cell."""

from collections.abc import Iterator
from itertools import product

from tests.matrix.cells import ASKED_LEVELS, EVERY_TOOL, Cell
from tests.matrix.placed import NAMINGS, Placed

IN_PATH = "/companies/{company_id}"
ON_PROJECT = "/projects/{project_id}"


def route_map() -> str:
    """Return the file: every route with the company in the path, and without."""
    lines = ["unknown_routes: refuse", "routes:"]
    for prefix, (path, needs) in product(("", IN_PATH), _routes()):
        if not (prefix and needs == "token"):  # a company in the path is asked about
            lines.append(f"  GET {prefix}{path}: {needs}")
    return "\n".join(lines) + "\n"


def request_of(one: Placed) -> tuple[str, list[tuple[str, str]]]:
    """Return the path and query of a cell, with its ids in their places, and the headers that name its company."""
    headers, in_query, in_path = one.named(places=NAMINGS[:3] if one.cell["asks"] == "token" else NAMINGS)
    prefix = "" if in_path is None else f"/companies/{in_path}"
    path = prefix + _path(one.cell).replace("{project_id}", str(one.project))
    return path + ("" if in_query is None else f"?company_id={in_query}"), headers


def _routes() -> Iterator[tuple[str, str]]:
    yield "/token", "token"
    yield "/member", "member"
    for tool, level, project, scope in product(
        EVERY_TOOL, ASKED_LEVELS, ("none", "of it", "of company"), (False, True)
    ):
        cell: Cell = {
            "asks": "tool",
            "tool": tool,
            "level": level,
            "project": None if project == "none" else "any",
            "of_company": project == "of company",
            "scope": scope,
        }
        needs = f"tool: {tool}, level: {level}"
        needs += ", of: company" if cell["of_company"] else ""
        needs += ", scope: company.manage" if scope else ""
        yield _path(cell), f"{{{needs}}}"


def _path(cell: Cell) -> str:
    """Return the pattern of what a cell asks."""
    if cell["asks"] != "tool":
        return f"/{cell['asks']}"
    on = ON_PROJECT if cell["project"] is not None else ""
    kind = "of-company" if cell["of_company"] else "tools"
    return f"{on}/{kind}/{cell['tool']}/{cell['level']}" + ("/managed" if cell["scope"] else "")
