"""Which web pages may read the token endpoint's answers (A165): those of public clients, by their redirect URIs.

Never with credentials, and nowhere else: the other endpoints carry no such header.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import Request

from gatewright.db.engine import Database
from gatewright.oauth.model import AppClient, Client
from gatewright.oauth.store import public_redirect_uris

_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_SECONDS = "600"


def reading_headers(request: Request, client: Client) -> dict[str, str]:
    """Return the headers that let the page which sent this request read the answer; none for others."""
    if not isinstance(client, AppClient) or client.is_confidential:
        return {}
    origin = _origin(request)
    return _allowing(origin) if origin in origins(client.redirect_uris) else {}


async def preflight_headers(request: Request, database: Database) -> dict[str, str]:
    """Return the headers that let a page send its request; none unless a public client is at home there."""
    origin = _origin(request)
    if not origin:
        return {}
    async with database.read() as reader:
        registered = await public_redirect_uris(reader, origin=origin)
    if origin not in origins(registered):
        return {}
    return {
        **_allowing(origin),
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "content-type",
        "access-control-max-age": _SECONDS,
    }


def origins(redirect_uris: Iterable[str]) -> set[str]:
    """Return the web origins of those redirect URIs that have one."""
    parts = [urlsplit(uri) for uri in redirect_uris]
    return {f"{part.scheme}://{part.netloc}" for part in parts if part.scheme in {"http", "https"} and part.netloc}


def _origin(request: Request) -> str:
    """Return where the page that sent the request is at home; empty for what is not exactly an origin of the web."""
    sent = request.headers.getlist("origin")
    return sent[0] if len(sent) == 1 and _ORIGIN.fullmatch(sent[0]) else ""


def _allowing(origin: str) -> dict[str, str]:
    return {"access-control-allow-origin": origin, "vary": "Origin"}
