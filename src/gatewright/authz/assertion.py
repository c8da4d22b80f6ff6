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
from gatewright.oauth.facts import signing_keys_fact
from gatewright.oauth.key_rules import current_key
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
        key = current_key(await self.facts.get(signing_keys_fact()), now=now)
        if key is None:
            raise Unavailable("There is no signing key yet.", detail="run `gatewright migrate`")
        kept = self._kept.get(identity)
        if kept is not None and kept.kid == key.kid and timedelta(0) <= now - kept.signed_at <= LIFETIME - LEAST_LEFT:
            return kept.headers
        text = self.signing.sign(key, self._payload(identity, now=now), type=TYPE)
        signed = _Signed((*identity.headers, (HEADER, text.encode("ascii"))), now, key.kid)
        self._keep(identity, signed)
        return signed.headers

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
