"""The decision, pure: from rows and a question to yes, no or "first call" (X1, X2).

The checks stand in the order of X2; the first that fails answers.
"""

from collections.abc import Callable

from gatewright.base.levels import Level
from gatewright.base.scopes import MANAGE
from gatewright.decisions.model import (
    Allowed,
    Asked,
    Caller,
    FirstCall,
    Refused,
    Situation,
    Verdict,
)
from gatewright.directory.rules import BUILT_IN, effective_level, is_company_admin
from gatewright.oauth.errors import token_help

Check = Callable[[Caller, Asked, Situation], Refused | FirstCall | None]

TOKEN_MISSING = Refused(
    "token_missing",
    "No access token was sent.",
    "The program that calls sends it as `Authorization: Bearer TOKEN`.",
)


def decide(who: Caller | Refused, asked: Asked, facts: Situation) -> Verdict:
    """Return what the rows say to the question; a caller who is nobody gets the refusal they brought."""
    if isinstance(who, Refused):
        return who
    for check in CHECKS:
        if (answer := check(who, asked, facts)) is not None:
            return answer
    if facts.contact is None:
        return Allowed()
    held = None if asked.tool is None else held_level(asked, facts)
    return Allowed(facts.contact.id, held, is_company_admin(facts.contact.levels))


def held_level(asked: Asked, facts: Situation) -> Level:
    """Return the level held on the tool that is asked about; none on a tool nobody declared (M7)."""
    if facts.contact is None or asked.tool is None or not is_declared(asked, facts):
        return Level.NONE
    if not asked.is_about_project:
        return effective_level(facts.contact.levels, None, asked.tool)
    return effective_level(facts.contact.levels, facts.membership.levels if facts.membership else {}, asked.tool)


def dead_token(code: str, description: str) -> Refused:
    """Return the refusal of a token that is not alive (X2: the 401 codes)."""
    return Refused(code, description, token_help(code))


def rate_limited(window: str) -> Refused:
    """Return the refusal of a call that comes too soon: it says which window is used up."""
    return Refused(
        "rate_limited",
        f"The app has used up its calls in this company: the window of {window} is full.",
        "The program that calls waits as long as Retry-After says, and spreads its calls.",
    )


def _company_is_named(_who: Caller, asked: Asked, _facts: Situation) -> Refused | None:
    if asked.ambiguous:
        help_ = "The program that calls names the company once, as digits, or everywhere the same."
        return Refused("company_ambiguous", asked.ambiguous, help_)
    if asked.needs_company and asked.company_id is None:
        help_ = "The program that calls names it in the header Gatewright-Company-Id or as company_id."
        return Refused("company_required", "This call has to name a company.", help_)
    return None


def _company_is_known(who: Caller, asked: Asked, facts: Situation) -> Refused | None:
    if asked.company_id is None:
        return None
    is_elsewhere = who.home_company_id is not None and who.home_company_id != asked.company_id  # S1
    if facts.company is None or facts.contact is None or is_elsewhere:
        # P6: a company that exists elsewhere answers the same, to the letter.
        return Refused(
            "company_unknown",
            "There is no company with this id in your reach.",
            "Check the id. Someone who holds Directory: Admin in that company can add you to its directory.",
        )
    return None


def _app_is_connected(who: Caller, asked: Asked, facts: Situation) -> Refused | FirstCall | None:
    if who.app_id is None or asked.company_id is None or facts.installation == "connected":
        return None
    if facts.installation is None:
        return FirstCall()
    if facts.installation == "requested":
        return Refused(
            "app_approval_required",
            "This company approves apps before they may reach it, and has not yet approved this one.",
            "Someone who holds Admin: Admin in this company can approve it under App Management.",
        )
    # I3 fixes this sentence; it ends without a full stop.
    return Refused(
        "app_not_connected",
        "App is not connected to this company",
        "Someone who holds Admin: Admin in this company can reconnect it under App Management.",
    )


def _project_is_known(_who: Caller, asked: Asked, facts: Situation) -> Refused | None:
    if asked.project_id is None or facts.contact is None:
        return None
    is_seen = facts.membership is not None or is_company_admin(facts.contact.levels)
    if facts.project_exists and is_seen:
        return None
    return Refused(
        "project_unknown",
        "There is no project with this id in your reach.",
        "Check the id. Someone who holds Directory: Admin in this company can add you to the project.",
    )


def _scope_is_held(who: Caller, asked: Asked, _facts: Situation) -> Refused | None:
    if who.on_pages or not asked.manage or MANAGE in who.scopes:
        return None
    if who.kind == "service_account":
        help_ = "Service accounts never get this scope; a user's app with the scope can do it, or a user on the pages."
    else:
        help_ = "The app's developer declares the scope, and the user consents to it."
    return Refused("scope_insufficient", f"This needs a token with the scope {MANAGE}.", help_)


def _level_is_held(who: Caller, asked: Asked, facts: Situation) -> Refused | None:
    contact = facts.contact
    if contact is None:
        return None
    holds_any = facts.has_membership or facts.membership is not None or any(contact.levels.values())
    if asked.any_level and not holds_any:
        return _too_low(who, "This needs any level or project membership in this company.", Level.NONE)
    if asked.tool is None or asked.level is None:
        return None
    if not is_declared(asked, facts):  # M7
        return _tool_unknown(asked)
    held = held_level(asked, facts)
    if held >= asked.level:
        return None
    place = "this project" if asked.is_about_project else "this company"
    needs = f"This needs {tool_name(asked, facts)}: {asked.level.word} in {place}."
    return _too_low(who, needs, held)


def _tool_unknown(asked: Asked) -> Refused:
    where = "on projects" if asked.is_about_project else "of the company"
    says = f"There is no tool {asked.tool} {where} on this platform, so nobody holds a level on it."
    help_ = "The operator declares it, or corrects its key in the route map, or in the program that asks."
    return Refused("permission_insufficient", says, help_)


def _too_low(who: Caller, needs: str, held: Level) -> Refused:
    if who.kind == "service_account" and held is Level.NONE:  # S3
        says = "This service account holds None: it begins so, until someone grants it a level."
    elif who.kind == "service_account":
        says = f"This service account holds {held.word}."
    else:
        says = f"You hold {held.word}." if who.on_pages else f"The user of this token holds {held.word}."
    help_ = "Someone who holds Directory: Admin in this company can raise it."
    return Refused("permission_insufficient", f"{needs} {says}", help_)


CHECKS: tuple[Check, ...] = (
    _company_is_named,
    _company_is_known,
    _app_is_connected,
    _project_is_known,
    _scope_is_held,
    _level_is_held,
)


def is_declared(asked: Asked, facts: Situation) -> bool:
    """Return whether the deployment has this tool, in the company or on projects as it is asked about (M1)."""
    scope = "project" if asked.is_about_project else "company"
    return (scope, asked.tool) in _names(facts)


def tool_name(asked: Asked, facts: Situation) -> str:
    """Return the tool's name, or its key where nobody declared it."""
    scope = "project" if asked.is_about_project else "company"
    return _names(facts).get((scope, asked.tool or ""), asked.tool or "")


def _names(facts: Situation) -> dict[tuple[str, str], str]:
    names: dict[tuple[str, str], str] = {(tool.scope, tool.key): tool.name for tool in BUILT_IN}
    return names | {(tool.scope, tool.key): tool.name for tool in facts.tools}
