"""A relay between a program and a server, which can swallow answers: the server acted, nobody heard."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(slots=True)
class Relay:
    """A relay on a port of its own. While `swallows` is above zero an answer is read to its end and then dropped."""

    target: tuple[str, int]
    swallows: int = 0
    swallowed: list[bytes] = field(default_factory=list)  # what the server had answered
    _port: int = 0
    _listener: socket.socket | None = None
    _thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        """Return the address to ask instead of the server's."""
        return f"http://127.0.0.1:{self._port}"

    def open(self) -> None:
        """Take connections, always on the same port."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, args=(self._listener,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Refuse connections from now on."""
        if self._listener and self._thread:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._thread.join()
            self._listener.close()
            self._listener = None

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(caller,), daemon=True).start()

    def _pass_on(self, caller: socket.socket) -> None:
        with caller, socket.create_connection(self.target) as server:
            request = _whole_message(caller)
            if not request:
                return
            server.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            answer = b"".join(iter(lambda: server.recv(65536), b""))
            if self.swallows > 0:
                self.swallows -= 1
                self.swallowed.append(answer)
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closes with a reset
                return
            caller.sendall(answer)


def _whole_message(caller: socket.socket) -> bytes:
    """Return one request: its head, and as many bytes more as its Content-Length says."""
    message = b""
    while b"\r\n\r\n" not in message:
        piece = caller.recv(65536)
        if not piece:
            return b""
        message += piece
    head, _, body = message.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < int(lengths[0] if lengths else 0):
        body += caller.recv(65536)
    return head.replace(b"Connection: keep-alive\r\n", b"") + b"\r\n\r\n" + body


@contextmanager
def relay_to(base_url: str) -> Iterator[Relay]:
    """Lend an open relay to the server at `base_url`."""
    parts = urlsplit(base_url)
    relay = Relay((parts.hostname or "", parts.port or 80))
    relay.open()
    try:
        yield relay
    finally:
        relay.close()
