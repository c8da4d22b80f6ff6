"""The edge: what is known of a request before anything is decided, and what every answer carries.

Outermost of all. Reads the time once, names the request, finds the client's
address, refuses oversized headers, and turns what nobody caught into a plain 500.
"""

import ipaddress
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from time import perf_counter
from typing import Any, cast

import structlog
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gatewright.base import clock
from gatewright.events.catalogue import Origin

MOST_HEADER_BYTES = 32 * 1024
MOST_HOPS = 32
LONGEST_ADDRESS = 45
MOST_ADDRESSES = 4096  # that were read are remembered
_WITH_PORT = re.compile(r"\[(?P<bracketed>[0-9A-Fa-f:.]+)\](?::\d{1,5})?|(?P<plain>[0-9.]+):\d{1,5}", re.ASCII)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_BEFORE_TOKENS = ("/invitation/", "/password/reset/", "/sign-up/", "/account/address/")
_log = structlog.get_logger("gatewright.edge")

DEFAULT_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the edge knows of one request."""

    request_id: str
    now: datetime
    ip: str | None
    user_agent: str | None

    def origin(self, by_kind: str, by_id: int | None = None, *, via_app_id: int | None = None) -> Origin:
        """Return where an event comes from, for whoever turned out to be asking (R1)."""
        return Origin(by_kind, by_id, via_app_id, self.ip, self.user_agent, self.request_id)


def seen(connection: HTTPConnection) -> Seen:
    """Return what the edge noted of this request."""
    return cast(Seen, connection.scope["state"]["seen"])


def note_headers(connection: HTTPConnection, headers: Mapping[str, str]) -> None:
    """Note headers that the answer carries, whatever it turns out to be."""
    connection.scope["state"]["headers"] = headers


def note_routine(connection: HTTPConnection) -> None:
    """Note that a request is one of many that a program sends on its own: only what went wrong with it is logged."""
    connection.scope["state"]["is_routine"] = True


# What a server of ours lends under this name: it writes a whole answer, or returns that it cannot now.
AT_ONCE = "gatewright.at_once"
GiveAtOnce = Callable[[int, Sequence[tuple[bytes, bytes]], bytes], bool]
Direct = Callable[[Scope, Seen], Awaitable["Plain"]]


@dataclass(frozen=True, slots=True)
class Plain:
    """A whole answer, for what is asked so often that no other part of the application stands before it."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes = b""
    is_logged: bool = True


class Edge:
    """ASGI middleware around the whole application.

    `direct` answers the paths below its key by itself: neither the middleware inside the
    edge nor the routes see them, and what it answers is logged when it says so.
    """

    def __init__(
        self, app: ASGIApp, *, trusted_proxies: Sequence[str] = (), direct: tuple[str, Direct] | None = None
    ) -> None:
        self._app = app
        self._trusted = networks(trusted_proxies)
        self._direct_path = "" if direct is None else direct[0]
        self._direct = None if direct is None else direct[1]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and finish its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        noted, header_bytes = self._note(scope)
        scope.setdefault("state", {})["seen"] = noted
        answer = _Answer(send, noted, scope["state"])
        if header_bytes > MOST_HEADER_BYTES:
            await answer.refuse(431, "headers_too_large", "The request's headers are larger than 32 KiB.")
        elif self._direct is not None and self._is_direct(scope["path"]):
            await self._guarded(_answer_directly(self._direct, scope, answer), answer)
        else:
            await self._guarded(self._app(scope, receive, answer), answer)
        is_routine = scope["state"].get("is_routine", False) and answer.status < 400
        if answer.is_logged and not is_routine:
            self._tell(scope, answer, started)

    def _is_direct(self, path: str) -> bool:
        return path.startswith(self._direct_path) and path[len(self._direct_path) :][:1] in {"", "/"}

    def _tell(self, scope: Scope, answer: "_Answer", started: float) -> None:
        _log.info(
            "request",
            method=scope["method"],
            path=loggable(scope["path"]),  # never the query: it may hold codes (http.md)
            status=answer.status,
            ms=round((perf_counter() - started) * 1000, 1),
            request_id=answer.seen.request_id,
            ip=answer.seen.ip,
        )

    async def _guarded(self, answering: Awaitable[None], answer: "_Answer") -> None:
        try:
            await answering
        except Exception as error:
            # The traceback holds no values of variables, and the message of an
            # exception may quote input: the type and the place are enough (T13).
            _log.error("failed", error=type(error).__name__, where=_where(error), request_id=answer.seen.request_id)
            if answer.is_complete:
                return
            if answer.status:
                raise ConnectionAbortedError("the answer failed half-way") from None
            await answer.refuse(500, "internal_error", "Something failed here. Tell the operator the request id.")

    def _note(self, scope: Scope) -> tuple[Seen, int]:
        """Return what is known of the request, and how many bytes its headers have."""
        agent, written, size = b"", [], 0
        for name, value in scope["headers"]:
            size += len(name) + len(value)
            if name == b"user-agent":
                agent = value
            elif name == b"x-forwarded-for":
                written.append(value)
        peer = scope["client"][0] if scope.get("client") else None
        ip = client_address(peer, written, trusted=self._trusted)
        return Seen(str(uuid.uuid4()), clock.now(), ip, agent.decode("latin-1") or None), size


def client_address(peer: str | None, forwarded: Sequence[bytes], *, trusted: Sequence[Network]) -> str | None:
    """Return the client's address: the last one that is no proxy of ours (A186); None when it cannot be told.

    Each proxy appends whom it heard from to X-Forwarded-For, in the same header or in another
    one, so what a client writes there itself stands left of what is true. Where one of
    our proxies wrote something that is no address, what stands left of it is not believed either.
    """
    if not forwarded:
        return _written(peer or "")
    hops = b",".join(forwarded).decode("latin-1").split(",")[-MOST_HOPS:]
    address = _address(peer or "")
    while address is not None and hops and any(address in network for network in trusted):
        address = _address(_without_port(hops.pop().strip()))
    return None if address is None else str(address)


class _Answer:
    """`send`, with what every answer carries added at its start."""

    def __init__(self, send: Send, seen: Seen, state: Mapping[str, Any]) -> None:
        self._send = send
        self._state = state
        self.seen = seen
        self.status = 0
        self.is_complete = False
        self.is_logged = True

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": self._complete(list(message.get("headers", ())))}
        await self._send(message)
        self.is_complete = message["type"] == "http.response.body" and not message.get("more_body", False)

    def _complete(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        present = {name.lower() for name, _ in headers}
        missing = [(name, value) for name, value in DEFAULT_HEADERS if name not in present]
        noted: Mapping[str, str] = self._state.get("headers", {})
        added = [(name.encode(), value.encode()) for name, value in noted.items()]
        return [*headers, *missing, *added, (b"x-request-id", self.seen.request_id.encode())]

    async def give(self, plain: Plain, *, has_body: bool, at_once: GiveAtOnce | None) -> None:
        """Give a whole answer, in one piece where the server can."""
        self.status, self.is_logged = plain.status, plain.is_logged
        length = (b"content-length", str(len(plain.body)).encode())
        headers = [*plain.headers, length, *DEFAULT_HEADERS, (b"x-request-id", self.seen.request_id.encode())]
        body = plain.body if has_body else b""
        if at_once is None or not at_once(plain.status, headers, body):
            await self._send({"type": "http.response.start", "status": plain.status, "headers": headers})
            await self._send({"type": "http.response.body", "body": body})
        self.is_complete = True

    async def refuse(self, status: int, code: str, message: str) -> None:
        """Answer with the API's error body, whoever asked."""
        error = {"code": code, "message": message, "help": "", "request_id": self.seen.request_id}
        body = json.dumps({"error": error, "errors": [message]}).encode()
        headers = [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"content-length", str(len(body)).encode()),
        ]
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self({"type": "http.response.body", "body": body})


async def _answer_directly(direct: Direct, scope: Scope, answer: _Answer) -> None:
    at_once = scope.get("extensions", {}).get(AT_ONCE)
    await answer.give(await direct(scope, answer.seen), has_body=scope["method"] != "HEAD", at_once=at_once)


def networks(texts: Sequence[str]) -> list[Network]:
    """Return the networks of a setting that was validated."""
    return [ipaddress.ip_network(text, strict=False) for text in texts]


def is_among(peer: str | None, trusted: Sequence[Network]) -> bool:
    """Return whether an address is in one of these networks."""
    address = _address(peer or "")
    return address is not None and any(address in network for network in trusted)


def loggable(path: str) -> str:
    """Return the path without the one-time token that it may end in (P8: links are never logged)."""
    for prefix in _BEFORE_TOKENS:
        if path.startswith(prefix):
            return f"{prefix}…"
    return path


@lru_cache(MOST_ADDRESSES)
def _address(text: str) -> Address | None:
    """Return the address; of an IPv4 one inside IPv6 the IPv4, so that one client has one name."""
    if len(text) > LONGEST_ADDRESS or "%" in text:  # a zone names a cable of the sender's, at any length
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@lru_cache(MOST_ADDRESSES)
def _written(text: str) -> str | None:
    """Return an address as we write it; None for what is none."""
    address = _address(text)
    return None if address is None else str(address)


def _without_port(hop: str) -> str:
    """Return a hop without the port that some proxies add: `192.0.2.1:80`, `[2001:db8::1]:80`, `[2001:db8::1]`."""
    return found["bracketed"] or found["plain"] if (found := _WITH_PORT.fullmatch(hop)) else hop


def _where(error: BaseException) -> list[str]:
    places, traceback = [], error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('gatewright/')[2]}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return places[-8:]
