"""Which rule and which grant decide a level, in words (X4). Pure.

The level is not computed here: `decide` is asked about each level, so that an explanation
cannot differ from a decision. What is added is the reason.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gatewright.base.levels import Level
from gatewright.decisions.explain_model import Check, Explanation, Grant, Names, Who
from gatewright.decisions.model import Allowed, Asked, Caller, Refused, Situation
from gatewright.decisions.rules import dead_token, decide, held_level, is_declared, tool_name
from gatewright.directory.model import DIRECTORY
from gatewright.directory.rules import is_company_admin

OF_DIRECTORY_ADMIN: Final = "Someone who holds Directory: Admin in this company"


@dataclass(frozen=True, slots=True)
class _Case:
    """What is explained."""

    who: Who
    asked: Asked
    facts: Situation
    names: Names

    @property
    def tool(self) -> str:
        return tool_name(self.asked, self.facts)

    @property
    def place(self) -> str:
        """Return where the tool is used: "RFIs on Pier 9", "Budget in Alder Works"."""
        if self.asked.is_about_project:
            return f"{self.tool} on {self.names.project or 'the project'}"
        return f"{self.tool} in {self.names.company}"

    @property
    def is_admin(self) -> bool:
        return is_company_admin(self.who.levels)


def explain(who: Who, asked: Asked, facts: Situation, grants: Sequence[Grant], *, names: Names) -> Explanation:
    """Return why the contact holds what it holds on the tool; `grants` are newest first."""
    case = _Case(who, asked, facts, names)
    checks: list[Check] = []
    for step in _STEPS:
        if (check := step(case)) is not None:
            checks.append(check)
            if check.outcome != "holds":
                break
    level = explained_level(who, asked, facts)
    decides = checks[-1].outcome == "decides"
    return Explanation(
        sentence=_sentence(case, level),
        level=level,
        checks=tuple(checks),
        grant=deciding_grant(grants, DIRECTORY if case.is_admin else asked.tool or "") if decides else None,
        change=checks[-1].help,
    )


def explained_level(who: Who, asked: Asked, facts: Situation) -> Level:
    """Return the highest level that the decision lets the contact's principal have; none when it may not act."""
    caller = acting(who)
    held = [level for level in Level if level and _is_allowed(caller, replace(asked, level=level), facts)]
    return max(held, default=Level.NONE)


def acting(who: Who) -> Caller | Refused:
    """Return the principal on the pages, where neither app nor scope stands between; the refusal of one that is out."""
    if who.kind == "none":
        return Refused("principal_inactive", "Nobody signs in with this contact.", "")
    if not who.stands:
        return dead_token("service_account_disabled" if who.kind == "service_account" else "principal_inactive", "")
    return Caller(kind=who.kind, id=0, on_pages=True)


def deciding_grant(grants: Sequence[Grant], tool: str) -> Grant | None:
    """Return the newest event that moved the level of the tool, else the one that everything began with."""
    moved = (grant for grant in grants if grant.before.get(tool, Level.NONE) != grant.after.get(tool, Level.NONE))
    return next(moved, grants[-1] if grants else None)


def _is_allowed(caller: Caller | Refused, asked: Asked, facts: Situation) -> bool:
    return isinstance(decide(caller, asked, facts), Allowed)


def _sentence(case: _Case, level: Level) -> str:
    name = case.who.name
    match level:
        case Level.NONE:
            return f"{name} may do nothing with {case.place}."
        case Level.READ_ONLY:
            return f"{name} may read {case.place}, and no more."
        case Level.STANDARD:
            return f"{name} may work with {case.place}, short of administering it."
        case Level.ADMIN:
            return f"{name} may do everything with {case.place}."


# The steps, in the order in which the answers depend on each other ----------------------------


def _is_in_directory(case: _Case) -> Check:
    return Check(rule="P2", outcome="holds", sentence=f"{case.who.name} is in the directory of {case.names.company}")


def _may_act(case: _Case) -> Check:
    if case.who.kind == "none":
        help_ = f"{OF_DIRECTORY_ADMIN} can invite its address; its levels count once the invitation is accepted."
        return Check(rule="P2", outcome="fails", sentence="Nobody signs in with this contact", help=help_)
    if case.who.kind == "service_account":
        if case.who.stands:
            return Check(rule="S5", outcome="holds", sentence="The service account functions")
        help_ = (
            "Someone who holds Admin: Admin in this company can regenerate its secret; its levels begin at None again."
        )
        return Check(rule="S8", outcome="fails", sentence="The service account is disabled", help=help_)
    if case.who.stands:
        return Check(rule="P4", outcome="holds", sentence="The user is active")
    help_ = "The operator of this platform can reactivate the user."
    return Check(rule="P4", outcome="fails", sentence="The user is deactivated", help=help_)


def _tool_is_declared(case: _Case) -> Check | None:
    if is_declared(case.asked, case.facts):
        return None
    elsewhere = replace(case.asked, of_company=case.asked.is_about_project)
    is_of_projects = any(tool.scope == "project" and tool.key == case.asked.tool for tool in case.facts.tools)
    if not case.asked.is_about_project and is_of_projects:
        said = "This is a tool of projects: it has a level on each project, and none in the company"
        return Check(rule="M1", outcome="fails", sentence=said, help="Name a project.")
    if case.asked.is_about_project and is_declared(elsewhere, case.facts):
        said = "This is a tool of the whole company: it has no level on a project"
        return Check(rule="M1", outcome="fails", sentence=said, help="Ask without a project.")
    help_ = "The operator of this platform declares its tools; a new one is None for everybody until it is granted."
    return Check(rule="M7", outcome="fails", sentence="Nobody declared a tool of this key", help=help_)


def _is_on_project(case: _Case) -> Check | None:
    if not case.asked.is_about_project:
        return None
    if case.facts.membership is not None:
        return Check(rule="P3", outcome="holds", sentence=f"{case.who.name} is on {case.names.project}")
    if case.is_admin:
        said = f"{case.who.name} is not on {case.names.project}, and sees it as company admin"
        return Check(rule="P6", outcome="holds", sentence=said)
    help_ = f"{OF_DIRECTORY_ADMIN} can add this contact to {case.names.project}."
    said = f"{case.who.name} is not on {case.names.project}"
    return Check(rule="P3", outcome="fails", sentence=said, help=help_)


def _is_company_admin(case: _Case) -> Check | None:
    if not case.is_admin:
        return None
    said = "Directory: Admin makes it company admin: Admin on every tool"
    help_ = f"{OF_DIRECTORY_ADMIN} can take Directory: Admin from it; the last one who is active keeps it."
    if case.who.template is not None:
        said = f"Template {case.who.template} gives Directory: Admin, which is Admin on every tool"
    return Check(rule="M4", outcome="decides", sentence=said, help=help_)


def _is_stated(case: _Case) -> Check:
    level = held_level(case.asked, case.facts)
    by_hand = f"{OF_DIRECTORY_ADMIN} can set {case.place}"
    if case.who.template is not None:
        said = f"Template {case.who.template} gives {case.tool}: {level.word}"
        help_ = f"{by_hand} by hand, which detaches it from {case.who.template}, or change the template for all."
        return Check(rule="M3", outcome="decides", sentence=said, help=help_)
    if case.who.kind == "service_account" and level is Level.NONE:
        said = f"Nobody granted it a level for {case.tool}, and a service account begins with none"
        return Check(rule="S3", outcome="decides", sentence=said, help=f"{by_hand}.")
    if level is Level.NONE:
        said = f"Nobody gave it a level for {case.tool}, and what is not stated is None"
        return Check(rule="M2", outcome="decides", sentence=said, help=f"{by_hand}.")
    return Check(
        rule="M2", outcome="decides", sentence=f"{case.tool}: {level.word} was set by hand", help=f"{by_hand}."
    )


_STEPS: tuple[Callable[[_Case], Check | None], ...] = (
    _is_in_directory,
    _may_act,
    _tool_is_declared,
    _is_on_project,
    _is_company_admin,
    _is_stated,
)
