"""The bare server: the same uvicorn and protocol as the product's, answering an empty 200."""

import sys
from typing import Literal

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from gatewright.cli.protocol import BoundedProtocol


async def bare(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer 200."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def serve(app: ASGIApp, port: int, *, lifespan: Literal["on", "off"]) -> None:
    """Serve with the product's own protocol and settings of uvicorn."""
    uvicorn.run(
        app,
        port=port,
        http=BoundedProtocol,
        loop="uvloop",
        ws="none",
        lifespan=lifespan,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )


if __name__ == "__main__":
    serve(bare, int(sys.argv[1]), lifespan="off")
