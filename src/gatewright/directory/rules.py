"""Levels: what may be stated, what counts, and who may give or take (M1, M2, M4, M5, M7, S10)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gatewright.base.errors import Problem
from gatewright.base.folding import is_email_shaped, is_name_shaped
from gatewright.base.levels import Level
from gatewright.directory.model import ADMIN, APP_ACCESS, DIRECTORY, Contact, Levels, Tool

LONGEST_NAME = 120
LONGEST_NUMBER = 60
CONFIRMATION = "directory-admin"  # S10: what the API sends as `confirm`
RESERVED_TOOLS = {"confirm"}  # a key beside the tools where levels are set
_TOOL_KEY = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)

BUILT_IN = (
    Tool("company", DIRECTORY, "Directory", tuple(Level)),
    Tool("company", ADMIN, "Admin", (Level.NONE, Level.ADMIN)),
)


def is_company_admin(company_levels: Levels) -> bool:
    """Return whether these levels make a company admin (M4): `directory: admin`."""
    return company_levels.get(DIRECTORY, Level.NONE) is Level.ADMIN


def effective_level(company_levels: Levels, project_levels: Levels | None, tool: str) -> Level:
    """Return the level that counts for a tool.

    `project_levels` is None for a company-level tool; for a project-level one it is
    what the contact's membership states, empty without a membership. A company admin
    holds admin everywhere (M4); what is not stated is none (M2, M7).
    """
    if is_company_admin(company_levels):
        return Level.ADMIN
    stated = company_levels if project_levels is None else project_levels
    return stated.get(tool, Level.NONE)


@dataclass(frozen=True, slots=True)
class LevelsRead:
    """Levels as somebody stated them: what is understood, and what is wrong with the rest."""

    levels: Levels
    problems: tuple[Problem, ...]


def read_levels(stated: Mapping[str, str], *, tools: Sequence[Tool], field: str = "") -> LevelsRead:
    """Return the levels that `stated` gives for `tools`, or one problem for each bad entry (M1).

    `field` is put before the tool's key where the levels stand inside a larger form.
    """
    by_key = {tool.key: tool for tool in tools}
    levels, problems = {}, []
    for key, text in stated.items():
        level = _read_level(by_key.get(key), text, known=by_key)
        if isinstance(level, Level):
            levels[key] = level
        else:
            problems.append(Problem(field + key, level))
    return LevelsRead({key: level for key, level in levels.items() if level is not Level.NONE}, tuple(problems))


def _read_level(tool: Tool | None, text: str, *, known: Iterable[str]) -> Level | str:
    if tool is None:
        return f"is not a tool here; the tools are {', '.join(known) or 'none'}"
    supported = {level.key: level for level in tool.levels}
    if text not in supported:
        return f"must be one of {', '.join(supported)}"
    return supported[text]


@dataclass(frozen=True, slots=True)
class Holder:
    """A contact's levels as the grantor rule weighs them: in the company, or on one project."""

    company_levels: Levels
    project_levels: Levels | None = None

    def holds(self, tool: str) -> Level:
        """Return the level that counts for `tool`."""
        return effective_level(self.company_levels, self.project_levels, tool)


def refused_grant(grantor: Holder, target: Holder, *, before: Levels, after: Levels) -> str | None:
    """Return why `grantor` may not turn the stated levels `before` into `after`; None when they may (M5).

    Nobody gives a level above their own, and nobody changes the level of someone who
    holds more than they do.
    """
    for tool in sorted({*before, *after}):
        given, taken = after.get(tool, Level.NONE), before.get(tool, Level.NONE)
        own, held = grantor.holds(tool), target.holds(tool)
        if given is taken:
            continue
        if held > own:
            return f"This contact holds {held.key} on {tool}, more than the {own.key} you hold."
        if given > own:
            return f"You hold {own.key} on {tool}, so you cannot give {given.key}."
    return None


def display_name(name: str, number: str | None) -> str:
    """Return a project's name as lists show it, led by its number where it has one."""
    return f"{number} - {name}" if number else name


def needs_confirmation(contact: Contact, after: Levels) -> bool:
    """Return whether S10's warning stands before `after`: a service account becoming company admin."""
    return contact.service_account_id is not None and is_company_admin(after) and not is_company_admin(contact.levels)


def contact_problems(*, name: str | None, email: str | None) -> list[Problem]:
    """Return what is wrong with a contact's or user's name and address; None is not looked at."""
    problems = name_problems("name", name) if name is not None else []
    if email is not None and not is_email_shaped(email):
        problems.append(Problem("email", "must be an e-mail address, like name@example.com, of at most 254 letters"))
    return problems


def name_problems(field: str, name: str, *, longest: int = LONGEST_NAME) -> list[Problem]:
    """Return what is wrong with a name."""
    if is_name_shaped(name, longest=longest):
        return []
    return [Problem(field, f"must be 1 to {longest} visible letters, without spaces at its ends")]


def project_problems(*, name: str, number: str | None) -> list[Problem]:
    """Return what is wrong with a project's name and number, if it has one."""
    problems = name_problems("name", name)
    return problems + (name_problems("project_number", number, longest=LONGEST_NUMBER) if number is not None else [])


def company_problems(*, name: str | None, app_access: str | None) -> list[Problem]:
    """Return what is wrong with a company's name and policy; None is not looked at."""
    problems = name_problems("name", name) if name is not None else []
    if app_access is not None and app_access not in APP_ACCESS:
        problems.append(Problem("app_access", "must be open or approval"))
    return problems


def is_tool_key(text: str) -> bool:
    """Return whether a tool could be declared under this key."""
    return _TOOL_KEY.fullmatch(text) is not None


def tool_problems(tool: Tool) -> list[Problem]:
    """Return what is wrong with a declared tool (M1); the built-in ones cannot be declared otherwise."""
    problems = name_problems("name", tool.name)
    if not is_tool_key(tool.key) or tool.key in RESERVED_TOOLS:
        problems.append(Problem("key", "must be a-z, 0-9 and _, beginning with a letter, at most 60, not confirm"))
    if Level.NONE not in tool.levels or len(set(tool.levels)) < 2 or list(tool.levels) != sorted(set(tool.levels)):
        problems.append(Problem("levels", "must be none and at least one more of read_only, standard, admin"))
    if any(tool.scope == built_in.scope and tool.key == built_in.key and tool != built_in for built_in in BUILT_IN):
        problems.append(Problem("key", f"{tool.key} is built in and cannot be declared differently"))
    return problems
