"""HTTP/1.1 with bounds: on a request's head, on the time it takes to arrive, on idle connections.

uvicorn's own protocol waits for a slow request as long as it takes and collects a head
of any size, so a few hundred open sockets could keep a process from everyone else.
"""

import asyncio
import json
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any, cast
from weakref import ref

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gatewright.web.edge import AT_ONCE, DEFAULT_HEADERS
from gatewright.web.leaving import end_for_leaving

# Above the edge's 32 KiB, which are refused with an answer of ours.
MOST_HEAD_BYTES = 64 * 1024
IDLE_SECONDS = 15
# The parser does not tell where a head ends, so it is fed so much at once: by that a count may be wrong.
_SLICE_BYTES = 8 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """One connection. What exceeds a bound is answered if it can be, and closed."""

    arrival_seconds = 20.0
    lingering_seconds = 1.0
    reading_seconds = 20.0  # in which 64 KiB of an answer must have been taken

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_in_head = False
        self._heads = 0  # how many were complete so far
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._is_refused = False
        self._is_stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: a first request has as long as any to arrive."""
        super().connection_made(cast(asyncio.Transport, transport))
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """End: nothing is expected any more."""
        self._expect_nothing()
        self._flows()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Begin to leave: an answer that would last is told to end."""
        super().shutdown()
        if (cycle := cast(RequestResponseCycle | None, self.cycle)) is not None:
            end_for_leaving(cast(dict[str, Any], cycle.scope))

    def pause_writing(self) -> None:
        """Wait for whoever reads the answer, but not for ever."""
        super().pause_writing()
        self._flows()
        self._is_stuck = self.loop.call_later(self.reading_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: it was read."""
        self._flows()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Read on, unless a head has become larger than anyone needs; bodies are the application's to judge."""
        for start in range(0, len(data), _SLICE_BYTES):
            if self._is_refused or self.transport.is_closing():
                return
            self._read(data[start : start + _SLICE_BYTES])

    def _read(self, data: bytes) -> None:
        heads = self._heads
        super().data_received(data)
        if self._is_in_head and self._heads == heads:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                told = f"The request's line and headers are larger than {MOST_HEAD_BYTES // 1024} KiB."
                self._refuse("431 Request Header Fields Too Large", "headers_too_large", told)

    def on_message_begin(self) -> None:
        """Begin a request's head."""
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0
        self._expect()

    def on_headers_complete(self) -> None:
        """Begin a request's body, if it has one."""
        self._is_in_head = False
        self._heads += 1
        super().on_headers_complete()
        if (cycle := cast(RequestResponseCycle | None, self.cycle)) is not None and cycle.scope is self.scope:
            lent = cast(dict[str, Any], self.scope).setdefault("extensions", {})
            lent[AT_ONCE] = partial(_give_at_once, ref(cycle))  # no circle, for the collector to find each time

    def on_message_complete(self) -> None:
        """End a request: it has arrived in time."""
        super().on_message_complete()
        self._expect_nothing()

    def _expect(self) -> None:
        self._expect_nothing()
        told = f"The request did not arrive within {self.arrival_seconds:g} seconds."
        answer = ("408 Request Timeout", "request_timeout", told)
        self._deadline = self.loop.call_later(self.arrival_seconds, self._refuse, *answer)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _flows(self) -> None:
        if self._is_stuck is not None:
            self._is_stuck.cancel()
            self._is_stuck = None

    def _refuse(self, status: str, code: str, message: str) -> None:
        """Answer as the edge refuses where no answer has begun, and close."""
        if self.transport.is_closing():
            return
        cycle = cast(RequestResponseCycle | None, self.cycle)  # None before the first request
        if cycle is not None and cycle.response_started and not cycle.response_complete:
            self.transport.close()
            return
        self._is_refused = True
        if cycle is not None:  # whoever waits for the rest of it learns that it never comes
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.write(_answer(status, code, message))
        # What still arrives is read and dropped for a moment: closed at once, the
        # connection would be reset, and the client would never read the answer.
        self.transport.write_eof()
        self.loop.call_later(self.lingering_seconds, self.transport.close)


def _give_at_once(
    request: ref[RequestResponseCycle], status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
) -> bool:
    """Write a whole answer in one piece; False, and nothing is written, where it takes the usual way.

    uvicorn looks at each header with two patterns and writes head and body apart: with the twenty headers of
    a decision that takes as long as the decision. Here a line end in any of them is looked for once.
    """
    cycle = request()
    if cycle is None:
        return False
    is_usual = cycle.keep_alive and not (
        cycle.flow.write_paused or cycle.disconnected or cycle.response_started or cycle.waiting_for_100_continue
    )
    pairs = [*cycle.default_headers, *headers]
    head = b"".join([b"%b: %b\r\n" % pair for pair in pairs])
    if not is_usual or head.count(b"\n") != len(pairs) or head.count(b"\r") != len(pairs) or b"\0" in head:
        return False
    cycle.response_started = cycle.response_complete = True
    cycle.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[status], head, body))
    cycle.message_event.set()
    cycle.on_response()
    return True


def _answer(status: str, code: str, message: str) -> bytes:
    request_id = str(uuid.uuid4())
    error = {"code": code, "message": message, "help": "", "request_id": request_id}
    body = json.dumps({"error": error, "errors": [message]})
    head = (
        f"HTTP/1.1 {status}",
        "content-type: application/json; charset=utf-8",
        "cache-control: no-store",
        *(f"{name.decode()}: {value.decode()}" for name, value in DEFAULT_HEADERS),
        f"x-request-id: {request_id}",
        f"content-length: {len(body)}",
        "connection: close",
    )
    return "\r\n".join((*head, "", body)).encode()
