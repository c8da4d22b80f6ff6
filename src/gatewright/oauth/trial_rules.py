"""Trying an app: what an authorization of the developer's own app carries, and how its bytes are shown.

A trial is stored nowhere. It travels in `state`, sealed for the session that began it, so that
nobody else's browser can go on with it and nobody can read its verifier (RFC 9700 §4.7, RFC 7636).
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from urllib.parse import quote, quote_plus, urlencode

from gatewright.base.ids import AppId
from gatewright.base.secrets import MissingKey, Purpose, ServerKeys
from gatewright.oauth.authorize_rules import LONGEST_STATE
from gatewright.oauth.rules import challenge_of

PATH = "/developer/try"
LIFETIME = timedelta(minutes=30)
LONGEST_SECRET = 200
MOST_SHOWN = 2000
MASK = "••••••••"
_ENDS = 6  # letters shown at each end of what is abridged
_TOKENS = ("access_token", "refresh_token")
_ABRIDGED = ("code", "state")

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Trial:
    """One authorization that a developer began with their own app."""

    app_id: AppId
    until: datetime
    verifier: str = field(repr=False)  # T13: not in crash reports

    @property
    def challenge(self) -> str:
        """Return the verifier's S256 challenge (RFC 7636 §4.2)."""
        return challenge_of(self.verifier)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request to an endpoint of ours, as it goes over the wire."""

    method: str
    path: str
    headers: Pairs = field(repr=False)
    body: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Received:
    """The answer to it."""

    status: int
    headers: Pairs
    body: str = field(repr=False)

    def told(self, name: str) -> str:
        """Return the text that the body's JSON object gives by that name; empty without one."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return ""
        text = value.get(name) if isinstance(value, dict) else None
        return text if isinstance(text, str) else ""


def redirect_uri(issuer: str) -> str:
    """Return where a trial comes back to; an app has to have registered it (D5)."""
    return f"{issuer}{PATH}"


def seal_trial(keys: ServerKeys, session_id: str, trial: Trial) -> str:
    """Return the trial as `state` carries it: unreadable, unchangeable, of this session alone."""
    text = json.dumps({"app": trial.app_id, "until": trial.until.timestamp(), "verifier": trial.verifier})
    return base64.urlsafe_b64encode(keys.seal(Purpose.TRIAL, session_id, text.encode())).decode().rstrip("=")


def open_trial(keys: ServerKeys, session_id: str, state: str, *, now: datetime) -> Trial | None:
    """Return what `seal_trial` was given; None when it was altered or is another session's.

    One whose time is over comes back too: whoever asks has to look at `until`.
    """
    if not state.isascii() or len(state) > LONGEST_STATE:
        return None
    try:
        raw = base64.b64decode(state + "=" * (-len(state) % 4), altchars=b"-_", validate=True)
        kept = json.loads(keys.unseal(Purpose.TRIAL, session_id, raw))
    except (ValueError, MissingKey):
        return None
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != state:
        return None  # the same bytes written otherwise: what comes back has to be what was sent
    return Trial(AppId(kept["app"]), datetime.fromtimestamp(kept["until"], tz=now.tzinfo), kept["verifier"])


def authorization_request(trial: Trial, *, client_id: str, state: str, issuer: str) -> list[tuple[str, str]]:
    """Return the parameters that the browser is sent to `/oauth/authorize` with; the consent page is always shown."""
    return [
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", redirect_uri(issuer)),
        ("state", state),
        ("code_challenge", trial.challenge),
        ("code_challenge_method", "S256"),
        ("prompt", "consent"),
    ]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the app shows at the token endpoint: its secret by HTTP Basic, a public one its id alone."""

    client_id: str
    secret: str | None = field(repr=False)

    @property
    def headers(self) -> Pairs:
        """Return the headers that they are sent in (RFC 6749 §2.3.1)."""
        if self.secret is None:
            return ()
        both = f"{quote_plus(self.client_id)}:{quote_plus(self.secret)}"
        return (("Authorization", f"Basic {base64.b64encode(both.encode()).decode()}"),)

    @property
    def pairs(self) -> Pairs:
        """Return the parameters that they are sent in."""
        return (("client_id", self.client_id),) if self.secret is None else ()


def form_request(path: str, parameters: Pairs, *, credentials: Credentials, host: str) -> Sent:
    """Return a request of the app to an endpoint for clients."""
    body = urlencode([*parameters, *credentials.pairs])
    headers = (
        ("Host", host),
        ("User-Agent", "Gatewright-Try-it"),
        *credentials.headers,
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Content-Length", str(len(body))),
    )
    return Sent(method="POST", path=path, headers=headers, body=body)


def api_request(path: str, token: str, *, host: str) -> Sent:
    """Return a call of the platform's API."""
    headers = (("Host", host), ("User-Agent", "Gatewright-Try-it"), ("Authorization", f"Bearer {token}"))
    return Sent(method="GET", path=path, headers=headers)


def shown_request(sent: Sent, *, secrets: Sequence[str]) -> str:
    """Return the request as the page shows it: no client secret in any form, `secrets` abridged."""
    lines = [f"{sent.method} {sent.path} HTTP/1.1"]
    for name, value in sent.headers:
        is_secret = value.startswith("Basic ")
        lines.append(f"{name}: {f'Basic {MASK}' if is_secret else value}")
    return _abridged_in("\n".join([*lines, "", sent.body]).rstrip("\n"), secrets)


def shown_answer(received: Received, *, secrets: Sequence[str]) -> str:
    """Return the answer as the page shows it, `secrets` and the tokens in it abridged."""
    lines = [f"HTTP/1.1 {received.status} {HTTPStatus(received.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in received.headers]
    tokens = [received.told(name) for name in _TOKENS]
    return _abridged_in("\n".join([*lines, "", received.body]), [*secrets, *tokens])


def shown_arrival(parameters: Mapping[str, str], *, host: str) -> str:
    """Return the request with which the browser came back, written as redirects are; cut where it is long."""
    encoded = {quote(name, safe=""): quote(value, safe="") for name, value in parameters.items()}
    query = "&".join(f"{name}={abridged(value) if name in _ABRIDGED else value}" for name, value in encoded.items())
    cut = f"{query[:MOST_SHOWN]}…" if len(query) > MOST_SHOWN else query
    return f"GET {PATH}?{cut} HTTP/1.1\nHost: {host}"


def abridged(secret: str) -> str:
    """Return a name for the secret that does not give it away: its first and last letters."""
    return f"{secret[:_ENDS]}…{secret[-_ENDS:]}" if len(secret) > 4 * _ENDS else "…"


def _abridged_in(text: str, secrets: Sequence[str]) -> str:
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, abridged(secret))
    return text
