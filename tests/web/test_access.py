"""How a request names its company, its ids and its bearer (X3)."""

from typing import Any

import pytest
from starlette.requests import Request

from gatewright.base.errors import BadRequest, NotFound
from gatewright.web.access import NOBODYS, Ambiguous, bearer, named_company, path_id, plain_id

HEADERS = ("Gatewright-Company-Id", "Procore-Company-Id")


def _request(*headers: tuple[str, str], query: str = "", **path: Any) -> Request:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": raw, "path_params": path}
    return Request({**scope, "query_string": query.encode()})


@pytest.mark.parametrize(
    "request_",
    [
        _request(("Gatewright-Company-Id", "7")),
        _request(("Procore-Company-Id", "7")),
        _request(query="company_id=7"),
        _request(company_id="7"),
        _request(("Gatewright-Company-Id", "7"), ("Procore-Company-Id", "7"), query="company_id=7", company_id="7"),
    ],
)
def test_company_is_named_by_header_path_or_query_and_all_agree(request_: Request) -> None:
    """X3."""
    assert named_company(request_, headers=HEADERS) == 7


def test_a_request_that_names_no_company_names_none() -> None:
    """X3."""
    assert named_company(_request(), headers=HEADERS) is None


@pytest.mark.parametrize(
    "request_",
    [
        _request(("Gatewright-Company-Id", "7"), ("Procore-Company-Id", "8")),
        _request(("Gatewright-Company-Id", "7"), query="company_id=8"),
        _request(query="company_id=8", company_id="7"),
        _request(("Gatewright-Company-Id", "7"), ("Gatewright-Company-Id", "7")),
        _request(query="company_id=7&company_id=7"),
    ],
)
def test_places_that_disagree_or_repeat_are_ambiguous(request_: Request) -> None:
    """X3: even a repeat that agrees is refused, since a proxy may read another one."""
    assert isinstance(named_company(request_, headers=HEADERS), Ambiguous)


@pytest.mark.parametrize("text", ["", "0", "07", "+7", "-7", " 7", "7 ", "7.0", "7e1", "0x7", "٧", "7,7"])
def test_only_plain_digits_name_a_company(text: str) -> None:
    """X3: ASCII digits without sign or leading zero."""
    assert plain_id(text) is None
    raw = text.encode("utf-8").decode("latin-1")
    assert isinstance(named_company(_request(("Gatewright-Company-Id", raw)), headers=HEADERS), Ambiguous)


@pytest.mark.parametrize("text", [str(2**53), "9" * 17, "9" * 5000])
def test_a_number_that_no_id_can_be_names_nobodys_company(text: str) -> None:
    """X3, P6: it answers like any unknown id."""
    assert plain_id(text) is None
    assert named_company(_request(("Gatewright-Company-Id", text)), headers=HEADERS) == NOBODYS


def test_the_largest_id_is_below_2_to_the_53() -> None:
    """X3, P1: ids stay exact in programs that hold numbers as doubles."""
    assert plain_id(str(2**53 - 1)) == 2**53 - 1


def test_an_id_that_cannot_be_one_is_unknown_like_any_other() -> None:
    """P6."""
    with pytest.raises(NotFound) as refusal:
        path_id(_request(project_id="../1"), "project_id", "project_unknown")
    assert refusal.value.code == "project_unknown"


@pytest.mark.parametrize(
    ("value", "token"), [("Bearer t", "t"), ("bearer  t", "t"), ("Bearer", None), ("Bearer ", None), ("Basic t", None)]
)
def test_the_bearer_is_read_from_its_header(value: str, token: str | None) -> None:
    """X2."""
    assert bearer(_request(("Authorization", value))) == token


def test_a_token_anywhere_else_is_not_read_and_two_are_refused() -> None:
    """X2, A144: RFC 6750's query and body ways leak into logs."""
    assert bearer(_request(query="access_token=t")) is None
    with pytest.raises(BadRequest):
        bearer(_request(("Authorization", "Bearer t"), query="access_token=t"))
    with pytest.raises(BadRequest):
        bearer(_request(("Authorization", "Bearer t"), ("Authorization", "Bearer u")))
