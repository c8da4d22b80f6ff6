"""`PATCH` of a company's settings and projects, `POST` of projects (M8)."""

from starlette.requests import Request
from starlette.responses import JSONResponse

from gatewright.base.changes import KEEP
from gatewright.base.errors import NotFound
from gatewright.base.ids import CompanyId, ProjectId
from gatewright.db.engine import Database
from gatewright.directory import service
from gatewright.directory.api import shapes
from gatewright.directory.api.paths import (
    PROJECT,
    PROJECTS,
    OfProject,
    ProjectAdmin,
    router,
)
from gatewright.directory.service.levels import project_unknown
from gatewright.directory.store import companies
from gatewright.web.api import NO_STORE
from gatewright.web.core import core_of
from gatewright.web.edge import seen
from gatewright.web.paths import COMPANY, CompanyAdmin, InCompany


@router.patch(COMPANY, response_model=shapes.CompanyEntry)
async def change_company(
    request: Request, caller: CompanyAdmin, here: InCompany, body: shapes.CompanyChange
) -> JSONResponse:
    """Change a company's settings (I2). Needs admin: admin."""
    database = core_of(request).database
    changes = body.model_dump(exclude_unset=True)
    await service.change_company(
        database, company_id=here, **changes, origin=caller.origin(request), now=seen(request).now
    )
    async with database.read() as reader:
        company = await companies.find_company(reader, here)
    if company is None:
        raise NotFound("company_unknown")
    return JSONResponse(shapes.company_entry(company), headers=NO_STORE)


@router.post(PROJECTS, response_model=shapes.ProjectEntry, status_code=201)
async def create_project(
    request: Request, caller: CompanyAdmin, here: InCompany, body: shapes.NewProject
) -> JSONResponse:
    """Make a project, without members (P3). Needs admin: admin."""
    database = core_of(request).database
    project_id = await service.create_project(
        database,
        company_id=here,
        name=body.name,
        project_number=body.project_number,
        is_active=body.active,
        origin=caller.origin(request),
        now=seen(request).now,
    )
    return await _project_answer(database, here, project_id, status=201)


@router.patch(PROJECT, response_model=shapes.ProjectEntry)
async def change_project(
    request: Request, caller: ProjectAdmin, here: InCompany, project_id: OfProject, body: shapes.ProjectChange
) -> JSONResponse:
    """Change a project that the caller may know of (P6). Needs admin: admin."""
    database = core_of(request).database
    changed = body.model_dump(exclude_unset=True)
    await service.change_project(
        database,
        company_id=here,
        project_id=project_id,
        name=changed.get("name"),
        project_number=changed.get("project_number", KEEP),
        is_active=changed.get("active"),
        origin=caller.origin(request),
        now=seen(request).now,
    )
    return await _project_answer(database, here, project_id, status=200)


async def _project_answer(
    database: Database, company_id: CompanyId, project_id: ProjectId, *, status: int
) -> JSONResponse:
    async with database.read() as reader:
        project = await companies.find_project(reader, company_id, project_id)
        company = await companies.find_company(reader, company_id)
    if project is None or company is None:
        raise project_unknown()
    return JSONResponse(shapes.project_entry(project, company=company.name), status, headers=NO_STORE)
