"""`/contacts`: read with `directory: read_only`, changed with `directory: admin` (M8)."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gatewright.base.ids import CompanyId, ContactId, TemplateId
from gatewright.base.levels import Level
from gatewright.base.scopes import MANAGE
from gatewright.db.engine import Reader
from gatewright.directory import service
from gatewright.directory.api import shapes
from gatewright.directory.api.paths import (
    CONTACT,
    CONTACTS,
    DirectoryAdmin,
    DirectoryReader,
    OfContact,
    grantor,
    router,
)
from gatewright.directory.model import ADMIN, Contact
from gatewright.directory.rules import effective_level
from gatewright.directory.service.levels import contact_unknown
from gatewright.directory.store import companies, contacts
from gatewright.web.access import Allow
from gatewright.web.api import NO_STORE, asked_page, list_answer
from gatewright.web.core import core_of
from gatewright.web.edge import seen
from gatewright.web.paths import InCompany


@router.get(CONTACTS, response_model=list[shapes.ContactEntry])
async def list_contacts(request: Request, caller: DirectoryReader, here: InCompany) -> JSONResponse:
    """List the directory by id. With the scope company.manage also levels and projects."""
    core, page = core_of(request), asked_page(request)
    async with core.database.read() as reader:
        found = await contacts.list_contacts(
            reader, here, q="", all_addresses=True, limit=page.size, offset=page.offset
        )
        total = await contacts.count_contacts(reader, here, q="", all_addresses=True)
        entries = await _entries(reader, here, found, caller)
    return list_answer(request, entries, page=page, total=total, issuer=core.settings.issuer)


@router.get(CONTACT, response_model=shapes.ContactEntry)
async def show_contact(
    request: Request, caller: DirectoryReader, here: InCompany, contact_id: OfContact
) -> JSONResponse:
    """Show one contact. With the scope company.manage also levels and projects."""
    return await contact_answer(request, caller, here, contact_id)


@router.post(CONTACTS, response_model=shapes.ContactEntry, status_code=201)
async def add_contact(
    request: Request, caller: DirectoryAdmin, here: InCompany, body: shapes.NewContact
) -> JSONResponse:
    """Add a contact without a login (P2). The answer never tells whether a user has the address."""
    contact_id = await service.add_contact(
        core_of(request).database,
        company_id=here,
        email=body.email,
        name=body.name,
        levels=body.levels,
        template_id=None if body.template_id is None else TemplateId(body.template_id),
        granted_by=grantor(caller),
        origin=caller.origin(request),
        now=seen(request).now,
    )
    return await contact_answer(request, caller, here, contact_id, status=201)


@router.patch(CONTACT, response_model=shapes.ContactEntry)
async def change_contact(
    request: Request, caller: DirectoryAdmin, here: InCompany, contact_id: OfContact, body: shapes.ContactChange
) -> JSONResponse:
    """Change the company's own label of a contact (P9), or the template that it holds (M3).

    A service account whose address changes stops (S8). `"confirm": "directory-admin"` confirms
    that a template makes a service account company admin (S10).
    """
    changes = body.model_dump(exclude_unset=True)
    confirmed = changes.pop("confirm", None) is not None
    await service.edit_contact(
        core_of(request).database,
        company_id=here,
        contact_id=contact_id,
        **changes,
        granted_by=grantor(caller),
        confirmed=confirmed,
        origin=caller.origin(request),
        now=seen(request).now,
    )
    return await contact_answer(request, caller, here, contact_id)


@router.delete(CONTACT, status_code=204)
async def remove_contact(request: Request, caller: DirectoryAdmin, here: InCompany, contact_id: OfContact) -> Response:
    """Remove a contact from the company and all its projects; its access ends at once (P3, P5)."""
    removed = await service.remove_contact(
        core_of(request).database,
        company_id=here,
        contact_id=contact_id,
        granted_by=grantor(caller),
        origin=caller.origin(request),
        now=seen(request).now,
    )
    if not removed:
        raise contact_unknown()
    return Response(status_code=204, headers=NO_STORE)


async def contact_answer(
    request: Request, caller: Allow, company_id: CompanyId, contact_id: ContactId, *, status: int = 200
) -> JSONResponse:
    """Return the contact as this caller may see it."""
    async with core_of(request).database.read() as reader:
        contact = await contacts.find_contact(reader, company_id, contact_id)
        if contact is None:
            raise contact_unknown()
        [entry] = await _entries(reader, company_id, [contact], caller)
    return JSONResponse(entry, status, headers=NO_STORE)


async def _entries(
    reader: Reader, company_id: CompanyId, found: Sequence[Contact], caller: Allow
) -> list[dict[str, object]]:
    sees_all = await _sees_service_addresses(reader, company_id, caller)
    shows = [sees_all or c.service_account_id is None or c.principal_id == caller.principal.id for c in found]
    if MANAGE not in caller.scopes:
        return [shapes.contact_entry(c, shows_address=show) for c, show in zip(found, shows, strict=True)]
    tools = await companies.list_tools(reader)
    known_to = None if caller.is_company_admin else grantor(caller).contact_id  # P6
    held = await contacts.memberships(reader, company_id, [c.id for c in found], known_to=known_to)
    return [
        shapes.managed_entry(c, held.get(c.id, ()), tools=tools, shows_address=show)
        for c, show in zip(found, shows, strict=True)
    ]


async def _sees_service_addresses(reader: Reader, company_id: CompanyId, caller: Allow) -> bool:
    """Return whether service accounts' addresses are shown: only to `admin: admin` (S2)."""
    if caller.is_company_admin or caller.contact_id is None:
        return caller.is_company_admin
    own = await contacts.find_contact(reader, company_id, caller.contact_id)
    return own is not None and effective_level(own.levels, None, ADMIN) is Level.ADMIN
