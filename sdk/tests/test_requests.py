"""What a request names: its token, its company (X3)."""

import pytest

from gatewright_sdk.model import Deny
from gatewright_sdk.requests import NOBODYS, bearer, named_company, plain_id

OURS, THEIRS = "Gatewright-Company-Id", "Procore-Company-Id"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], None),
        ([("Authorization", "Bearer abc")], "abc"),
        ([("authorization", "bearer  abc ")], "abc"),
        ([("Authorization", "Bearer")], None),
        ([("Authorization", "Basic abc")], None),
    ],
)
def test_the_token_is_that_of_the_header(headers: list[tuple[str, str]], expected: str | None) -> None:
    """X2: without one, `token_missing` is what the guard answers."""
    assert bearer(headers) == expected


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ([("Authorization", "Bearer a"), ("authorization", "Bearer a")], []),
        ([("Authorization", "Bearer a")], [("access_token", "a")]),
    ],
)
def test_a_token_in_two_places_is_refused(headers: list[tuple[str, str]], query: list[tuple[str, str]]) -> None:
    """X2."""
    said = bearer(headers, query)
    assert isinstance(said, Deny)
    assert (said.code, said.status) == ("invalid_request", 400)


@pytest.mark.parametrize(
    ("headers", "query", "path", "expected"),
    [
        ([], [], None, None),
        ([(OURS, "7")], [], None, 7),
        ([(THEIRS, "7")], [], None, 7),
        ([(OURS, "7"), (THEIRS, "7")], [("company_id", "7")], "7", 7),
        ([], [("company_id", "7"), ("page", "2")], None, 7),
        ([], [], "7", 7),
        ([(OURS, str(2**53 - 1))], [], None, 2**53 - 1),
        ([(OURS, str(2**53))], [], None, NOBODYS),
        ([(OURS, "9" * 30)], [], None, NOBODYS),
    ],
)
def test_the_company_is_named_by_header_query_and_path(
    headers: list[tuple[str, str]], query: list[tuple[str, str]], path: str | None, expected: int | None
) -> None:
    """X3, P6: a number that no id can be is nobody's."""
    assert named_company(headers, query, path) == expected


@pytest.mark.parametrize(
    ("headers", "query", "path"),
    [
        ([(OURS, "7"), (OURS, "7")], [], None),
        ([(OURS, "7"), ("gatewright_company_id", "7")], [], None),
        ([(OURS, "7"), (THEIRS, "8")], [], None),
        ([(OURS, "7")], [("company_id", "8")], None),
        ([(OURS, "7")], [], "8"),
        ([], [("company_id", "7"), ("company_id", "7")], None),
        ([(OURS, "")], [], None),
        ([(OURS, "07")], [], None),
        ([(OURS, "+7")], [], None),
        ([(OURS, " 7")], [], None),
        ([(OURS, "7,7")], [], None),
        ([(OURS, "٧")], [], None),
        ([], [], "0"),
        ([], [], "x"),
    ],
)
def test_a_company_that_cannot_be_told_is_refused(
    headers: list[tuple[str, str]], query: list[tuple[str, str]], path: str | None
) -> None:
    """X3."""
    said = named_company(headers, query, path)
    assert isinstance(said, Deny)
    assert (said.code, said.status) == ("company_ambiguous", 400)


def test_a_deployment_chooses_the_headers() -> None:
    """X3."""
    headers = [("X-Tenant", "7"), (OURS, "8")]
    assert named_company(headers, company_headers=("X-Tenant",)) == 7


def test_a_plain_id_is_ascii_digits_below_2_to_the_53() -> None:
    """P1: the boundary pair."""
    assert [plain_id(text) for text in ("1", str(2**53 - 1))] == [1, 2**53 - 1]
    assert [plain_id(text) for text in ("0", "01", "-1", "1.0", "", "١", str(2**53))] == [None] * 7
