"""Who is signed in in a browser: the session cookie, looked up once per request."""

from typing import Protocol

from starlette.requests import Request

from gatewright.base.secrets import Purpose, ServerKeys
from gatewright.db.engine import Database
from gatewright.login import store
from gatewright.settings import Settings
from gatewright.web.access import Viewer
from gatewright.web.csrf import cookie_name
from gatewright.web.edge import seen

_KEPT = "viewer"


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
        return Viewer(found.user_id, found.name, found.email, found.is_operator, found.session_id)
