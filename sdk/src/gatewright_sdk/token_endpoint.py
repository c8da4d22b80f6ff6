"""Asking the server for tokens, again and again until the answer is clear or patience ends."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

import httpx

from gatewright_sdk.token_rules import (
    Done,
    Granted,
    Refusal,
    Unclear,
    basic,
    is_loopback,
    judge,
    judge_revocation,
    pauses,
)

TOKEN = "/oauth/token"
REVOKE = "/oauth/revoke"
_Clear = TypeVar("_Clear", Granted, Done)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The server as one client sees it. Each request has a connection of its own: nothing is shared over a fork."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    timeout: float  # seconds for one answer
    patience: float  # seconds for all repetitions together

    @property
    def longest(self) -> float:
        """Return how many seconds one renewal may take: the last repetition begins before patience ends.

        It may then wait three times: for a connection, to be sent, and to be answered.
        """
        return self.patience + 3 * self.timeout

    def tokens(
        self, form: Mapping[str, str], *, repeats: bool = True, hurries: bool = False
    ) -> Granted | Refusal | Unclear:
        """Return what the token endpoint says in the end.

        `repeats`: a request that may have arrived is sent again. `hurries`: one that never left is not.
        """

        def read(answer: httpx.Response, asked_at: float) -> Granted | Refusal | Unclear:
            retry_after = answer.headers.get("retry-after", "")
            return judge(answer.status_code, answer.content, retry_after=retry_after, asked_at=asked_at)

        return self._ask(TOKEN, form, read, repeats=repeats, hurries=hurries)

    def revoke(self, token: str) -> Done | Refusal | Unclear:
        """Return what the revocation endpoint says in the end."""

        def read(answer: httpx.Response, _asked_at: float) -> Done | Refusal | Unclear:
            retry_after = answer.headers.get("retry-after", "")
            return judge_revocation(answer.status_code, answer.content, retry_after=retry_after)

        return self._ask(REVOKE, {"token": token}, read, repeats=True, hurries=False)

    def _ask(
        self,
        path: str,
        form: Mapping[str, str],
        read: Callable[[httpx.Response, float], _Clear | Refusal | Unclear],
        *,
        repeats: bool,
        hurries: bool,
    ) -> _Clear | Refusal | Unclear:
        over_at = time.monotonic() + self.patience
        for pause in pauses():
            answer = self._once(path, form, read)
            if not isinstance(answer, Unclear) or (hurries and not answer.was_sent):
                return answer
            # Spread, so that many who lost their answers together do not come back together.
            wait = max(answer.retry_after, pause * random.uniform(0.5, 1.0))  # noqa: S311
            if (answer.was_sent and not repeats) or time.monotonic() + wait > over_at:
                return answer
            time.sleep(wait)
        raise AssertionError("pauses() has no end")

    def _once(
        self,
        path: str,
        form: Mapping[str, str],
        read: Callable[[httpx.Response, float], _Clear | Refusal | Unclear],
    ) -> _Clear | Refusal | Unclear:
        asked_at = time.time()
        try:
            with self._client() as client:
                answer = client.post(self.issuer + path, data=dict(form) | self._public())
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            return Unclear(type(error).__name__, was_sent=False)
        except httpx.HTTPError as error:  # its request holds a token: only its name is kept
            return Unclear(type(error).__name__)
        return read(answer, asked_at)

    def _client(self) -> httpx.Client:
        auth = httpx.BasicAuth(*basic(self.client_id, self.client_secret)) if self.client_secret else None
        # No proxy can reach a server on this computer's loopback.
        trusts_environment = not is_loopback(urlsplit(self.issuer).hostname or "")
        return httpx.Client(auth=auth, timeout=self.timeout, trust_env=trusts_environment, follow_redirects=False)

    def _public(self) -> dict[str, str]:
        return {} if self.client_secret else {"client_id": self.client_id}
