"""The Jobsite API with a guard that lets everybody in, where a header says."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
from fastapi import Request

from examples.jobsite_api.api import Caller, create_api
from examples.jobsite_api.store import Place, Store

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@asynccontextmanager
async def open_site(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a program that may do everything in the company that its header `decided` names; else in company 1."""

    def may(_tool: str, _level: str) -> Callable[[Request], None]:
        def decide(request: Request) -> None:
            place = Place(int(request.headers.get("decided", "1")), int(request.path_params["project_id"]))
            request.state.caller = Caller(place, "user 1")

        return decide

    app = create_api(Store(folder / "jobsite.db"), may, now=lambda: NOON)
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://jobsite.example", trust_env=False) as client:
        yield client
