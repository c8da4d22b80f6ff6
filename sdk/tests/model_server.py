"""A small server that speaks the SDK's side of the wire, over a real socket. It decides by a set of levels."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey

CLIENT_ID, CLIENT_SECRET = "gate", "s3cret"
KEYS_TAG = "tag-of-the-keys"
LEASE = 2.0
GZIP = b"\x1f\x8b"  # what a packed body begins with


@dataclass
class ModelServer:
    """What the server knows, and what it was asked."""

    issuer: str = ""
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "k1", "use": "sig", "alg": "ES256"}))
    published: tuple[ECKey, ...] = ()  # instead of `key` alone
    key_requests: list[dict[str, str]] = field(default_factory=list)  # the headers of each
    lease: float = LEASE
    log: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)  # position, tags
    denied: set[str] = field(default_factory=set)  # token or contact: "contact:7"
    asked: list[dict[str, Any]] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)  # requests by path
    stream_charset: str = ""  # "; charset=…"
    before_answer: threading.Event | None = None  # held back until set
    garbled: bytes | None = None  # what /authz/check says instead
    slow_parts: tuple[bytes, float] | None = None  # a body without end instead: one part, and the pause after each
    news: threading.Condition = field(default_factory=threading.Condition)

    def token(
        self, *, typ: str = "at+jwt", headers: dict[str, Any] | None = None, key: ECKey | None = None, **claims: object
    ) -> str:
        """Return a signed token; what is given as None is left out."""
        said = {"iss": self.issuer, "aud": self.issuer, "sub": "1", "exp": int(time.time()) + 600, **claims}
        text = json.dumps({name: value for name, value in said.items() if value is not None})
        header = {"alg": "ES256", "typ": typ, "kid": "k1", **(headers or {})}
        return jws.serialize_compact(header, text, key or self.key, algorithms=["ES256"])

    def assertion(self, **claims: object) -> str:
        """Return what a proxy passes on for a user who writes RFIs."""
        now = int(time.time())
        said: dict[str, object] = {"iss": self.issuer, "aud": f"{self.issuer}/authz", "iat": now, "exp": now + 60}
        said |= {"user_id": 1, "service_account_id": None, "client_id": "app", "company_id": 1, "contact_id": 7}
        said |= {"level": "standard", "scope": "", "tool": "rfis", "project_id": 7, "of_company": False}
        header = {"alg": "ES256", "typ": "gatewright-auth+jwt", "kid": "k1"}
        return jws.serialize_compact(header, json.dumps(said | claims), self.key, algorithms=["ES256"])

    def commit(self, *tags: str, deny: str = "") -> int:
        """Change something and tell those who follow; return the position."""
        with self.news:
            if deny:
                self.denied.add(deny)
            self.log.append((self.position + 1, tags))
            self.news.notify_all()
            return self.position

    @property
    def position(self) -> int:
        """Return the newest position."""
        return self.log[-1][0] if self.log else 0

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one question; it hangs from one tag, the token's or the contact's."""
        who = str(question.get("token") or f"contact:{question['contact_id']}")
        if question["company_id"] is None:
            return denied("company_required", 400, [tag_of(who)])
        if who in self.denied:
            return denied("permission_insufficient", 403, [tag_of(who)])
        principal = {"kind": "user", "id": 1, "company_id": question["company_id"], "contact_id": 7}
        principal |= {"level": question["level"], "client_id": "app", "scopes": []}
        said = {"allow": True, "code": None, "status": 200, "message": None, "help": None, "request_id": "r"}
        return {**said, "tags": [tag_of(who)], "principal": principal}


def denied(code: str, status: int, tags: list[str]) -> dict[str, Any]:
    """Return a no as the server writes it."""
    said = {"allow": False, "code": code, "status": status, "message": "No.", "help": "Ask.", "request_id": "r"}
    return {**said, "tags": tags}


def tag_of(who: str) -> str:
    """Return the tag of a token or contact."""
    return f"tag-{who[-12:]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def model(self) -> ModelServer:
        return cast("_Listener", self.server).model

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer the key set, a nonce or the stream."""
        at = urlsplit(self.path)
        self._count(at.path)
        if at.path == "/oauth/jwks":
            self.model.key_requests.append(dict(self.headers.items()))
            keys = [key.as_dict(private=False) for key in self.model.published or (self.model.key,)]
            self._bytes(200, json.dumps({"keys": keys}).encode(), ("gatewright-tag", KEYS_TAG))
        elif not self._knows_client():
            self._json(401, {"error": "invalid_client"})
        elif "text/event-stream" in self.headers["accept"]:
            self._stream()
        else:
            nonce = parse_qs(at.query)["nonce"][0]
            self._json(200, {"nonce": nonce, "position": self.model.position, "lease": self.model.lease})

    def do_POST(self) -> None:
        """Answer questions."""
        self._count(self.path)
        said = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self._knows_client():
            self._json(401, {"error": "invalid_client"})
            return
        self.model.asked.extend(said["questions"])
        answers = [self.model.answer(question) for question in said["questions"]]
        if self.model.before_answer is not None:
            self.model.before_answer.wait(10)
        if self.model.slow_parts is not None:
            self._without_end(*self.model.slow_parts)
        elif self.model.garbled is not None:
            packed = [("content-encoding", "gzip")] if self.model.garbled.startswith(GZIP) else []
            self._bytes(200, self.model.garbled, *packed)
        else:
            self._json(200, {"answers": answers})

    def _without_end(self, part: bytes, pause: float) -> None:
        self.send_response(200)
        self.send_header("connection", "close")
        self.end_headers()
        with suppress(OSError):  # until whoever reads it has enough
            for _ in range(400):
                self.wfile.write(part)
                self.wfile.flush()
                time.sleep(pause)

    def _stream(self) -> None:
        after = self.headers["last-event-id"]
        position = self.model.position if after is None else int(after)
        self.send_response(200)
        self.send_header("content-type", f"text/event-stream{self.model.stream_charset}")
        self.send_header("connection", "close")
        self.end_headers()
        self._event("position", {"position": position, "lease": self.model.lease})
        while True:
            news = self._after(position)
            if not news:
                self.wfile.write(b": alive\n\n")
            for at, tags in news:
                self._event("forget", {"position": at, "tags": list(tags)})
                position = at

    def _after(self, position: int) -> list[tuple[int, tuple[str, ...]]]:
        """Return what came after a position, waiting for it a while."""
        with self.model.news:
            self.model.news.wait_for(lambda: self.model.position > position, timeout=1)
            return [one for one in self.model.log if one[0] > position]

    def _event(self, name: str, data: dict[str, object]) -> None:
        self.wfile.write(f"event: {name}\nid: {data['position']}\ndata: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def _knows_client(self) -> bool:
        pair = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        return bool(self.headers["authorization"] == f"Basic {pair}")

    def _count(self, path: str) -> None:
        self.model.calls[path] = self.model.calls.get(path, 0) + 1

    def _json(self, status: int, said: object) -> None:
        self._bytes(status, json.dumps(said).encode())

    def _bytes(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    model: ModelServer

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that went away."""


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """Lend a server on a free loopback port."""
    listener = _Listener(("127.0.0.1", 0), _Handler)
    listener.model = ModelServer(issuer=f"http://127.0.0.1:{listener.server_address[1]}")
    thread = threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield listener.model
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
