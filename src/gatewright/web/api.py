"""The API's shapes: the error body, status codes, lists in pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from gatewright.base.errors import (
    BadRequest,
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    Problem,
    RateLimited,
    Refusal,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedType,
    WrongMethod,
)
from gatewright.web.edge import seen
from gatewright.web.forms import once, query_pairs

DEFAULT_PER_PAGE = 100
MOST_PER_PAGE = 300
NO_STORE = {"cache-control": "no-store"}
BASIC_CHALLENGE = 'Basic realm="gatewright", charset="UTF-8"'

STATUS: Mapping[type[Refusal], int] = {
    Unauthenticated: 401,
    BadRequest: 400,
    NotAllowed: 403,
    NotFound: 404,
    WrongMethod: 405,
    Conflict: 409,
    TooLarge: 413,
    UnsupportedType: 415,
    Invalid: 422,
    RateLimited: 429,
    Unavailable: 503,
}


def status_of(refusal: Refusal) -> int:
    """Return the HTTP status that tells this refusal."""
    return next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)


def refusal_answer(request: Request, refusal: Refusal) -> JSONResponse:
    """Return the API's answer to a refusal: code, sentence, who can fix it, request id."""
    body = refusal_body(refusal, request_id=seen(request).request_id)
    return JSONResponse(body, status_of(refusal), refusal_headers(refusal))


def refusal_body(refusal: Refusal, *, request_id: str) -> dict[str, Any]:
    """Return the API's error body."""
    error = {"code": refusal.code, "message": refusal.message, "help": refusal.help, "request_id": request_id}
    sentences = [refusal.message]
    if isinstance(refusal, Invalid):
        sentences = [f"{p.field}: {p.message}" for p in refusal.problems]
    return {"error": error, "errors": sentences}


def refusal_headers(refusal: Refusal) -> dict[str, str]:
    """Return the headers that a refusal is told with."""
    status, headers = status_of(refusal), dict(NO_STORE)
    if status == 401:
        headers["www-authenticate"] = challenge(refusal)
    if isinstance(refusal, RateLimited):
        headers["retry-after"] = str(int(refusal.retry_after.total_seconds()))
    if status == 503:
        headers["retry-after"] = "2"
    if isinstance(refusal, WrongMethod):
        headers["allow"] = ", ".join(refusal.allowed)
    return headers


def challenge(refusal: Refusal) -> str:
    """Return the value of `WWW-Authenticate` (RFC 6750 §3).

    A call without a token gets it whole as well: clients out there read the error there.
    Clients that ask for themselves authenticate otherwise (RFC 7617).
    """
    if refusal.code == "invalid_client":
        return BASIC_CHALLENGE
    return f'Bearer realm="gatewright", error="invalid_token", error_description="{refusal.message}"'


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """Return how many entries come before it."""
        return (self.number - 1) * self.size


def asked_page(request: Request) -> Page:
    """Return `page` and `per_page` of the query; Invalid when either is out of range or repeated."""
    parameters = once((name, value) for name, value in query_pairs(request) if name in {"page", "per_page"})
    problems = []
    number = _whole(parameters.get("page", "1"), most=10**9)
    size = _whole(parameters.get("per_page", str(DEFAULT_PER_PAGE)), most=MOST_PER_PAGE)
    if number is None:
        problems.append(Problem("page", "must be a whole number from 1"))
    if size is None:
        problems.append(Problem("per_page", f"must be a whole number from 1 to {MOST_PER_PAGE}"))
    if number is None or size is None:
        raise Invalid(*problems)
    return Page(number, size)


def list_answer(request: Request, entries: Sequence[Any], *, page: Page, total: int, issuer: str) -> JSONResponse:
    """Return one page of a list with `Total`, `Per-Page` and `Link` (RFC 8288)."""
    last = max(1, -(-total // page.size))
    headers = {**NO_STORE, "total": str(total), "per-page": str(page.size)}
    links = [] if page.number >= last else [_link(request, issuer, page.number + 1, page.size, "next")]
    headers["link"] = ", ".join([*links, _link(request, issuer, last, page.size, "last")])
    return JSONResponse(list(entries), headers=headers)


def _link(request: Request, issuer: str, number: int, size: int, rel: str) -> str:
    url = request.url.include_query_params(page=number, per_page=size)
    return f'<{issuer}{url.path}?{url.query}>; rel="{rel}"'


def _whole(text: str, *, most: int) -> int | None:
    if not (text.isascii() and text.isdigit()) or len(text) > 10:
        return None
    return number if 1 <= (number := int(text)) <= most else None
