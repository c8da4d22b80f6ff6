"""Requests that the server makes to itself, without a socket: through the whole application, as from outside.

The issuer need not be reachable from the server, and a proxy before it is none of an app's business.
"""

import asyncio
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Scope

from gatewright.oauth.trial_rules import Received, Sent


async def ask(whole: ASGIApp, sent: Sent, *, issuer: str, ip: str | None) -> Received:
    """Return the answer of the application to a request that comes from `ip`, as the record shall say."""
    complete = asyncio.Event()
    messages: list[Message] = []
    bodies = [sent.body.encode()]

    async def receive() -> Message:
        if bodies:
            return {"type": "http.request", "body": bodies.pop(), "more_body": False}
        await complete.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        messages.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            complete.set()

    await whole(_scope(sent, issuer=issuer, ip=ip), receive, send)
    start = next(message for message in messages if message["type"] == "http.response.start")
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
    body = b"".join(message.get("body", b"") for message in messages if message["type"] == "http.response.body")
    return Received(start["status"], headers, body.decode(errors="replace"))


def _scope(sent: Sent, *, issuer: str, ip: str | None) -> Scope:
    parts = urlsplit(issuer)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": sent.method,
        "scheme": parts.scheme,
        "path": sent.path,
        "raw_path": sent.path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in sent.headers],
        "client": None if ip is None else (ip, 0),
        "server": (parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)),
        "state": {},
    }
