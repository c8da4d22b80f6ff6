"""The values: what cannot be asked, and how a refusal is told (X1, X2, T13)."""

from typing import Any

import pytest

from gatewright_sdk.model import Deny, Identity, Question, Refused
from gatewright_sdk.wire import Call, Credentials

SECRET = "canary-5c0e"


def deny(status: int, message: str = "No.") -> Deny:
    return Deny(code="c", status=status, message=message, help="h", request_id="r")


def test_a_refusal_is_told_as_the_platform_api_tells_it() -> None:
    """X2."""
    assert deny(403).body() == {
        "error": {"code": "c", "message": "No.", "help": "h", "request_id": "r"},
        "errors": ["No."],
    }


def test_a_401_is_challenged_and_a_503_says_when_to_come_back() -> None:
    """X2."""
    challenge = 'Bearer realm="gatewright", error="invalid_token", error_description="No."'
    assert deny(401).headers() == {"Cache-Control": "no-store", "WWW-Authenticate": challenge}
    assert deny(403).headers() == {"Cache-Control": "no-store"}
    assert deny(503).headers()["Retry-After"] == "2"
    assert deny(429).headers()["Retry-After"] == "10"


def test_no_sentence_can_break_a_header() -> None:
    """X2."""
    challenge = deny(401, 'a"\r\nX: y\\é').headers()["WWW-Authenticate"]
    assert challenge == 'Bearer realm="gatewright", error="invalid_token", error_description="a???X: y??"'


@pytest.mark.parametrize(
    "wrong",
    [
        {"tool": ""},
        {"tool": "RFIs"},
        {"tool": "a" * 61},
        {"tool": "rfis\n"},
        {"tool": "1st"},
        {"route": "GET /x\ny"},
        {"level": "none"},
        {"level": "owner"},
        {"token": "a", "contact_id": 1},
        {"contact_id": 0},
        {"company_id": 2**53},
        {"company_id": True},
        {"project_id": "7"},
        {"route": "x" * 201},
    ],
)
def test_what_nobody_can_ask_is_the_programs_own_fault(wrong: dict[str, Any]) -> None:
    """X1."""
    with pytest.raises(ValueError):
        Question(**({"tool": "rfis", "level": "standard"} | wrong))


def let_in(**decided: Any) -> Identity:
    """Return whom a proxy let in for RFIs of a project with Standard, unless told otherwise."""
    said: dict[str, Any] = {"level": "standard", "tool": "rfis", "project_id": 7, "of_company": False, "company_id": 1}
    return Identity(user_id=5, service_account_id=None, client_id="crane", contact_id=7, **(said | decided))


def test_an_identity_holds_what_was_decided_and_nothing_else() -> None:
    """X1, M2: the level is compared on this tool and in this project; the boundary pair."""
    assert let_in().holds("rfis", "standard", project_id=7)
    assert let_in().holds("rfis", "read_only", project_id=7)
    assert not let_in().holds("rfis", "admin", project_id=7)
    assert not let_in().holds("drawings", "read_only", project_id=7)
    assert not let_in().holds("rfis", "read_only", project_id=8)
    assert not let_in().holds("rfis", "read_only")
    assert not let_in().holds("rfis", "read_only", project_id=7, of="company")


def test_a_companys_tool_is_told_from_a_projects() -> None:
    """X1: whether or not a project is named."""
    for of_company in (True, False):
        without_project = let_in(project_id=None, of_company=of_company)
        assert without_project.holds("rfis", "standard")
        assert without_project.holds("rfis", "standard", of="company")
        assert not without_project.holds("rfis", "standard", project_id=7)
    beside_project = let_in(of_company=True)
    assert beside_project.holds("rfis", "standard", project_id=7, of="company")
    assert not beside_project.holds("rfis", "standard", project_id=7)
    assert not beside_project.holds("rfis", "standard")


@pytest.mark.parametrize(
    "undecided", [{"of_company": None}, {"tool": None}, {"level": None}, {"level": "none"}, {"company_id": None}]
)
def test_what_was_not_decided_is_held_by_nobody(undecided: dict[str, Any]) -> None:
    """X1: a public route is let through for anybody."""
    assert not let_in(**undecided).holds("rfis", "read_only", project_id=7)
    with pytest.raises(ValueError):
        let_in(**undecided).holds("rfis", "none", project_id=7)


def test_what_the_server_takes_can_be_asked() -> None:
    """X1: the boundary pair."""
    Question(tool="a" * 60, level="standard", route="GET /" + "é" * 195)


def test_no_repr_shows_a_secret() -> None:
    """T13."""
    values = [
        Question(tool="rfis", level="standard", token=SECRET),
        Credentials("gate", SECRET),
        Call(method="POST", path="/", headers=(("Authorization", SECRET),), body=SECRET.encode()),
        Refused(deny(401)),
    ]
    assert SECRET not in repr(values)
