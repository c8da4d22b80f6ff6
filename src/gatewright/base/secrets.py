"""Server keys, and what is minted, digested, sealed and derived with them.

One HKDF subkey per purpose (RFC 5869), so that a value made for one use is
worthless for another. Rows name the key their digest was made with.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SMALLEST_KEY = 32
KEY_ID_BYTES = 4
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM_LETTERS = 6


class Purpose(StrEnum):
    """What a subkey is for; the text is the HKDF label, so it never changes."""

    KEY_ID = "key id"
    CLIENT_SECRET = "client secret"
    AUTHORIZATION_CODE = "authorization code"
    REFRESH_TOKEN = "refresh token"
    SESSION = "session"
    INVITATION = "invitation"
    CSRF = "csrf"
    CONSENT = "consent request"
    SIGNING_KEY = "signing key"
    RECORD_KEY = "record key"
    MAIL = "mail"
    ACCOUNT_LINK = "account link"
    SIGN_IN_FAILURES = "sign-in failures"
    KNOWN_BROWSER = "known browser"
    TRIAL = "trial authorization"


class MissingKey(Exception):
    """The database names a server key that the settings do not hold."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"server key {key_id} is not among SECRET_KEYS")
        self.key_id = key_id


@dataclass(frozen=True, slots=True)
class Digest:
    """A keyed digest and the id of the server key that made it."""

    key_id: str
    value: bytes


@dataclass(frozen=True, slots=True)
class ServerKey:
    """One entry of SECRET_KEYS, with its subkeys derived once."""

    id: str
    _subkeys: dict[Purpose, bytes] = field(repr=False)

    @classmethod
    def from_material(cls, material: bytes) -> "ServerKey":
        """Return the key for at least 32 bytes of material; shorter is a ValueError."""
        if len(material) < SMALLEST_KEY:
            raise ValueError(f"a server key needs at least {SMALLEST_KEY} bytes")
        subkeys = {purpose: _derive(material, purpose) for purpose in Purpose}
        return cls(id=subkeys[Purpose.KEY_ID][:KEY_ID_BYTES].hex(), _subkeys=subkeys)

    def subkey(self, purpose: Purpose) -> bytes:
        """Return the 32 bytes that serve this purpose alone."""
        return self._subkeys[purpose]

    def mac(self, purpose: Purpose, message: bytes) -> bytes:
        """Return HMAC-SHA256 of `message` under the purpose's subkey."""
        return hmac.digest(self.subkey(purpose), message, "sha256")


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """All entries of SECRET_KEYS, newest first: the first makes, the others still verify."""

    keys: tuple[ServerKey, ...]

    @classmethod
    def from_texts(cls, texts: Sequence[str]) -> "ServerKeys":
        """Return the keys for base64url texts; a malformed one is a ValueError."""
        if not texts:
            raise ValueError("at least one server key is needed")
        return cls(tuple(ServerKey.from_material(_decode(text)) for text in texts))

    @property
    def current(self) -> ServerKey:
        """Return the key that new digests, seals and tokens are made with."""
        return self.keys[0]

    def find(self, key_id: str) -> ServerKey:
        """Return the key of that id; MissingKey when the settings lack it."""
        for key in self.keys:
            if key.id == key_id:
                return key
        raise MissingKey(key_id)

    def digest(self, purpose: Purpose, value: str) -> Digest:
        """Return the digest of `value` under the current key."""
        return Digest(self.current.id, self.current.mac(purpose, value.encode()))

    def candidates(self, purpose: Purpose, value: str) -> list[bytes]:
        """Return the digest of `value` under every key, for a lookup of a presented value."""
        return [key.mac(purpose, value.encode()) for key in self.keys]

    def matches(self, purpose: Purpose, value: str, digest: Digest) -> bool:
        """Return whether `value` has that digest, in constant time."""
        return hmac.compare_digest(self.find(digest.key_id).mac(purpose, value.encode()), digest.value)

    def seal(self, purpose: Purpose, place: str, plaintext: bytes) -> bytes:
        """Return `plaintext` under AES-256-GCM, bound to `place` (table, column and row)."""
        nonce = secrets.token_bytes(12)
        sealed = AESGCM(self.current.subkey(purpose)).encrypt(nonce, plaintext, place.encode())
        return bytes.fromhex(self.current.id) + nonce + sealed

    def unseal(self, purpose: Purpose, place: str, sealed: bytes) -> bytes:
        """Return what `seal` was given; ValueError when it was altered or belongs elsewhere."""
        key = self.find(sealed[:KEY_ID_BYTES].hex())
        nonce, ciphertext = sealed[KEY_ID_BYTES : KEY_ID_BYTES + 12], sealed[KEY_ID_BYTES + 12 :]
        try:
            return AESGCM(key.subkey(purpose)).decrypt(nonce, ciphertext, place.encode())
        except InvalidTag as error:
            raise ValueError("sealed value was altered") from error


def _derive(material: bytes, purpose: Purpose) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"gatewright v1 {purpose}".encode()).derive(material)


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("a server key is not base64url") from error


def mint_server_key() -> str:
    """Return a fresh 256-bit server key as base64url text."""
    return secrets.token_urlsafe(32)


def mint(prefix: str) -> str:
    """Return `prefix` and 256 random bits in base64url, for values looked up by digest."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def mint_client_secret() -> str:
    """Return a client secret: `gws_`, 256 random bits and a checksum (D3).

    The checksum lets a secret scanner tell a secret of ours from look-alikes
    without asking anybody.
    """
    body = secrets.token_urlsafe(32)
    return f"gws_{body}_{_checksum(body)}"


def is_client_secret_shaped(text: str) -> bool:
    """Return whether `text` has our prefix and a right checksum (D3)."""
    prefix, _, rest = text.partition("_")
    body, _, checksum = rest.rpartition("_")
    return prefix == "gws" and len(body) == 43 and checksum == _checksum(body)


def hint(secret: str) -> str:
    """Return what a page may show of a secret to tell it from another: prefix and four letters."""
    return secret[:8]


def _checksum(body: str) -> str:
    number = binascii.crc32(body.encode())
    letters = []
    for _ in range(_CHECKSUM_LETTERS):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(reversed(letters))


def fingerprint(value: str) -> bytes:
    """Return SHA-256 of `value`: a name for it in memory that does not give it away."""
    return hashlib.sha256(value.encode()).digest()


def same(left: str, right: str) -> bool:
    """Return whether two texts are equal, in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())
