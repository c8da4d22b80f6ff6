"""Judging a request for an authorization: may it be asked about, and if not, whom is it told to.

A fault in the client or the redirect URI is told to the person, never to the URI
(RFC 6749 §4.1.2.1, RFC 9700 §4.1); every other fault goes to the app by redirect.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from gatewright.apps.rules import is_registered, stays_on_this_computer
from gatewright.oauth.model import AppClient, Authorization

LONGEST_STATE = 4096
PARAMETERS = (
    "response_type",
    "client_id",
    "redirect_uri",
    "state",
    "scope",
    "code_challenge",
    "code_challenge_method",
    "prompt",
)
_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,40}")
_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.2
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?")

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that the user may be asked about."""

    client: AppClient
    redirect_uri: str
    redirect_uri_was_sent: bool
    scopes: tuple[str, ...]
    state: str | None
    code_challenge: str | None
    prompts_consent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ToPerson:
    """A fault that is told on a page of ours and sends nobody anywhere."""

    code: str
    status: int
    heading: str
    explanation: str
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToApp:
    """A fault that the app is told by redirect, as RFC 6749 §4.1.2.1 words it."""

    redirect_uri: str
    state: str | None
    error: str
    description: str


Verdict = Asked | ToPerson | ToApp


def asked_client(pairs: Pairs) -> str | None:
    """Return the client id that the request names, once and in the letters of one; else None."""
    named = [value for name, value in pairs if name == "client_id"]
    return named[0] if len(named) == 1 and _CLIENT_ID.fullmatch(named[0]) else None


def judge_request(pairs: Pairs, *, client: AppClient | None) -> Verdict:
    """Return whether the user may be asked, or the first fault and who is told of it."""
    sent = _by_name(pairs)
    if client is None or client.is_deleted or asked_client(pairs) != client.client_id:
        return _UNKNOWN_CLIENT
    if client.is_blocked:
        return _BLOCKED_CLIENT
    redirect_uri = _redirect_uri(sent["redirect_uri"], client=client)
    if isinstance(redirect_uri, ToPerson):
        return redirect_uri
    if any(len(state) > LONGEST_STATE for state in sent["state"]):
        return _LONG_STATE
    state = sent["state"][0] if len(sent["state"]) == 1 and sent["state"][0] else None
    fault = _fault(sent, client=client)
    if fault is not None:
        error, description = fault
        return ToApp(redirect_uri=redirect_uri, state=state, error=error, description=description)
    return Asked(
        client=client,
        redirect_uri=redirect_uri,
        redirect_uri_was_sent=any(sent["redirect_uri"]),
        scopes=_scopes(sent),
        state=state,
        code_challenge=_one(sent, "code_challenge"),
        prompts_consent=_one(sent, "prompt") == "consent",
    )


def is_always_asked(asked: Asked) -> bool:
    """Return whether the user is asked however often they allowed it before (T1, A191).

    What receives its redirect on the user's own computer, and every public client,
    proves nothing by it: any program there could take the app's place (RFC 9700 §4.15.2).
    """
    return asked.prompts_consent or not asked.client.is_confidential or stays_on_this_computer(asked.redirect_uri)


def covers(standing: Authorization, *, scopes: Sequence[str], user_epoch: int, app_epoch: int) -> bool:
    """Return whether an authorization stands for the same or fewer scopes (T1), under the epochs of now (T11)."""
    is_current = (standing.user_epoch, standing.app_epoch) == (user_epoch, app_epoch)
    return is_current and not standing.has_ended and set(scopes) <= set(standing.scopes)


def with_answer(redirect_uri: str, answer: Mapping[str, str | None]) -> str:
    """Return the redirect URI with the answer's parameters after those it has already (A29)."""
    added = "&".join(f"{name}={quote(value, safe='')}" for name, value in answer.items() if value is not None)
    joint = "?" if "?" not in redirect_uri else "" if redirect_uri[-1] in "?&" else "&"
    return f"{redirect_uri}{joint}{added}"


def form_targets(redirect_uri: str) -> str:
    """Return the sources that `form-action` must name, so that the answer may lead where it has to.

    Browsers ask it of every redirect that follows a form: of the redirect URI, and of
    wherever the app's callback sends the user then, which only the app knows. So the
    scheme stands beside the origin; an IPv6 literal cannot be named at all.
    """
    parts = urlsplit(redirect_uri)
    if parts.scheme not in {"http", "https"}:
        return ""
    origin = f"{parts.scheme}://{parts.netloc}"
    named = [origin] if _ORIGIN.fullmatch(origin) else []
    return " ".join([*named, "https:", *(["http:"] if parts.scheme == "http" else [])])


def _by_name(pairs: Pairs) -> dict[str, list[str]]:
    sent: dict[str, list[str]] = {name: [] for name in PARAMETERS}
    for name, value in pairs:
        if name in sent:  # RFC 6749 §3.1: others are ignored
            sent[name].append(value)
    return sent


def _redirect_uri(sent: Sequence[str], *, client: AppClient) -> str | ToPerson:
    """Return where the answer goes (D5): what was sent, or the only one that is registered."""
    if len(sent) > 1:
        return _BAD_REDIRECT_URI
    if not sent or not sent[0]:
        return client.redirect_uris[0] if len(client.redirect_uris) == 1 else _NO_REDIRECT_URI
    return sent[0] if is_registered(client.redirect_uris, sent[0]) else _BAD_REDIRECT_URI


def _fault(sent: Mapping[str, list[str]], *, client: AppClient) -> tuple[str, str] | None:
    for name, values in sent.items():
        if len(values) > 1:
            return "invalid_request", f"{name} is repeated"
        if any("\0" in value for value in values):
            return "invalid_request", f"{name} contains NUL"
    return _fault_in_response_type(sent) or _fault_in_challenge(sent, client=client) or _fault_in_scope(sent, client)


def _fault_in_response_type(sent: Mapping[str, list[str]]) -> tuple[str, str] | None:
    match _one(sent, "response_type"):
        case None:
            return "invalid_request", "response_type is missing; send response_type=code"
        case "code":
            return None
        case _:
            return "unsupported_response_type", "only response_type=code is supported"


def _fault_in_challenge(sent: Mapping[str, list[str]], *, client: AppClient) -> tuple[str, str] | None:
    challenge, method = _one(sent, "code_challenge"), _one(sent, "code_challenge_method")
    if challenge is None and method is None:
        needed = not client.is_confidential  # D2: a public client has nothing else to show
        return ("invalid_request", "a public client must send code_challenge (RFC 7636)") if needed else None
    if challenge is None:
        return "invalid_request", "code_challenge is missing"
    if method != "S256":
        return "invalid_request", "code_challenge_method must be S256"
    if not _CHALLENGE.fullmatch(challenge):
        return "invalid_request", "code_challenge must be 43 to 128 characters out of A-Z a-z 0-9 - . _ ~"
    return None


def _fault_in_scope(sent: Mapping[str, list[str]], client: AppClient) -> tuple[str, str] | None:
    if set(_scopes(sent)) <= set(client.scopes):
        return None
    return "invalid_scope", "the app does not declare every scope that it asks for"


def _scopes(sent: Mapping[str, list[str]]) -> tuple[str, ...]:
    return tuple(sorted({scope for scope in (_one(sent, "scope") or "").split(" ") if scope}))


def _one(sent: Mapping[str, list[str]], name: str) -> str | None:
    """Return the value; RFC 6749 §3.1: a parameter without a value counts as absent."""
    return sent[name][0] if sent[name] and sent[name][0] else None


_DEVELOPER = "The developer of the app. If you follow a link that somebody sent you, do not trust it."
_UNKNOWN_CLIENT = ToPerson(
    code="invalid_client",
    status=400,
    heading="No app is known by this id",
    explanation="The link that brought you here names no app, or more than one.",
    who=_DEVELOPER,
)
_BLOCKED_CLIENT = ToPerson(
    code="app_blocked",
    status=403,
    heading="This app is blocked",
    explanation="The operator of this platform has blocked it. It can act for nobody.",
    who="The operator of this platform, after the app’s developer has written to them.",
)
_BAD_REDIRECT_URI = ToPerson(
    code="invalid_redirect_uri",
    status=400,
    heading="This app sends you somewhere it has not registered",
    explanation="To go on would give what you allow to whoever is there, so nothing was sent.",
    who=f"{_DEVELOPER} The redirect URI has to be one of the app’s own, character by character.",
)
_NO_REDIRECT_URI = ToPerson(
    code="invalid_redirect_uri",
    status=400,
    heading="This app does not say where to send you",
    explanation="It has not registered exactly one redirect URI, so it has to name one.",
    who=f"{_DEVELOPER} The app has to send redirect_uri.",
)
_LONG_STATE = ToPerson(
    code="invalid_request",
    status=400,
    heading="This app sends too much",
    explanation=f"Its parameter state is longer than {LONGEST_STATE:,} characters.",
    who="The developer of the app, who should keep what it has to remember and send a short reference to it.",
)
