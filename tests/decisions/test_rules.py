"""The decision, from rows alone: X1, X2, M4, M6 to M8, P4 to P6, I2, I3, I5, S1, S3."""

from dataclasses import replace

import pytest

from gatewright.base.ids import AppId, CompanyId, ContactId, ProjectId
from gatewright.base.levels import Level
from gatewright.base.scopes import MANAGE
from gatewright.decisions.model import (
    Allowed,
    Asked,
    Caller,
    CompanyRow,
    ContactRow,
    FirstCall,
    MembershipRow,
    Refused,
    Situation,
    ToolRow,
)
from gatewright.decisions.rules import TOKEN_MISSING, dead_token, decide

ALDER, BIRCH = CompanyId(1), CompanyId(2)
APP = Caller(kind="user", id=7, app_id=AppId(3), scopes=(MANAGE,))
PERSON = Caller(kind="user", id=7, on_pages=True)
ACCOUNT = Caller(kind="service_account", id=9, home_company_id=ALDER)
RFIS = ToolRow("project", "rfis", "RFIs")
BUDGET = ToolRow("company", "budget", "Budget")


def held(**levels: Level) -> Situation:
    """Return a situation in which everything is in order and the contact holds these company levels."""
    return Situation(
        company=CompanyRow(ALDER, "Alder", "open"),
        contact=ContactRow(ContactId(5), levels),
        installation="connected",
        tools=(RFIS, BUDGET),
    )


def code(answer: object) -> str:
    """Return the code of a refusal."""
    assert isinstance(answer, Refused), answer
    return answer.code


ASKED = Asked(company_id=ALDER, needs_company=True, tool="admin", level=Level.ADMIN)


def test_the_first_check_that_fails_answers() -> None:
    """X2: with everything wrong at once, mending one thing after another walks the whole order."""
    asked = replace(ASKED, company_id=None, ambiguous="Two differ.", project_id=ProjectId(4), tool="rfis", manage=True)
    bare = replace(APP, scopes=())
    facts = Situation(tools=(RFIS,))
    walked = [code(decide(TOKEN_MISSING, asked, facts))]
    walked.extend(
        code(decide(dead_token(dead, "It is dead."), asked, facts))
        for dead in (
            "token_invalid",
            "token_expired",
            "token_revoked",
            "principal_inactive",
            "service_account_disabled",
        )
    )
    walked.append(code(decide(bare, asked, facts)))
    asked = replace(asked, ambiguous="")
    walked.append(code(decide(bare, asked, facts)))
    asked = replace(asked, company_id=ALDER)
    walked.append(code(decide(bare, asked, facts)))
    facts = replace(held(), tools=(RFIS,), installation="disconnected")
    walked.append(code(decide(bare, asked, facts)))
    facts = replace(facts, installation="requested")
    walked.append(code(decide(bare, asked, facts)))
    facts = replace(facts, installation="connected")
    walked.append(code(decide(bare, asked, facts)))
    facts = replace(facts, project_exists=True, membership=MembershipRow({}))
    walked.append(code(decide(bare, asked, facts)))
    walked.append(code(decide(APP, asked, facts)))
    assert walked == [
        "token_missing",
        "token_invalid",
        "token_expired",
        "token_revoked",
        "principal_inactive",
        "service_account_disabled",
        "company_ambiguous",
        "company_required",
        "company_unknown",
        "app_not_connected",
        "app_approval_required",
        "project_unknown",
        "scope_insufficient",
        "permission_insufficient",
    ]
    facts = replace(facts, membership=MembershipRow({"rfis": Level.ADMIN}))
    assert decide(APP, asked, facts) == Allowed(ContactId(5), Level.ADMIN, False)


def test_every_refusal_says_one_sentence_and_who_can_fix_it() -> None:
    """X1."""
    refusals = [
        TOKEN_MISSING,
        decide(APP, Asked(needs_company=True), Situation()),
        decide(APP, ASKED, Situation()),
        decide(APP, ASKED, replace(held(), installation="disconnected")),
        decide(APP, ASKED, replace(held(), installation="requested")),
        decide(APP, replace(ASKED, project_id=ProjectId(1)), held()),
        decide(replace(APP, scopes=()), replace(ASKED, manage=True), held(admin=Level.ADMIN)),
        decide(ACCOUNT, replace(ASKED, manage=True), held(admin=Level.ADMIN)),
        decide(APP, ASKED, held()),
        *(dead_token(dead, "It is dead.") for dead in ("token_invalid", "principal_inactive", "unheard_of")),
    ]
    for refusal in refusals:
        assert isinstance(refusal, Refused)
        assert refusal.message
        assert refusal.help.endswith(".")


def test_an_unknown_company_and_one_without_a_contact_answer_alike() -> None:
    """P5, P6: to the letter."""
    nowhere = decide(APP, ASKED, Situation())
    elsewhere = decide(APP, ASKED, replace(held(), contact=None))
    assert nowhere == elsewhere
    assert code(nowhere) == "company_unknown"


def test_a_service_account_reaches_its_own_company_alone() -> None:
    """S1: even where a contact of another company bore its id."""
    facts = replace(held(admin=Level.ADMIN), company=CompanyRow(BIRCH, "Birch", "open"))
    assert code(decide(ACCOUNT, replace(ASKED, company_id=BIRCH), facts)) == "company_unknown"
    assert isinstance(decide(ACCOUNT, ASKED, held(admin=Level.ADMIN)), Allowed)


def test_a_service_account_without_a_level_is_told_so() -> None:
    """S3: only what names a company is refused; who it is may be asked."""
    assert isinstance(decide(ACCOUNT, Asked(), Situation()), Allowed)
    for asked in (ASKED, Asked(company_id=ALDER, needs_company=True, any_level=True)):
        answer = decide(ACCOUNT, asked, held())
        assert code(answer) == "permission_insufficient"
        assert isinstance(answer, Refused)
        assert "until someone grants it a level" in answer.message


def test_a_service_account_needs_no_installation() -> None:
    """I1: an installation is of an app."""
    facts = replace(held(admin=Level.ADMIN), installation=None)
    assert isinstance(decide(ACCOUNT, ASKED, facts), Allowed)


def test_an_app_never_seen_here_makes_its_first_call() -> None:
    """I2: whether it connects is decided by the company's policy, not by the levels of its user."""
    assert decide(APP, ASKED, replace(held(), installation=None)) == FirstCall()


def test_a_disconnected_app_is_told_the_sentence_that_clients_know() -> None:
    """I3: word for word; I5: no call makes a first call of it."""
    answer = decide(APP, ASKED, replace(held(admin=Level.ADMIN), installation="disconnected"))
    assert isinstance(answer, Refused)
    assert (answer.code, answer.message) == ("app_not_connected", "App is not connected to this company")


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("asked", list(Level))
def test_a_level_suffices_for_itself_and_those_below(level: Level, asked: Level) -> None:
    """M2: what is not stated is none."""
    question = Asked(company_id=ALDER, needs_company=True, tool="budget", level=asked)
    facts = held() if level is Level.NONE else held(budget=level)
    assert isinstance(decide(APP, question, facts), Allowed) is (level >= asked)


def test_company_admin_holds_admin_everywhere_and_admin_admin_does_not() -> None:
    """M4."""
    for tool in ("directory", "admin", "budget"):
        question = Asked(company_id=ALDER, needs_company=True, tool=tool, level=Level.ADMIN)
        assert isinstance(decide(APP, question, held(directory=Level.ADMIN)), Allowed)
        assert isinstance(decide(APP, question, held(admin=Level.ADMIN)), Allowed) is (tool == "admin")
    on_project = Asked(company_id=ALDER, project_id=ProjectId(4), tool="rfis", level=Level.ADMIN)
    facts = replace(held(directory=Level.ADMIN), project_exists=True)
    assert decide(APP, on_project, facts) == Allowed(ContactId(5), Level.ADMIN, True)


def test_a_tool_that_nobody_declared_is_none_even_for_company_admins() -> None:
    """M7: and so is one declared later, until it is granted."""
    question = Asked(company_id=ALDER, needs_company=True, tool="scheduling", level=Level.READ_ONLY)
    assert code(decide(APP, question, held(directory=Level.ADMIN))) == "permission_insufficient"
    assert code(decide(APP, question, held(scheduling=Level.ADMIN))) == "permission_insufficient"
    declared = replace(held(budget=Level.ADMIN), tools=(ToolRow("company", "scheduling", "Scheduling"),))
    assert code(decide(APP, question, declared)) == "permission_insufficient"


def test_whoever_asks_about_a_tool_that_is_not_is_told_that_no_level_would_help() -> None:
    """M7, X1: the operator can mend it, and no company admin; a project tool is none of the company's."""
    question = Asked(company_id=ALDER, needs_company=True, tool="rfis", level=Level.READ_ONLY)
    told = decide(APP, question, replace(held(directory=Level.ADMIN), tools=(RFIS,)))
    assert isinstance(told, Refused)
    assert told.message.startswith("There is no tool rfis of the company")
    assert told.help.startswith("The operator")


def test_a_company_tool_says_nothing_of_a_project_tool_of_the_same_key() -> None:
    """M1, M2."""
    question = Asked(company_id=ALDER, project_id=ProjectId(4), tool="rfis", level=Level.READ_ONLY)
    facts = replace(held(rfis=Level.ADMIN), project_exists=True, membership=MembershipRow({}))
    assert code(decide(APP, question, facts)) == "permission_insufficient"


def test_a_project_is_known_to_its_contacts_and_to_company_admins() -> None:
    """P6: to everybody else it does not exist."""
    question = Asked(company_id=ALDER, project_id=ProjectId(4))
    strangers = decide(APP, question, replace(held(admin=Level.ADMIN), project_exists=True))
    nowhere = decide(APP, question, replace(held(directory=Level.ADMIN), project_exists=False))
    assert strangers == nowhere
    assert code(strangers) == "project_unknown"
    facts = replace(held(), project_exists=True, membership=MembershipRow({}))
    assert isinstance(decide(APP, question, facts), Allowed)
    facts = replace(held(directory=Level.ADMIN), project_exists=True)
    assert isinstance(decide(APP, question, facts), Allowed)


def test_security_objects_need_the_scope_and_the_level() -> None:
    """M8: the scope adds no permission, and the pages need none."""
    question = replace(ASKED, manage=True)
    bare = replace(APP, scopes=())
    assert code(decide(bare, question, held(admin=Level.ADMIN))) == "scope_insufficient"
    assert code(decide(APP, question, held())) == "permission_insufficient"
    assert isinstance(decide(APP, question, held(admin=Level.ADMIN)), Allowed)
    assert isinstance(decide(PERSON, question, held(admin=Level.ADMIN)), Allowed)
    assert code(decide(ACCOUNT, question, held(directory=Level.ADMIN))) == "scope_insufficient"


@pytest.mark.parametrize("levels", [{}, {"admin": Level.ADMIN}, {"directory": Level.ADMIN}, {"budget": Level.STANDARD}])
@pytest.mark.parametrize("tool", ["directory", "admin", "budget"])
def test_a_connected_app_may_exactly_what_its_user_may_on_the_pages(levels: dict[str, Level], tool: str) -> None:
    """M6."""
    for level in Level:
        question = Asked(company_id=ALDER, needs_company=True, tool=tool, level=level)
        by_app, by_person = decide(APP, question, held(**levels)), decide(PERSON, question, held(**levels))
        assert isinstance(by_app, Allowed) is isinstance(by_person, Allowed)


def test_any_level_or_membership_opens_the_list_of_projects() -> None:
    """P3: a membership without a level is one."""
    question = Asked(company_id=ALDER, needs_company=True, any_level=True)
    assert code(decide(APP, question, held())) == "permission_insufficient"
    assert code(decide(APP, question, held(budget=Level.NONE))) == "permission_insufficient"
    assert isinstance(decide(APP, question, held(budget=Level.READ_ONLY)), Allowed)
    assert isinstance(decide(APP, question, replace(held(), has_membership=True)), Allowed)
