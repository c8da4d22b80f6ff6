"""The requests of a trial, one after another, as an app would send them; each kept as the page shows it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gatewright.oauth.trial_rules import (
    Credentials,
    Received,
    Sent,
    Trial,
    api_request,
    form_request,
    redirect_uri,
    shown_answer,
    shown_request,
)

Ask = Callable[[Sent], Awaitable[Received]]
ME = "/rest/v1.0/me"
OK = 200


@dataclass(frozen=True, slots=True)
class Step:
    """One request and its answer, with nothing in it that opens anything."""

    heading: str
    sent: str
    received: str
    status: int


@dataclass(slots=True)
class Ran:
    """What was asked and answered, and what is left alive."""

    steps: list[Step] = field(default_factory=list)
    got_tokens: bool = False
    revoked: bool = False

    @property
    def outcome(self) -> str:
        """Return what is known of the tokens: `ended`, `live`, `unclear`; empty when there were none.

        A code or refresh token that was sent twice ends what came of it (T2, T5): after a refusal nothing is promised.
        """
        if not self.got_tokens:
            return ""
        if self.revoked:
            return "ended"
        return "live" if all(step.status == OK for step in self.steps) else "unclear"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A code that came back to the trial it belongs to."""

    trial: Trial
    code: str = field(repr=False)  # T13: not in crash reports


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the developer wants asked beside the exchange and the call."""

    refreshes: bool
    revokes: bool


async def run_trial(ask: Ask, arrived: Arrived, credentials: Credentials, *, issuer: str, wishes: Wishes) -> Ran:
    """Trade the code, call the platform, refresh and revoke where asked to; stop where there are no tokens."""
    asking = _Asking(ask, credentials, urlsplit(issuer).netloc, [arrived.code, arrived.trial.verifier])
    traded = await asking.form(
        "Trade the code for tokens",
        "/oauth/token",
        grant_type="authorization_code",
        code=arrived.code,
        redirect_uri=redirect_uri(issuer),
        code_verifier=arrived.trial.verifier,
    )
    refresh_token = traded.told("refresh_token")
    if traded.status != OK or not refresh_token:
        return asking.ran
    asking.ran.got_tokens = True
    try:
        await asking.call("Call the platform", ME, traded.told("access_token"))
        if wishes.refreshes:
            given = {"grant_type": "refresh_token", "refresh_token": refresh_token}
            answer = await asking.form("Refresh", "/oauth/token", **given)
            refresh_token = answer.told("refresh_token") or refresh_token
    finally:  # though a call failed, or whoever asked went away
        if wishes.revokes:
            answer = await asking.form("Revoke", "/oauth/revoke", token=refresh_token)
            asking.ran.revoked = answer.status == OK
    return asking.ran


class _Asking:
    """Asks, and keeps what is to be shown; whatever secret was seen is abridged from then on."""

    def __init__(self, ask: Ask, credentials: Credentials, host: str, secrets: list[str]) -> None:
        self._ask = ask
        self._credentials = credentials
        self._host = host
        self._secrets = secrets
        self.ran = Ran()

    async def form(self, heading: str, path: str, **parameters: str) -> Received:
        sent = form_request(path, list(parameters.items()), credentials=self._credentials, host=self._host)
        return await self._step(heading, sent)

    async def call(self, heading: str, path: str, token: str) -> Received:
        return await self._step(heading, api_request(path, token, host=self._host))

    async def _step(self, heading: str, sent: Sent) -> Received:
        received = await self._ask(sent)
        self._secrets += filter(None, (received.told("access_token"), received.told("refresh_token")))
        shown = shown_request(sent, secrets=self._secrets), shown_answer(received, secrets=self._secrets)
        self.ran.steps.append(Step(heading, *shown, received.status))
        return received
