"""A token endpoint on loopback that answers as a test says, and remembers what it was asked."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl


@dataclass(slots=True)
class TokenServer:
    """Where it is, what it answers, and what it was asked."""

    issuer: str = ""
    status: int = 200
    said: Mapping[str, object] = field(default_factory=dict)  # instead of tokens
    location: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self) -> Mapping[str, object]:
        """Return the body: fresh tokens unless something else was said."""
        number = len(self.asked)
        fresh = {"access_token": f"fresh-{number}", "refresh_token": f"gwr-{number}"}
        return self.said or fresh | {"token_type": "Bearer", "expires_in": 7200}


@contextmanager
def token_server() -> Iterator[TokenServer]:
    """Lend one."""
    told = TokenServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            told.asked.append(dict(parse_qsl(self.rfile.read(length).decode())))
            body = json.dumps(told.answer()).encode()
            self.send_response(told.status)
            if told.location:
                self.send_header("Location", told.location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()
