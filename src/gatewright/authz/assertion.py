"""The assertion: who was allowed, signed for a minute, for an API that trusts no header alone.

It is no access token and no access token is one: their `typ` differs, and readers of
either compare it (RFC 8725 §3.11).
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gatewright.authz.identity import Identity
from gatewright.base.errors import Unavailable
from gatewright.events.facts import Facts
from gatewright.events.keys import signing_keys
from gatewright.oauth.facts import signing_keys_fact
from gatewright.oauth.key_rules import Keys, current_key
from gatewright.oauth.signing import SigningKeys
from gatewright.settings import Settings

TYPE = "gatewright-auth+jwt"
HEADER = b"gatewright-auth-assertion"
LIFETIME = timedelta(seconds=60)
LEAST_LEFT = timedelta(seconds=30)  # an assertion is given out again while it lives so long
MOST_KEPT = 10_000
_SECOND = timedelta(seconds=1)

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class _Signed:
    headers: Headers
    signed_at: datetime
    kid: str


@dataclass(slots=True)
class Assertions:
    """Makes the identity headers of one process; the newest are kept, so that few are signed."""

    settings: Settings
    facts: Facts
    signing: SigningKeys
    most: int = MOST_KEPT
    _kept: OrderedDict[Identity, _Signed] = field(init=False, default_factory=OrderedDict)

    async def headers(self, identity: Identity, *, now: datetime) -> Headers:
        """Return the headers that tell who was allowed, the assertion last."""
        keys = await self.facts.get(signing_keys_fact())
        if (headers := self._given_again(identity, keys, now=now)) is not None:
            return headers
        key = current_key(keys, now=now)
        if key is None:
            raise Unavailable("There is no signing key yet.", detail="run `gatewright migrate`")
        text = self.signing.sign(key, self._payload(identity, now=now), type=TYPE)
        signed = _Signed((*identity.headers, (HEADER, text.encode("ascii"))), now, key.kid)
        self._keep(identity, signed)
        return signed.headers

    def at_hand(self, identity: Identity, *, now: datetime) -> Headers | None:
        """Return them where they need not be signed, by the signing keys that this very step has asked about.

        For whoever judged a token just now: its facts stood, and the keys are among them.
        """
        keys = self.facts.at_hand(signing_keys())
        return None if keys is None else self._given_again(identity, keys, now=now)

    def _given_again(self, identity: Identity, keys: Keys, *, now: datetime) -> Headers | None:
        kept = self._kept.get(identity)
        if kept is None or not timedelta(0) <= now - kept.signed_at <= LIFETIME - LEAST_LEFT:
            return None
        key = current_key(keys, now=now)
        return kept.headers if key is not None and kept.kid == key.kid else None

    def _payload(self, identity: Identity, *, now: datetime) -> dict[str, object]:
        issuer, issued_at = self.settings.issuer, int(now.timestamp())
        return {
            "iss": issuer,
            "aud": f"{issuer}/authz",
            "iat": issued_at,
            "exp": issued_at + int(LIFETIME / _SECOND),
            **identity.claims,
        }

    def _keep(self, identity: Identity, signed: _Signed) -> None:
        self._kept[identity] = signed
        self._kept.move_to_end(identity)
        while len(self._kept) > self.most:
            self._kept.popitem(last=False)
