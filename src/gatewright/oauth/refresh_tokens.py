"""Refresh tokens: derived, so stored nowhere, and the same however often one is asked for (T5).

`gwr_` and base64url of: key id, 4 bytes | family id, 16 | generation, 8 | MAC, 32.
Forging one takes the server's key and the family's row.
"""

import base64
import binascii
import hmac

from gatewright.base.ids import FamilyId
from gatewright.base.secrets import MissingKey, Purpose, ServerKey, ServerKeys
from gatewright.oauth.model import Family, RefreshToken

PREFIX = "gwr_"
_LABEL = b"gatewright refresh token v1"
_KEY_ID, _FAMILY, _GENERATION, _MAC = 4, 16, 8, 32
_SIZE = _KEY_ID + _FAMILY + _GENERATION + _MAC


def derive_refresh_token(keys: ServerKeys, family: Family) -> str:
    """Return the family's current refresh token, under the server key that its row names.

    The row's key, not the newest: a server key rotated between a refresh and its retry
    changes nothing.
    """
    key = keys.find(family.key_id)
    body = bytes.fromhex(key.id) + bytes.fromhex(family.id) + family.generation.to_bytes(_GENERATION, "big")
    mac = _mac(key, family.id, family.generation, family.salt)
    return _written(body + mac)


def parse_refresh_token(text: str) -> RefreshToken | None:
    """Return the token taken apart; None when it is not shaped like one of ours."""
    if not text.startswith(PREFIX) or not text.isascii():
        return None
    try:
        body = base64.b64decode(text[len(PREFIX) :], altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # One spelling alone: base64 forgives padding and the letters of its other alphabet.
    if len(body) != _SIZE or _written(body) != text:
        return None
    rest = body[_KEY_ID:]
    return RefreshToken(
        key_id=body[:_KEY_ID].hex(),
        family_id=FamilyId(rest[:_FAMILY].hex()),
        generation=int.from_bytes(rest[_FAMILY : _FAMILY + _GENERATION], "big"),
        mac=rest[_FAMILY + _GENERATION :],
    )


def _written(body: bytes) -> str:
    return PREFIX + base64.urlsafe_b64encode(body).decode()


def is_genuine(keys: ServerKeys, token: RefreshToken, *, salt: bytes) -> bool:
    """Return whether we derived this token, in constant time; a key we lack vouches for nothing."""
    try:
        key = keys.find(token.key_id)
    except MissingKey:
        return False
    return hmac.compare_digest(_mac(key, token.family_id, token.generation, salt), token.mac)


def _mac(key: ServerKey, family_id: FamilyId, generation: int, salt: bytes) -> bytes:
    # Every part has a fixed width, so no two inputs read alike.
    message = _LABEL + bytes.fromhex(family_id) + generation.to_bytes(_GENERATION, "big") + salt
    return key.mac(Purpose.REFRESH_TOKEN, message)
