"""The directory: search, one page of contacts, and the form that adds one."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gatewright.base.errors import Invalid, NotAllowed, RateLimited
from gatewright.base.ids import TemplateId
from gatewright.base.levels import Level
from gatewright.directory import service
from gatewright.directory.model import DIRECTORY, Contact, Kind, Membership, Tool
from gatewright.directory.pages.inviting import invite_and_answer
from gatewright.directory.pages.viewing import Viewing, allowed, page_errors, viewing
from gatewright.directory.store import companies, contacts, templates
from gatewright.directory.store.contacts import Narrowed
from gatewright.web.access import NOBODYS, plain_id
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.forms import query_parameters
from gatewright.web.html import redirect, render
from gatewright.web.lists import paging, shown_page

_MOST_TEMPLATES = 300
_NO_FORM = {"email": "", "name": "", "template_id": "", "invite": ""}
_FRESH_FORM = {**_NO_FORM, "invite": "yes"}


async def show(request: Request) -> Response:
    """Show the contacts whose name or address holds `q`, fifty at a time."""
    here = await viewing(request, await allowed(request, tool=DIRECTORY, level=Level.READ_ONLY))
    return await _answer(request, here)


async def add(request: Request) -> Response:
    """Add a contact without a login (P2), and go on to its levels."""
    form = await guarded_form(request)
    here = await viewing(request, await allowed(request, tool=DIRECTORY, level=Level.ADMIN))
    given = {name: form.text(name) for name in _NO_FORM}
    template_id = plain_id(given["template_id"]) or NOBODYS if given["template_id"] else None
    try:
        contact_id = await service.add_contact(
            core_of(request).database,
            company_id=here.company.id,
            email=given["email"],
            name=given["name"],
            levels={},
            template_id=None if template_id is None else TemplateId(template_id),
            granted_by=here.grantor,
            origin=here.allow.origin(request),
            now=seen(request).now,
        )
    except (Invalid, NotAllowed, RateLimited) as refusal:
        return await _answer(request, here, form=given, errors=page_errors(refusal, "email", "name", "template_id"))
    to = f"/companies/{here.company.id}/directory/{contact_id}"
    if given["invite"]:
        company, origin = (here.company.id, here.company.name), here.allow.origin(request)
        return await invite_and_answer(request, company, contact_id, origin=origin, back=to)
    return redirect(request, to, flash=f"{given['name']} is in the directory.")


# long: the page is named part by part
async def _answer(
    request: Request, here: Viewing, *, form: Mapping[str, str] = _FRESH_FORM, errors: Mapping[str, str] | None = None
) -> Response:
    asked, company_id = query_parameters(request), here.company.id
    sought: dict[str, Any] = {
        "q": asked.get("q", ""),
        "all_addresses": here.may_set,
        "narrowed": _narrowed(asked.get("kind", ""), asked.get("template", "")),
    }
    async with core_of(request).database.read() as reader:
        total = await contacts.count_contacts(reader, company_id, **sought)
        page = shown_page(request, total)
        found = await contacts.list_contacts(reader, company_id, **sought, limit=page.size, offset=page.offset)
        named = await templates.template_names(reader, company_id, limit=_MOST_TEMPLATES)
        ids = [contact.id for contact in found]
        held = await contacts.memberships(reader, company_id, ids, known_to=here.sees_projects_of)
        tools = await companies.list_tools(reader)
    context = {
        "company": {"id": company_id, "name": here.company.name},
        "q": sought["q"],
        "kind": asked.get("kind", ""),
        "template": asked.get("template", ""),
        "templates": [{"id": id_, "name": name} for id_, name in named],
        "contacts": [_row(one, held.get(one.id, []), tools, dict(named), sees_all=here.may_set) for one in found],
        "paging": paging(f"/companies/{company_id}/directory", page, total, asked=_kept(asked)),
        "may_add": here.may_edit,
        "form": form,
        "errors": errors or {},
    }
    status = 422 if errors else 200
    place = f"company:{company_id}"
    return await render(request, "company/directory.html", context, status=status, place=place, tab="Directory")


def _narrowed(kind: str, template: str) -> Narrowed:
    """Return what the filters keep; one that names nothing there is keeps nothing."""
    kinds: dict[str, Kind] = {"user": "user", "service_account": "service_account", "none": "none"}
    template_id = TemplateId(plain_id(template) or NOBODYS) if template else None
    return Narrowed(kinds.get(kind), template_id)


def _kept(asked: Mapping[str, str]) -> dict[str, str]:
    return {name: asked.get(name, "") for name in ("q", "kind", "template")}


def _row(
    contact: Contact, held: list[Membership], tools: list[Tool], named: Mapping[TemplateId, str], *, sees_all: bool
) -> dict[str, object]:
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
        "template": None if contact.template_id is None else named.get(contact.template_id),
        "levels": levels,
        "projects": len(held),
    }
