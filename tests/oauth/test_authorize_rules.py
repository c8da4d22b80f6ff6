"""Judging a request for an authorization, and writing the answer into a redirect."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from gatewright.base.ids import AppId, AuthorizationId, UserId
from gatewright.oauth.authorize_rules import (
    LONGEST_STATE,
    Asked,
    ToApp,
    ToPerson,
    Verdict,
    asked_client,
    covers,
    form_targets,
    is_always_asked,
    judge_request,
    with_answer,
)
from gatewright.oauth.model import AppClient, Authorization

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
WEB = "https://good.example/cb"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
GOOD = {"response_type": "code", "client_id": "client", "redirect_uri": WEB, "state": "xyz"}


def client(
    *uris: str,
    is_confidential: bool = True,
    scopes: tuple[str, ...] = ("company.manage",),
    is_blocked: bool = False,
    is_deleted: bool = False,
) -> AppClient:
    return AppClient(
        app_id=AppId(7),
        client_id="client",
        name="Punchlist Sync",
        homepage="",
        owner_id=UserId(1),
        is_confidential=is_confidential,
        is_resource_server=False,
        redirect_uris=uris or (WEB,),
        scopes=scopes,
        retry_window=None,
        epoch=2,
        is_blocked=is_blocked,
        is_deleted=is_deleted,
        secrets=(),
    )


def judged(of: AppClient | None = None, /, *more: tuple[str, str], **changed: str | None) -> Verdict:
    sent = [(name, value) for name, value in {**GOOD, **changed}.items() if value is not None]
    return judge_request([*sent, *more], client=of or client())


def error(verdict: Verdict) -> str:
    assert isinstance(verdict, ToApp), verdict
    return verdict.error


def test_a_good_request_is_asked_about() -> None:
    assert judged(None, scope="company.manage", code_challenge=CHALLENGE, code_challenge_method="S256") == Asked(
        client=client(),
        redirect_uri=WEB,
        redirect_uri_was_sent=True,
        scopes=("company.manage",),
        state="xyz",
        code_challenge=CHALLENGE,
        prompts_consent=False,
    )


def test_a_request_without_scope_gets_none_and_an_empty_parameter_counts_as_absent() -> None:
    """D7: no scope, no `company.manage`; RFC 6749 §3.1."""
    for verdict in (judged(), judged(scope=""), judged(scope="   "), judged(state="", prompt="", code_challenge="")):
        assert isinstance(verdict, Asked)
        assert verdict.scopes == ()
    assert isinstance(verdict, Asked)
    assert (verdict.state, verdict.code_challenge) == (None, None)


def test_parameters_that_nobody_knows_are_ignored() -> None:
    assert isinstance(judged(None, ("audience", "x"), ("audience", "y"), nonce="1", response_mode="query"), Asked)


@pytest.mark.parametrize("sent", [None, "", "other", "cli ent", "client\0", "x" * 41, "клиент"])
def test_an_unknown_client_is_told_to_the_person(sent: str | None) -> None:
    """A25: and never sent anywhere, whatever else the request says."""
    verdict = judged(client_id=sent)
    assert isinstance(verdict, ToPerson)
    assert verdict.code == "invalid_client"
    assert isinstance(judge_request(list(GOOD.items()), client=None), ToPerson)


def test_a_client_named_twice_is_told_to_the_person() -> None:
    """A31: also when both are equal."""
    assert asked_client([("client_id", "a"), ("client_id", "a")]) is None
    assert isinstance(judged(None, ("client_id", "client")), ToPerson)


def test_a_blocked_or_deleted_app_is_told_to_the_person() -> None:
    """A26: blocked and deleted apps are asked about no more."""
    blocked, deleted = judged(client(is_blocked=True)), judged(client(is_deleted=True))
    assert isinstance(blocked, ToPerson)
    assert isinstance(deleted, ToPerson)
    assert (blocked.code, deleted.code) == ("app_blocked", "invalid_client")


@pytest.mark.parametrize(
    "presented",
    [
        "https://evil.example/cb",  # A1
        "https://good.example/cb/../evil",  # A2
        "https://good.example/cb%2f..%2fevil",  # A4
        "https://good.example:8443/cb",  # A5
        "https://good.example:443/cb",
        "https://good.example@evil.example/cb",  # A6
        "https://good.example/cb#f",  # A8
        "https://good.example/CB",  # A10
        "https://good.example/cb/",  # A11
        "https://good.example/cb?a=b",  # A12
        "https://good.example/cb?",
        "https://good.example.evil.example/cb",  # A15
        "https://gооd.example/cb",  # A16: Cyrillic
        "https://xn--gd-8cd8a.example/cb",
        "https://GOOD.example/cb",
        "http://good.example/cb",
        " https://good.example/cb",
        "https://good.example/cb\r\nX: y",  # A27
        "https://good.example/c\tb",
        "https://good.example/cb\0",
        "https://good.example/%63b",
        "javascript:alert(1)",
        "urn:ietf:wg:oauth:2.0:oob",
    ],
)
def test_a_redirect_uri_that_is_not_registered_is_told_to_the_person(presented: str) -> None:
    """D5: character by character, else nobody is sent anywhere."""
    verdict = judged(redirect_uri=presented)
    assert isinstance(verdict, ToPerson)
    assert verdict.code == "invalid_redirect_uri"


def test_a_redirect_uri_sent_twice_is_told_to_the_person() -> None:
    """A32: also when both are the registered one, or one is empty."""
    for second in (WEB, "", "https://evil.example/"):
        assert isinstance(judged(None, ("redirect_uri", second)), ToPerson)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_on_a_loopback_address_any_port_will_do(host: str) -> None:
    """D5: RFC 8252 §7.3, whether or not one was registered (A19, A20)."""
    for registered in (f"http://{host}/cb", f"http://{host}:7000/cb"):
        for port in ("", ":1", ":51004", ":65535"):
            assert isinstance(judged(client(registered), redirect_uri=f"http://{host}{port}/cb"), Asked)
        for other in (f"https://{host}/cb", f"http://{host}/other", f"http://{host}:65536/cb", f"http://{host}:x/cb"):
            assert isinstance(judged(client(registered), redirect_uri=other), ToPerson), other


def test_localhost_is_a_name_and_its_port_counts() -> None:
    """D5: A21."""
    of = client("http://localhost:3000/cb")
    assert isinstance(judged(of, redirect_uri="http://localhost:3000/cb"), Asked)
    for other in ("http://localhost:3001/cb", "http://localhost/cb", "http://127.0.0.1:3000/cb"):
        assert isinstance(judged(of, redirect_uri=other), ToPerson), other


def test_the_only_registered_redirect_uri_may_be_left_out() -> None:
    """A24: with two, or none, the app has to say which."""
    for sent in (None, ""):
        verdict = judged(redirect_uri=sent)
        assert isinstance(verdict, Asked)
        assert (verdict.redirect_uri, verdict.redirect_uri_was_sent) == (WEB, False)
        assert isinstance(judged(client(WEB, f"{WEB}2"), redirect_uri=sent), ToPerson)


def test_a_long_state_is_told_to_the_person() -> None:
    """A37: the boundary, and one of two."""
    assert isinstance(judged(state="s" * LONGEST_STATE), Asked)
    assert isinstance(judged(state="s" * (LONGEST_STATE + 1)), ToPerson)
    assert isinstance(judged(None, ("state", "s" * (LONGEST_STATE + 1))), ToPerson)


@pytest.mark.parametrize(
    "name", ["state", "scope", "response_type", "code_challenge", "code_challenge_method", "prompt"]
)
def test_a_repeated_parameter_is_told_to_the_app(name: str) -> None:
    """A33: `invalid_request`; a state that comes twice is not sent back."""
    verdict = judged(None, (name, "x"), (name, "x"))
    assert error(verdict) == "invalid_request"
    assert isinstance(verdict, ToApp)
    assert verdict.state == (None if name == "state" else "xyz")


def test_a_nul_is_told_to_the_app() -> None:
    assert error(judged(state="a\0b")) == "invalid_request"
    assert error(judged(scope="company.manage\0")) == "invalid_request"


def test_only_the_code_grant_is_answered() -> None:
    """A34, A35: without a response type, and with another."""
    assert error(judged(response_type=None)) == "invalid_request"
    assert error(judged(response_type="")) == "invalid_request"
    for other in ("token", "code token", "token code", "id_token", "CODE", " code", "none"):
        assert error(judged(response_type=other)) == "unsupported_response_type", other


def test_a_public_client_must_send_a_challenge() -> None:
    """D2: A51; a confidential one may."""
    assert error(judged(client(is_confidential=False))) == "invalid_request"
    with_challenge = judged(client(is_confidential=False), code_challenge=CHALLENGE, code_challenge_method="S256")
    assert isinstance(with_challenge, Asked)
    assert isinstance(judged(), Asked)


@pytest.mark.parametrize("method", ["plain", "s256", "S512", None, ""])
def test_the_challenge_method_must_be_s256(method: str | None) -> None:
    """A52, A53: without a method it would mean `plain` (RFC 7636 §4.3)."""
    assert error(judged(code_challenge=CHALLENGE, code_challenge_method=method)) == "invalid_request"


def test_a_method_without_a_challenge_is_refused() -> None:
    assert error(judged(code_challenge_method="S256")) == "invalid_request"
    assert error(judged(code_challenge="", code_challenge_method="S256")) == "invalid_request"


def test_a_challenge_has_43_to_128_unreserved_characters() -> None:
    """A54: the boundary pairs."""
    for good in ("a" * 43, "a" * 128, CHALLENGE, "-._~" + "A9" * 20):
        assert isinstance(judged(code_challenge=good, code_challenge_method="S256"), Asked), good
    for bad in ("a" * 42, "a" * 129, "a" * 43 + "=", "a" * 42 + "+", "a" * 42 + "é", "a" * 43 + "\n"):
        assert error(judged(code_challenge=bad, code_challenge_method="S256")) == "invalid_request", bad


@pytest.mark.parametrize("scope", ["other", "company.manage other", "Company.manage", "company.manage,x", "a\tb", "*"])
def test_a_scope_that_the_app_does_not_declare_is_refused(scope: str) -> None:
    """D7: A39."""
    assert error(judged(scope=scope)) == "invalid_scope"


def test_a_known_scope_is_refused_where_the_app_may_not_ask_for_it() -> None:
    """D7: A40; and asked for twice it counts once."""
    assert error(judged(client(scopes=()), scope="company.manage")) == "invalid_scope"
    verdict = judged(scope="company.manage  company.manage")
    assert isinstance(verdict, Asked)
    assert verdict.scopes == ("company.manage",)


def test_a_public_client_and_a_redirect_on_this_computer_are_always_asked_about() -> None:
    """T1: as is whoever wants it so (A191)."""
    challenge = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}

    def asked(verdict: Verdict) -> bool:
        assert isinstance(verdict, Asked), verdict
        return is_always_asked(verdict)

    assert not asked(judged())
    assert not asked(judged(prompt="none"))
    assert asked(judged(prompt="consent"))
    assert asked(judged(client(is_confidential=False), **challenge))
    for uri in (
        "http://127.0.0.1/cb",
        "http://[::1]:7000/cb",
        "http://localhost:3000/cb",
        "https://localhost/cb",
        "urn:ietf:wg:oauth:2.0:oob",
    ):
        assert asked(judged(client(uri), redirect_uri=uri)), uri


def test_an_authorization_covers_the_same_or_fewer_scopes_while_it_stands() -> None:
    """T1, T11: under the epochs of now."""
    standing = Authorization(
        id=AuthorizationId("a"),
        user_id=UserId(1),
        app_id=AppId(7),
        scopes=("company.manage",),
        user_epoch=1,
        app_epoch=2,
        created_at=NOON,
        renewed_at=NOON,
    )
    assert covers(standing, scopes=(), user_epoch=1, app_epoch=2)
    assert covers(standing, scopes=("company.manage",), user_epoch=1, app_epoch=2)
    assert not covers(standing, scopes=("company.manage", "more"), user_epoch=1, app_epoch=2)
    assert not covers(standing, scopes=(), user_epoch=2, app_epoch=2)
    assert not covers(standing, scopes=(), user_epoch=1, app_epoch=3)
    ended = Authorization(
        id=standing.id,
        user_id=standing.user_id,
        app_id=standing.app_id,
        scopes=standing.scopes,
        user_epoch=1,
        app_epoch=2,
        created_at=NOON,
        renewed_at=NOON,
        ended_at=NOON,
        ended_reason="ended_by_user",
    )
    assert not covers(ended, scopes=(), user_epoch=1, app_epoch=2)


@pytest.mark.parametrize(
    ("registered", "expected"),
    [
        ("https://a.example/cb", "https://a.example/cb?code=c"),
        ("https://a.example", "https://a.example?code=c"),
        ("https://a.example/cb?x=1", "https://a.example/cb?x=1&code=c"),
        ("https://a.example/cb?", "https://a.example/cb?code=c"),
        ("https://a.example/cb?x=1&", "https://a.example/cb?x=1&code=c"),
    ],
)
def test_the_answer_is_added_once_after_a_registered_query(registered: str, expected: str) -> None:
    """A29."""
    assert with_answer(registered, {"code": "c", "state": None}) == expected


def test_a_state_comes_back_exactly_and_splits_no_header() -> None:
    """A210: CR LF, and everything else that means something in an address."""
    state = "a b&c=d#e?f+g%h\r\nSet-Cookie: x=y é漢\t\"'"
    to = with_answer(WEB, {"state": state, "iss": "https://id.example"})
    assert to.isascii()
    assert to.isprintable()
    assert parse_qs(urlsplit(to).query) == {"state": [state], "iss": ["https://id.example"]}


@pytest.mark.parametrize(
    ("uri", "sources"),
    [
        ("https://good.example/cb?x=1", "https://good.example https:"),
        ("https://good.example:8443/cb", "https://good.example:8443 https:"),
        ("http://127.0.0.1:51004/cb", "http://127.0.0.1:51004 https: http:"),
        ("http://localhost:3000", "http://localhost:3000 https: http:"),
        ("http://[::1]:51004/cb", "https: http:"),
        ("urn:ietf:wg:oauth:2.0:oob", ""),
        ("https://a.example;script-src *", "https:"),
    ],
)
def test_the_form_may_lead_to_the_redirect_uri_and_on_from_there(uri: str, sources: str) -> None:
    assert form_targets(uri) == sources
