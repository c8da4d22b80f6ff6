"""Permission templates: the list, one of them, and whom a change would touch before it is saved (M3)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from gatewright.base.errors import Conflict, Invalid, NotAllowed
from gatewright.base.ids import TemplateId
from gatewright.base.levels import Level
from gatewright.db.engine import Reader
from gatewright.directory import service
from gatewright.directory.model import DIRECTORY, Template, Tool
from gatewright.directory.pages.grid import Stated, merged, moves, template_row
from gatewright.directory.pages.viewing import Viewing, allowed, page_errors, viewing
from gatewright.directory.rules import CONFIRMATION
from gatewright.directory.service.templates import template_unknown
from gatewright.directory.store import companies, contacts, templates
from gatewright.directory.store.contacts import Narrowed
from gatewright.web.access import path_id
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.forms import PageForm, query_parameters
from gatewright.web.html import redirect, render
from gatewright.web.lists import paging, shown_page

TAB = "Templates"
WARNING = (
    "A service account holds this template. It would be company admin: it could do everything here, change"
    " everybody's levels and remove contacts, and nobody is asked before it acts."
)
_REFUSED = (Invalid, Conflict, NotAllowed)
_NO_FORM = {"name": ""}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a template is to become, as a form words it; empty when the page is merely shown."""

    name: str | None = None
    company: Stated = field(default_factory=dict)
    project: Stated = field(default_factory=dict)


async def show_all(request: Request) -> Response:
    """Show the company's templates, each with the number of contacts that hold it."""
    return await _list_page(request, await _viewing(request))


async def create(request: Request) -> Response:
    """Make a template, and go on to its levels."""
    form, here = await guarded_form(request), await _viewing(request)
    wanted = _of_form(form)
    try:
        template_id = await service.create_template(
            core_of(request).database,
            company_id=here.company.id,
            name=wanted.name or "",
            company=wanted.company,
            project=wanted.project,
            origin=here.allow.origin(request),
            now=seen(request).now,
        )
    except Invalid as refusal:
        return await _list_page(request, here, form={"name": wanted.name or ""}, errors=page_errors(refusal, "name"))
    return redirect(request, _href(here, template_id), flash="The template is made. Set its levels.")


async def show(request: Request) -> Response:
    """Show one template: its levels, and how many contacts hold it."""
    here = await _viewing(request)
    return await _page(request, here, _template_id(request), Wanted())


async def preview(request: Request) -> Response:
    """Show whom the change would touch and what their levels would become; nothing is saved."""
    here, query = await _viewing(request), query_parameters(request)
    wanted = Wanted(query.get("name"), _starting(query, "company."), _starting(query, "project."))
    return await _preview_page(request, here, _template_id(request), wanted)


async def save(request: Request) -> Response:
    """Change the template, and with it every contact that holds it: all of them, or none (M3, M5, S10)."""
    form, here = await guarded_form(request), await _viewing(request)
    template_id, wanted = _template_id(request), _of_form(form)
    async with core_of(request).database.read() as reader:
        template = await _present(reader, here, template_id)
    try:
        saved = await service.change_template(
            core_of(request).database,
            company_id=here.company.id,
            template_id=template_id,
            name=wanted.name,
            company=merged(template.company_levels, wanted.company),
            project=merged(template.project_levels, wanted.project),
            granted_by=here.grantor,
            confirmed=form.text("confirm") == CONFIRMATION,
            origin=here.allow.origin(request),
            now=seen(request).now,
        )
    except _REFUSED as refusal:
        if refusal.code == "confirmation_required":
            return await _preview_page(request, here, template_id, wanted, asks=True)
        return await _page(request, here, template_id, wanted, errors=page_errors(refusal, "name"))
    said = f"Saved for {saved.contacts} contact{'' if saved.contacts == 1 else 's'}, from their next call on."
    return redirect(request, _href(here, template_id), flash=said if saved.changed else "Nothing was changed.")


async def delete(request: Request) -> Response:
    """Delete the template; who holds it keeps their levels (M3)."""
    _, here = await guarded_form(request), await _viewing(request)
    held = await service.remove_template(
        core_of(request).database,
        company_id=here.company.id,
        template_id=_template_id(request),
        origin=here.allow.origin(request),
        now=seen(request).now,
    )
    who = "contact keeps its levels and holds" if held == 1 else "contacts keep their levels and hold"
    said = f"Deleted. {held} {who} no template now." if held else "Deleted."
    return redirect(request, f"/companies/{here.company.id}/templates", flash=said)


async def _list_page(
    request: Request, here: Viewing, *, form: Mapping[str, str] = _NO_FORM, errors: Mapping[str, str] | None = None
) -> Response:
    company_id = here.company.id
    async with core_of(request).database.read() as reader:
        total = await templates.count_templates(reader, company_id)
        page = shown_page(request, total)
        found = await templates.list_templates(reader, company_id, limit=page.size, offset=page.offset)
        tools = await companies.list_tools(reader)
    context = {
        "company": _company(here),
        "templates": [
            {**_brief(one.template), "contacts": one.contacts, **_held(one.template, tools)} for one in found
        ],
        "paging": paging(f"/companies/{company_id}/templates", page, total, asked={}),
        "form": form,
        "errors": errors or {},
    }
    return await _render(request, here, "company/templates.html", context, failed=bool(errors))


async def _page(
    request: Request,
    here: Viewing,
    template_id: TemplateId,
    wanted: Wanted,
    *,
    errors: Mapping[str, str] | None = None,
) -> Response:
    async with core_of(request).database.read() as reader:
        template = await _present(reader, here, template_id)
        tools = await companies.list_tools(reader)
        held = await templates.count_holders(reader, here.company.id, template_id)
    context = {
        "company": _company(here),
        "template": {**_brief(template), "contacts": held},
        "company_row": [asdict(c) for c in template_row(template.company_levels, tools, "company", wanted.company)],
        "project_row": [asdict(c) for c in template_row(template.project_levels, tools, "project", wanted.project)],
        "form": {"name": template.name if wanted.name is None else wanted.name},
        "errors": errors or {},
    }
    return await _render(request, here, "company/template.html", context, failed=bool(errors))


async def _preview_page(
    request: Request, here: Viewing, template_id: TemplateId, wanted: Wanted, *, asks: bool = False
) -> Response:
    company_id, narrowed = here.company.id, Narrowed(template_id=template_id)
    async with core_of(request).database.read() as reader:
        template = await _present(reader, here, template_id)
        tools = await companies.list_tools(reader)
        total = await contacts.count_contacts(reader, company_id, q="", all_addresses=False, narrowed=narrowed)
        page = shown_page(request, total)
        part = {"limit": page.size, "offset": page.offset}
        found = await contacts.list_contacts(reader, company_id, q="", all_addresses=False, narrowed=narrowed, **part)
        held = await contacts.memberships(reader, company_id, [one.id for one in found])
    sent = {"name": wanted.name or template.name}
    sent |= {f"company.{tool}": level for tool, level in merged(template.company_levels, wanted.company).items()}
    sent |= {f"project.{tool}": level for tool, level in merged(template.project_levels, wanted.project).items()}
    context = {
        "company": _company(here),
        "template": {**_brief(template), "contacts": total},
        "company_moves": [asdict(m) for m in moves(template.company_levels, tools, "company", wanted.company)],
        "project_moves": [asdict(m) for m in moves(template.project_levels, tools, "project", wanted.project)],
        "renamed": sent["name"] if sent["name"] != template.name else None,
        "contacts": [
            {"contact_id": one.id, "name": one.name, "kind": one.kind, "projects": len(held.get(one.id, ()))}
            for one in found
        ],
        "paging": paging(f"{_href(here, template_id)}/preview", page, total, asked=sent),
        "sent": sent,
        "needs_confirm": WARNING if asks else None,
    }
    return await _render(request, here, "company/template_preview.html", context, failed=asks)


async def _viewing(request: Request) -> Viewing:
    return await viewing(request, await allowed(request, tool=DIRECTORY, level=Level.ADMIN))


async def _present(reader: Reader, here: Viewing, template_id: TemplateId) -> Template:
    template = await templates.find_template(reader, here.company.id, template_id)
    if template is None:
        raise template_unknown()
    return template


async def _render(
    request: Request, here: Viewing, template: str, context: Mapping[str, object], *, failed: bool
) -> Response:
    status, place = 422 if failed else 200, f"company:{here.company.id}"
    return await render(request, template, context, status=status, place=place, tab=TAB)


def _of_form(form: PageForm) -> Wanted:
    return Wanted(form.text("name") or None, form.starting("company."), form.starting("project."))


def _starting(query: Mapping[str, str], prefix: str) -> Stated:
    return {name.removeprefix(prefix): value for name, value in query.items() if name.startswith(prefix)}


def _held(template: Template, tools: list[Tool]) -> dict[str, object]:
    stated = {"company": template.company_levels, "project": template.project_levels}
    return {
        scope: [
            {"tool_name": tool.name, "level": levels[tool.key].key}
            for tool in tools
            if tool.scope == scope and tool.key in levels
        ]
        for scope, levels in stated.items()
    }


def _brief(template: Template) -> dict[str, object]:
    return {"id": template.id, "name": template.name}


def _company(here: Viewing) -> dict[str, object]:
    return {"id": here.company.id, "name": here.company.name}


def _template_id(request: Request) -> TemplateId:
    return TemplateId(path_id(request, "template_id", "template_unknown"))


def _href(here: Viewing, template_id: TemplateId) -> str:
    return f"/companies/{here.company.id}/templates/{template_id}"
