"""What comes in, made plain before any route sees it: the query, HEAD, and the API's JSON.

Inside the edge, outside the routes. What is refused here is refused alike on every path.
"""

import json
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gatewright.base.errors import BadRequest, Refusal, UnsupportedType
from gatewright.web.access import put_off
from gatewright.web.forms import JSON, ONLY_UTF8, is_in_utf8, read_body
from gatewright.web.refusals import answer_refusal

MOST_API_BYTES = 1024 * 1024
API_PATHS = ("/rest/",)
WITH_BODY = {"POST", "PUT", "PATCH"}
_CORRECT = "The program that sent the request has to be corrected."
_BARE = "gatewright.bare"
_NOTHING = "\ufffd"  # stands for NUL in a path


class Intake:
    """ASGI middleware: passes on only what can be read in one way."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer what is wrong with it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET", _BARE: True}, _without_body(send)
        # PostgreSQL cannot be asked for a text with NUL. Whatever such a path names there is not (P6).
        scope = {**scope, "path": scope["path"].replace("\0", _NOTHING)}
        try:
            receive = await _readable(scope, receive)
        except Refusal as refusal:
            # Without the query: it may be what cannot be read.
            answer = await answer_refusal(Request({**scope, "query_string": b""}, receive), refusal)
            await answer(scope, receive, send)
        except ClientDisconnect:
            return  # nobody is left to answer
        else:
            await self._app(scope, receive, send)


def is_bare(scope: Scope) -> bool:
    """Return whether the headers of the answer are all that was asked for (HEAD)."""
    return _BARE in scope


async def _readable(scope: Scope, receive: Receive) -> Receive:
    """Return where to read the body from; Refusal for a query or a body that cannot be read."""
    if not scope["query_string"].isascii():
        raise BadRequest("invalid_request", "The query is not percent-encoded.", help=_CORRECT)
    if scope["method"] not in WITH_BODY or not scope["path"].startswith(API_PATHS):
        return receive
    request = Request(scope, receive)
    try:
        body = await read_body(request, most=MOST_API_BYTES)
        if body:
            _refuse_other_types(request)
            clear_json(body)
    except Refusal as refusal:
        # Told after the caller was judged (X2): `requires` raises it in its turn.
        put_off(request, refusal)
        body = b""
    return _again(body, receive)


async def read_json(request: Request, *, most: int) -> Any:
    """Return the JSON body of a request that comes outside the API's paths; Refusal as for one there."""
    body = await read_body(request, most=most)
    _refuse_other_types(request)
    return clear_json(body)


def _refuse_other_types(request: Request) -> None:
    types = request.headers.getlist("content-type")
    if "content-encoding" in request.headers:
        raise UnsupportedType("The body is encoded. Send it as it is, without Content-Encoding.")
    if len(types) != 1 or types[0].partition(";")[0].strip().lower() != JSON:
        raise UnsupportedType(f"Content-Type must be {JSON}.")
    if not is_in_utf8(request.headers):
        raise UnsupportedType(ONLY_UTF8)


def clear_json(body: bytes) -> Any:
    """Return what the body says; BadRequest unless every reader would read the same.

    No repeated key, no NaN, no half characters.
    """
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_unrepeated, parse_constant=_refuse_constant)
        _look_through(value)
        return value
    except (ValueError, RecursionError):
        raise BadRequest(
            "invalid_request",
            "The body is not JSON that reads in one way: malformed, a repeated key, NaN, NUL or half a character.",
            help=_CORRECT,
        ) from None


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a key is repeated")
    return dict(pairs)


def _refuse_constant(_name: str) -> Any:
    raise ValueError("not JSON")


def _look_through(value: Any) -> None:
    """Raise ValueError for text that a database or a log cannot hold."""
    if isinstance(value, str):
        if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value):
            raise ValueError("NUL or half a character")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _look_through(name)
            _look_through(inner)
    elif isinstance(value, list):
        for inner in value:
            _look_through(inner)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a channel that gives the body once more, then whatever comes after it."""
    given = False

    async def give() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return give


def _without_body(send: Send) -> Send:
    """Return a channel for the answer to HEAD: the headers of GET, and nothing else (RFC 9110 §9.3.2)."""

    async def bare(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return bare
