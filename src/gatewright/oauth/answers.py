"""The shapes in which the OAuth endpoints answer: JSON that nobody stores, refusals as RFC 6749 §5.2 says."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from gatewright.base.errors import Refusal, TooLarge, Unavailable
from gatewright.db.failures import STORAGE_ERRORS, is_storage_failure
from gatewright.oauth.errors import OAuthRefusal, temporarily_unavailable
from gatewright.oauth.model import Authenticated
from gatewright.web.api import BASIC_CHALLENGE, status_of
from gatewright.web.edge import seen

NEVER_STORED = {"cache-control": "no-store", "pragma": "no-cache"}
_AFTER = "after_answer"
_log = structlog.get_logger("gatewright.oauth")
Answer = Callable[[Request], Awaitable[JSONResponse]]


class OAuthJSON(JSONResponse):
    """An answer of an OAuth endpoint."""

    media_type = "application/json; charset=utf-8"

    def __init__(self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content, status_code, {**NEVER_STORED, **(headers or {})})


class Endpoint:
    """One OAuth endpoint as an ASGI application: one method, every refusal in the endpoint's own shape."""

    def __init__(self, method: str, answer: Answer, *, preflight: Answer | None = None) -> None:
        self._method = method
        self._answer = answer
        self._preflight = preflight

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        response = await self._respond(request)
        response.background = work_after(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> JSONResponse:
        try:
            if request.method == "OPTIONS" and self._preflight:
                return await self._preflight(request)
            if request.method != self._method:
                return self._wrong_method()
            return await self._answer(request)
        except OAuthRefusal as refusal:
            return refused(refusal)
        except Unavailable as refusal:
            return self._unavailable(request, refusal.detail)
        except Refusal as refusal:
            return refused(_translated(refusal))
        except STORAGE_ERRORS as error:
            if not is_storage_failure(error):
                raise
            return self._unavailable(request, type(error).__name__)

    def _unavailable(self, request: Request, detail: str) -> JSONResponse:
        _log.error("unavailable", detail=detail, request_id=seen(request).request_id)
        return refused(temporarily_unavailable())

    def _wrong_method(self) -> JSONResponse:
        body = {"error": "invalid_request", "error_description": f"This address answers to {self._method} alone."}
        return OAuthJSON(body, 405, {"allow": self._method})


def after_answer(request: Request, work: Callable[[], Awaitable[None]]) -> None:
    """Have something done once the answer is out."""
    request.scope["state"][_AFTER] = BackgroundTask(work)


def work_after(request: Request) -> BackgroundTask | None:
    """Return what is to be done once the answer is out, if anything is."""
    work: BackgroundTask | None = request.scope["state"].get(_AFTER)
    return work


def refused(refusal: OAuthRefusal, *, caller: Authenticated | None = None) -> JSONResponse:
    """Return the answer to a refused request; an authenticated client is told the reason too."""
    body = {"error": refusal.error, "error_description": refusal.description}
    proved = refusal.error == "invalid_client" or (caller is not None and caller.secret_id is not None)
    if refusal.reason and proved:
        body["reason"] = refusal.reason
    headers = {}
    if refusal.status == 401:
        headers["www-authenticate"] = BASIC_CHALLENGE
    if refusal.status == 503:
        headers["retry-after"] = "2"
    return OAuthJSON(body, refusal.status, headers)


def _translated(refusal: Refusal) -> OAuthRefusal:
    """Return a refusal of the lower floors, a body that cannot be read for one, in OAuth's words."""
    status = 413 if isinstance(refusal, TooLarge) else status_of(refusal)
    return OAuthRefusal("invalid_request", refusal.message, status=status)
