"""Why a contact holds what it holds (X4): never other than the decision, and with the rule that decides."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.base.ids import AppId, CompanyId, ContactId, ProjectId
from gatewright.base.levels import Level
from gatewright.decisions.explain_model import Explanation, Grant, Names, Who
from gatewright.decisions.explain_rules import deciding_grant, explain
from gatewright.decisions.model import (
    Allowed,
    Asked,
    Caller,
    CompanyRow,
    ContactRow,
    MembershipRow,
    Situation,
    ToolRow,
)
from gatewright.decisions.rules import dead_token, decide

ALDER, BRIDGE = CompanyId(1), ProjectId(4)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAMES = Names(company="Alder", project="Bridge")
TOOLS = (ToolRow("company", "budget", "Budget"), ToolRow("project", "rfis", "RFIs"), ToolRow("project", "budget", "B"))
WIM = Who(contact_id=ContactId(5), name="Wim", kind="user", stands=True, levels={})
ROBOT = replace(WIM, kind="service_account", name="Export")


def situation(who: Who, *, membership: dict[str, Level] | None = None, exists: bool = True) -> Situation:
    """Return the rows of a company in which this contact is."""
    return Situation(
        company=CompanyRow(ALDER, "Alder", "open"),
        contact=ContactRow(who.contact_id, who.levels),
        installation="connected",
        project_exists=exists,
        membership=None if membership is None else MembershipRow(membership),
        tools=TOOLS,
    )


def why(
    who: Who,
    tool: str,
    *,
    on: ProjectId | None = None,
    membership: dict[str, Level] | None = None,
    grants: tuple[Grant, ...] = (),
) -> Explanation:
    """Return the explanation of a tool."""
    asked = Asked(company_id=ALDER, needs_company=True, project_id=on, tool=tool)
    return explain(who, asked, situation(who, membership=membership), grants, names=NAMES)


def grant(number: int, before: dict[str, Level], after: dict[str, Level]) -> Grant:
    """Return one event that moved levels."""
    return Grant(event_id=number, kind="contact.levels_changed", at=NOON, by="Ada", before=before, after=after)


LEVELS = st.dictionaries(st.sampled_from(("directory", "admin", "budget", "rfis")), st.sampled_from(Level))
KINDS = st.sampled_from(("user", "service_account", "none"))


@given(
    kind=KINDS,
    stands=st.booleans(),
    levels=LEVELS,
    membership=st.none() | LEVELS,
    tool=st.sampled_from(("directory", "admin", "budget", "rfis", "unheard_of")),
    project=st.sampled_from((None, BRIDGE)),
    exists=st.booleans(),
    template=st.sampled_from((None, "Engineer")),
    needed=st.sampled_from(Level),
)
def test_an_explanation_says_what_the_decision_says(
    kind: Literal["user", "service_account", "none"],
    stands: bool,
    levels: dict[str, Level],
    membership: dict[str, Level] | None,
    tool: str,
    project: ProjectId | None,
    exists: bool,
    template: str | None,
    needed: Level,
) -> None:
    """X4, M6: for every level, through an app as on the pages; and the last check tells which."""
    who = replace(WIM, kind=kind, stands=stands, levels=levels, template=template)
    facts = situation(who, membership=membership if exists else None, exists=exists)
    asked = Asked(company_id=ALDER, needs_company=True, project_id=project, tool=tool)
    told = explain(who, asked, facts, (), names=NAMES)
    acts = kind != "none" and stands
    caller = Caller(kind="user", id=7, app_id=AppId(3)) if acts else dead_token("principal_inactive", "It is out.")
    verdict = decide(caller, replace(asked, level=needed), facts)
    if needed > Level.NONE:
        assert isinstance(verdict, Allowed) is (told.level >= needed)
    outcomes = [check.outcome for check in told.checks]
    assert outcomes[:-1] == ["holds"] * (len(outcomes) - 1)
    assert outcomes[-1] in {"decides", "fails"}
    assert told.level is Level.NONE or outcomes[-1] == "decides"
    assert told.change


@pytest.mark.parametrize(
    ("told", "rule", "level"),
    [
        (why(replace(WIM, kind="none"), "budget"), "P2", Level.NONE),
        (why(replace(WIM, stands=False, levels={"budget": Level.ADMIN}), "budget"), "P4", Level.NONE),
        (why(replace(ROBOT, stands=False), "budget"), "S8", Level.NONE),
        (why(WIM, "unheard_of"), "M7", Level.NONE),
        (why(replace(WIM, levels={"directory": Level.ADMIN}), "unheard_of"), "M7", Level.NONE),
        (why(WIM, "rfis"), "M1", Level.NONE),
        (why(WIM, "directory", on=BRIDGE), "M1", Level.NONE),
        (why(WIM, "rfis", on=BRIDGE), "P3", Level.NONE),
        (why(replace(WIM, levels={"directory": Level.ADMIN}), "rfis", on=BRIDGE), "M4", Level.ADMIN),
        (why(replace(WIM, template="Engineer", levels={"budget": Level.STANDARD}), "budget"), "M3", Level.STANDARD),
        (why(replace(WIM, levels={"budget": Level.STANDARD}), "budget"), "M2", Level.STANDARD),
        (why(WIM, "rfis", on=BRIDGE, membership={"rfis": Level.READ_ONLY}), "M2", Level.READ_ONLY),
        (why(WIM, "budget"), "M2", Level.NONE),
        (why(ROBOT, "budget"), "S3", Level.NONE),
    ],
)
def test_the_rule_that_decides_stands_last(told: Explanation, rule: str, level: Level) -> None:
    """X4: P2, P3, P4, M1 to M4, M7, S3, S8."""
    assert (told.checks[-1].rule, told.level) == (rule, level)
    assert told.checks[-1].help == told.change


def test_what_would_change_it_names_a_role_and_the_place() -> None:
    """X4."""
    assert why(WIM, "rfis", on=BRIDGE, membership={}).change == (
        "Someone who holds Directory: Admin in this company can set RFIs on Bridge."
    )
    assert "reactivate" in why(replace(WIM, stands=False), "budget").change


def test_the_grant_that_decides_is_the_newest_that_moved_the_tool() -> None:
    """X4: what moved another tool meanwhile gave nothing here; untouched, it is as it began."""
    began = grant(1, {}, {"budget": Level.READ_ONLY})
    moved = grant(2, {"budget": Level.READ_ONLY}, {"budget": Level.ADMIN})
    other = grant(3, {"budget": Level.ADMIN}, {"budget": Level.ADMIN, "admin": Level.ADMIN})
    assert deciding_grant((other, moved, began), "budget") == moved
    assert deciding_grant((other, moved, began), "directory") == began
    assert deciding_grant((), "budget") is None


def test_company_admins_hold_what_made_them_company_admin() -> None:
    """M4: the event that gave Directory: Admin decides every other tool too."""
    made = grant(2, {}, {"directory": Level.ADMIN})
    later = grant(3, {"directory": Level.ADMIN}, {"directory": Level.ADMIN, "budget": Level.READ_ONLY})
    told = why(replace(WIM, levels={"directory": Level.ADMIN}), "budget", grants=(later, made))
    assert (told.level, told.grant) == (Level.ADMIN, made)


def test_who_is_out_of_reach_is_told_no_grant() -> None:
    """X4: nothing that was granted decides there."""
    assert why(replace(WIM, stands=False), "budget", grants=(grant(1, {}, {}),)).grant is None
