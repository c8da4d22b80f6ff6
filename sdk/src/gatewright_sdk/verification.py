"""What the server signed, verified here: access tokens and a proxy's assertions (RFC 7519, RFC 9068). No I/O.

A good signature says that the server wrote this, never that it still holds: that is asked.

The key set is a fact like any other: the server names its tag, and once the feed forgets
that tag the set proves nothing until it has been asked for again.
"""

import base64
import hashlib
import json
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeGuard

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from gatewright_sdk.cache import Ticket
from gatewright_sdk.denials import (
    ASSERTION_INVALID,
    ASSERTION_MISSING,
    TOKEN_EXPIRED,
    TOKEN_INVALID,
    UNAVAILABLE,
)
from gatewright_sdk.model import MOST_ID, Deny, Identity

ALGORITHM, CURVE = "ES256", "P-256"
TOKEN_TYPE = "at+jwt"
ASSERTION_TYPE = "gatewright-auth+jwt"
LONGEST_TOKEN = 4096
KEYS_KEPT = 300.0  # seconds: the server publishes a key for longer before it signs with it
KEYS_AGAIN = 10.0  # seconds between two requests for a key that is not in a set which nobody vouches for
KEYS_RETRY = 1.0  # seconds after a request for the set that failed
MOST_VERIFIED = 50_000
ASSERTION_LIVES = 60  # seconds, as the server makes them
CLOCKS_APART = 60  # seconds that the server's clock may be ahead


class Followed(Protocol):
    """What follows the server's feed: `Cache`."""

    def has_lease(self, now: float) -> bool:
        """Return whether what was asked for may be believed at this instant."""
        ...

    def is_current(self, ticket: Ticket, tags: tuple[str, ...]) -> bool:
        """Return whether none of these tags was forgotten since the ticket was taken."""
        ...


@dataclass(frozen=True, slots=True)
class Genuine:
    """An access token with a good signature: a digest that stands for it, and its end in Unix seconds."""

    digest: bytes
    expires_at: float
    kid: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for the key set: what was known when it left, and when that was."""

    ticket: Ticket
    at: float


@dataclass(frozen=True, slots=True)
class _KeySet:
    keys: dict[str, ECKey]
    asked: Asked
    tags: tuple[str, ...]  # none: the server named no tag, and the feed cannot speak of it


@dataclass(slots=True)
class Verifier:
    """The server's key set as it was last seen, and the tokens that were found genuine with it.

    `since` is when the question came up: a set that was asked for later knows all keys there were.
    """

    issuer: str
    audience: str
    followed: Followed
    most_verified: int = MOST_VERIFIED
    _set: _KeySet | None = None
    _last: tuple[Asked, tuple[str, ...]] | None = None  # the last request, and the tags that would overtake it
    _again_at: float = float("-inf")  # until then nothing is asked for, unless the last request was overtaken
    _verified: OrderedDict[bytes, Genuine] = field(default_factory=OrderedDict)

    def learn(self, key_set: object, *, tag: str | None, asked: Asked, now: float) -> bool:
        """Take the answer to a request; return whether it is a key set. One that was overtaken proves nothing."""
        tags = self._known_tags() if tag is None else (tag,)
        keys, is_search = _keys_of(key_set), self._stands(now)
        self._last = asked, tags
        self._again_at = now + (KEYS_AGAIN if is_search else 0.0) if keys else now + KEYS_RETRY
        if not keys:
            return False
        self._set = _KeySet(keys, asked, () if tag is None else tags)
        for digest in [digest for digest, found in self._verified.items() if found.kid not in keys]:
            del self._verified[digest]
        return True

    def access_token(self, token: str, *, since: float, wall: float, now: float) -> Genuine | Deny | None:
        """Return the token as genuine and unexpired, or why not; None: the key set has to be asked for first."""
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        self._drop_unproven()
        found = self._verified.get(digest)
        if found is None:
            if (kid := _claimed_kid(token)) is None:
                return TOKEN_INVALID
            key = self._key(kid, unknown=TOKEN_INVALID, since=since, now=now)
            if not isinstance(key, ECKey):
                return key
            found = self._read_token(token, digest, kid, key)
        if found is None:
            return TOKEN_INVALID
        return found if wall < found.expires_at else TOKEN_EXPIRED

    def assertion(self, text: str | None, *, since: float, wall: float, now: float) -> Identity | Deny | None:
        """Return whom a proxy let in, or why that is not known; None: the key set has to be asked for first."""
        if not text:
            return ASSERTION_MISSING
        if (kid := _claimed_kid(text)) is None:
            return ASSERTION_INVALID
        key = self._key(kid, unknown=ASSERTION_INVALID, since=since, now=now)
        if not isinstance(key, ECKey):
            return key
        claims = _signed(text, key, {"alg": ALGORITHM, "typ": ASSERTION_TYPE, "kid": kid})
        if claims is None or not self._is_for(claims, f"{self.issuer}/authz") or not _is_of_now(claims, wall):
            return ASSERTION_INVALID
        return _identity(claims) or ASSERTION_INVALID

    def _key(self, kid: str, *, unknown: Deny, since: float, now: float) -> ECKey | Deny | None:
        """Return a key of the set. `unknown`: there is none of this id. None: the set has to be asked for first."""
        known = self._set
        if known is not None and self._stands(now):
            if (key := known.keys.get(kid)) is not None:
                return key
            if known.asked.at >= since or (known.tags and known.asked.ticket.leased):
                return unknown  # the feed would have told of it
        # Where nothing is known nothing is refused for good: who is told 401 gives a good token up.
        return None if self._may_ask(now) else UNAVAILABLE

    def _stands(self, now: float) -> bool:
        """Return whether the set may be believed; one that was asked for under a lease while a lease lives."""
        if self._set is None or self._is_overtaken() or now - self._set.asked.at >= KEYS_KEPT:
            return False
        return not self._set.asked.ticket.leased or self.followed.has_lease(now)

    def _is_overtaken(self) -> bool:
        return self._set is not None and not self.followed.is_current(self._set.asked.ticket, self._set.tags)

    def _may_ask(self, now: float) -> bool:
        if now >= self._again_at or self._last is None:
            return True
        asked, tags = self._last
        return not self.followed.is_current(asked.ticket, tags)

    def _known_tags(self) -> tuple[str, ...]:
        return () if self._set is None else self._set.tags

    def _drop_unproven(self) -> None:
        if self._verified and self._is_overtaken():
            self._verified.clear()

    def _read_token(self, token: str, digest: bytes, kid: str, key: ECKey) -> Genuine | None:
        claims = _signed(token, key, {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": kid})
        if claims is None or not self._is_for(claims, self.audience) or not _expires_after(claims, 0):
            return None
        found = self._verified[digest] = Genuine(digest, float(claims["exp"]), kid)
        while len(self._verified) > self.most_verified:
            self._verified.popitem(last=False)
        return found

    def _is_for(self, claims: dict[str, Any], audience: str) -> bool:
        return claims.get("iss") == self.issuer and claims.get("aud") == audience


def _signed(text: str, key: ECKey, expected: dict[str, str]) -> dict[str, Any] | None:  # Any: JSON that was signed
    # RFC 8725 §3.1: nothing of a forger's header is followed; it has to be as the server writes it.
    if _header(text) != expected:
        return None
    try:
        payload = json.loads(jws.deserialize_compact(text, key, algorithms=[ALGORITHM]).payload or b"")
    except (JoseError, ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def _keys_of(key_set: object) -> dict[str, ECKey]:
    """Return the keys by their ids; none for anything that is no key set of ours."""
    jwks = key_set.get("keys") if isinstance(key_set, dict) else None
    keys = {}
    for jwk in jwks if isinstance(jwks, list) else ():
        # RFC 7517 §5: a key of a kind that is not understood is no reason to refuse the others.
        with suppress(JoseError, KeyError, TypeError, ValueError):
            if jwk["kty"] == "EC" and jwk["crv"] == CURVE:
                keys[str(jwk["kid"])] = ECKey.import_key(jwk)
    return keys


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
    return _is_whole(expires_at) and wall < expires_at <= MOST_ID


def _is_of_now(claims: dict[str, Any], wall: float) -> bool:
    """Return whether an assertion lives, lives as shortly as the server makes them, and was not signed ahead."""
    issued_at, expires_at = claims.get("iat"), claims.get("exp")
    if not _is_whole(issued_at) or not _is_whole(expires_at):
        return False
    return 0 < expires_at - issued_at <= ASSERTION_LIVES and issued_at - CLOCKS_APART <= wall < expires_at


def _identity(claims: dict[str, Any]) -> Identity | None:
    """Return what an assertion says; None when it says it otherwise than the server does."""
    ids = [claims.get(name, "") for name in ("user_id", "service_account_id", "company_id", "contact_id")]
    texts = [claims.get(name, "") for name in ("client_id", "level")]
    scope, tool, project_id, of_company = (claims.get(name) for name in ("scope", "tool", "project_id", "of_company"))
    if not all(_is_id(one) for one in (*ids, project_id)) or not isinstance(of_company, bool | None):
        return None
    if not all(isinstance(one, str | None) for one in (*texts, scope, tool)):
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
        tool=tool,
        project_id=project_id,
        of_company=of_company,
    )


def _is_id(value: object) -> bool:
    return value is None or (_is_whole(value) and 0 < value <= MOST_ID)


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
