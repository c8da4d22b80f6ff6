"""Static files: kept for a year under the address that changes when they do, compressed once.

Pages are never compressed: their length would tell of the tokens in them (BREACH).
"""

import asyncio
import gzip
from functools import cache
from pathlib import Path, PurePath

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from gatewright.web.html import STATIC, static

# Named here: what the machine's own table says differs from machine to machine.
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".ico": "image/x-icon",
    ".png": "image/png",
}
COMPRESSED = {".css", ".js", ".svg"}
FOR_GOOD = "public, max-age=31536000, immutable"
ASK_AGAIN = "public, max-age=0, must-revalidate"


class Static(StaticFiles):
    """The files under `web/static`, with their right types and no others."""

    def __init__(self, folder: Path = STATIC) -> None:
        super().__init__(directory=folder)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file; the address with today's digest may be kept for good."""
        kind = TYPES.get(PurePath(path).suffix)
        if kind is None or "\0" in path:
            raise HTTPException(404)
        answer = await super().get_response(path, scope)
        if PurePath(path).suffix in COMPRESSED:
            answer = await _smallest(answer, Headers(scope=scope))
        headers = MutableHeaders(raw=answer.raw_headers)
        is_current = answer.status_code in {200, 206, 304} and _query(scope) in static(path)
        headers["cache-control"] = FOR_GOOD if is_current else ASK_AGAIN
        headers["content-type"] = kind
        return answer


async def _smallest(answer: Response, asked: Headers) -> Response:
    """Return the whole file compressed where the client takes that, else as it is."""
    if isinstance(answer, FileResponse) and answer.status_code == 200 and "range" not in asked and _takes_gzip(asked):
        file = answer
        answer = Response(await asyncio.to_thread(_compressed, str(file.path), file.headers["last-modified"]))
        answer.headers["last-modified"] = file.headers["last-modified"]
        answer.headers["etag"] = f"W/{file.headers['etag']}"  # RFC 9110 §8.8.3: the bytes differ
        answer.headers["content-encoding"] = "gzip"
    answer.headers["vary"] = "Accept-Encoding"
    return answer


@cache
def _compressed(path: str, _modified: str) -> bytes:
    return gzip.compress(Path(path).read_bytes(), mtime=0)


def _takes_gzip(asked: Headers) -> bool:
    """Return whether Accept-Encoding names gzip, and not to refuse it (RFC 9110 §12.5.3)."""
    for offered in asked.get("accept-encoding", "").lower().split(","):
        name, _, weight = offered.partition(";")
        if name.strip() == "gzip":
            return weight.strip().removeprefix("q=").strip("0.") != "" or not weight.strip()
    return False


def _query(scope: Scope) -> str:
    query: bytes = scope["query_string"]
    return f"?{query.decode('ascii')}" if query else "?none"
