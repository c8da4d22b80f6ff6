"""The directory: search, one page of contacts, and the form that adds one."""

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from gatewright.base.errors import Invalid
from gatewright.base.levels import Level
from gatewright.directory import service
from gatewright.directory.model import DIRECTORY, Contact, Membership, Tool
from gatewright.directory.pages.viewing import Viewing, allowed, page_errors, viewing
from gatewright.directory.store import companies, contacts
from gatewright.web.api import Page, asked_page
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.forms import query_parameters
from gatewright.web.html import redirect, render

PER_PAGE = 50
_NO_FORM = {"email": "", "name": ""}


async def show(request: Request) -> Response:
    """Show the contacts whose name or address holds `q`, fifty at a time."""
    here = await viewing(request, await allowed(request, tool=DIRECTORY, level=Level.READ_ONLY))
    return await _answer(request, here)


async def add(request: Request) -> Response:
    """Add a contact without a login (P2), and go on to its levels."""
    form = await guarded_form(request)
    here = await viewing(request, await allowed(request, tool=DIRECTORY, level=Level.ADMIN))
    given = {"email": form.text("email"), "name": form.text("name")}
    try:
        contact_id = await service.add_contact(
            core_of(request).database,
            company_id=here.company.id,
            email=given["email"],
            name=given["name"],
            levels={},
            granted_by=here.grantor,
            origin=here.allow.origin(request),
            now=seen(request).now,
        )
    except Invalid as refusal:
        return await _answer(request, here, form=given, errors=page_errors(refusal, "email", "name"))
    to = f"/companies/{here.company.id}/directory/{contact_id}"
    return redirect(request, to, flash=f"{given['name']} is in the directory.")


async def _answer(
    request: Request, here: Viewing, *, form: Mapping[str, str] = _NO_FORM, errors: Mapping[str, str] | None = None
) -> Response:
    q = query_parameters(request).get("q", "")
    company_id = here.company.id
    async with core_of(request).database.read() as reader:
        total = await contacts.count_contacts(reader, company_id, q=q, all_addresses=here.may_set)
        last = max(1, -(-total // PER_PAGE))
        page = Page(min(asked_page(request).number, last), PER_PAGE)
        found = await contacts.list_contacts(
            reader, company_id, q=q, all_addresses=here.may_set, limit=page.size, offset=page.offset
        )
        ids = [contact.id for contact in found]
        held = await contacts.memberships(reader, company_id, ids, known_to=here.sees_projects_of)
        tools = await companies.list_tools(reader)
    context = {
        "company": {"id": company_id, "name": here.company.name},
        "q": q,
        "contacts": [_row(one, held.get(one.id, []), tools, sees_all=here.may_set) for one in found],
        "paging": _paging(company_id, q, page.number, last, total),
        "may_add": here.may_edit,
        "form": form,
        "errors": errors or {},
        "invitation": None,
    }
    status = 422 if errors else 200
    place = f"company:{company_id}"
    return await render(request, "company/directory.html", context, status=status, place=place, tab="Directory")


def _row(contact: Contact, held: list[Membership], tools: list[Tool], *, sees_all: bool) -> dict[str, object]:
    levels = [
        {"tool_name": tool.name, "level": contact.levels[tool.key].key}
        for tool in tools
        if tool.scope == "company" and tool.key in contact.levels
    ]
    return {
        "contact_id": contact.id,
        "name": contact.name,
        "email": contact.email if sees_all or contact.service_account_id is None else None,  # S2
        "kind": contact.kind,
        "levels": levels,
        "projects": len(held),
    }


def _paging(company_id: int, q: str, number: int, last: int, total: int) -> dict[str, object]:
    def href(page: int) -> str:
        asked = {"q": q, "page": page} if q else {"page": page}
        return f"/companies/{company_id}/directory?{urlencode(asked)}"

    return {
        "page": number,
        "last": last,
        "total": total,
        "previous": href(number - 1) if number > 1 else None,
        "next": href(number + 1) if number < last else None,
    }
