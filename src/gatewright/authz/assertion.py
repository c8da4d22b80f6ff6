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
from gatewright.oauth.key_rules import current_key
from gatewright.oauth.model import SigningKey
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
class Signed:
    """The headers that tell who was allowed, the assertion last."""

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
    _kept: OrderedDict[Identity, Signed] = field(init=False, default_factory=OrderedDict)

    async def about(self, identity: Identity, *, now: datetime) -> Signed:
        """Return what tells who was allowed, signed now or half a minute ago at most."""
        key = current_key(await self.facts.get(signing_keys_fact()), now=now)
        if key is None:
            raise Unavailable("There is no signing key yet.", detail="run `gatewright migrate`")
        kept = self._kept.get(identity)
        if kept is not None and _may_be_given(kept, key, now):
            return kept
        text = self.signing.sign(key, self._payload(identity, now=now), type=TYPE)
        signed = Signed((*identity.headers, (HEADER, text.encode("ascii"))), now, key.kid)
        self._keep(identity, signed)
        return signed

    def again(self, signed: Signed | None, *, now: datetime) -> Signed | None:
        """Return what was signed before where it may be given once more.

        For whoever judged a token in this very step: the signing keys that stood for it are at hand.
        """
        if signed is None:
            return None
        key = current_key(self.facts.at_hand(signing_keys()) or (), now=now)
        return signed if key is not None and _may_be_given(signed, key, now) else None

    def _payload(self, identity: Identity, *, now: datetime) -> dict[str, object]:
        issuer, issued_at = self.settings.issuer, int(now.timestamp())
        return {
            "iss": issuer,
            "aud": f"{issuer}/authz",
            "iat": issued_at,
            "exp": issued_at + int(LIFETIME / _SECOND),
            **identity.claims,
        }

    def _keep(self, identity: Identity, signed: Signed) -> None:
        self._kept[identity] = signed
        self._kept.move_to_end(identity)
        while len(self._kept) > self.most:
            self._kept.popitem(last=False)


def _may_be_given(signed: Signed, key: SigningKey, now: datetime) -> bool:
    return signed.kid == key.kid and timedelta(0) <= now - signed.signed_at <= LIFETIME - LEAST_LEFT
