"""Requests to the application in this very process: no socket, the same answers."""

import json
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from starlette.types import ASGIApp, Message, Scope

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.body.decode()

    def header(self, name: str) -> str:
        """Return a header's value; empty when it is not there."""
        return next((value for key, value in self.headers if key == name), "")

    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody's program: where it calls from, and what it calls itself."""

    app: ASGIApp
    address: str
    agent: str

    async def send(
        self, method: str, target: str, *, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """Return the application's answer to one request."""
        scope = self._scope(method, target, {"host": "127.0.0.1", "user-agent": self.agent, **(headers or {})})
        incoming = [{"type": "http.request", "body": body, "more_body": False}]
        outgoing: list[Message] = []

        async def receive() -> Message:
            return incoming.pop() if incoming else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            outgoing.append(message)

        await self.app(scope, receive, send)
        start = next(message for message in outgoing if message["type"] == "http.response.start")
        found = [(name.decode().lower(), value.decode()) for name, value in start["headers"]]
        return Answer(start["status"], found, b"".join(message.get("body", b"") for message in outgoing))

    def _scope(self, method: str, target: str, headers: dict[str, str]) -> Scope:
        parts = urlsplit(target)
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": (self.address, 40_000),
            "server": ("127.0.0.1", 80),
        }

    async def form(self, target: str, fields: dict[str, str], *, headers: dict[str, str] | None = None) -> Answer:
        """Return the answer to a posted form."""
        return await self.send(
            "POST", target, body=urlencode(fields).encode(), headers={"content-type": FORM, **(headers or {})}
        )


def cookies_of(answer: Answer) -> dict[str, str]:
    """Return the cookies that an answer sets."""
    jar: SimpleCookie = SimpleCookie()
    for name, value in answer.headers:
        if name == "set-cookie":
            jar.load(value)
    return {name: morsel.value for name, morsel in jar.items()}
