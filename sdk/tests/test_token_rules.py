"""The token source's rules: when to renew, what an answer means, where secrets may be sent."""

import json
from itertools import islice

import pytest

from gatewright_sdk.token_rules import (
    LONGEST_PAUSE,
    Done,
    Freshness,
    Granted,
    Refusal,
    Tokens,
    Unclear,
    basic,
    checked_issuer,
    freshness,
    judge,
    judge_revocation,
    pauses,
)

GOOD = {"access_token": "eyJ", "token_type": "Bearer", "expires_in": 7200, "refresh_token": "gwr_1", "created_at": 1}


def tokens(*, obtained_at: float = 1000.0, lifetime: float = 7200.0) -> Tokens:
    """Return tokens with this life."""
    return Tokens(access_token="eyJ", refresh_token="gwr", obtained_at=obtained_at, expires_at=obtained_at + lifetime)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (1000.0, Freshness.FRESH),
        (8139.9, Freshness.FRESH),
        (8140.0, Freshness.EARLY),
        (8199.9, Freshness.EARLY),
        (8200.0, Freshness.OVER),
        (700.0, Freshness.FRESH),  # two clocks of one computer never differ so much
        (699.9, Freshness.OVER),  # the clock was set back: what it says now is worth nothing
    ],
)
def test_a_token_is_renewed_a_minute_before_its_end(now: float, expected: Freshness) -> None:
    # T3
    assert freshness(tokens(), now=now) is expected


@pytest.mark.parametrize(("now", "expected"), [(1029.9, Freshness.FRESH), (1030.0, Freshness.EARLY)])
def test_a_short_lived_token_is_renewed_in_its_last_quarter(now: float, expected: Freshness) -> None:
    assert freshness(tokens(lifetime=40.0), now=now) is expected


def test_a_token_answer_counts_from_when_it_was_asked_for() -> None:
    answer = judge(200, json.dumps(GOOD | {"scope": "a b"}).encode(), asked_at=1000.0)
    expected = Tokens(access_token="eyJ", refresh_token="gwr_1", obtained_at=1000.0, expires_at=8200.0, scope="a b")
    assert answer == Granted(expected)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Sign in to this hotel</html>",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        json.dumps(GOOD | {"access_token": ""}).encode(),
        json.dumps(GOOD | {"access_token": 7}).encode(),
        json.dumps(GOOD | {"token_type": "mac"}).encode(),
        json.dumps(GOOD | {"access_token": "eyJ\r\nX-Forged: 1"}).encode(),
        json.dumps(GOOD | {"access_token": "eyJ "}).encode(),
        json.dumps(GOOD | {"expires_in": "7200"}).encode(),
        json.dumps(GOOD | {"expires_in": True}).encode(),
        json.dumps(GOOD | {"expires_in": 0}).encode(),
        json.dumps(GOOD)[:-9].encode(),
    ],
)
def test_a_200_that_cannot_be_read_says_nothing(body: bytes) -> None:
    # T5: it may have been an answer that a proxy spoiled; the refresh token is asked with again
    assert isinstance(judge(200, body, asked_at=0.0), Unclear)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_not_now_is_no_answer(status: int) -> None:
    # T5
    body = b'{"error": "invalid_grant"}'
    assert judge(status, body, retry_after="7", asked_at=0.0) == Unclear(f"status {status}", retry_after=7.0)
    assert judge_revocation(status, body) == Unclear(f"status {status}")


@pytest.mark.parametrize("told", ["", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1e9", "\u0667"])
def test_a_retry_after_that_is_no_number_of_seconds_counts_as_none(told: str) -> None:
    assert judge(503, b"", retry_after=told, asked_at=0.0) == Unclear("status 503", retry_after=0.0)


@pytest.mark.parametrize(
    ("status", "body", "ends"),
    [
        (400, b'{"error": "invalid_grant", "error_description": "x", "reason": "revoked"}', True),
        (400, b'{"error": "invalid_grant"}', True),
        (400, b'{"error": "invalid_request"}', False),
        (400, b"<html>", False),
        (401, b'{"error": "invalid_grant"}', False),
        (401, b'{"error": "invalid_client"}', False),
        (403, b"blocked by a firewall", False),
        (404, b"", False),
        (301, b"", False),
    ],
)
def test_only_400_invalid_grant_ends_the_authorization(status: int, body: bytes, ends: bool) -> None:
    # T4: a refresh token has no other end, so nothing else may make an app give it up
    answer = judge(status, body, asked_at=0.0)
    assert isinstance(answer, Refusal)
    assert answer.ends_the_authorization is ends


def test_a_refusal_tells_error_description_and_reason() -> None:
    body = b'{"error": "invalid_grant", "error_description": "It was revoked.", "reason": "revoked"}'
    assert judge(400, body, asked_at=0.0) == Refusal(400, "invalid_grant", "It was revoked.", "revoked")
    assert judge(400, b'{"error": 7, "reason": null}', asked_at=0.0) == Refusal(400)


def test_a_revocation_is_done_with_200_alone() -> None:
    # T9
    assert judge_revocation(200, b"{}") == Done()
    assert judge_revocation(403, b'{"error": "unauthorized_client"}') == Refusal(403, "unauthorized_client")


def test_pauses_grow_to_a_bound() -> None:
    first = list(islice(pauses(), 8))
    assert first == sorted(first)
    assert first[0] == 0.1
    assert first[-1] == LONGEST_PAUSE


@pytest.mark.parametrize(
    "issuer",
    [
        "https://id.example",
        "https://id.example/",
        "https://id.example:8443/auth",
        "http://127.0.0.1:8400",
        "http://127.9.9.9",
        "http://[::1]:8400",
        "http://localhost:8400",
    ],
)
def test_secrets_are_sent_over_https_or_within_this_computer(issuer: str) -> None:
    # T13
    assert checked_issuer(issuer) == issuer.rstrip("/")


@pytest.mark.parametrize(
    "issuer",
    [
        "http://id.example",
        "http://localhost.id.example",
        "http://127.0.0.1.id.example",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "id.example",
        "",
        "https://",
        "https://user@id.example",
        "https://:pw@id.example",
        "https://id.example?x=1",
        "https://id.example#x",
        "//id.example",
    ],
)
def test_other_addresses_are_refused(issuer: str) -> None:
    # T13
    with pytest.raises(ValueError, match="issuer"):
        checked_issuer(issuer)


def test_basic_credentials_are_form_encoded_first() -> None:
    """RFC 6749 §2.3.1: a colon in an id must not move into the secret."""
    assert basic("a:b", "c d/é") == (b"a%3Ab", b"c%20d%2F%C3%A9")


def test_no_repr_shows_a_token() -> None:
    # T13
    shown = repr(Granted(tokens()))
    assert "eyJ" not in shown
    assert "gwr" not in shown
