"""The small API on FastAPI."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel
from sdk.tests.guarded import said

from gatewright_sdk import Allow
from gatewright_sdk.fastapi import protect, requires
from gatewright_sdk.guarding import AsyncGuard, Guard

Reader = Annotated[Allow, Depends(requires("directory", "read_only"))]
Author = Annotated[Allow, Depends(requires("rfis", "standard"))]

contacts = APIRouter(prefix="/companies/{company_id}")


class Rfi(BaseModel):
    """A body."""

    subject: str = ""


@contacts.get("/contacts")
async def contacts_of_company(caller: Reader) -> dict[str, object]:
    """The company is in the path."""
    return said(caller)


def app_of(guard: AsyncGuard | Guard) -> FastAPI:
    """Return the API, guarded."""
    app = FastAPI(openapi_url=None)
    protect(app, guard)
    versioned = APIRouter(prefix="/rest/v1.0")
    versioned.include_router(contacts)
    app.include_router(versioned)

    @app.get("/rest/v1.0/contacts")
    def contacts_somewhere(caller: Reader) -> dict[str, object]:
        return said(caller)

    @app.post("/rest/v1.0/projects/{project_id}/rfis")
    async def new_rfi(project_id: int, caller: Author, rfi: Rfi | None = None) -> dict[str, object]:
        return said(caller)

    @app.patch("/rest/v1.0/projects/{project_id}", dependencies=[Depends(requires("directory", "admin", of="company"))])
    async def change_project(project_id: int) -> dict[str, object]:
        return {"changed": project_id}

    @app.get("/open")
    async def open_to_all() -> dict[str, object]:
        return {}

    return app
