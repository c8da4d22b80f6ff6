"""The grid of levels on a contact's page: what each cell shows, offers, or why it is locked (M5). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gatewright.base.errors import Invalid, Problem
from gatewright.base.ids import ProjectId
from gatewright.base.levels import Level
from gatewright.directory.model import DIRECTORY, Contact, Levels, Membership, Scope, Tool
from gatewright.directory.rules import effective_level, is_company_admin
from gatewright.web.access import plain_id

Stated = Mapping[str, str]  # by tool, as a form or a column words it
LAST_ADMIN = "The last active user with Directory: Admin keeps it. Give it to another user first."
_INCLUDED = "Directory: Admin includes admin on every tool."
_HOLDS_MORE = "This contact holds more here than you do."


@dataclass(frozen=True, slots=True)
class Cell:
    """One level, as the page shows it."""

    tool: str
    tool_name: str
    level: str
    levels: list[str]
    locked: str | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the viewer may change here: their own levels, and whether this is the last admin (M5)."""

    company_levels: Levels
    project_levels: Mapping[ProjectId, Levels]
    is_last_admin: bool


def company_row(contact: Contact, tools: Sequence[Tool], bounds: Bounds, wanted: Stated | None = None) -> list[Cell]:
    """Return one cell per company tool; `wanted` is what a refused form asked for."""
    own = {tool.key: effective_level(bounds.company_levels, None, tool.key) for tool in tools}
    return _cells(contact, None, _of(tools, "company"), own, bounds, wanted or {})


def project_row(
    contact: Contact, membership: Membership, tools: Sequence[Tool], bounds: Bounds, wanted: Stated | None = None
) -> list[Cell]:
    """Return one cell per project tool, for one membership."""
    mine = bounds.project_levels.get(membership.project_id, {})
    own = {tool.key: effective_level(bounds.company_levels, mine, tool.key) for tool in tools}
    return _cells(contact, membership.levels, _of(tools, "project"), own, bounds, wanted or {})


def _cells(
    contact: Contact,
    on_project: Levels | None,
    tools: Sequence[Tool],
    own: Mapping[str, Level],
    bounds: Bounds,
    wanted: Stated,
) -> list[Cell]:
    cells = []
    for tool in tools:
        held = effective_level(contact.levels, on_project, tool.key)
        offered = [level.key for level in tool.levels if level <= own[tool.key]]
        locked = _locked(contact, on_project, tool, held=held, own=own[tool.key], bounds=bounds)
        shown = wanted.get(tool.key, held.key) if locked is None else held.key
        cells.append(Cell(tool.key, tool.name, shown if shown in offered else held.key, offered, locked))
    return cells


def _locked(
    contact: Contact, on_project: Levels | None, tool: Tool, *, held: Level, own: Level, bounds: Bounds
) -> str | None:
    if held > own:
        return _HOLDS_MORE
    is_directory = on_project is None and tool.key == DIRECTORY
    if is_directory and bounds.is_last_admin:
        return LAST_ADMIN
    return _INCLUDED if is_company_admin(contact.levels) and not is_directory else None


def template_row(levels: Levels, tools: Sequence[Tool], scope: Scope, wanted: Stated | None = None) -> list[Cell]:
    """Return one cell per tool of that scope, for a template (M3)."""
    cells = []
    for tool in _of(tools, scope):
        stated, offered = levels.get(tool.key, Level.NONE).key, [level.key for level in tool.levels]
        shown = (wanted or {}).get(tool.key, stated)
        cells.append(Cell(tool.key, tool.name, shown if shown in offered else stated, offered, None))
    return cells


@dataclass(frozen=True, slots=True)
class Move:
    """One tool whose level would become another."""

    tool_name: str
    before: str
    after: str


def moves(levels: Levels, tools: Sequence[Tool], scope: Scope, wanted: Stated) -> list[Move]:
    """Return what would change, tool by tool, if `wanted` were saved."""
    found = []
    for tool in _of(tools, scope):
        before = levels.get(tool.key, Level.NONE).key
        after = wanted.get(tool.key, before)
        if after != before and after in {level.key for level in tool.levels}:
            found.append(Move(tool.name, before, after))
    return found


def merged(levels: Levels, wanted: Stated) -> dict[str, str]:
    """Return the stated levels with what the form asks for; locked cells are not in a form."""
    return {**{tool: level.key for tool, level in levels.items()}, **wanted}


def by_project(fields: Mapping[str, str]) -> dict[ProjectId, dict[str, str]]:
    """Return the form's fields `PROJECT_ID.TOOL` as levels by project; Invalid for any other name."""
    wanted: dict[ProjectId, dict[str, str]] = {}
    for name, level in fields.items():
        project, _, tool = name.partition(".")
        number = plain_id(project)
        if number is None:
            raise Invalid(Problem("project", "names no project by plain digits"))
        wanted.setdefault(ProjectId(number), {})[tool] = level
    return wanted


def _of(tools: Sequence[Tool], scope: Scope) -> list[Tool]:
    return [tool for tool in tools if tool.scope == scope]
