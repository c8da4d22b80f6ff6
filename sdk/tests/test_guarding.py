"""What the middlewares share, by itself: the question of a request, and refusals that nobody gave."""

import subprocess
import sys
from dataclasses import dataclass
from typing import cast

import pytest

from gatewright_sdk import Allow, Deny, Question
from gatewright_sdk.guarding import Call, Needs, comma_separated, decide, decide_awaited, question_of
from gatewright_sdk.model import LONGEST_ROUTE
from gatewright_sdk.requests import COMPANY_HEADERS

NEEDS = Needs("rfis", "standard")


def call(*, method: str = "GET", pattern: str = "/x", **parameters: object) -> Call:
    """Return a request with a token and a company."""
    headers = [("authorization", "Bearer secret-token"), ("gatewright-company-id", "1")]
    return Call(method=method, pattern=pattern, parameters=parameters, headers=headers, query=[("q", "secret-query")])


@dataclass(frozen=True, slots=True)
class Says:
    """A guard that says whatever it was made with, whether its type is right or not."""

    answer: object
    company_headers: tuple[str, ...] = COMPANY_HEADERS

    def check(self, question: Question) -> Allow | Deny:
        """Return it."""
        return cast(Allow | Deny, self.answer)


@dataclass(frozen=True, slots=True)
class SaysLater:
    """The same, awaited."""

    answer: object
    company_headers: tuple[str, ...] = COMPANY_HEADERS

    async def check(self, question: Question) -> Allow | Deny:
        """Return it."""
        return cast(Allow | Deny, self.answer)


@pytest.mark.parametrize("answer", [None, True, 1, "allow", {"allow": True}, object()])
async def test_anything_but_an_allow_is_a_refusal(answer: object) -> None:
    # X1
    for got in (decide(Says(answer), NEEDS, call()), await decide_awaited(SaysLater(answer), NEEDS, call())):
        assert isinstance(got, Deny)
        assert (got.status, got.code) == (503, "temporarily_unavailable")


async def test_a_guard_of_the_wrong_kind_is_a_refusal() -> None:
    # X1: a coroutine that nobody awaited is no yes, and what cannot be awaited neither
    with pytest.warns(RuntimeWarning, match="never awaited"):
        got = decide(SaysLater(None), NEEDS, call())  # type: ignore[arg-type]
    assert isinstance(got, Deny)
    assert isinstance(await decide_awaited(Says(None), NEEDS, call()), Deny)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "pattern", "expected"),
    [
        ("GET", "/a/{project_id}", "GET /a/{project_id}"),
        ("BREW\r\nX: y", "/a", "? /a"),
        ("x" * 500, "/a", "? /a"),
        ("GET", "/a\n\x00b", "GET /a??b"),
        ("DELETE", "/" + "a" * 500, "DELETE /" + "a" * (LONGEST_ROUTE - 8)),
    ],
)
def test_the_route_that_is_recorded_is_printable_and_short(method: str, pattern: str, expected: str) -> None:
    # X4
    question = question_of(call(method=method, pattern=pattern), NEEDS, company_headers=COMPANY_HEADERS)
    assert isinstance(question, Question)
    assert question.route == expected


@pytest.mark.parametrize(("named", "expected"), [(7, 7), ("7", 7)])
def test_a_parameter_may_have_been_converted_by_the_framework(named: object, expected: int) -> None:
    question = question_of(call(project_id=named, company_id=1), NEEDS, company_headers=COMPANY_HEADERS)
    assert isinstance(question, Question)
    assert (question.project_id, question.company_id) == (expected, 1)


def test_other_company_headers_are_those_that_count() -> None:
    # X3
    question = question_of(call(), NEEDS, company_headers=("X-Tenant",))
    assert isinstance(question, Question)
    assert question.company_id is None


def test_what_a_server_joined_is_told_apart() -> None:
    # X3
    joined = [
        ("Authorization", "Bearer a,Bearer b"),
        ("Gatewright-Company-Id", "1, 2"),
        ("Accept", "text/html, */*"),
        ("authorization", 'Digest username="a", realm="b"'),
    ]
    assert comma_separated(joined, company_headers=["gatewright-company-id"]) == [
        ("Authorization", "Bearer a"),
        ("Authorization", "Bearer b"),
        ("Gatewright-Company-Id", "1"),
        ("Gatewright-Company-Id", "2"),
        ("Accept", "text/html, */*"),
        ("authorization", 'Digest username="a", realm="b"'),
    ]


def test_no_repr_shows_headers_or_query() -> None:
    # T13
    assert "secret" not in repr(call())


_IMPORTING = """
import sys
import gatewright_sdk, gatewright_sdk.guarding, gatewright_sdk.tokens
print(sorted({"django", "fastapi", "flask", "gatewright", "starlette"} & sys.modules.keys()))
import gatewright_sdk.starlette
print(sorted({"django", "fastapi", "flask", "gatewright"} & sys.modules.keys()))
"""


def test_no_framework_is_needed_but_the_one_that_is_used() -> None:
    done = subprocess.run([sys.executable, "-c", _IMPORTING], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n[]\n"
