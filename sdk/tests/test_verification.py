"""What the server signed, verified without asking it (T3, T11, X2). Whatever is not exactly that is refused."""

import base64
import json
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from gatewright_sdk.denials import ASSERTION_INVALID, ASSERTION_MISSING, TOKEN_EXPIRED, TOKEN_INVALID, UNAVAILABLE
from gatewright_sdk.model import Deny, Identity
from gatewright_sdk.verification import KEYS_AGAIN, KEYS_KEPT, KEYS_RETRY, LONGEST_TOKEN, Genuine, Verifier

ISSUER, AUDIENCE, NOW = "https://id.example", "https://api.example", 1_000_000.0
KEY = ECKey.generate_key("P-256", {"kid": "k1"})
OTHER = ECKey.generate_key("P-256", {"kid": "k1"})
NEXT = ECKey.generate_key("P-256", {"kid": "k2"})


def key_set(*keys: ECKey) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


def verifier() -> Verifier:
    made = Verifier(ISSUER, AUDIENCE)
    assert made.learn(key_set(KEY), now=0.0)
    return made


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
    return verifier().access_token(token, wall=wall, now=now)


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


def test_without_a_key_set_nothing_is_let_through() -> None:
    """X2: first the set is asked for; when it cannot be had, the answer is 503."""
    made = Verifier(ISSUER, AUDIENCE)
    assert made.access_token(signed(), wall=NOW, now=0.0) is None
    assert not made.learn(None, now=0.0)
    assert made.access_token(signed(), wall=NOW, now=KEYS_RETRY - 0.01) == UNAVAILABLE
    assert made.access_token(signed(), wall=NOW, now=KEYS_RETRY) is None


@pytest.mark.parametrize(
    "garbled", [None, [], {}, {"keys": 1}, {"keys": [{}]}, {"keys": [{"kid": "k1"}]}, {"keys": []}]
)
def test_what_is_no_key_set_changes_nothing(garbled: object) -> None:
    """X2."""
    made = verifier()
    assert not made.learn(garbled, now=1.0)
    assert isinstance(made.access_token(signed(), wall=NOW, now=1.0), Genuine)


def test_the_key_set_is_kept_for_five_minutes() -> None:
    """X2: the boundary pair. A token that was judged needs no key."""
    made = verifier()
    assert isinstance(made.access_token(signed(), wall=NOW, now=KEYS_KEPT - 0.01), Genuine)
    assert made.access_token(signed(jti="2"), wall=NOW, now=KEYS_KEPT) is None


def test_a_key_that_is_unknown_is_asked_for_at_once_and_then_every_ten_seconds_at_most() -> None:
    """X2: the boundary pair. A key may take the place of a compromised one at once."""
    made, token = verifier(), signed(NEXT, header={"kid": "k2"})
    assert made.access_token(token, wall=NOW, now=0.0) is None
    assert made.learn(key_set(KEY), now=0.0)
    assert made.access_token(token, wall=NOW, now=KEYS_AGAIN - 0.01) == TOKEN_INVALID
    assert made.access_token(token, wall=NOW, now=KEYS_AGAIN) is None
    assert made.learn(key_set(KEY, NEXT), now=KEYS_AGAIN)
    assert isinstance(made.access_token(token, wall=NOW, now=KEYS_AGAIN), Genuine)


def test_a_key_that_is_no_longer_published_verifies_nothing() -> None:
    """X2: not even a token that was judged before."""
    made, token = verifier(), signed()
    assert isinstance(made.access_token(token, wall=NOW, now=0.0), Genuine)
    assert made.learn(key_set(NEXT), now=1.0)
    assert made.access_token(token, wall=NOW, now=1.0) == TOKEN_INVALID


# --- the assertion of a proxy ----------------------------------------------------------------------

ASSERTED: dict[str, Any] = {
    "aud": f"{ISSUER}/authz",
    "user_id": 5,
    "service_account_id": None,
    "client_id": "crane",
    "company_id": 1,
    "contact_id": 7,
    "level": "standard",
    "scope": "company.manage other",
}
TYPE = {"typ": "gatewright-auth+jwt"}


def asserted(text: str | None, *, wall: float = NOW) -> Identity | Deny | None:
    return verifier().assertion(text, wall=wall, now=0.0)


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
        signed(OTHER, header=TYPE, **ASSERTED),
        "Bearer x",
        "a.b.c",
    ],
)
def test_no_other_text_is_an_assertion(text: str) -> None:
    """X1: an access token is none either."""
    assert asserted(text) == ASSERTION_INVALID
