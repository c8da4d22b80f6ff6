"""`GET /authz/feed`: what a local cache must forget, and from when on it may be believed.

As a stream of server-sent events: which facts were touched, in the order of commits. As JSON:
the newest position, for the nonce that a cache sent. Only that begins a lease, when it was sent.
"""

import re
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gatewright.authz.feed_stream import EventStream, Follower, messages, opening
from gatewright.authz.feed_tail import Tail
from gatewright.base.errors import BadRequest
from gatewright.oauth.answers import work_after
from gatewright.oauth.callers import proven_resource_server_of
from gatewright.web.api import NO_STORE
from gatewright.web.core import core_of
from gatewright.web.edge import note_routine
from gatewright.web.forms import query_pairs
from gatewright.web.leaving import when_leaving

PATH = "/authz/feed"
NAMES = ("after", "nonce")
_NONCE = re.compile(r"[A-Za-z0-9_-]{1,128}")
_POSITION = re.compile(r"0|[1-9][0-9]{0,15}")
_HELP = "The program that sent the request has to be corrected."


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: a stream, perhaps from a position on, or the answer to a nonce."""

    is_stream: bool
    nonce: str | None
    after: int | None


def asked_of(request: Request) -> Asked:
    """Return what a request asks for; BadRequest when that cannot be told."""
    query: dict[str, str] = {}
    for name, value in query_pairs(request):
        if name not in NAMES:
            raise _bad(f"This address knows the parameters {' and '.join(NAMES)} alone.")
        if name in query:
            raise _bad(f"The parameter {name} is repeated.")
        query[name] = value
    nonce, is_stream = query.get("nonce"), _wants_a_stream(request)
    if nonce is not None and not _NONCE.fullmatch(nonce):
        raise _bad("nonce must be 1 to 128 of the letters A-Z a-z 0-9 _ -.")
    if not is_stream and (nonce is None or "after" in query):
        raise _bad("As JSON the newest position is told for a nonce, and for nothing else: send ?nonce=.")
    return Asked(is_stream, nonce, _after(request, query.get("after")) if is_stream else None)


def _wants_a_stream(request: Request) -> bool:
    accepted = ",".join(request.headers.getlist("accept")).lower()
    return "text/event-stream" in accepted or "application/json" not in accepted


def _after(request: Request, asked: str | None) -> int | None:
    """Return the position to go on from. The header counts: who connects again repeats the query as it was."""
    written = request.headers.getlist("last-event-id")
    if len(written) > 1:
        raise _bad("The header Last-Event-ID is repeated.")
    for where, text in (("Last-Event-ID", written[0] if written else None), ("after", asked)):
        if text is not None and not _POSITION.fullmatch(text):
            raise _bad(f"{where} must be a position that this feed told: digits, without sign or leading zero.")
    last = written[0] if written else asked
    return None if last is None else int(last)


def _bad(message: str) -> BadRequest:
    return BadRequest("invalid_request", message, help=_HELP)


class Feed:
    """The endpoint as an ASGI application, since a stream holds what it hangs from until it ends."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        client, secret_id = await proven_resource_server_of(request, {})
        asked, core, tail = asked_of(request), core_of(request), tail_of(request)
        lease = core.settings.lease.total_seconds()
        if not asked.is_stream:
            # Read now, from the database: what the tail has heard of may be older than the request.
            note_routine(request)  # each cache renews its lease twice a second
            told = {"nonce": asked.nonce, "position": await tail.newest(), "lease": lease}
            await JSONResponse(told, headers=NO_STORE, background=work_after(request))(scope, receive, send)
            return
        follower = Follower(core.facts, client.client_id, secret_id)
        async with tail.streaming(client.client_id) as stretch:
            when_leaving(scope, tail.leave)
            opened = opening(after=asked.after, newest=await tail.newest(), lease=lease, nonce=asked.nonce)
            await EventStream(messages(opened, tail, stretch, follower))(scope, receive, send)


def tail_of(request: Request) -> Tail:
    """Return the tail of this process."""
    tail: Tail = request.app.state.tail
    return tail


routes = [Route(PATH, Feed(), methods=["GET"])]
