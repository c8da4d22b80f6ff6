"""Signing keys: made once, unsealed once per process, published as a key set (RFC 7517)."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from gatewright.base.ids import random_id
from gatewright.base.secrets import Purpose, ServerKeys
from gatewright.db.engine import Transaction, verb
from gatewright.events.catalogue import Origin, SigningKeyMade
from gatewright.events.log import record
from gatewright.oauth import key_store
from gatewright.oauth.key_rules import current_key
from gatewright.oauth.model import SigningKey

ALGORITHM = "ES256"
TOKEN_TYPE = "at+jwt"


@verb
async def ensure_signing_key(tx: Transaction, *, keys: ServerKeys, origin: Origin, now: datetime) -> bool:
    """Return whether a signing key was made, because there was none that is current."""
    if current_key(await key_store.load_signing_keys(tx), now=now) is not None:
        return False
    made = make_signing_key(keys, current_from=now)
    await key_store.insert_signing_key(tx, made, key_id=keys.current.id, now=now)
    await record(tx, SigningKeyMade(kid=made.kid, after={"public_jwk": made.public_jwk}), origin=origin, now=now)
    return True


def make_signing_key(keys: ServerKeys, *, current_from: datetime) -> SigningKey:
    """Return a fresh P-256 key, its private half sealed."""
    kid = random_id()
    key = ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": ALGORITHM})
    private = json.dumps(key.as_dict(private=True)).encode()
    return SigningKey(
        kid=kid,
        private_key_sealed=keys.seal(Purpose.SIGNING_KEY, _place(kid), private),
        public_jwk=dict(key.as_dict(private=False)),
        current_from=current_from,
    )


class SigningKeys:
    """The keys of one process, ready to sign and to verify. A kid names the same key for good."""

    def __init__(self, keys: ServerKeys) -> None:
        self._keys = keys
        self._private: dict[str, ECKey] = {}
        self._public: dict[str, ECKey] = {}
        self._kids: dict[str, str] = {}  # by the first segment of their tokens

    def sign(self, key: SigningKey, payload: dict[str, Any], *, type: str = TOKEN_TYPE) -> str:
        """Return the payload signed with this key, as an access token unless another type is named."""
        if key.kid not in self._private:
            opened = self._keys.unseal(Purpose.SIGNING_KEY, _place(key.kid), key.private_key_sealed)
            self._private[key.kid] = ECKey.import_key(json.loads(opened))
        return _sign(self._private[key.kid], key.kid, payload, type)

    def verified(self, token: str, *, stored: Sequence[SigningKey]) -> tuple[str, dict[str, Any]] | None:
        """Return the kid and the payload of a token that one of these keys signed; None for any other.

        The header is compared whole with the one that we write: `alg`, `jwk`, `jku`, `crit`
        and what else a forger puts there is not even parsed (RFC 8725 §3.1).
        """
        for key in stored:
            self._learn(key)
        kid = self._kids.get(token.partition(".")[0])
        if kid is None or kid not in {key.kid for key in stored}:
            return None
        try:
            signed = jws.deserialize_compact(token, self._public[kid], algorithms=[ALGORITHM])
            payload = json.loads(signed.payload or b"")
        except (JoseError, ValueError):
            return None
        return (kid, payload) if isinstance(payload, dict) else None

    def _learn(self, key: SigningKey) -> None:
        if key.kid not in self._public:
            self._public[key.kid] = ECKey.import_key(key.public_jwk)
            self._kids[_header_segment(key.kid)] = key.kid


def key_set(published: Sequence[SigningKey]) -> dict[str, Any]:
    """Return the JSON Web Key Set of these keys: public halves alone."""
    public = ("kty", "crv", "x", "y", "kid", "use", "alg")
    return {"keys": [{name: key.public_jwk[name] for name in public} for key in published]}


def _sign(private: ECKey, kid: str, payload: dict[str, Any], type: str) -> str:
    text = json.dumps(payload, separators=(",", ":"))
    return jws.serialize_compact({"alg": ALGORITHM, "typ": type, "kid": kid}, text, private, algorithms=[ALGORITHM])


def _header_segment(kid: str) -> str:
    return _sign(_ANY_KEY, kid, {}, TOKEN_TYPE).partition(".")[0]


_ANY_KEY = ECKey.generate_key("P-256")  # only to have the header written as our tokens write it


def _place(kid: str) -> str:
    return f"signing_keys.private_key_sealed:{kid}"
