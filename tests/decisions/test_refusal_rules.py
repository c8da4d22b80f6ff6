"""A refused call, explained: each check as it went in the order of X2, and how it would go now (X4)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gatewright.base.ids import AppId, CompanyId, ContactId, ProjectId, ServiceAccountId, UserId
from gatewright.base.levels import Level
from gatewright.decisions.explain_model import Grant, KeptRefusal, Names, RefusalExplained, Who
from gatewright.decisions.model import CompanyRow, ContactRow, MembershipRow, Refused, Situation, ToolRow
from gatewright.decisions.refusal_rules import explain_refusal

ALDER, BRIDGE = CompanyId(1), ProjectId(4)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAMES = Names(company="Alder", project="Bridge", app="Crane")
WIM = Who(contact_id=ContactId(5), name="Wim", kind="user", stands=True, levels={})
ASKED: dict[str, Any] = {
    "method": "GET",
    "path": "/x",
    "tool": "rfis",
    "of_company": False,
    "any_level": False,
    "manage": True,
    "level": "standard",
    "held": "read_only",
    "scopes": ["company.manage"],
    "sentence": "It is refused.",
    "help": "Someone can help.",
}
KEPT = KeptRefusal(
    request_id="r",
    at=NOON,
    code="permission_insufficient",
    app_id=AppId(3),
    app="Crane",
    service_account_id=None,
    user_id=UserId(7),
    contact_id=ContactId(5),
    contact="Wim",
    project_id=BRIDGE,
    project="Bridge",
    asked=ASKED,
)
FACTS = Situation(
    company=CompanyRow(ALDER, "Alder", "open"),
    contact=ContactRow(ContactId(5), {}),
    installation="connected",
    project_exists=True,
    membership=MembershipRow({"rfis": Level.READ_ONLY}),
    tools=(ToolRow("project", "rfis", "RFIs"),),
)
RULES = ["T11", "P4", "P2", "I2", "P6", "M8", "M2"]


def why(
    kept: KeptRefusal = KEPT, who: Who | None = WIM, facts: Situation = FACTS, grants: tuple[Grant, ...] = ()
) -> RefusalExplained:
    """Return the explanation of a refused call."""
    return explain_refusal(kept, who, facts, grants, company_id=ALDER, names=NAMES)


@pytest.mark.parametrize(
    ("code", "rules"),
    [
        ("permission_insufficient", RULES),
        ("scope_insufficient", RULES[:6]),
        ("project_unknown", RULES[:5]),
        ("app_not_connected", ["T11", "P4", "P2", "I3"]),
        ("app_approval_required", RULES[:4]),
        ("rate_limited", ["T11", "P4", "X2"]),
    ],
)
def test_the_checks_stand_in_their_order_and_the_failing_one_last(code: str, rules: list[str]) -> None:
    """X2, X4: what passed before it, and the sentence that was told."""
    told = why(replace(KEPT, code=code))
    assert [check.rule for check in told.checks] == rules
    assert [check.outcome for check in told.checks] == ["holds"] * (len(rules) - 1) + ["fails"]
    assert (told.checks[-1].sentence, told.checks[-1].help) == ("It is refused.", "Someone can help.")


def test_what_the_call_did_not_touch_is_no_check() -> None:
    """X4: a service account needs no installation, a company's tool no project."""
    asked = {**ASKED, "manage": False}
    kept = replace(KEPT, app_id=None, app=None, service_account_id=ServiceAccountId(9), user_id=None, asked=asked)
    told = why(replace(kept, project_id=None, project=None))
    assert [check.rule for check in told.checks] == ["T11", "S8", "P2", "M2"]


def test_levels_needed_and_held_are_those_of_then() -> None:
    """X4: raised since, they are told as they were."""
    told = why(facts=replace(FACTS, membership=MembershipRow({"rfis": Level.ADMIN})))
    assert (told.needed, told.held, told.now) == (Level.STANDARD, Level.READ_ONLY, None)


def test_the_grant_is_the_one_that_stood_when_the_call_came() -> None:
    """X4: a later event gave nothing then."""
    kind: dict[str, Any] = {"kind": "membership.set", "by": "Ada"}
    before = Grant(event_id=1, at=NOON - timedelta(1), before={}, after={"rfis": Level.READ_ONLY}, **kind)
    after = Grant(event_id=2, at=NOON + timedelta(1), before=before.after, after={"rfis": Level.ADMIN}, **kind)
    assert why(grants=(after, before)).grant == before
    assert why(replace(KEPT, code="scope_insufficient"), grants=(after, before)).grant is None


@pytest.mark.parametrize(
    ("facts", "who", "code"),
    [
        (FACTS, WIM, "permission_insufficient"),
        (FACTS, None, "company_unknown"),
        (FACTS, replace(WIM, stands=False), "principal_inactive"),
        (replace(FACTS, installation="disconnected"), WIM, "app_not_connected"),
        (replace(FACTS, membership=None), WIM, "project_unknown"),
    ],
)
def test_how_it_would_go_now_is_asked_of_the_decision(facts: Situation, who: Who | None, code: str) -> None:
    """X4: with a token like that one, its principal and the rows as they are now."""
    now = why(facts=facts, who=who).now
    assert isinstance(now, Refused)
    assert now.code == code
    assert now.help


def test_a_token_without_the_scope_has_none_now_either() -> None:
    """X4, M8."""
    facts = replace(FACTS, membership=MembershipRow({"rfis": Level.ADMIN}))
    now = why(replace(KEPT, asked={**ASKED, "scopes": []}), facts=facts).now
    assert isinstance(now, Refused)
    assert now.code == "scope_insufficient"
