"""Access tokens from a store or from the server: renewed once, however many ask.

A refresh token is never given up before the server said that it is over, and its successor is stored
before anybody sees it (T5, T6).
"""

import logging
import secrets
import threading
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TypeGuard

from gatewright_sdk.token_endpoint import Endpoint
from gatewright_sdk.token_errors import (
    AuthorizationEnded,
    NotAuthorized,
    RequestRefused,
    ServerUnreachable,
    StoreBusy,
    StoreFailed,
    TokenError,
)
from gatewright_sdk.token_forks import make_anew_in_child
from gatewright_sdk.token_rules import (
    Begun,
    Done,
    Freshness,
    Granted,
    Refusal,
    Tokens,
    Unclear,
    begun,
    checked_issuer,
    freshness,
)
from gatewright_sdk.token_store import Store

TIMEOUT = 10.0
PATIENCE = 30.0
REST_SECONDS = 5.0  # after a renewal that failed, while the token at hand is still good
# How long another worker of this app, one that does not share the lock, may take to store what it got.
SUPERSEDED_PAUSES = (0.0, 0.1, 0.2, 0.4, 0.8, 1.5)
_log = logging.getLogger("gatewright_sdk.tokens")


class Source:
    """What both kinds of source share: the token at hand, and one renewal at a time in this process."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._turn = threading.Lock()
        self._at_hand: Tokens | None = None
        self._rests_until = 0.0
        make_anew_in_child(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._endpoint.issuer!r}, {self._endpoint.client_id!r})"

    def access_token(self) -> str:
        """Return an access token that is good now, renewed a minute before its end; TokenError when there is none."""
        good = self.at_hand()
        if good is not None:
            return good
        spare = self.spare()
        if spare is not None and not self._turn.acquire(blocking=False):
            return spare  # somebody is renewing it already
        if spare is None:
            self._turn.acquire()
        try:
            return self._renewed(instead_of=None).access_token
        finally:
            self._turn.release()

    def renew(self, instead_of: str | None = None) -> str:
        """Return another access token than `instead_of`: the one that a call was just refused with (401).

        Whoever comes second gets what the first one got. Without `instead_of` it is the one that this source gave last.
        """
        unwanted = instead_of or (self._at_hand.access_token if self._at_hand else "")
        with self._turn:
            return self._renewed(instead_of=unwanted).access_token

    def at_hand(self) -> str | None:
        """Return the access token in memory if it needs no renewal now."""
        tokens = self._at_hand
        if tokens is None:
            return None
        state = freshness(tokens, now=time.time())
        is_resting = state is Freshness.EARLY and time.monotonic() < self._rests_until
        return tokens.access_token if state is Freshness.FRESH or is_resting else None

    def spare(self) -> str | None:
        """Return the access token in memory if it is good, though due."""
        tokens = self._at_hand
        if tokens is None or freshness(tokens, now=time.time()) is Freshness.OVER:
            return None
        return tokens.access_token

    def begin_anew(self) -> None:
        """Leave the turn to the process that this one was forked from: here nobody would give it back."""
        self._turn = threading.Lock()

    def _renewed(self, *, instead_of: str | None) -> Tokens:
        """Return tokens as good as can be had; `instead_of`: other ones than these, None: any. Holds the turn."""
        raise NotImplementedError

    def _is_wanted(self, tokens: Tokens | None, instead_of: str | None) -> bool:
        """Return whether somebody else renewed meanwhile."""
        if tokens is None or tokens.access_token == instead_of:
            return False
        return freshness(tokens, now=time.time()) is Freshness.FRESH

    def _is_spare(self, tokens: Tokens | None, instead_of: str | None) -> TypeGuard[Tokens]:
        """Return whether these will do for now, when no other ones can be had."""
        if tokens is None or tokens.access_token == instead_of:
            return False
        return freshness(tokens, now=time.time()) is not Freshness.OVER

    def _in_its_place(self, spare: Tokens | None, error: TokenError) -> Tokens:
        """Return the spare tokens if they are still good, and rest; raise the error if not."""
        if not self._is_spare(spare, None):
            raise error
        level = logging.INFO if isinstance(error, StoreBusy) else logging.WARNING  # busy: others are renewing
        _log.log(level, "no access token could be had yet; the one at hand is still good: %s", error)
        self._rests_until = time.monotonic() + REST_SECONDS
        return self._remember(spare)

    def _remember(self, tokens: Tokens) -> Tokens:
        self._at_hand = tokens
        return tokens


class TokenSource(Source):
    """Access tokens in the name of a user who authorized this app.

    The store keeps the refresh token; all who use the same store renew once between them.
    `account` tells several users apart. `client_secret` is None for a public app.
    """

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str | None = None,
        *,
        store: Store,
        account: str = "",
        timeout: float = TIMEOUT,
        patience: float = PATIENCE,
    ) -> None:
        super().__init__(
            Endpoint(
                issuer=checked_issuer(issuer),
                client_id=client_id,
                client_secret=client_secret,
                timeout=timeout,
                patience=patience,
            )
        )
        self._store = store
        # A refresh token is never shown to another server or client than the one it belongs to.
        self._account = f"{self._endpoint.issuer} {client_id} {account}"

    def begin_anew(self) -> None:
        """Leave the turn to the process that this one was forked from, and look whether the store serves this one."""
        super().begin_anew()
        self._at_hand = None

    def begin(self, *, redirect_uri: str, scope: str = "") -> Begun:
        """Return where to send the user's browser, with a fresh state and code verifier. Nothing is asked yet."""
        return begun(
            self._endpoint.issuer,
            client_id=self._endpoint.client_id,
            redirect_uri=redirect_uri,
            scope=scope,
            state=secrets.token_urlsafe(16),
            code_verifier=secrets.token_urlsafe(48),
        )

    def start(self, *, code: str, redirect_uri: str, code_verifier: str | None = None) -> str:
        """Exchange an authorization code, keep the tokens instead of older ones, and return the access token.

        A code works once, so a request that may have arrived is not repeated: AuthorizationEnded and
        ServerUnreachable both mean that the user has to be asked for a new one.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        form |= {"code_verifier": code_verifier} if code_verifier else {}
        with self._turn, self._lock(waits=True):
            # A store that cannot write fails before the code is used.
            self._store.save(self._account, self._store.load(self._account))
            answer = self._endpoint.tokens(form, repeats=False)
            match answer:
                case Granted(tokens):
                    return self._keep(tokens).access_token
                case Refusal() if answer.ends_the_authorization:
                    raise AuthorizationEnded(answer.reason or answer.error)
                case Refusal():
                    raise _refused(answer)
                case Unclear(why):
                    raise ServerUnreachable(why)

    def revoke(self) -> None:
        """End the authorization's tokens at the server, and forget them. Nothing happens where there are none."""
        with self._turn, self._lock(waits=True):
            kept = self._store.load(self._account)
            if kept is not None and not kept.ended:
                match self._endpoint.revoke(kept.refresh_token or kept.access_token):
                    case Done():
                        pass
                    case Refusal() as answer:
                        raise _refused(answer)
                    case Unclear(why):
                        raise ServerUnreachable(why)
            self._store.save(self._account, None)
            self._at_hand = None

    def _renewed(self, *, instead_of: str | None) -> Tokens:
        spare = self._at_hand if self._is_spare(self._at_hand, instead_of) else None
        try:
            kept = self._standing(self._store.load(self._account))
            if self._is_wanted(kept, instead_of):
                return self._remember(kept)
            spare = kept if self._is_spare(kept, instead_of) else None
            with self._lock(waits=spare is None):
                # While this one waited, another thread or process may have renewed.
                kept = self._standing(self._store.load(self._account))
                return self._remember(kept) if self._is_wanted(kept, instead_of) else self._refreshed(kept, instead_of)
        except (StoreFailed, RequestRefused, ServerUnreachable) as error:
            return self._in_its_place(spare, error)

    def _lock(self, *, waits: bool) -> AbstractContextManager[None]:
        return self._store.lock(self._account, seconds=self._endpoint.longest if waits else 0.0)

    def _refreshed(self, kept: Tokens, instead_of: str | None) -> Tokens:
        """Return the successor, stored before anybody sees it (T6: its first use ends the retry). Holds the lock."""
        self._store.save(self._account, kept)  # a store that cannot write fails before the token is consumed
        form = {"grant_type": "refresh_token", "refresh_token": kept.refresh_token}
        answer = self._endpoint.tokens(form, hurries=self._is_spare(kept, instead_of))
        match answer:
            case Granted(tokens):
                return self._keep(replace(tokens, refresh_token=tokens.refresh_token or kept.refresh_token))
            case Refusal() if answer.ends_the_authorization:
                return self._renewed_elsewhere(kept, instead_of, answer.reason)
            case Refusal():
                raise _refused(answer)
            case Unclear(why):
                raise ServerUnreachable(why)

    def _renewed_elsewhere(self, kept: Tokens, instead_of: str | None, reason: str) -> Tokens:
        """Return what another worker stored; AuthorizationEnded, marked in the store, when none did.

        A public app is not told the reason, so `superseded` has to be reckoned with.
        """
        for pause in SUPERSEDED_PAUSES if reason in {"", "superseded"} else (0.0,):
            time.sleep(pause)
            found = self._standing(self._store.load(self._account))
            if found.refresh_token != kept.refresh_token:
                if self._is_wanted(found, instead_of):
                    return self._remember(found)
                return self._refreshed(found, instead_of)
        self._at_hand = None
        ended = AuthorizationEnded(reason or "invalid_grant")
        try:
            self._store.save(self._account, replace(kept, ended=ended.reason))
        except StoreFailed as error:
            raise ended from error  # said all the same: the spare token is over too
        raise ended

    def _standing(self, kept: Tokens | None) -> Tokens:
        if kept is None or kept.ended:
            self._at_hand = None
            raise AuthorizationEnded(kept.ended) if kept else NotAuthorized
        return kept

    def _keep(self, tokens: Tokens) -> Tokens:
        self._store.save(self._account, tokens)
        return self._remember(tokens)


class ClientCredentials(Source):
    """Access tokens of a service account. Kept in memory alone: there is nothing to lose."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str,
        *,
        timeout: float = TIMEOUT,
        patience: float = PATIENCE,
    ) -> None:
        super().__init__(
            Endpoint(
                issuer=checked_issuer(issuer),
                client_id=client_id,
                client_secret=client_secret,
                timeout=timeout,
                patience=patience,
            )
        )

    def _renewed(self, *, instead_of: str | None) -> Tokens:
        kept = self._at_hand
        if kept is not None and self._is_wanted(kept, instead_of):
            return kept
        spare = kept if self._is_spare(kept, instead_of) else None
        answer = self._endpoint.tokens({"grant_type": "client_credentials"}, hurries=spare is not None)
        match answer:
            case Granted(tokens):
                self._at_hand = tokens
                return tokens
            case Refusal():
                return self._in_its_place(spare, _refused(answer))
            case Unclear(why):
                return self._in_its_place(spare, ServerUnreachable(why))


def _refused(answer: Refusal) -> RequestRefused:
    return RequestRefused(
        status=answer.status, error=answer.error, description=answer.description, reason=answer.reason
    )
