"""`/explain`: why a contact may what it may, and why a call was refused (X4, M8)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import JSONResponse

from gatewright.base.ids import ContactId, ProjectId
from gatewright.base.levels import Level
from gatewright.decisions import explain_shapes as shapes
from gatewright.decisions.explaining import explain_level, explain_request, find_contact
from gatewright.directory.model import DIRECTORY
from gatewright.directory.service.levels import contact_unknown, project_unknown
from gatewright.web.access import Allow, requires
from gatewright.web.api import NO_STORE
from gatewright.web.core import core_of
from gatewright.web.edge import seen
from gatewright.web.forms import query_parameters
from gatewright.web.paths import COMPANY, InCompany, numbered

router = APIRouter(tags=["directory"])

LONGEST_TOOL = 60
DirectoryAdmin = Annotated[Allow, Depends(requires(DIRECTORY, Level.ADMIN, manage=True))]


@router.get(f"{COMPANY}/explain", response_model=shapes.LevelExplanation)
async def why_this_level(
    request: Request,
    _caller: DirectoryAdmin,
    here: InCompany,
    contact_id: Annotated[str, Query()],
    tool: Annotated[str, Query(min_length=1, max_length=LONGEST_TOOL)],
    project_id: Annotated[str | None, Query()] = None,
) -> JSONResponse:
    """Explain a contact's level on a tool: which rule and which grant decide, and who can change it."""
    query_parameters(request)  # each at most once
    on = None if project_id is None else ProjectId(numbered(project_id, project_unknown()))
    async with core_of(request).database.read() as reader:
        who = await find_contact(reader, here, ContactId(numbered(contact_id, contact_unknown())))
        explained = await explain_level(reader, here, who, tool=tool, project_id=on)
    return JSONResponse(shapes.level_explanation(explained), headers=NO_STORE)


@router.get(f"{COMPANY}/explain/{{request_id}}", response_model=shapes.RefusalExplanation)
async def why_refused(request: Request, _caller: DirectoryAdmin, here: InCompany, request_id: str) -> JSONResponse:
    """Explain a refused call by its request id: each check as it went, and how it would go now."""
    async with core_of(request).database.read() as reader:
        kept, explained = await explain_request(reader, here, request_id, now=seen(request).now)
    return JSONResponse(shapes.refusal_explanation(kept, explained), headers=NO_STORE)
