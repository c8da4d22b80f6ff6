"""A company's projects: the list, one with its members, and changing both (P3, P6)."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gatewright.base.errors import Conflict, Invalid, NotAllowed, NotFound
from gatewright.base.ids import ContactId, ProjectId
from gatewright.base.levels import Level
from gatewright.directory import service
from gatewright.directory.model import ADMIN, DIRECTORY, Contact, Project, Tool
from gatewright.directory.pages.viewing import Viewing, allowed, page_errors, viewing
from gatewright.directory.service.levels import contact_unknown, project_unknown
from gatewright.directory.store import companies, projects
from gatewright.directory.store.projects import PlacedContact
from gatewright.web.access import path_id, plain_id
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.forms import query_parameters
from gatewright.web.html import redirect, render
from gatewright.web.lists import paging, shown_page

TAB = "Projects"
_MOST_FOUND = 20
_REFUSED = (Invalid, Conflict, NotAllowed)
_NO_FORM = {"name": "", "project_number": ""}


async def show_all(request: Request) -> Response:
    """Show the projects that the viewer may know of (P6), fifty at a time."""
    return await _list_page(request, await _admin(request))


async def create(request: Request) -> Response:
    """Make a project, without members (P3)."""
    form, here = await guarded_form(request), await _admin(request)
    given = {name: form.text(name) for name in _NO_FORM}
    try:
        project_id = await service.create_project(
            core_of(request).database,
            company_id=here.company.id,
            name=given["name"],
            project_number=given["project_number"] or None,
            origin=here.allow.origin(request),
            now=seen(request).now,
        )
    except Invalid as refusal:
        return await _list_page(request, here, form=given, errors=page_errors(refusal, *_NO_FORM))
    if here.may_edit:
        return redirect(request, _href(here, project_id), flash="The project is made. Nobody is a member of it yet.")
    said = "The project is made. You see it once somebody with Directory: Admin makes you a member of it."
    return redirect(request, f"/companies/{here.company.id}/projects", flash=said)


async def show(request: Request) -> Response:
    """Show one project and those who are members of it."""
    return await _page(request, await _admin_of_project(request))


async def save(request: Request) -> Response:
    """Change the project's name, number and whether it is active."""
    form, here = await guarded_form(request), await _admin_of_project(request)
    given = {name: form.text(name) for name in _NO_FORM}
    try:
        changed = await service.change_project(
            core_of(request).database,
            company_id=here.company.id,
            project_id=_project_id(request),
            name=given["name"],
            project_number=given["project_number"] or None,
            is_active=form.text("is_active") == "yes",
            origin=here.allow.origin(request),
            now=seen(request).now,
        )
    except Invalid as refusal:
        shown = {**given, "is_active": form.text("is_active")}
        return await _page(request, here, form=shown, errors=page_errors(refusal, *_NO_FORM))
    said = "Project saved." if changed else "Nothing was changed."
    return redirect(request, _href(here, _project_id(request)), flash=said)


async def put_on(request: Request) -> Response:
    """Make a contact a member of the project, with its template's levels there, else none (P3, M3)."""
    form, here = await guarded_form(request), await _directory_admin(request)
    contact_id = plain_id(form.text("contact_id"))
    if contact_id is None:
        raise contact_unknown()
    try:
        await service.set_membership(
            core_of(request).database,
            company_id=here.company.id,
            contact_id=ContactId(contact_id),
            project_id=_project_id(request),
            levels=None,
            granted_by=here.grantor,
            origin=here.allow.origin(request),
            now=seen(request).now,
        )
    except _REFUSED as refusal:
        return await _page(request, here, errors=page_errors(refusal))
    return redirect(request, _href(here, _project_id(request)), flash="Added to the project.")


async def take_off(request: Request) -> Response:
    """Take a contact out of the project."""
    _, here = await guarded_form(request), await _directory_admin(request)
    try:
        ended = await service.end_membership(
            core_of(request).database,
            company_id=here.company.id,
            contact_id=ContactId(path_id(request, "contact_id", "contact_unknown")),
            project_id=_project_id(request),
            granted_by=here.grantor,
            origin=here.allow.origin(request),
            now=seen(request).now,
        )
    except _REFUSED as refusal:
        return await _page(request, here, errors=page_errors(refusal))
    if not ended:
        raise NotFound("contact_unknown", "This contact is no member of such a project.")
    return redirect(request, _href(here, _project_id(request)), flash="Removed from the project, at once.")


async def _list_page(
    request: Request, here: Viewing, *, form: Mapping[str, str] = _NO_FORM, errors: Mapping[str, str] | None = None
) -> Response:
    q, company_id = query_parameters(request).get("q", ""), here.company.id
    sought: dict[str, Any] = {"q": q, "known_to": here.sees_projects_of}
    async with core_of(request).database.read() as reader:
        total = await projects.count_projects(reader, company_id, **sought)
        page = shown_page(request, total)
        found = await projects.list_projects(reader, company_id, **sought, limit=page.size, offset=page.offset)
    context = {
        "company": {"id": company_id, "name": here.company.name},
        "q": q,
        "projects": [asdict(row) for row in found],
        "sees_all": here.may_edit,
        "paging": paging(f"/companies/{company_id}/projects", page, total, asked={"q": q}),
        "form": form,
        "errors": errors or {},
    }
    status = 422 if errors else 200
    return await render(
        request, "company/projects.html", context, status=status, place=f"company:{company_id}", tab=TAB
    )


# long: the page is named part by part
async def _page(
    request: Request,
    here: Viewing,
    *,
    form: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    asked, company_id, project_id = query_parameters(request), here.company.id, _project_id(request)
    q, find = asked.get("q", ""), asked.get("find", "")
    where: dict[str, Any] = {"q": q, "all_addresses": here.may_set}
    async with core_of(request).database.read() as reader:
        project = await companies.find_project(reader, company_id, project_id)
        if project is None:
            raise project_unknown()
        total = await projects.count_placed(reader, company_id, project_id, **where)
        page = shown_page(request, total)
        part: dict[str, Any] = {"limit": page.size, "offset": page.offset}
        placed = []
        if here.may_read:
            placed = await projects.list_placed(reader, company_id, project_id, **where, **part)
        found = []
        if find and here.may_edit:
            found = await projects.others(
                reader, company_id, project_id, q=find, all_addresses=here.may_set, limit=_MOST_FOUND
            )
        tools = await companies.list_tools(reader)
    context = {
        "company": {"id": company_id, "name": here.company.name},
        "project": {"id": project.id, "name": project.name, "number": project.number, "is_active": project.is_active},
        "contacts": [_placed(row, tools) for row in placed],
        "q": q,
        "find": find,
        "found": [_found(one, here) for one in found],
        "paging": paging(_href(here, project_id), page, total, asked={"q": q}),
        "may_read": here.may_read,
        "may_edit": here.may_edit,
        "form": form if form is not None else _form(project),
        "errors": errors or {},
    }
    status = 422 if errors else 200
    return await render(request, "company/project.html", context, status=status, place=f"company:{company_id}", tab=TAB)


async def _admin(request: Request) -> Viewing:
    return await viewing(request, await allowed(request, tool=ADMIN, level=Level.ADMIN))


async def _admin_of_project(request: Request) -> Viewing:
    return await viewing(request, await allowed(request, tool=ADMIN, level=Level.ADMIN, on_project=True))


async def _directory_admin(request: Request) -> Viewing:
    return await viewing(request, await allowed(request, tool=DIRECTORY, level=Level.ADMIN, on_project=True))


def _form(project: Project) -> dict[str, str]:
    return {
        "name": project.name,
        "project_number": project.number or "",
        "is_active": "yes" if project.is_active else "",
    }


def _placed(row: PlacedContact, tools: list[Tool]) -> dict[str, object]:
    levels = [
        {"tool_name": tool.name, "level": row.on_project[tool.key].key}
        for tool in tools
        if tool.scope == "project" and tool.key in row.on_project
    ]
    return {
        "contact_id": row.contact.id,
        "name": row.contact.name,
        "kind": row.contact.kind,
        "levels": levels,
        "is_company_admin": row.contact.levels.get(DIRECTORY) is Level.ADMIN,  # M4
    }


def _found(contact: Contact, here: Viewing) -> dict[str, object]:
    shown = contact.email if here.may_set or contact.service_account_id is None else None  # S2
    return {"contact_id": contact.id, "name": contact.name, "kind": contact.kind, "email": shown}


def _project_id(request: Request) -> ProjectId:
    return ProjectId(path_id(request, "project_id", "project_unknown"))


def _href(here: Viewing, project_id: ProjectId) -> str:
    return f"/companies/{here.company.id}/projects/{project_id}"
