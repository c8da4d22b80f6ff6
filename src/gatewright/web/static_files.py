"""Static files: kept for a year under the address that changes when they do."""

from pathlib import Path, PurePath

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
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
        headers = MutableHeaders(raw=answer.raw_headers)
        is_current = answer.status_code in {200, 206, 304} and _query(scope) in static(path)
        headers["cache-control"] = FOR_GOOD if is_current else ASK_AGAIN
        headers["content-type"] = kind
        return answer


def _query(scope: Scope) -> str:
    query: bytes = scope["query_string"]
    return f"?{query.decode('ascii')}" if query else "?none"
