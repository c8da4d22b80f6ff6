"""The sources of `token_source`, awaited.

The work is done in a thread: a renewal that has begun is finished and stored, though whoever
waits for it gives up, and a store stays plain code.
"""

import asyncio

from gatewright_sdk.token_forks import make_anew_in_child
from gatewright_sdk.token_rules import Begun
from gatewright_sdk.token_source import PATIENCE, TIMEOUT, ClientCredentials, Source, TokenSource
from gatewright_sdk.token_store import Store


class AsyncSource:
    """What both kinds share. For one event loop."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._turn = asyncio.Lock()  # tasks wait here, so that no more than one thread is taken
        make_anew_in_child(self)

    def __repr__(self) -> str:
        return f"Async{self._source!r}"

    async def access_token(self) -> str:
        """Return an access token that is good now, renewed a minute before its end; TokenError when there is none."""
        good = self._source.at_hand()
        if good is not None:
            return good
        spare = self._source.spare()
        if spare is not None and self._turn.locked():
            return spare  # some task is renewing it already
        async with self._turn:
            good = self._source.at_hand()  # while this one waited, another task may have renewed
            return good if good is not None else await asyncio.to_thread(self._source.access_token)

    async def renew(self, instead_of: str | None = None) -> str:
        """Return another access token than `instead_of`: the one that a call was just refused with (401)."""
        async with self._turn:
            return await asyncio.to_thread(self._source.renew, instead_of)

    def begin_anew(self) -> None:
        """Leave the turn to the process that this one was forked from: here nobody would give it back."""
        self._turn = asyncio.Lock()


class AsyncTokenSource(AsyncSource):
    """`TokenSource`, awaited."""

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
        self._tokens = TokenSource(
            issuer, client_id, client_secret, store=store, account=account, timeout=timeout, patience=patience
        )
        super().__init__(self._tokens)

    def begin(self, *, redirect_uri: str, scope: str = "") -> Begun:
        """Return where to send the user's browser, with a fresh state and code verifier. Nothing is asked yet."""
        return self._tokens.begin(redirect_uri=redirect_uri, scope=scope)

    async def start(self, *, code: str, redirect_uri: str, code_verifier: str | None = None) -> str:
        """Exchange an authorization code, keep the tokens instead of older ones, and return the access token."""
        async with self._turn:
            return await asyncio.to_thread(
                self._tokens.start, code=code, redirect_uri=redirect_uri, code_verifier=code_verifier
            )

    async def revoke(self) -> None:
        """End the authorization's tokens at the server, and forget them."""
        async with self._turn:
            await asyncio.to_thread(self._tokens.revoke)


class AsyncClientCredentials(AsyncSource):
    """`ClientCredentials`, awaited."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str,
        *,
        timeout: float = TIMEOUT,
        patience: float = PATIENCE,
    ) -> None:
        super().__init__(ClientCredentials(issuer, client_id, client_secret, timeout=timeout, patience=patience))
