"""The API's read routes: who am I, which companies, which projects."""

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse

from gatewright.base.ids import CompanyId, ServiceAccountId, UserId
from gatewright.decisions import store
from gatewright.decisions.store import CompanyEntry, Part
from gatewright.directory.api import shapes
from gatewright.web.access import Allow, requires
from gatewright.web.api import NO_STORE, asked_page, list_answer
from gatewright.web.core import core_of

router = APIRouter(tags=["who and where"])


class Me(BaseModel):
    """Who acts with this token."""

    id: int
    login: str
    name: str


class Company(BaseModel):
    """A company in reach."""

    id: CompanyId
    name: str
    is_active: bool
    logo_url: str | None
    my_company: bool


@router.get("/rest/v1.0/me", response_model=Me)
async def me(caller: Allow = Depends(requires(company=False))) -> JSONResponse:
    """Return who acts with this token. No company needs to be named."""
    who = caller.principal
    return JSONResponse({"id": who.id, "login": who.login, "name": who.name}, headers=NO_STORE)


@router.get("/rest/v1.0/companies", response_model=list[Company])
async def companies(request: Request, caller: Allow = Depends(requires(company=False))) -> JSONResponse:
    """Return the companies with a contact of the user's where the app is not disconnected; a service account's one."""
    core, page = core_of(request), asked_page(request)
    part = Part(page.offset, page.size)
    async with core.database.read() as reader:
        if caller.principal.kind == "user":
            user_id = UserId(caller.principal.id)
            entries, total = await store.companies_of_user(reader, user_id, app_id=caller.app_id, part=part)
        else:
            account_id = ServiceAccountId(caller.principal.id)
            entries, total = await store.company_of_service_account(reader, account_id, part=part)
    shown = [_company(entry) for entry in entries]
    return list_answer(request, shown, page=page, total=total, issuer=core.settings.issuer)


@router.get("/rest/v1.0/projects", response_model=list[shapes.ProjectEntry])
@router.get("/rest/v1.1/projects", response_model=list[shapes.ProjectEntry])
@router.get("/rest/v1.0/companies/{company_id}/projects", response_model=list[shapes.ProjectEntry])
async def projects(request: Request, caller: Allow = Depends(requires(any_level=True))) -> JSONResponse:
    """Return the company's projects: all for its admins, for others those they are members of."""
    core, page = core_of(request), asked_page(request)
    if caller.company_id is None:
        raise AssertionError("unreachable: the route requires a company")
    bound_to = None if caller.is_company_admin else caller.contact_id
    async with core.database.read() as reader:
        entries, total = await store.projects_of_company(
            reader, caller.company_id, contact_id=bound_to, part=Part(page.offset, page.size)
        )
    shown = [shapes.project_entry(entry.project, company=entry.company) for entry in entries]
    return list_answer(request, shown, page=page, total=total, issuer=core.settings.issuer)


def _company(entry: CompanyEntry) -> dict[str, object]:
    return {
        "id": entry.id,
        "name": entry.name,
        "is_active": entry.is_active,
        "logo_url": None,
        "my_company": True,
    }
