"""Levels, pure."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.base.ids import CompanyId, ContactId, ServiceAccountId, UserId
from gatewright.base.levels import Level
from gatewright.directory import rules
from gatewright.directory.model import Contact, Tool
from gatewright.directory.rules import Holder, effective_level, read_levels, refused_grant

EVERY_LEVEL = tuple(Level)
TOOLS = [*rules.BUILT_IN, Tool("company", "reports", "Reports", (Level.NONE, Level.READ_ONLY))]
LEVELS = st.dictionaries(st.sampled_from(["directory", "admin", "rfis", "budget"]), st.sampled_from(EVERY_LEVEL))


def contact(**levels: Level) -> Contact:
    return Contact(CompanyId(1), ContactId(1), "A", "a@b.example", UserId(1), None, None, levels)


def service_account(**levels: Level) -> Contact:
    return Contact(CompanyId(1), ContactId(1), "A", "a@b.example", None, ServiceAccountId(1), None, levels)


# M2, M7: a tool that nobody stated, as one declared later, is none.
def test_what_is_not_stated_is_none() -> None:
    assert effective_level({}, None, "rfis") is Level.NONE
    assert effective_level({"budget": Level.ADMIN}, None, "rfis") is Level.NONE
    assert effective_level({"rfis": Level.ADMIN}, {}, "rfis") is Level.NONE


# M2: a company-level tool and a project-level one of the same key are two.
def test_company_and_project_levels_do_not_mix() -> None:
    held = {"documents": Level.STANDARD}
    assert effective_level(held, None, "documents") is Level.STANDARD
    assert effective_level(held, {"documents": Level.READ_ONLY}, "documents") is Level.READ_ONLY


# M4
def test_directory_admin_is_admin_everywhere_and_admin_admin_is_not() -> None:
    company_admin, other_admin = {"directory": Level.ADMIN}, {"admin": Level.ADMIN}
    assert all(
        effective_level(company_admin, on_project, tool) is Level.ADMIN
        for tool, on_project in product(["admin", "directory", "rfis"], [None, {}, {"rfis": Level.READ_ONLY}])
    )
    assert effective_level(other_admin, None, "directory") is Level.NONE
    assert effective_level(other_admin, {}, "rfis") is Level.NONE


# M4: one step below admin on the directory is an ordinary level.
def test_directory_standard_is_no_company_admin() -> None:
    assert not rules.is_company_admin({"directory": Level.STANDARD})
    assert effective_level({"directory": Level.STANDARD}, None, "budget") is Level.NONE


# M1
def test_levels_are_read_for_declared_tools_and_their_supported_levels_alone() -> None:
    read = read_levels(
        {"directory": "read_only", "reports": "none", "admin": "standard", "rfi": "admin"}, tools=TOOLS, field="levels."
    )
    assert read.levels == {"directory": Level.READ_ONLY}
    assert [problem.field for problem in read.problems] == ["levels.admin", "levels.rfi"]
    assert read.problems[0].message == "must be one of none, admin"
    assert read.problems[1].message == "is not a tool here; the tools are directory, admin, reports"


@pytest.mark.parametrize("text", ["", "Admin", "admin ", "ADMIN", "3", "owner"])
def test_a_level_is_one_of_four_words(text: str) -> None:
    assert read_levels({"directory": text}, tools=TOOLS).problems  # M1


# M5
@given(grantor=LEVELS, target=LEVELS, after=LEVELS)
def test_nobody_gives_above_their_own_or_takes_from_who_holds_more(
    grantor: dict[str, Level], target: dict[str, Level], after: dict[str, Level]
) -> None:
    refused = refused_grant(Holder(grantor), Holder(target), before=target, after=after)
    touched = [tool for tool in {*target, *after} if target.get(tool, 0) != after.get(tool, 0)]
    above = any(after.get(tool, Level.NONE) > effective_level(grantor, None, tool) for tool in touched)
    below = any(effective_level(target, None, tool) > effective_level(grantor, None, tool) for tool in touched)
    assert (refused is not None) == (above or below)


# M5: the boundary pair, both ways.
def test_the_own_level_may_be_given_and_taken_and_one_above_may_not() -> None:
    own = Holder({"rfis": Level.STANDARD})
    standard, admin = {"rfis": Level.STANDARD}, {"rfis": Level.ADMIN}
    assert refused_grant(own, Holder({}), before={}, after=standard) is None
    assert refused_grant(own, Holder({}), before={}, after=admin) is not None
    assert refused_grant(own, Holder(standard), before=standard, after={}) is None
    assert refused_grant(own, Holder(admin), before=admin, after={}) is not None


# M5: a company admin holds admin on what is not stated too.
def test_a_company_admin_is_not_touched_by_who_holds_less() -> None:
    stated = {"rfis": Level.READ_ONLY}
    target = Holder({"directory": Level.ADMIN, **stated})
    assert refused_grant(Holder({"rfis": Level.STANDARD}), target, before=stated, after={}) is not None
    assert refused_grant(Holder({"directory": Level.ADMIN}), target, before=stated, after={}) is None


# S10
def test_only_a_service_account_becoming_company_admin_needs_the_confirmation() -> None:
    admin = {"directory": Level.ADMIN}
    assert rules.needs_confirmation(service_account(), admin)
    assert rules.needs_confirmation(service_account(directory=Level.STANDARD), admin)
    assert not rules.needs_confirmation(service_account(**admin), {**admin, "budget": Level.ADMIN})
    assert not rules.needs_confirmation(service_account(), {"directory": Level.STANDARD, "admin": Level.ADMIN})
    assert not rules.needs_confirmation(contact(), admin)


@pytest.mark.parametrize(
    ("tool", "fields"),
    [
        (Tool("project", "rfis", "RFIs", EVERY_LEVEL), []),
        (rules.BUILT_IN[1], []),
        (Tool("company", "admin", "Admin", EVERY_LEVEL), ["key"]),
        (Tool("company", "directory", "People", EVERY_LEVEL), ["key"]),
        (Tool("project", "admin", "Admin", EVERY_LEVEL), []),
        (Tool("company", "confirm", "Confirm", EVERY_LEVEL), ["key"]),
        (Tool("company", "RFIs", "RFIs", EVERY_LEVEL), ["key"]),
        (Tool("company", "a" * 61, "A", EVERY_LEVEL), ["key"]),
        (Tool("company", "rfis.x", "A", EVERY_LEVEL), ["key"]),
        (Tool("company", "rfis", "", EVERY_LEVEL), ["name"]),
        (Tool("company", "rfis", "A", (Level.NONE,)), ["levels"]),
        (Tool("company", "rfis", "A", (Level.READ_ONLY, Level.ADMIN)), ["levels"]),
        (Tool("company", "rfis", "A", (Level.ADMIN, Level.NONE)), ["levels"]),
    ],
)
def test_a_tool_is_declared_with_a_plain_key_and_ordered_levels(tool: Tool, fields: list[str]) -> None:
    assert [problem.field for problem in rules.tool_problems(tool)] == fields  # M1


@pytest.mark.parametrize("name", ["", " Ada", "Ada ", "a" * 121, "Ada\u202egnp.exe", "Ada\x00", "Ada\nPark"])
def test_a_name_that_misleads_or_is_blank_is_refused(name: str) -> None:
    assert [p.field for p in rules.contact_problems(name=name, email="a@b.example")] == ["name"]


def test_what_is_left_out_of_a_change_is_not_judged() -> None:
    assert rules.contact_problems(name=None, email=None) == []
    assert rules.company_problems(name=None, app_access="closed")[0].field == "app_access"
    assert rules.project_problems(name="a" * 120, number=" ")[0].field == "project_number"
    assert rules.display_name("Pier 9", "P-9") == "P-9 - Pier 9"
    assert rules.display_name("Pier 9", None) == "Pier 9"
