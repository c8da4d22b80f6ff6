"""Refusals told to whoever asked: JSON to programs, a page to people. Translated here and nowhere else."""

from dataclasses import asdict
from html import escape
from urllib.parse import quote

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Route

from gatewright.base.errors import (
    BadRequest,
    Invalid,
    NotFound,
    Problem,
    RateLimited,
    Refusal,
    Unavailable,
    WrongMethod,
)
from gatewright.db.failures import STORAGE_ERRORS, is_storage_failure
from gatewright.web.access import SignInNeeded
from gatewright.web.api import refusal_answer, status_of
from gatewright.web.core import Closed, core_of
from gatewright.web.edge import seen
from gatewright.web.html import policy, render

PROGRAM_PATHS = ("/rest/", "/authz/", "/oauth/", "/.well-known/", "/openapi.json", "/healthz", "/readyz")
PERSON_PATHS = ("/oauth/authorize",)
HEADINGS = {
    400: "This request cannot be read",
    401: "Sign in first",
    403: "This is not open to you",
    404: "There is nothing here",
    405: "This cannot be done here",
    409: "Things have changed meanwhile",
    413: "This is too large",
    415: "This cannot be read",
    422: "Something needs correcting",
    429: "Too much at once",
    503: "Not available right now",
}

TRANSLATED: tuple[type[Exception], ...] = (
    Refusal,
    SignInNeeded,
    RequestValidationError,
    HTTPException,
    ClientDisconnect,
    *STORAGE_ERRORS,
)


async def translate(request: Request, error: Exception) -> Response:
    """Return the answer for an exception of `TRANSLATED`; what it does not know is raised again."""
    match error:
        case SignInNeeded():
            return sign_in_redirect(request)
        case ClientDisconnect():
            return Response(status_code=400)  # nobody is left to read it
        case Refusal():
            return await answer_refusal(request, error)
        case RequestValidationError():
            return await answer_refusal(request, _invalid(error))
        case HTTPException():
            return await answer_refusal(request, _unrouted(request, error))
        case _ if is_storage_failure(error):
            return await answer_refusal(request, Unavailable(detail=type(error).__name__))
        case _:
            raise error


def _invalid(error: RequestValidationError) -> Invalid:
    """Return one problem per field, named as the client wrote it: `levels.rfis`."""
    fields = {".".join(str(part) for part in found["loc"][1:]) or "body": str(found["msg"]) for found in error.errors()}
    return Invalid(*(Problem(field, message) for field, message in fields.items()))


def _unrouted(request: Request, error: HTTPException) -> Refusal:
    if error.status_code == 404:
        return NotFound(message="There is nothing at this address.")
    if error.status_code == 405:
        return WrongMethod(allowed_methods(request))
    return BadRequest("invalid_request", "The request cannot be read.", help="Correct the request and send it again.")


def allowed_methods(request: Request) -> tuple[str, ...]:
    """Return the methods that this path answers to, over all of its routes (RFC 9110 §15.5.6)."""
    methods: set[str] = set()
    routes: list[BaseRoute] = request.app.routes
    for route in routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return tuple(sorted(methods | {"HEAD"} if "GET" in methods else methods))


def is_for_a_program(request: Request) -> bool:
    """Return whether the answer should be JSON: at an API's path, or when Accept names JSON and no HTML.

    Who names neither is a program where there is no page, and shown the page where there is one.
    """
    path = request.url.path
    if path.startswith(PROGRAM_PATHS) and not path.startswith(PERSON_PATHS):
        return True
    accepted = request.headers.get("accept", "").lower()
    return "text/html" not in accepted and ("json" in accepted or not allowed_methods(request))


async def answer_refusal(request: Request, refusal: Refusal) -> Response:
    """Return the answer that tells this refusal, as JSON or as a page, by who asks."""
    return refusal_answer(request, refusal) if is_for_a_program(request) else await refusal_page(request, refusal)


async def refusal_page(request: Request, refusal: Refusal) -> HTMLResponse:
    """Return the page that says what is refused and who can help; plain where the frame cannot be had."""
    status = status_of(refusal)
    context = {
        "status": status,
        "code": refusal.code,
        "heading": HEADINGS.get(status, HEADINGS[400]),
        "explanation": refusal.message,
        "held": None,
        "who_can_help": [],
        "role_that_helps": refusal.help or None,
        "way_on": {"label": "To the start", "href": "/"},
    }
    try:
        closed = await _closed(request, refusal)
        place = closed.place if closed else ""
        answer = await render(request, "error.html", {**context, **_told(closed)}, status=status, place=place)
    except Exception as error:
        if not is_storage_failure(error):
            raise
        answer = _plain_page(request, refusal)
    if status == 503:
        answer.headers["retry-after"] = "2"
    if isinstance(refusal, RateLimited):
        answer.headers["retry-after"] = str(int(refusal.retry_after.total_seconds()))
    if isinstance(refusal, WrongMethod):
        answer.headers["allow"] = ", ".join(refusal.allowed)
    return answer


async def _closed(request: Request, refusal: Refusal) -> Closed | None:
    """Return what of a company is closed to whoever is signed in; None for any other refusal."""
    if refusal.code != "permission_insufficient":
        return None
    core = core_of(request)
    viewer = await core.sessions.viewer(request)
    return None if viewer is None else await core.navigation.closed(viewer, request.url.path, now=seen(request).now)


def _told(closed: Closed | None) -> dict[str, object]:
    """Return what the page says of it, in place of what it says of any refusal."""
    if closed is None:
        return {}
    told: dict[str, object] = {"who_can_help": [asdict(one) for one in closed.admins]}
    if closed.heading:
        told["heading"] = closed.heading
    if closed.way_on is not None:
        told["way_on"] = {"label": f"To {closed.way_on.name}", "href": closed.way_on.href}
    return told


def sign_in_redirect(request: Request) -> RedirectResponse:
    """Return the way to `/login`, and back to this page after it where it can be asked for again."""
    query = f"?{request.url.query}" if request.url.query else ""
    wanted = f"{request.url.path}{query}" if request.method in {"GET", "HEAD"} else ""
    to = f"/login?next={quote(wanted, safe='/')}" if wanted not in {"", "/"} else "/login"
    return RedirectResponse(to, status_code=303, headers={"cache-control": "no-store"})


def _plain_page(request: Request, refusal: Refusal) -> HTMLResponse:
    """Return the page without its frame: asking who is signed in failed too."""
    status = status_of(refusal)
    heading = HEADINGS.get(status, HEADINGS[400])
    body = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(heading)} · Gatewright</title>'
        f"<h1>{escape(heading)}</h1><p>{escape(refusal.message)}</p><p>{escape(refusal.help)}</p>"
        f"<p><code>{status} {escape(refusal.code)}</code> Request <code>{seen(request).request_id}</code></p></html>"
    )
    headers = {"cache-control": "no-store", "content-security-policy": policy()}
    return HTMLResponse(body, status_code=status, headers=headers)
