"""`/permission_templates`: read and changed with `directory: admin` (M3, M8)."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gatewright.base.ids import CompanyId, TemplateId
from gatewright.db.engine import Database
from gatewright.directory import service
from gatewright.directory.api import shapes
from gatewright.directory.api.paths import TEMPLATE, TEMPLATES, DirectoryAdmin, OfTemplate, grantor, router
from gatewright.directory.service.templates import template_unknown
from gatewright.directory.store import companies, templates
from gatewright.web.api import NO_STORE, asked_page, list_answer
from gatewright.web.core import core_of
from gatewright.web.edge import seen
from gatewright.web.paths import InCompany


@router.get(TEMPLATES, response_model=list[shapes.TemplateEntry])
async def list_templates(request: Request, _caller: DirectoryAdmin, here: InCompany) -> JSONResponse:
    """List the company's permission templates by id."""
    core, page = core_of(request), asked_page(request)
    async with core.database.read() as reader:
        found = await templates.list_templates(reader, here, limit=page.size, offset=page.offset)
        total = await templates.count_templates(reader, here)
        tools = await companies.list_tools(reader)
    entries = [shapes.template_entry(one.template, tools, contacts=one.contacts) for one in found]
    return list_answer(request, entries, page=page, total=total, issuer=core.settings.issuer)


@router.post(TEMPLATES, response_model=shapes.TemplateEntry, status_code=201)
async def create_template(
    request: Request, caller: DirectoryAdmin, here: InCompany, body: shapes.NewTemplate
) -> JSONResponse:
    """Make a permission template, which nobody holds yet."""
    database = core_of(request).database
    template_id = await service.create_template(
        database,
        company_id=here,
        name=body.name,
        company=body.company,
        project=body.project,
        origin=caller.origin(request),
        now=seen(request).now,
    )
    return await _answer(database, here, template_id, status=201)


@router.patch(TEMPLATE, response_model=shapes.TemplateEntry)
async def change_template(
    request: Request, caller: DirectoryAdmin, here: InCompany, template_id: OfTemplate, body: shapes.TemplateChange
) -> JSONResponse:
    """Change a template's name or levels, and with the levels every contact that holds it (M3).

    `"confirm": "directory-admin"` confirms that a service account which holds it becomes
    company admin (S10).
    """
    database = core_of(request).database
    changes = body.model_dump(exclude_unset=True)
    confirmed = changes.pop("confirm", None) is not None
    await service.change_template(
        database,
        company_id=here,
        template_id=template_id,
        **changes,
        granted_by=grantor(caller),
        confirmed=confirmed,
        origin=caller.origin(request),
        now=seen(request).now,
    )
    return await _answer(database, here, template_id, status=200)


@router.delete(TEMPLATE, status_code=204)
async def remove_template(
    request: Request, caller: DirectoryAdmin, here: InCompany, template_id: OfTemplate
) -> Response:
    """Delete a template. The contacts that hold it keep their levels, and hold it no more."""
    await service.remove_template(
        core_of(request).database,
        company_id=here,
        template_id=template_id,
        origin=caller.origin(request),
        now=seen(request).now,
    )
    return Response(status_code=204, headers=NO_STORE)


async def _answer(database: Database, company_id: CompanyId, template_id: TemplateId, *, status: int) -> JSONResponse:
    async with database.read() as reader:
        template = await templates.find_template(reader, company_id, template_id)
        held = await templates.count_holders(reader, company_id, template_id)
        tools = await companies.list_tools(reader)
    if template is None:
        raise template_unknown()
    return JSONResponse(shapes.template_entry(template, tools, contacts=held), status, headers=NO_STORE)
