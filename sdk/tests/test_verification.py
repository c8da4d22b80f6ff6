"""What the server signed, verified without asking it (T3, T11, X2). Whatever is not exactly that is refused."""

import base64
import json
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from gatewright_sdk.cache import Cache
from gatewright_sdk.denials import ASSERTION_INVALID, ASSERTION_MISSING, TOKEN_EXPIRED, TOKEN_INVALID, UNAVAILABLE
from gatewright_sdk.model import Deny, Identity
from gatewright_sdk.verification import (
    CLOCKS_APART,
    KEYS_AGAIN,
    KEYS_KEPT,
    KEYS_RETRY,
    LONGEST_TOKEN,
    Asked,
    Genuine,
    Verifier,
)

ISSUER, AUDIENCE, NOW = "https://id.example", "https://api.example", 1_000_000.0
KEY = ECKey.generate_key("P-256", {"kid": "k1"})
OTHER = ECKey.generate_key("P-256", {"kid": "k1"})
NEXT = ECKey.generate_key("P-256", {"kid": "k2"})
TAG, LEASE = "tag-of-the-keys", 2.0


ASSERTED: dict[str, Any] = {
    "aud": f"{ISSUER}/authz",
    "iat": int(NOW),
    "user_id": 5,
    "service_account_id": None,
    "client_id": "crane",
    "company_id": 1,
    "contact_id": 7,
    "level": "standard",
    "scope": "company.manage other",
    "tool": "rfis",
    "project_id": 9,
    "of_company": False,
}
TYPE = {"typ": "gatewright-auth+jwt"}


def key_set(*keys: ECKey) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


class Scene:
    """A verifier, the cache that follows the feed for it, and the means to play both."""

    def __init__(self, *, most_verified: int = 100) -> None:
        self.cache: Cache[str] = Cache()
        self.verifier = Verifier(ISSUER, AUDIENCE, self.cache, most_verified)

    def follow(self, now: float, *, position: int = 5) -> None:
        """Begin a stream, and have a lease from now on."""
        self.cache.at_position(position, now)
        nonce = self.cache.send_nonce(now)
        assert nonce is not None
        self.cache.renew(nonce, position=position, lease=LEASE, now=now)

    def ask(self, now: float) -> Asked:
        """Return a request for the key set that leaves now."""
        return Asked(self.cache.leave("keys", now), now)

    def learn(self, *keys: ECKey, now: float, asked: Asked | None = None, tag: str | None = TAG) -> bool:
        """Take these keys for the answer to a request; none: it failed."""
        said = key_set(*keys) if keys else None
        return self.verifier.learn(said, tag=tag if keys else None, asked=asked or self.ask(now), now=now)

    def judge(self, token: str, *, now: float = 0.0, since: float | None = None) -> Genuine | Deny | None:
        """Return what is said of an access token, of a question that came up now unless told otherwise."""
        came_up = now if since is None else since
        return self.verifier.access_token(token, since=came_up, wall=NOW, now=now)

    def asserted(self, text: str, *, now: float = 0.0) -> Identity | Deny | None:
        """Return what is said of an assertion."""
        return self.verifier.assertion(text, since=now, wall=NOW, now=now)


def verifier() -> Verifier:
    scene = Scene()
    assert scene.learn(KEY, now=0.0)
    return scene.verifier


def vouched_for(*, now: float = 0.0) -> Scene:
    """Return a scene with a lease, and a key set that was asked for under it."""
    scene = Scene()
    scene.follow(now)
    assert scene.learn(KEY, now=now)
    return scene


def signed(key: ECKey = KEY, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "1", "exp": int(NOW) + 60, **claims}
    text = json.dumps({name: value for name, value in said.items() if value is not ...})
    head = {"alg": "ES256", "typ": "at+jwt", "kid": "k1", **(header or {})}
    return jws.serialize_compact(head, text, key, algorithms=["ES256"], registry=_LOOSE)


_LOOSE = jws.JWSRegistry(strict_check_header=False, algorithms=["ES256"])


def segment(said: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()


def unsigned(alg: str) -> str:
    head = {"alg": alg, "typ": "at+jwt", "kid": "k1"}
    return f"{segment(head)}.{segment({'iss': ISSUER, 'aud': AUDIENCE, 'exp': int(NOW) + 60})}."


def with_secret_of_public_key() -> str:
    """Return a token "signed" with the published key as an HMAC secret."""
    head = {"alg": "HS256", "typ": "at+jwt", "kid": "k1"}
    text = json.dumps({"iss": ISSUER, "aud": AUDIENCE, "exp": int(NOW) + 60})
    public = OctKey.import_key(json.dumps(KEY.as_dict(private=False)))
    return jws.serialize_compact(head, text, public, algorithms=["HS256"])


def judged(token: str, *, wall: float = NOW, now: float = 0.0) -> Genuine | Deny | None:
    return verifier().access_token(token, since=now, wall=wall, now=now)


def test_an_access_token_is_genuine_until_it_expires() -> None:
    """T3: the boundary pair."""
    token = signed()
    assert isinstance(judged(token, wall=NOW + 59.9), Genuine)
    assert judged(token, wall=NOW + 60) == TOKEN_EXPIRED


@pytest.mark.parametrize(
    "token",
    [
        signed(OTHER),
        signed(iss="https://evil.example"),
        signed(aud="https://other.example"),
        signed(aud=[AUDIENCE]),
        signed(exp=...),
        signed(exp="soon"),
        signed(exp=True),
        signed(header={"typ": "JWT"}),
        signed(header={"typ": "gatewright-auth+jwt"}),
        signed(header={"jwk": OTHER.as_dict(private=False)}),
        signed(header={"jku": "https://evil.example/keys"}),
        signed(OTHER, header={"jwk": OTHER.as_dict(private=False)}),
        unsigned("none"),
        unsigned("None"),
        unsigned("ES256"),
        with_secret_of_public_key(),
        signed()[:-4] + "AAAA",
        signed() + ".x",
        "gwr_refresh",
        "",
        "..",
        "a.b.c",
        "é.é.é",
        "\ud800",
        f"{segment([1])}.x.y",
        f"{segment({'alg': 'ES256', 'kid': 7})}.x.y",
        "[" * 3000 + ".x.y",
        base64.urlsafe_b64encode(b"[" * 2400).decode() + ".x.y",
        signed(padding="x" * LONGEST_TOKEN),
    ],
)
def test_whatever_the_server_did_not_sign_for_us_is_invalid(token: str) -> None:
    """X2."""
    assert judged(token) == TOKEN_INVALID


# --- the key set -----------------------------------------------------------------------------------

BY_NEXT = signed(NEXT, header={"kid": "k2"})
FORGED = signed(OTHER, header={"kid": "k9"})


def test_without_a_key_set_nothing_is_let_through() -> None:
    """X2: first the set is asked for; when it cannot be had, the answer is 503."""
    scene = Scene()
    assert scene.judge(signed()) is None
    assert not scene.learn(now=0.0)
    assert scene.judge(signed(), now=KEYS_RETRY - 0.01) == UNAVAILABLE
    assert scene.judge(signed(), now=KEYS_RETRY) is None


@pytest.mark.parametrize(
    "garbled", [None, [], {}, {"keys": 1}, {"keys": [{}]}, {"keys": [{"kid": "k1"}]}, {"keys": []}]
)
def test_what_is_no_key_set_changes_nothing(garbled: object) -> None:
    """X2."""
    scene = Scene()
    assert scene.learn(KEY, now=0.0)
    assert not scene.verifier.learn(garbled, tag=TAG, asked=scene.ask(1.0), now=1.0)
    assert isinstance(scene.judge(signed(), now=1.0), Genuine)


def test_a_key_of_another_kind_takes_none_of_the_others_away() -> None:
    """X2: RFC 7517 §5. A server of tomorrow may publish one."""
    others = [
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "ed"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "rsa"},
        {"kty": "EC", "crv": "P-256", "x": "?", "y": "?", "kid": "broken"},
        {"kty": "EC", "kid": "without curve"},
        ECKey.generate_key("P-384", {"kid": "p384"}).as_dict(private=False),
        "no key",
    ]
    scene = Scene()
    assert not scene.verifier.learn({"keys": others}, tag=TAG, asked=scene.ask(0.0), now=0.0)
    published = {"keys": [*others, KEY.as_dict(private=False)]}
    assert scene.verifier.learn(published, tag=TAG, asked=scene.ask(0.0), now=0.0)
    assert isinstance(scene.judge(signed()), Genuine)
    assert scene.judge(signed(header={"kid": "p384"}), since=0.0) == TOKEN_INVALID


def test_the_key_set_is_kept_for_five_minutes() -> None:
    """X2: the boundary pair. A token that was judged needs no key."""
    made = verifier()
    assert isinstance(made.access_token(signed(), since=0.0, wall=NOW, now=KEYS_KEPT - 0.01), Genuine)
    assert made.access_token(signed(jti="2"), since=0.0, wall=NOW, now=KEYS_KEPT) is None


def test_a_key_set_is_as_old_as_the_request_for_it() -> None:
    """X2: not as its answer."""
    scene = Scene()
    asked = scene.ask(0.0)
    assert scene.learn(KEY, now=5.0, asked=asked)
    assert scene.judge(signed(), now=KEYS_KEPT) is None


def test_an_unknown_key_is_refused_at_once_where_the_feed_would_have_told_of_it() -> None:
    """X2: without a request, and with the lease alone. The boundary pair."""
    scene = vouched_for()
    assert scene.judge(BY_NEXT, now=LEASE - 0.01) == TOKEN_INVALID
    assert scene.judge(BY_NEXT, now=LEASE) is None


def test_an_unknown_key_is_refused_when_a_set_that_was_asked_for_afterwards_lacks_it() -> None:
    """X2: nobody follows here."""
    scene = Scene()
    assert scene.judge(FORGED, now=1.0) is None
    asked = scene.ask(1.5)
    assert scene.learn(KEY, now=2.0, asked=asked)
    assert scene.judge(FORGED, now=2.0, since=1.0) == TOKEN_INVALID
    assert scene.judge(FORGED, now=2.0, since=1.6) is None


def test_where_nothing_is_known_of_a_key_the_answer_is_503() -> None:
    """X2: a forged key came before, the next search is not allowed yet. 401 would cost a good token."""
    scene = Scene()
    assert scene.learn(KEY, now=0.0)
    assert scene.judge(FORGED, now=0.5) is None
    assert scene.learn(KEY, now=1.0)
    assert scene.judge(BY_NEXT, now=1.0 + KEYS_AGAIN - 0.01) == UNAVAILABLE
    assert scene.judge(BY_NEXT, now=1.0 + KEYS_AGAIN) is None
    assert scene.learn(KEY, NEXT, now=1.0 + KEYS_AGAIN)
    assert isinstance(scene.judge(BY_NEXT, now=1.0 + KEYS_AGAIN), Genuine)


def test_a_search_that_fails_refuses_no_key_for_good() -> None:
    """X2: the boundary pair of the next one; what is known goes on."""
    scene = Scene()
    assert scene.learn(KEY, now=0.0)
    assert scene.judge(BY_NEXT, now=1.0) is None
    assert not scene.learn(now=1.0)
    assert scene.judge(BY_NEXT, now=1.0 + KEYS_RETRY - 0.01, since=1.0) == UNAVAILABLE
    assert isinstance(scene.judge(signed(), now=1.0), Genuine)
    assert scene.judge(BY_NEXT, now=1.0 + KEYS_RETRY) is None


def test_a_set_that_was_asked_for_without_a_lease_is_vouched_for_by_nobody() -> None:
    """X2, T12."""
    scene = Scene()
    scene.cache.at_position(5, 0.0)
    assert scene.learn(KEY, now=0.0)
    nonce = scene.cache.send_nonce(0.0)
    assert nonce is not None
    scene.cache.renew(nonce, position=5, lease=LEASE, now=0.0)
    assert scene.judge(FORGED, now=0.5) is None


def test_a_set_without_tag_is_vouched_for_by_nobody() -> None:
    """X2: the feed could not speak of it."""
    scene = Scene()
    scene.follow(0.0)
    assert scene.learn(KEY, now=0.0, tag=None)
    assert scene.judge(FORGED, now=0.5) is None


def test_a_set_that_the_feed_forgot_is_asked_for_at_once() -> None:
    """T12, X2: though a forged key was just searched for. An emergency rotation costs no good token."""
    scene = Scene()
    assert scene.learn(KEY, now=0.0)
    assert scene.learn(KEY, now=0.5)
    scene.follow(0.6)
    assert scene.learn(KEY, now=0.6)
    scene.cache.forget(6, ["other"])
    assert scene.judge(BY_NEXT, now=0.7) == TOKEN_INVALID
    scene.cache.forget(7, [TAG])
    assert scene.judge(BY_NEXT, now=0.8) is None
    assert scene.learn(KEY, NEXT, now=0.8)
    assert isinstance(scene.judge(BY_NEXT, now=0.8), Genuine)


def test_a_set_that_the_feed_forgot_proves_nothing() -> None:
    """T12, X2: neither does a token that was judged with it, nor an assertion."""
    scene, token, assertion = vouched_for(), signed(), signed(header=TYPE, **ASSERTED)
    assert isinstance(scene.judge(token), Genuine)
    assert isinstance(scene.asserted(assertion), Identity)
    scene.cache.forget(6, [TAG])
    assert scene.judge(token, now=0.1) is None
    assert scene.asserted(assertion, now=0.1) is None
    assert not scene.learn(now=0.1)
    assert scene.judge(token, now=0.2) == UNAVAILABLE
    assert scene.asserted(assertion, now=0.2) == UNAVAILABLE
    assert scene.learn(NEXT, now=0.1 + KEYS_RETRY)
    assert scene.judge(token, now=0.1 + KEYS_RETRY) == TOKEN_INVALID
    assert scene.asserted(assertion, now=0.1 + KEYS_RETRY) == ASSERTION_INVALID


def test_a_set_that_was_asked_for_under_a_lease_is_believed_while_a_lease_lives() -> None:
    """T12: the boundary pair. Without a lease nobody would have told of a stolen key."""
    scene, assertion = vouched_for(), signed(header=TYPE, **ASSERTED)
    assert isinstance(scene.asserted(assertion, now=LEASE - 0.01), Identity)
    assert scene.asserted(assertion, now=LEASE) is None
    assert not scene.learn(now=LEASE)
    assert scene.asserted(assertion, now=LEASE) == UNAVAILABLE
    assert scene.learn(KEY, now=LEASE + KEYS_RETRY)
    assert isinstance(scene.asserted(assertion, now=KEYS_KEPT), Identity)


def test_a_set_of_before_a_reset_proves_nothing() -> None:
    """T12: who knows what the feed would have said."""
    scene, token = vouched_for(), signed()
    assert isinstance(scene.judge(token), Genuine)
    scene.cache.reset(9)
    assert scene.judge(token, now=0.1) is None


def test_a_request_that_a_forget_overtook_proves_nothing() -> None:
    """T12: it is asked again at once; the answer may be of before."""
    scene = vouched_for()
    asked = scene.ask(0.1)
    scene.cache.forget(6, [TAG])
    assert scene.learn(KEY, now=0.2, asked=asked)
    assert scene.judge(signed(), now=0.2) is None
    asked = scene.ask(0.3)
    scene.cache.forget(7, [TAG])
    assert not scene.learn(now=0.4, asked=asked)
    assert scene.judge(signed(), now=0.4) is None


def test_a_key_that_is_no_longer_published_verifies_nothing() -> None:
    """X2: not even a token that was judged before."""
    scene = Scene()
    assert scene.learn(KEY, now=0.0)
    token = signed()
    assert isinstance(scene.judge(token), Genuine)
    assert scene.learn(NEXT, now=1.0)
    assert scene.judge(token, now=1.0) == TOKEN_INVALID


def test_so_many_tokens_are_remembered_as_genuine_and_no_more() -> None:
    """X5: the memory is bounded; what is forgotten is verified anew. The boundary pair."""
    scene, tokens = Scene(most_verified=2), [signed(jti=str(number)) for number in range(3)]
    assert scene.learn(KEY, now=0.0)
    for token in tokens:
        assert isinstance(scene.judge(token), Genuine)
    is_known = [isinstance(scene.judge(token, now=KEYS_KEPT), Genuine) for token in tokens]
    assert is_known == [False, True, True]


# --- the assertion of a proxy ----------------------------------------------------------------------


def asserted(text: str | None, *, wall: float = NOW) -> Identity | Deny | None:
    return verifier().assertion(text, since=0.0, wall=wall, now=0.0)


def test_an_assertion_says_who_was_let_in() -> None:
    """X1."""
    expected = Identity(
        user_id=5,
        service_account_id=None,
        client_id="crane",
        company_id=1,
        contact_id=7,
        level="standard",
        scopes=("company.manage", "other"),
        tool="rfis",
        project_id=9,
        of_company=False,
    )
    text = signed(header=TYPE, **ASSERTED)
    assert asserted(text, wall=NOW + 59) == expected
    assert asserted(text, wall=NOW + 60) == ASSERTION_INVALID


def test_without_assertion_nobody_is_let_in() -> None:
    """X1."""
    assert asserted(None) == asserted("") == ASSERTION_MISSING


@pytest.mark.parametrize(
    "text",
    [
        signed(**ASSERTED),
        signed(header=TYPE),
        signed(header=TYPE, **(ASSERTED | {"iss": "https://evil.example"})),
        signed(header=TYPE, **(ASSERTED | {"aud": AUDIENCE})),
        signed(header=TYPE, **(ASSERTED | {"exp": ...})),
        signed(header=TYPE, **(ASSERTED | {"user_id": "5"})),
        signed(header=TYPE, **(ASSERTED | {"company_id": ...})),
        signed(header=TYPE, **(ASSERTED | {"level": 3})),
        signed(header=TYPE, **(ASSERTED | {"scope": ["a"]})),
        signed(header=TYPE, **(ASSERTED | {"tool": 1})),
        signed(header=TYPE, **(ASSERTED | {"project_id": "9"})),
        signed(header=TYPE, **(ASSERTED | {"of_company": "no"})),
        signed(header=TYPE, **(ASSERTED | {"iat": ...})),
        signed(header=TYPE, **(ASSERTED | {"iat": True})),
        signed(header=TYPE, **(ASSERTED | {"iat": NOW})),
        signed(header=TYPE, **(ASSERTED | {"iat": int(NOW) + 60})),
        signed(OTHER, header=TYPE, **ASSERTED),
        "Bearer x",
        "a.b.c",
    ],
)
def test_no_other_text_is_an_assertion(text: str) -> None:
    """X1: an access token is none either."""
    assert asserted(text) == ASSERTION_INVALID


def test_an_assertion_lives_a_minute_at_most() -> None:
    """X1: the boundary pairs. Whoever stole a key signs none for tomorrow, and none ahead."""
    at = int(NOW)

    def lives(issued_at: int, expires_at: int) -> bool:
        return isinstance(asserted(signed(header=TYPE, **(ASSERTED | {"iat": issued_at, "exp": expires_at}))), Identity)

    assert lives(at - 59, at + 1)
    assert not lives(at - 60, at + 1)
    assert lives(at + CLOCKS_APART, at + CLOCKS_APART + 60)
    assert not lives(at + CLOCKS_APART + 1, at + CLOCKS_APART + 61)
    assert not lives(at + 10, at + 10)


def test_an_assertion_of_a_server_that_does_not_say_what_was_decided_holds_nothing() -> None:
    """X1: who it is is known; for what is not."""
    untold = {"tool": ..., "project_id": ..., "of_company": ...}
    identity = asserted(signed(header=TYPE, **(ASSERTED | untold)))
    assert isinstance(identity, Identity)
    assert not identity.holds("rfis", "read_only")
    assert not identity.holds("rfis", "read_only", project_id=9)
