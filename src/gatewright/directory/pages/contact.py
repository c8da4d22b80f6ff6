"""A contact's page: its levels as a grid, its projects, its label, its removal."""

from starlette.requests import Request
from starlette.responses import Response

from gatewright.base.errors import Conflict, Invalid, NotAllowed, NotFound, Problem
from gatewright.base.ids import ContactId, ProjectId, TemplateId
from gatewright.base.levels import Level
from gatewright.directory import service
from gatewright.directory.model import DIRECTORY
from gatewright.directory.pages.contact_view import Sent, answer
from gatewright.directory.pages.grid import Stated, by_project, merged
from gatewright.directory.pages.inviting import invite_and_answer, sent_before
from gatewright.directory.pages.viewing import Viewing, allowed, page_errors, viewing
from gatewright.directory.rules import CONFIRMATION
from gatewright.directory.service.levels import contact_unknown
from gatewright.directory.service.templates import UNKNOWN
from gatewright.directory.store import contacts
from gatewright.web.access import path_id, plain_id
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.html import redirect

_REFUSED = (Invalid, Conflict, NotAllowed)


async def show(request: Request) -> Response:
    """Show the contact; whoever reads the directory sees the levels, a company admin changes them."""
    here = await viewing(request, await allowed(request, tool=DIRECTORY, level=Level.READ_ONLY))
    return await answer(request, here, _contact_id(request))


async def save_levels(request: Request) -> Response:
    """Save the grid, all of it or nothing (M2, M5, S10)."""
    form, here = await guarded_form(request), await _editing(request)
    contact_id, company = _contact_id(request), form.starting("company.")
    projects = by_project(form.starting("project."))
    try:
        changed = await _save(
            request, here, contact_id, company, projects, confirmed=form.text("confirm") == CONFIRMATION
        )
    except _REFUSED as refusal:
        asks = refusal.code == "confirmation_required"
        errors = {} if asks else page_errors(refusal)
        sent = Sent(company=company, projects=projects, errors=errors, needs_confirm=asks)
        return await answer(request, here, contact_id, sent)
    return redirect(request, _href(here, contact_id), flash=changed or "Nothing was changed.")


# long: one call with all that a grid says, between two looks at the contact
async def _save(
    request: Request,
    here: Viewing,
    contact_id: ContactId,
    company: Stated,
    projects: dict[ProjectId, dict[str, str]],
    *,
    confirmed: bool,
) -> str:
    """Return what was saved, in words; nothing when nothing changed."""
    database = core_of(request).database
    async with database.read() as reader:
        contact = await contacts.find_contact(reader, here.company.id, contact_id)
        held = await contacts.memberships(reader, here.company.id, [contact_id])
    if contact is None:
        raise contact_unknown()
    levels = {membership.project_id: membership.levels for membership in held.get(contact_id, ())}
    if projects.keys() - levels.keys():
        # A page from before it left the project must not bring it back in.
        raise Invalid(Problem("project", "is one that this contact is no longer a member of; nothing was saved"))
    changed = await service.save_levels(
        database,
        company_id=here.company.id,
        contact_id=contact_id,
        company=merged(contact.levels, company),
        projects={project_id: merged(levels[project_id], wanted) for project_id, wanted in projects.items()},
        granted_by=here.grantor,
        confirmed=confirmed,
        origin=here.allow.origin(request),
        now=seen(request).now,
    )
    async with database.read() as reader:
        now_holds = await contacts.find_contact(reader, here.company.id, contact_id)
    detached = contact.template_id is not None and now_holds is not None and now_holds.template_id is None
    return "" if not changed else "Levels saved. It holds its template no more." if detached else "Levels saved."


async def edit(request: Request) -> Response:
    """Change the company's own label of the contact (P9, S8)."""
    form, here = await guarded_form(request), await _editing(request)
    contact_id = _contact_id(request)
    label = {"name": form.text("name"), "email": form.text("email")}
    try:
        await service.edit_contact(
            core_of(request).database,
            company_id=here.company.id,
            contact_id=contact_id,
            name=label["name"],
            email=label["email"],
            granted_by=here.grantor,
            origin=here.allow.origin(request),
            now=seen(request).now,
        )
    except _REFUSED as refusal:
        errors = page_errors(refusal, "name", "email")
        return await answer(request, here, contact_id, Sent(label=label, errors=errors))
    return redirect(request, _href(here, contact_id), flash="Name and address saved.")


async def set_template(request: Request) -> Response:
    """Let the contact hold a template, or none (M3, M5, S10)."""
    form, here = await guarded_form(request), await _editing(request)
    contact_id, chosen = _contact_id(request), form.text("template_id")
    try:
        number = plain_id(chosen) if chosen else None
        if chosen and number is None:
            raise Invalid(UNKNOWN)
        changed = await service.assign_template(
            core_of(request).database,
            company_id=here.company.id,
            contact_id=contact_id,
            template_id=None if number is None else TemplateId(number),
            granted_by=here.grantor,
            confirmed=form.text("confirm") == CONFIRMATION,
            origin=here.allow.origin(request),
            now=seen(request).now,
        )
    except _REFUSED as refusal:
        asks = refusal.code == "confirmation_required"
        errors = {} if asks else page_errors(refusal, "template_id")
        sent = Sent(template=chosen, errors=errors, needs_confirm_of_template=asks)
        return await answer(request, here, contact_id, sent)
    said = (
        "It has the template’s levels from its next call on."
        if chosen
        else "It holds no template, and keeps its levels."
    )
    return redirect(request, _href(here, contact_id), flash=said if changed else "Nothing was changed.")


async def invite(request: Request) -> Response:
    """Invite the contact to sign in (P2, P7)."""
    form, here = await guarded_form(request), await _editing(request)
    contact_id = _contact_id(request)
    async with core_of(request).database.read() as reader:
        if await contacts.find_contact(reader, here.company.id, contact_id) is None:
            raise contact_unknown()
    return await invite_and_answer(
        request,
        (here.company.id, here.company.name),
        contact_id,
        origin=here.allow.origin(request),
        back=_href(here, contact_id),
        sent_again=await sent_before(request, form, here.company.id, contact_id),
    )


async def remove(request: Request) -> Response:
    """Remove the contact; its access to this company ends at once (P3, P5)."""
    _, here = await guarded_form(request), await _editing(request)
    contact_id = _contact_id(request)
    try:
        removed = await service.remove_contact(
            core_of(request).database,
            company_id=here.company.id,
            contact_id=contact_id,
            granted_by=here.grantor,
            origin=here.allow.origin(request),
            now=seen(request).now,
        )
    except _REFUSED as refusal:
        return await answer(request, here, contact_id, Sent(errors=page_errors(refusal)))
    if not removed:
        raise contact_unknown()
    to = "/" if here.allow.contact_id == contact_id else f"/companies/{here.company.id}/directory"
    return redirect(request, to, flash="Removed. Its access to this company has ended.")


async def join_project(request: Request) -> Response:
    """Make the contact a member of a project, with its template's levels there, else none (P3, M3)."""
    form, here = await guarded_form(request), await _editing(request)
    contact_id, project_id = _contact_id(request), plain_id(form.text("project_id"))
    try:
        if project_id is None:
            raise Invalid(Problem("project_id", "must be one of the projects"))
        await service.set_membership(
            core_of(request).database,
            company_id=here.company.id,
            contact_id=contact_id,
            project_id=ProjectId(project_id),
            levels=None,
            granted_by=here.grantor,
            origin=here.allow.origin(request),
            now=seen(request).now,
        )
    except _REFUSED as refusal:
        return await answer(request, here, contact_id, Sent(errors=page_errors(refusal, "project_id")))
    return redirect(request, _href(here, contact_id), flash="Added to the project.")


async def leave_project(request: Request) -> Response:
    """Take the contact out of a project."""
    _, here = await guarded_form(request), await _editing(request)
    contact_id = _contact_id(request)
    try:
        ended = await service.end_membership(
            core_of(request).database,
            company_id=here.company.id,
            contact_id=contact_id,
            project_id=ProjectId(path_id(request, "project_id", "project_unknown")),
            granted_by=here.grantor,
            origin=here.allow.origin(request),
            now=seen(request).now,
        )
    except _REFUSED as refusal:
        return await answer(request, here, contact_id, Sent(errors=page_errors(refusal)))
    if not ended:
        raise NotFound("project_unknown", "This contact is no member of such a project.")
    return redirect(request, _href(here, contact_id), flash="Removed from the project.")


async def _editing(request: Request) -> Viewing:
    return await viewing(request, await allowed(request, tool=DIRECTORY, level=Level.ADMIN))


def _contact_id(request: Request) -> ContactId:
    return ContactId(path_id(request, "contact_id", "contact_unknown"))


def _href(here: Viewing, contact_id: ContactId) -> str:
    return f"/companies/{here.company.id}/directory/{contact_id}"
