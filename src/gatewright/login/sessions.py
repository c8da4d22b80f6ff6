"""Who is signed in in a browser: the session cookie, looked up once per request."""

import asyncio
from datetime import datetime
from typing import Protocol

import structlog
from starlette.requests import Request

from gatewright.base.secrets import Purpose, ServerKeys
from gatewright.db.engine import Database
from gatewright.db.failures import STORAGE_ERRORS
from gatewright.login import session_store, store
from gatewright.login.model import SignedIn
from gatewright.login.session_store import SEEN_EVERY
from gatewright.settings import Settings
from gatewright.web.access import Viewer
from gatewright.web.csrf import cookie_name
from gatewright.web.edge import seen

_KEPT = "viewer"
_log = structlog.get_logger("gatewright.sessions")


class Parts(Protocol):
    """What the sessions need of the house."""

    @property
    def settings(self) -> Settings: ...
    @property
    def database(self) -> Database: ...
    @property
    def keys(self) -> ServerKeys: ...


class SessionKeeper:
    """Names the viewer of a page (`web.access.Sessions`).

    The row is read on every request, and with it the user: whoever signed out or was
    deactivated is nobody at the next click (P4), on every node.
    """

    def __init__(self, house: Parts) -> None:
        self._house = house
        self._noting: set[asyncio.Future[None]] = set()

    async def viewer(self, request: Request) -> Viewer | None:
        """Return who is signed in in this browser, or None."""
        state = request.scope["state"]
        if _KEPT not in state:
            state[_KEPT] = await self._find(request)
        viewer: Viewer | None = state[_KEPT]
        return viewer

    async def _find(self, request: Request) -> Viewer | None:
        token = request.cookies.get(cookie_name(self._house.settings), "")
        if not token.startswith("gwn_"):
            return None
        async with self._house.database.read() as reader:
            found = await store.find_session(
                reader, self._house.keys.candidates(Purpose.SESSION, token), now=seen(request).now
            )
        if found is None:
            return None
        self._note_seen(found, now=seen(request).now)
        return Viewer(found.user_id, found.name, found.email, found.is_operator, found.session_id)

    def _note_seen(self, found: SignedIn, *, now: datetime) -> None:
        """Have it noted that the session was seen, after the answer; it is noted once in some minutes."""
        if now - found.last_seen_at < SEEN_EVERY:
            return
        noting = asyncio.ensure_future(self._write_seen(found.session_id, now=now))
        self._noting.add(noting)  # the loop keeps no task alive by itself
        noting.add_done_callback(self._noting.discard)

    async def _write_seen(self, session_id: str, *, now: datetime) -> None:
        try:
            await self._house.database.write(lambda tx: session_store.note_seen(tx, session_id, now=now))
        except STORAGE_ERRORS as error:
            # A page was answered meanwhile; the next request after this one tries again.
            _log.warning("last_seen_not_noted", error=type(error).__name__)
