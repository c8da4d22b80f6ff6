"""Levels and memberships of a contact, each `PUT` replacing what was (M2, M8)."""

from typing import Annotated

from fastapi import Body
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gatewright.base.errors import Invalid, Problem
from gatewright.directory import service
from gatewright.directory.api import shapes
from gatewright.directory.api.contacts import contact_answer
from gatewright.directory.api.paths import (
    LEVELS,
    MEMBERSHIP,
    DirectoryAdmin,
    MembershipAdmin,
    OfContact,
    OfProject,
    grantor,
    router,
)
from gatewright.directory.rules import CONFIRMATION
from gatewright.directory.service.levels import project_unknown
from gatewright.directory.store import companies, contacts
from gatewright.web.api import NO_STORE
from gatewright.web.core import core_of
from gatewright.web.edge import seen
from gatewright.web.paths import InCompany

StatedLevels = Annotated[dict[str, str], Body(description="Tool to level; what is left out becomes none")]


@router.put(LEVELS, response_model=shapes.ContactEntry)
async def set_levels(
    request: Request, caller: DirectoryAdmin, here: InCompany, contact_id: OfContact, body: StatedLevels
) -> JSONResponse:
    """Replace the contact's company levels. A change detaches it from its template (M3).

    `"confirm": "directory-admin"` beside the levels confirms that a service account
    becomes company admin (S10).
    """
    levels = dict(body)
    confirmation = levels.pop("confirm", None)
    if confirmation not in {None, CONFIRMATION}:
        raise Invalid(Problem("confirm", f"must be {CONFIRMATION}, or left out"))
    await service.set_levels(
        core_of(request).database,
        company_id=here,
        contact_id=contact_id,
        levels=levels,
        granted_by=grantor(caller),
        confirmed=confirmation is not None,
        origin=caller.origin(request),
        now=seen(request).now,
    )
    return await contact_answer(request, caller, here, contact_id)


# long: the answer is read again, with the template that the contact holds now
@router.put(MEMBERSHIP, response_model=shapes.MembershipAnswer)
async def set_membership(
    request: Request,
    caller: MembershipAdmin,
    here: InCompany,
    contact_id: OfContact,
    project_id: OfProject,
    body: StatedLevels,
) -> JSONResponse:
    """Make the contact a member of the project, with exactly these levels there (P3).

    Other levels than its template's detach the contact from the template (M3).
    """
    database = core_of(request).database
    await service.set_membership(
        database,
        company_id=here,
        contact_id=contact_id,
        project_id=project_id,
        levels=body,
        granted_by=grantor(caller),
        origin=caller.origin(request),
        now=seen(request).now,
    )
    async with database.read() as reader:
        membership = await contacts.find_membership(reader, here, contact_id, project_id)
        contact = await contacts.find_contact(reader, here, contact_id)
        tools = await companies.list_tools(reader)
    if membership is None or contact is None:
        raise project_unknown()
    entry = {**shapes.membership_entry(membership, tools=tools), "template_id": contact.template_id}
    return JSONResponse(entry, headers=NO_STORE)


@router.delete(MEMBERSHIP, status_code=204)
async def end_membership(
    request: Request, caller: MembershipAdmin, here: InCompany, contact_id: OfContact, project_id: OfProject
) -> Response:
    """Take the contact out of the project, and with it its levels there."""
    ended = await service.end_membership(
        core_of(request).database,
        company_id=here,
        contact_id=contact_id,
        project_id=project_id,
        granted_by=grantor(caller),
        origin=caller.origin(request),
        now=seen(request).now,
    )
    if not ended:
        raise project_unknown()
    return Response(status_code=204, headers=NO_STORE)
