"""Tokens and their answers: functions of their arguments, without network, clock or store.

RFC 6749 §5 and §6; what makes a retry safe is the server's rule T5: a consumed refresh token
has one successor, which a retry gets again.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import ip_address
from urllib.parse import quote, urlencode, urlsplit

EARLY_SECONDS = 60.0  # renewed so long before the end
EARLY_SHARE = 4  # but never in more than the last quarter of a token's life
CLOCK_SLACK = 300.0  # a clock further behind the one that wrote was set back: its times say nothing
LONGEST_PAUSE = 3.0
_AGAIN_LATER = {408, 425, 429}
_SENDABLE = re.compile(r"[\w.~+/-]+=*", re.ASCII)  # RFC 6750 §2.1: what a header can hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What the server gave for one account. Instants are Unix seconds by this computer's clock."""

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    obtained_at: float  # when they were asked for
    expires_at: float  # the access token's end
    scope: str = ""
    ended: str = ""  # why the refresh token is good for nothing any more


class Freshness(Enum):
    """Whether an access token can be used as it is."""

    FRESH = "fresh"
    EARLY = "early"  # still good; time to renew
    OVER = "over"


def freshness(tokens: Tokens, *, now: float) -> Freshness:
    """Return whether the access token is good, due, or over at `now`."""
    early = min(EARLY_SECONDS, (tokens.expires_at - tokens.obtained_at) / EARLY_SHARE)
    if now >= tokens.expires_at or now < tokens.obtained_at - CLOCK_SLACK:
        return Freshness.OVER
    return Freshness.EARLY if now >= tokens.expires_at - early else Freshness.FRESH


@dataclass(frozen=True, slots=True)
class Granted:
    """The server gave tokens, or did what it was asked."""

    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Done:
    """The server did what it was asked, and gives nothing."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The server understood, and said no."""

    status: int
    error: str = ""
    description: str = ""
    reason: str = ""

    @property
    def ends_the_authorization(self) -> bool:
        """Return whether the tokens are over: `400 invalid_grant` and nothing else (RFC 6749 §5.2)."""
        return self.status == 400 and self.error == "invalid_grant"


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nobody knows what became of the request: no answer, one that cannot be read, or "not now"."""

    why: str
    was_sent: bool = True
    retry_after: float = 0.0


Answer = Granted | Done | Refusal | Unclear


def judge(status: int, body: bytes, *, retry_after: str = "", asked_at: float) -> Granted | Refusal | Unclear:
    """Return what an answer of the token endpoint says. `asked_at`: when the request was sent."""
    if status == 200:
        tokens = _tokens(_object(body), asked_at=asked_at)
        return Granted(tokens) if tokens else Unclear("an answer that cannot be read")
    return _no(status, body, retry_after=retry_after)


def judge_revocation(status: int, body: bytes, *, retry_after: str = "") -> Done | Refusal | Unclear:
    """Return what an answer of the revocation endpoint says (RFC 7009 §2.2)."""
    return Done() if status == 200 else _no(status, body, retry_after=retry_after)


def _no(status: int, body: bytes, *, retry_after: str) -> Refusal | Unclear:
    if status >= 500 or status in _AGAIN_LATER:
        seconds = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
        return Unclear(f"status {status}", retry_after=seconds)
    said = _object(body)
    error, description, reason = (_text(said, name) for name in ("error", "error_description", "reason"))
    return Refusal(status, error, description, reason)


def _tokens(said: Mapping[str, object], *, asked_at: float) -> Tokens | None:
    access_token, lifetime = _text(said, "access_token"), said.get("expires_in")
    if not _SENDABLE.fullmatch(access_token) or _text(said, "token_type").lower() != "bearer":
        return None
    if not isinstance(lifetime, int) or isinstance(lifetime, bool) or lifetime <= 0:
        return None
    return Tokens(
        access_token=access_token,
        refresh_token=_text(said, "refresh_token"),
        obtained_at=asked_at,
        expires_at=asked_at + lifetime,
        scope=_text(said, "scope"),
    )


def _object(body: bytes) -> Mapping[str, object]:
    try:
        said: object = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _text(said: Mapping[str, object], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def pauses() -> Iterator[float]:
    """Yield how many seconds to wait before each repetition, longer and longer, without end."""
    pause = 0.1
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_PAUSE)


@dataclass(frozen=True, slots=True)
class Begun:
    """An authorization that was begun. Keep `state` and `code_verifier` with the user's session on your side."""

    url: str = field(repr=False)  # where to send the user's browser
    state: str = field(repr=False)  # comes back with the code, and has to be the same
    code_verifier: str = field(repr=False)  # for the exchange of the code (RFC 7636)


def begun(issuer: str, *, client_id: str, redirect_uri: str, scope: str, state: str, code_verifier: str) -> Begun:
    """Return the address at which a user is asked (RFC 6749 §4.1.1), bound to `state` and `code_verifier`."""
    digest = hashlib.sha256(code_verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    asked |= {"scope": scope} if scope else {}
    return Begun(f"{issuer}/oauth/authorize?{urlencode(asked)}", state, code_verifier)


def checked_issuer(issuer: str) -> str:
    """Return the issuer's address without a slash at its end; ValueError unless secrets may be sent there."""
    parts = urlsplit(issuer)
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("The issuer is the server's address, such as https://id.example, and nothing more.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("The issuer must be https; http is for a server on this computer alone (127.0.0.1).")
    return issuer.rstrip("/")


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this computer's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def basic(client_id: str, client_secret: str) -> tuple[bytes, bytes]:
    """Return name and password for HTTP Basic (RFC 6749 §2.3.1: each form-encoded before)."""
    return quote(client_id, safe="").encode(), quote(client_secret, safe="").encode()
