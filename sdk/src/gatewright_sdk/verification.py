"""What the server signed, verified here: access tokens and a proxy's assertions (RFC 7519, RFC 9068). No I/O.

A good signature says that the server wrote this, never that it still holds: that is asked.
"""

import base64
import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from gatewright_sdk.denials import (
    ASSERTION_INVALID,
    ASSERTION_MISSING,
    TOKEN_EXPIRED,
    TOKEN_INVALID,
    UNAVAILABLE,
)
from gatewright_sdk.model import MOST_ID, Deny, Identity

ALGORITHM = "ES256"
TOKEN_TYPE = "at+jwt"
ASSERTION_TYPE = "gatewright-auth+jwt"
LONGEST_TOKEN = 4096
KEYS_KEPT = 300.0  # seconds: the server publishes a key for longer before it signs with it
KEYS_AGAIN = 10.0  # seconds between two requests for a key that is not in the set
KEYS_RETRY = 1.0  # seconds after a request for the set that failed
MOST_VERIFIED = 50_000


@dataclass(frozen=True, slots=True)
class Genuine:
    """An access token with a good signature: a digest that stands for it, and its end in Unix seconds."""

    digest: bytes
    expires_at: float
    kid: str


@dataclass(slots=True)
class Verifier:
    """The server's key set as it was last seen, and the tokens that were found genuine with it."""

    issuer: str
    audience: str
    most_verified: int = MOST_VERIFIED
    _keys: dict[str, ECKey] = field(default_factory=dict)
    _learnt_at: float | None = None
    _tried_at: float = float("-inf")
    _searched_at: float = float("-inf")  # for a key that a set still fresh did not hold
    _verified: OrderedDict[bytes, Genuine] = field(default_factory=OrderedDict)

    def learn(self, key_set: object, *, now: float) -> bool:
        """Return whether this is a key set; it takes the place of the one before."""
        self._tried_at = now
        if not self._is_stale(now):
            self._searched_at = now
        if not (keys := _keys_of(key_set)):
            return False
        self._keys, self._learnt_at = keys, now
        for digest in [digest for digest, found in self._verified.items() if found.kid not in keys]:
            del self._verified[digest]
        return True

    def access_token(self, token: str, *, wall: float, now: float) -> Genuine | Deny | None:
        """Return the token as genuine and unexpired, or why not; None: the key set has to be asked for first."""
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        found = self._verified.get(digest)
        if found is None:
            kid = _claimed_kid(token)
            if kid is None:
                return TOKEN_INVALID
            if self._wants_keys(kid, now):
                return None
            if self._is_stale(now):
                return UNAVAILABLE
            found = self._read_token(token, digest, kid)
        if found is None:
            return TOKEN_INVALID
        return found if wall < found.expires_at else TOKEN_EXPIRED

    def assertion(self, text: str | None, *, wall: float, now: float) -> Identity | Deny | None:
        """Return whom a proxy let in, or why that is not known; None: the key set has to be asked for first."""
        if not text:
            return ASSERTION_MISSING
        if (kid := _claimed_kid(text)) is None:
            return ASSERTION_INVALID
        if self._wants_keys(kid, now):
            return None
        if self._is_stale(now):
            return UNAVAILABLE
        claims = self._signed(text, kid, ASSERTION_TYPE)
        if claims is None or not self._is_for(claims, f"{self.issuer}/authz") or not _expires_after(claims, wall):
            return ASSERTION_INVALID
        return _identity(claims) or ASSERTION_INVALID

    def _wants_keys(self, kid: str, now: float) -> bool:
        if self._is_stale(now):
            return now - self._tried_at >= KEYS_RETRY
        return kid not in self._keys and now - self._searched_at >= KEYS_AGAIN

    def _is_stale(self, now: float) -> bool:
        return self._learnt_at is None or now - self._learnt_at >= KEYS_KEPT

    def _read_token(self, token: str, digest: bytes, kid: str) -> Genuine | None:
        claims = self._signed(token, kid, TOKEN_TYPE)
        if claims is None or not self._is_for(claims, self.audience) or not _expires_after(claims, 0):
            return None
        found = self._verified[digest] = Genuine(digest, float(claims["exp"]), kid)
        while len(self._verified) > self.most_verified:
            self._verified.popitem(last=False)
        return found

    def _signed(self, text: str, kid: str, type_: str) -> dict[str, Any] | None:  # Any: JSON that the server signed
        key = self._keys.get(kid)
        header = _header(text)
        # RFC 8725 §3.1: nothing of a forger's header is followed; it has to be as the server writes it.
        if key is None or header != {"alg": ALGORITHM, "typ": type_, "kid": kid}:
            return None
        try:
            payload = json.loads(jws.deserialize_compact(text, key, algorithms=[ALGORITHM]).payload or b"")
        except (JoseError, ValueError, RecursionError):
            return None
        return payload if isinstance(payload, dict) else None

    def _is_for(self, claims: dict[str, Any], audience: str) -> bool:
        return claims.get("iss") == self.issuer and claims.get("aud") == audience


def _keys_of(key_set: object) -> dict[str, ECKey]:
    """Return the keys by their ids; none for anything that is no key set of ours."""
    try:
        jwks = key_set["keys"] if isinstance(key_set, dict) else []
        return {str(jwk["kid"]): ECKey.import_key(jwk) for jwk in jwks}
    except (JoseError, KeyError, TypeError, ValueError):
        return {}


def _header(text: str) -> object:
    """Return the first segment, read; None when it is not JSON. Nothing is proven."""
    if len(text) > LONGEST_TOKEN or not text.isascii() or text.count(".") != 2:
        return None
    first = text.partition(".")[0]
    try:
        return json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (ValueError, RecursionError):
        return None


def _claimed_kid(text: str) -> str | None:
    header = _header(text)
    kid = header.get("kid") if isinstance(header, dict) and header.get("alg") == ALGORITHM else None
    return kid if isinstance(kid, str) else None


def _expires_after(claims: dict[str, Any], wall: float) -> bool:
    expires_at = claims.get("exp")
    return isinstance(expires_at, int) and not isinstance(expires_at, bool) and wall < expires_at <= MOST_ID


def _identity(claims: dict[str, Any]) -> Identity | None:
    """Return what an assertion says; None when it says it otherwise than the server does."""
    ids = [claims.get(name, "") for name in ("user_id", "service_account_id", "company_id", "contact_id")]
    texts = [claims.get(name, "") for name in ("client_id", "level")]
    scope = claims.get("scope")
    if not all(_is_id(one) for one in ids) or not all(one is None or isinstance(one, str) for one in texts):
        return None
    if not isinstance(scope, str | None):
        return None
    user_id, service_account_id, company_id, contact_id = ids
    client_id, level = texts
    return Identity(
        user_id=user_id,
        service_account_id=service_account_id,
        client_id=client_id,
        company_id=company_id,
        contact_id=contact_id,
        level=level,
        scopes=tuple((scope or "").split()),
    )


def _is_id(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST_ID)
