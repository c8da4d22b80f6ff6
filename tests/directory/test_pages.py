"""The grid of levels and the lines of the overview, pure."""

import pytest

from gatewright.base.errors import Invalid
from gatewright.base.ids import CompanyId, ContactId, ProjectId, UserId
from gatewright.base.levels import Level
from gatewright.directory.model import Contact, Levels, Membership, Tool
from gatewright.directory.pages.grid import LAST_ADMIN, Bounds, Cell, by_project, company_row, merged, project_row
from gatewright.directory.rules import BUILT_IN

ADMIN = {"directory": Level.ADMIN}
RFIS = Tool("project", "rfis", "RFIs", tuple(Level))
TOOLS = [*BUILT_IN, Tool("company", "budget", "Budget", tuple(Level)), RFIS]


def contact(levels: Levels) -> Contact:
    return Contact(CompanyId(1), ContactId(7), "Wim", "w@b.example", UserId(1), None, None, levels)


def bounds(levels: Levels = ADMIN, *, on_project: Levels | None = None, is_last_admin: bool = False) -> Bounds:
    return Bounds(levels, {ProjectId(3): on_project or {}}, is_last_admin)


def by_tool(cells: list[Cell]) -> dict[str, Cell]:
    return {cell.tool: cell for cell in cells}


# M1: a cell offers what its tool supports.
def test_a_cell_offers_the_levels_of_its_tool() -> None:
    cells = by_tool(company_row(contact({"budget": Level.STANDARD}), TOOLS, bounds()))
    assert list(cells) == ["directory", "admin", "budget"]
    assert cells["admin"].levels == ["none", "admin"]
    assert (cells["budget"].level, cells["budget"].levels) == ("standard", ["none", "read_only", "standard", "admin"])
    assert all(cell.locked is None for cell in cells.values())


# M5
def test_a_cell_offers_no_level_above_ones_own_and_locks_what_is_held_above() -> None:
    own = bounds({"budget": Level.STANDARD}, on_project={"rfis": Level.READ_ONLY})
    cells = by_tool(company_row(contact({"admin": Level.ADMIN}), TOOLS, own))
    assert cells["budget"].levels == ["none", "read_only", "standard"]
    assert cells["directory"].levels == ["none"]
    assert cells["admin"].locked == "This contact holds more here than you do."
    [rfis] = project_row(contact({}), Membership(ProjectId(3), {"rfis": Level.STANDARD}), TOOLS, own)
    assert rfis.locked is not None


# M4, M5
def test_a_company_admins_other_cells_are_locked_and_the_last_ones_all() -> None:
    cells = by_tool(company_row(contact(ADMIN), TOOLS, bounds()))
    assert cells["directory"].locked is None
    assert (cells["budget"].level, cells["budget"].locked) == (
        "admin",
        "Directory: Admin includes admin on every tool.",
    )
    last = by_tool(company_row(contact(ADMIN), TOOLS, bounds(is_last_admin=True)))
    assert last["directory"].locked == LAST_ADMIN


def test_a_refused_form_keeps_what_it_asked_for_where_that_is_a_level() -> None:
    wanted = {"budget": "admin", "admin": "standard", "directory": "owner"}
    cells = by_tool(company_row(contact({"budget": Level.READ_ONLY}), TOOLS, bounds(), wanted))
    assert [cells[tool].level for tool in ("budget", "admin", "directory")] == ["admin", "none", "none"]


# M2: what a form leaves out stays as it is.
def test_a_form_is_laid_over_what_is_stated() -> None:
    assert merged({"budget": Level.ADMIN, "directory": Level.READ_ONLY}, {"budget": "none"}) == {
        "budget": "none",
        "directory": "read_only",
    }
    assert by_project({"3.rfis": "admin", "3.budget": "none", "4.a.b": "none"}) == {
        3: {"rfis": "admin", "budget": "none"},
        4: {"a.b": "none"},
    }
    for name in ("x.rfis", "03.rfis", ".rfis", "-3.rfis", "٣.rfis"):
        with pytest.raises(Invalid):
            by_project({name: "admin"})
