"""The requests of the SDK, and the server's answers read back: nothing is guessed (X1, T12)."""

import base64
import json
from typing import Any

import pytest

from gatewright_sdk.model import Allow, Deny, Principal, Question
from gatewright_sdk.wire import (
    MOST_TAGS,
    Answered,
    Credentials,
    EventLines,
    Forget,
    Garbled,
    Position,
    Renewed,
    Reply,
    Reset,
    check_call,
    nonce_call,
    read_answers,
    read_event,
    read_renewed,
    stream_call,
)

GATE = Credentials("gate", "s:e cret+%")
QUESTION = Question(token="t", company_id=1, tool="rfis", level="standard")
YES: dict[str, Any] = {
    "allow": True,
    "tags": ["a"],
    "principal": {
        "kind": "service_account",
        "id": 3,
        "company_id": 1,
        "contact_id": 7,
        "level": "admin",
        "client_id": None,
        "scopes": ["s"],
    },
}
NO: dict[str, Any] = {
    "allow": False,
    "tags": [],
    "code": "rate_limited",
    "status": 429,
    "message": "m",
    "help": "h",
    "request_id": "r",
}


def reply(said: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(said).encode())


def test_a_secret_of_any_letters_is_sent_as_the_rfc_says() -> None:
    """T13: RFC 6749 §2.3.1."""
    name, value = GATE.header()
    assert (name, base64.b64decode(value.removeprefix("Basic "))) == ("Authorization", b"gate:s%3Ae+cret%2B%25")


def test_a_question_is_sent_with_what_it_names_alone() -> None:
    """X1."""
    asked = Question(contact_id=7, company_id=1, project_id=2, tool="rfis", level="standard", route="GET /x")
    sent = json.loads(check_call([QUESTION, asked], GATE).body or b"")
    assert sent["questions"] == [
        {"token": "t", "company_id": 1, "tool": "rfis", "level": "standard"},
        {
            "contact_id": 7,
            "company_id": 1,
            "tool": "rfis",
            "level": "standard",
            "project_id": 2,
            "route": "GET /x",
        },
    ]


def test_a_stream_is_resumed_by_its_last_position() -> None:
    """T12."""
    assert ("Last-Event-ID", "0") in stream_call(GATE, after=0).headers
    assert "Last-Event-ID" not in dict(stream_call(GATE, after=None).headers)
    assert nonce_call(GATE, "n").query == (("nonce", "n"),)


def test_answers_are_read_in_the_order_of_the_questions() -> None:
    """X1."""
    allow = Allow(principal=Principal("service_account", 3), company_id=1, contact_id=7, level="admin", scopes=("s",))
    deny = Deny(code="rate_limited", status=429, message="m", help="h", request_id="r")
    answers = read_answers(reply({"answers": [YES, NO]}), [QUESTION, QUESTION])
    assert answers == [Answered(allow, ("a",)), Answered(deny, ())]


def test_an_answer_with_more_tags_than_are_kept_is_not_kept() -> None:
    """X5: the boundary pair."""
    for count, kept in ((MOST_TAGS, MOST_TAGS), (MOST_TAGS + 1, 0)):
        said = {"answers": [YES | {"tags": [str(number) for number in range(count)]}]}
        assert len(read_answers(reply(said), [QUESTION])[0].tags) == kept


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        {},
        {"answers": {}},
        {"answers": [YES, YES]},
        {"answers": ["yes"]},
        {"answers": [YES | {"allow": 1}]},
        {"answers": [YES | {"tags": None}]},
        {"answers": [YES | {"tags": [1]}]},
        {"answers": [YES | {"principal": None}]},
        {"answers": [YES | {"principal": YES["principal"] | {"kind": "robot"}}]},
        {"answers": [YES | {"principal": YES["principal"] | {"id": "3"}}]},
        {"answers": [YES | {"principal": YES["principal"] | {"contact_id": None}}]},
        {"answers": [YES | {"principal": YES["principal"] | {"company_id": 2}}]},
        {"answers": [YES | {"principal": YES["principal"] | {"level": 2}}]},
        {"answers": [YES | {"principal": YES["principal"] | {"scopes": "s"}}]},
        {"answers": [NO | {"code": None}]},
        {"answers": [NO | {"status": True}]},
        {"answers": [NO | {"status": 200}]},
        {"answers": [NO | {"message": None}]},
    ],
)
def test_answers_that_cannot_be_read_are_none(said: object) -> None:
    """X1."""
    with pytest.raises(Garbled):
        read_answers(reply(said), [QUESTION])


@pytest.mark.parametrize("status", [204, 301, 400, 401, 404, 500, 503])
def test_no_other_status_is_an_answer(status: int) -> None:
    """X1: and what is wrong is told without the body."""
    with pytest.raises(Garbled, match=rf"status {status} \(invalid_client\)"):
        read_answers(reply({"error": "invalid_client", "error_description": "x"}, status), [QUESTION])


def test_a_renewal_is_the_answer_to_its_own_nonce() -> None:
    """T12."""
    said = {"nonce": "n", "position": 5, "lease": 2}
    assert read_renewed(reply(said), nonce="n") == Renewed(5, 2.0)
    wrong: list[dict[str, Any]] = [
        {"nonce": "m"},
        {"position": "5"},
        {"position": -1},
        {"lease": 0},
        {"lease": True},
        {"lease": "2"},
        {"lease": 10**9},
    ]
    for one in wrong:
        with pytest.raises(Garbled):
            read_renewed(reply(said | one), nonce="n")


def test_lines_become_events() -> None:
    """T12: comments, ids and events of later versions are passed over."""
    lines = [
        ": alive",
        "",
        "event: position",
        "id: 4",
        'data: {"position": 4, "lease": 2.0}',
        "",
        "event:forget",
        'data: {"position": 5,',
        'data: "tags": ["a", "b"]}',
        "",
        "event: later",
        "data: x",
        "",
        "event: reset",
        'data: {"position": 9}',
        "",
    ]
    parser = EventLines()
    events = [event for line in lines if (event := parser.add(line)) is not None]
    assert events == [Position(4), Forget(5, ("a", "b")), Reset(9)]


@pytest.mark.parametrize(
    "data", ["", "x", "[]", "{}", '{"position": "1"}', '{"position": 1, "tags": "a"}', '{"tags": []}']
)
def test_an_event_that_cannot_be_read_is_none(data: str) -> None:
    """T12."""
    with pytest.raises(Garbled):
        read_event("forget", data)
