"""Why one call was refused: each check as it went, in the order of X2, and how it would go now (X4). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from gatewright.base.ids import CompanyId
from gatewright.base.levels import Level
from gatewright.decisions.explain_model import Check, Grant, KeptRefusal, Names, RefusalExplained, Who
from gatewright.decisions.explain_rules import deciding_grant
from gatewright.decisions.model import Asked, Caller, Refused, Situation
from gatewright.decisions.rules import dead_token, decide
from gatewright.directory.model import DIRECTORY
from gatewright.directory.rules import is_company_admin

TOKEN: Final = {"token_missing": "T11", "token_invalid": "T11", "token_expired": "T3", "token_revoked": "T11"}
PRINCIPAL: Final = {"principal_inactive": "P4", "service_account_disabled": "S8"}
NAMED: Final = {"company_ambiguous": "X3", "company_required": "X3"}


@dataclass(frozen=True, slots=True)
class _Step:
    """One check of X2: the codes that it refuses with, each with its rule, and what its passing says."""

    codes: dict[str, str]
    passed: str
    asked: bool = True  # whether this call had to pass it


def explain_refusal(
    kept: KeptRefusal,
    who: Who | None,
    facts: Situation,
    grants: Sequence[Grant],
    *,
    company_id: CompanyId,
    names: Names,
) -> RefusalExplained:
    """Return the explanation; `who`, `facts` and `names` are of now, `grants` newest first."""
    asked = asked_again(kept, company_id=company_id)
    is_about_level = kept.code == "permission_insufficient" and asked.tool is not None
    then = [grant for grant in grants if grant.at <= kept.at]
    tool = DIRECTORY if who is not None and is_company_admin(who.levels) else asked.tool or ""
    return RefusalExplained(
        checks=tuple(_checks(kept, asked, names)),
        needed=asked.level,
        held=Level.from_key(kept.asked["held"]) if kept.asked.get("held") else None,
        grant=deciding_grant(then, tool) if is_about_level else None,
        now=_now(kept, who, asked, facts),
    )


def asked_again(kept: KeptRefusal, *, company_id: CompanyId) -> Asked:
    """Return what the call asked, to be asked once more."""
    told = kept.asked
    return Asked(
        company_id=company_id,
        needs_company=True,
        project_id=kept.project_id,
        tool=told["tool"],
        of_company=bool(told["of_company"]),
        level=None if told["level"] is None else Level.from_key(told["level"]),
        manage=bool(told["manage"]),
        any_level=bool(told["any_level"]),
    )


def _checks(kept: KeptRefusal, asked: Asked, names: Names) -> list[Check]:
    checks: list[Check] = []
    for step in _steps(kept, asked, names):
        if kept.code in step.codes:
            return [*checks, _failed(kept, step.codes[kept.code])]
        if step.asked:
            checks.append(Check(rule=next(iter(step.codes.values())), outcome="holds", sentence=step.passed))
    return [*checks, _failed(kept, "X2")]


def _steps(kept: KeptRefusal, asked: Asked, names: Names) -> list[_Step]:
    who = kept.contact or "Somebody who has left the directory"
    principal = "The user was active" if kept.service_account_id is None else "The service account functioned"
    is_by_app = kept.app_id is not None
    project = f"{who} was on {kept.project}, or company admin" if kept.project else "The project was in its reach"
    return [
        _Step(TOKEN, "The access token was alive"),
        _Step(PRINCIPAL if kept.service_account_id is None else dict(reversed(PRINCIPAL.items())), principal),
        _Step({"rate_limited": "X2"}, "There were calls left", asked=False),
        _Step(NAMED, "One company was named", asked=False),
        _Step({"company_unknown": "P2"}, f"{who} was in the directory of {names.company}"),
        _Step({"app_approval_required": "I2", "app_not_connected": "I3"}, f"{kept.app} was connected", is_by_app),
        _Step({"project_unknown": "P6"}, project, asked.project_id is not None),
        _Step({"scope_insufficient": "M8"}, "The token carried the scope company.manage", asked.manage),
        _Step({"permission_insufficient": "M2"}, "The level sufficed"),
    ]


def _failed(kept: KeptRefusal, rule: str) -> Check:
    return Check(rule=rule, outcome="fails", sentence=kept.sentence, help=kept.help)


def _now(kept: KeptRefusal, who: Who | None, asked: Asked, facts: Situation) -> Refused | None:
    """Return how the same call would be refused now, with a token like that one; None: it would be let through."""
    answer = decide(_caller(kept, who, asked), asked, facts if who is not None else replace(facts, contact=None))
    return answer if isinstance(answer, Refused) else None


def _caller(kept: KeptRefusal, who: Who | None, asked: Asked) -> Caller | Refused:
    is_account = kept.service_account_id is not None
    if who is not None and not who.stands:
        code = "service_account_disabled" if is_account else "principal_inactive"
        said = "The service account is disabled." if is_account else "The user is deactivated."
        return dead_token(code, said)
    return Caller(
        kind="service_account" if is_account else "user",
        id=kept.service_account_id or kept.user_id or 0,
        app_id=kept.app_id,
        home_company_id=asked.company_id if is_account else None,
        scopes=tuple(kept.asked["scopes"]),
    )
