"""The real application, but a request that changed a token family stops after its commit, before its answer.

`python -m tests.support.barrier_serve PORT MARKER`: writes MARKER when a request stands
at the barrier, and lets it stand there, so that whoever kills this process then knows
that the kill fell between commit and answer. The product knows nothing of it.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from gatewright.app import create_app
from gatewright.cli.loading import load_settings
from gatewright.db.engine import AfterCommit, Committed


def barrier(marker: Path) -> AfterCommit:
    """Return what the database calls after each commit."""

    async def stand(committed: Committed) -> None:
        if any(key.startswith("family:") for key in committed.keys):
            descriptor = os.open(marker, os.O_WRONLY | os.O_CREAT, 0o600)
            os.fsync(descriptor)
            os.close(descriptor)
            await asyncio.Event().wait()

    return stand


def with_barrier(app: FastAPI, marker: Path) -> FastAPI:
    """Return the application, its database told to stop at the barrier once it is open."""
    opened = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[object]:
        async with opened(running) as state:
            running.state.house.database.after_commit.append(barrier(marker))
            yield state

    app.router.lifespan_context = lifespan  # type: ignore[assignment]
    return app


def main() -> None:
    """Serve until killed."""
    port, marker = int(sys.argv[1]), Path(sys.argv[2])
    app = with_barrier(create_app(load_settings(os.environ, folder=marker.parent).settings), marker)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main()
