"""Every refusal says what is wrong and who can fix it, in roles and never in persons (X1, X4)."""

import ast
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gatewright.base.ids import AppId, CompanyId, ContactId, ProjectId
from gatewright.base.levels import Level
from gatewright.decisions.model import Asked, Caller, CompanyRow, ContactRow, Refused, Situation, ToolRow
from gatewright.decisions.rules import TOKEN_MISSING, dead_token, decide, rate_limited
from gatewright.oauth.errors import invalid_client, unauthorized_client
from gatewright.oauth.model import DeadToken
from gatewright.oauth.rules import DISABLED, EXPIRED, INACTIVE, INVALID, REVOKED
from tests.laws.source import Module, planted, product

ALDER = CompanyId(1)
APP = Caller(kind="user", id=7, app_id=AppId(3))
ACCOUNT = Caller(kind="service_account", id=9, home_company_id=ALDER)
PAGES = Caller(kind="user", id=7, on_pages=True)
ASKED = Asked(company_id=ALDER, needs_company=True, tool="admin", level=Level.ADMIN)
HELD = Situation(
    company=CompanyRow(ALDER, "Alder", "open"),
    contact=ContactRow(ContactId(5), {}),
    installation="connected",
    tools=(ToolRow("company", "admin", "Admin"),),
)
ROLES = ("Someone who holds", "The program that calls", "operator", "The user", "developer", "user's app")
DEAD: tuple[DeadToken, ...] = (INVALID, EXPIRED, REVOKED, INACTIVE, DISABLED)
ANSWERS = (
    TOKEN_MISSING,
    *(dead_token(dead.code, dead.description) for dead in DEAD),
    decide(APP, replace(ASKED, ambiguous="Two differ."), HELD),
    decide(APP, replace(ASKED, company_id=None), HELD),
    decide(APP, ASKED, Situation()),
    decide(APP, ASKED, replace(HELD, installation="disconnected")),
    decide(APP, ASKED, replace(HELD, installation="requested")),
    decide(APP, replace(ASKED, project_id=ProjectId(4)), HELD),
    *(decide(who, replace(ASKED, manage=True), HELD) for who in (APP, ACCOUNT)),
    *(decide(who, ASKED, HELD) for who in (APP, ACCOUNT, PAGES)),
    *(decide(who, replace(ASKED, tool=None, level=None, any_level=True), HELD) for who in (APP, ACCOUNT)),
    rate_limited("60 minutes"),
)
CODES = {
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
    "rate_limited",
}


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: getattr(answer, "code", "none"))
def test_a_refusal_says_what_is_wrong_and_which_role_can_fix_it(answer: object) -> None:
    """X1, X4: `help` names roles, never persons."""
    assert isinstance(answer, Refused)
    assert answer.message
    assert answer.help.endswith(".")
    assert answer.help not in answer.message
    assert any(role in answer.help for role in ROLES), answer.help
    assert "@" not in answer.message + answer.help


def test_every_code_of_the_decision_is_among_them() -> None:
    """X2."""
    assert {answer.code for answer in ANSWERS if isinstance(answer, Refused)} == CODES


def test_what_the_token_endpoint_refuses_says_who_can_fix_it_too() -> None:
    """X1: in the one text that OAuth has for it."""
    secret, revoking = invalid_client(), unauthorized_client("token_of_another_client", status=403)
    assert (secret.status, revoking.status) == (401, 403)
    assert "can make a new secret" in secret.description
    assert "which alone can revoke it" in revoking.description
    assert secret.description.isascii()


MADE = {"NotAllowed", "Unauthenticated"}


def helpless(module: Module) -> Iterator[str]:
    """Yield each 401 or 403 that is made without saying who can fix it."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Name(id=name), keywords=named) if name in MADE:
                if all(keyword.arg != "help" for keyword in named):
                    yield f"{module.at(node)} {name} without help: say who can fix it"
            case _:
                pass


def test_every_401_and_403_names_who_can_fix_it() -> None:
    """X1: whoever makes one."""
    assert [told for module in product() for told in helpless(module)] == []


def test_a_helpless_refusal_is_caught() -> None:
    assert len(list(helpless(planted('raise NotAllowed("a", "b")', path="x.py")))) == 1
    assert list(helpless(planted('raise NotAllowed("a", "b", help="c")', path="x.py"))) == []
