"""Serve the samples on loopback with the headers that the product sends, for eyes and for axe."""

import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

from gatewright.web.html import STATIC, policy
from tests.pages.pictures import BOARDS
from tests.pages.render import render, render_board
from tests.pages.samples import EVERY


class Samples(BaseHTTPRequestHandler):
    """Answers `/SAMPLE?theme=`, `/boards/BOARD?theme=` and `/static/…`, nothing else."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer one page or one file."""
        url = urlsplit(self.path)
        name = url.path.removeprefix("/")
        file = (STATIC / name.removeprefix("static/")).resolve()
        if name in EVERY:
            self._answer(render(name, theme=url.query.removeprefix("theme=")).encode(), "text/html; charset=utf-8")
        elif name in {f"boards/{file.stem}" for file in BOARDS.glob("*.html")}:
            page = render_board(name.removeprefix("boards/"), url.query.removeprefix("theme="))
            self._answer(page.encode(), "text/html; charset=utf-8")
        elif name.startswith("static/") and file.is_file() and file.is_relative_to(STATIC):
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            self._answer(file.read_bytes(), kind, kept="public, max-age=3600")
        else:
            self.send_error(404)

    def _answer(self, body: bytes, kind: str, *, kept: str = "no-store") -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", kept)
        self.send_header("Content-Security-Policy", policy())
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the browser's console says what was missing."""


@contextmanager
def served() -> Iterator[str]:
    """Lend the address of a server that knows every sample."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Samples)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
