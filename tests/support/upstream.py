"""An API that answers with exactly what it received: raw bytes off the socket, nothing parsed away."""

import base64
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_CHUNK = 64 * 1024
_SECONDS = 30.0
# A request that asks for it is answered with this status: so a test sees that the API's own refusals arrive.
STATUS_ASKED = "x-answer-status"


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came: the target is raw, the headers are in order, with repeats, names as written."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)

    def values(self, name: str) -> list[str]:
        """Return the values of each header that any framework might take for `name`: case and `_` do not matter."""
        return [value for given, value in self.headers if folded(given) == folded(name)]

    def identity(self) -> dict[str, str]:
        """Return the identity headers without their common prefix; one that came twice fails the test."""
        prefix = "gatewright-auth-"
        given = [(folded(name), value) for name, value in self.headers if folded(name).startswith(prefix)]
        assert len(given) == len(dict(given)), given
        return {name.removeprefix(prefix): value for name, value in given}


@dataclass(slots=True)
class Upstream:
    """A running API; `received` grows with each request that reached it."""

    port: int
    received: list[Received] = field(default_factory=list)
    _listening: socket.socket | None = field(default=None, repr=False)

    def leave(self) -> None:
        """Stop listening, as an API that fell over."""
        if self._listening is not None:
            self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
            self._listening = None


def folded(name: str) -> str:
    """Return a header's name as CGI and its heirs tell names apart: not by case, not by dash or underscore."""
    return name.lower().replace("_", "-")


@contextmanager
def running_upstream() -> Iterator[Upstream]:
    """Lend an API on a free loopback port."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    upstream = Upstream(listening.getsockname()[1], _listening=listening)
    accepting = threading.Thread(target=_accept, args=(listening, upstream))
    accepting.start()
    try:
        yield upstream
    finally:
        upstream.leave()
        accepting.join()


def _accept(listening: socket.socket, upstream: Upstream) -> None:
    with contextlib.suppress(OSError):  # shut down: nobody asks any more
        while True:
            connection, _address = listening.accept()
            threading.Thread(target=_serve, args=(connection, upstream), daemon=True).start()


def _serve(connection: socket.socket, upstream: Upstream) -> None:
    connection.settimeout(_SECONDS)
    with connection, contextlib.suppress(OSError):
        if (received := _receive(connection)) is not None:
            upstream.received.append(received)
            connection.sendall(_answer(received))


def _receive(connection: socket.socket) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(_CHUNK)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    lengths = [int(value) for name, value in headers if folded(name) == "content-length"]
    while len(body) < sum(lengths):
        body += connection.recv(_CHUNK)
    return Received(method, rest.rpartition(" ")[0], headers, body)


def _answer(received: Received) -> bytes:
    told = {
        "method": received.method,
        "target": received.target,
        "headers": received.headers,
        "body": base64.b64encode(received.body).decode(),
    }
    body = json.dumps(told).encode()
    status = next(iter(received.values(STATUS_ASKED)), "200")
    head = f"HTTP/1.1 {status} Asked\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return (head + "X-Upstream: here\r\nConnection: close\r\n\r\n").encode() + (
        b"" if received.method == "HEAD" else body
    )
