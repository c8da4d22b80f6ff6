"""What a contact's page shows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from gatewright.base.ids import ContactId, ProjectId
from gatewright.db.engine import Reader
from gatewright.directory.model import Contact, Tool
from gatewright.directory.pages.grid import LAST_ADMIN, Bounds, Stated, company_row, project_row
from gatewright.directory.pages.inviting import open_invitation
from gatewright.directory.pages.viewing import Viewing
from gatewright.directory.rules import is_company_admin
from gatewright.directory.service.levels import contact_unknown
from gatewright.directory.store import companies, contacts, overview, templates
from gatewright.web.core import core_of
from gatewright.web.html import render

_MOST_OTHER_PROJECTS = 100
_MOST_TEMPLATES = 300
ENDS_WITH_ITS_ACCOUNT = "This contact goes with its service account: delete that under Service accounts."
WARNING = (
    "This service account would be company admin: it could do everything here, change everybody's levels and"
    " remove contacts, and nobody is asked before it acts."
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a refused form asked for, and why it was refused; empty when the page is merely shown."""

    company: Stated = field(default_factory=dict)
    projects: Mapping[ProjectId, Stated] = field(default_factory=dict)
    label: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    needs_confirm: bool = False
    template: str | None = None
    needs_confirm_of_template: bool = False


async def answer(request: Request, here: Viewing, contact_id: ContactId, sent: Sent | None = None) -> Response:
    """Return the contact's page: 200, or 422 with what a refused form asked for."""
    async with core_of(request).database.read() as reader:
        contact = await contacts.find_contact(reader, here.company.id, contact_id)
        if contact is None:
            raise contact_unknown()
        context = await _context(reader, here, contact, sent or Sent())
    may_invite = here.may_edit and contact.kind == "none"
    context["invitation"] = await open_invitation(request, here.company.id, contact_id) if may_invite else None
    status = 200 if sent is None else 422
    place = f"company:{here.company.id}"
    return await render(request, "company/contact.html", context, status=status, place=place, tab="Directory")


# long: the page is named part by part
async def _context(reader: Reader, here: Viewing, contact: Contact, sent: Sent) -> dict[str, object]:
    tools = await companies.list_tools(reader)
    bounds = await _bounds(reader, here, contact)
    projects = await _projects(reader, here, contact, tools, bounds, sent)
    others = await _others(reader, contact) if here.may_edit else []  # P6
    named = await templates.template_names(reader, here.company.id, limit=_MOST_TEMPLATES)
    shown = contact.email if here.may_set or contact.service_account_id is None else None  # S2
    return {
        "company": {"id": here.company.id, "name": here.company.name},
        "contact": {
            "contact_id": contact.id,
            "name": contact.name,
            "email": shown,
            "kind": contact.kind,
            "service_account_id": contact.service_account_id if here.may_set else None,
            "pronoun": "it" if contact.service_account_id is not None else "they",
        },
        "may_edit": here.may_edit,
        "template": await _template(reader, contact),
        "templates": [{"id": id_, "name": name} for id_, name in named],
        "chosen_template": str(contact.template_id or "") if sent.template is None else sent.template,
        "needs_confirm_of_template": WARNING if sent.needs_confirm_of_template else None,
        "explained": _explained(here, tools, projects),
        "company_row": [asdict(cell) for cell in company_row(contact, tools, bounds, sent.company)],
        "projects": projects,
        "other_projects": [asdict(project) for project in others],
        "form": {"name": contact.name, "email": shown or "", **sent.label},
        "errors": sent.errors,
        "needs_confirm": WARNING if sent.needs_confirm else None,
        "removal": await _removal(reader, contact, bounds, projects=len(projects)),
    }


async def _bounds(reader: Reader, here: Viewing, contact: Contact) -> Bounds:
    is_last = (
        is_company_admin(contact.levels)
        and contact.user_id is not None
        and await contacts.is_active_user(reader, contact.user_id)
        and await contacts.count_active_admins(reader, contact.company_id) == 1
    )
    mine = await contacts.memberships(reader, contact.company_id, [here.grantor.contact_id])
    own = {membership.project_id: membership.levels for membership in mine.get(here.grantor.contact_id, ())}
    return Bounds(here.own_levels, own, is_last)


async def _projects(
    reader: Reader, here: Viewing, contact: Contact, tools: list[Tool], bounds: Bounds, sent: Sent
) -> list[dict[str, object]]:
    held = await contacts.memberships(reader, contact.company_id, [contact.id], known_to=here.sees_projects_of)
    seen = {membership.project_id: membership for membership in held.get(contact.id, ())}
    rows = []
    for project in await overview.projects_of(reader, contact.company_id, contact.id):
        if project.id not in seen:
            continue  # P6
        cells = project_row(contact, seen[project.id], tools, bounds, sent.projects.get(project.id))
        shown = {"cells": [asdict(cell) for cell in cells], "may_remove": here.may_edit}
        rows.append({**asdict(project), **shown})
    return rows


async def _template(reader: Reader, contact: Contact) -> dict[str, object] | None:
    if contact.template_id is None:
        return None
    template = await templates.find_template(reader, contact.company_id, contact.template_id)
    return None if template is None else {"id": template.id, "name": template.name}


def _explained(here: Viewing, tools: list[Tool], projects: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return what can be asked of a contact's levels: one question per tool, and per project (X4)."""
    if not here.may_edit:
        return []
    whole = [{"query": f"tool={tool.key}", "name": tool.name} for tool in tools if tool.scope == "company"]
    groups: list[dict[str, object]] = [{"name": "Whole company", "questions": whole}]
    for project in projects:
        asked = [
            {"query": f"tool={tool.key}&project_id={project['id']}", "name": tool.name}
            for tool in tools
            if tool.scope == "project"
        ]
        groups.append({"name": project["name"], "questions": asked})
    return groups


async def _others(reader: Reader, contact: Contact) -> list[overview.ProjectName]:
    return await overview.projects_without(reader, contact.company_id, contact.id, limit=_MOST_OTHER_PROJECTS)


async def _removal(reader: Reader, contact: Contact, bounds: Bounds, *, projects: int) -> dict[str, object]:
    apps = [] if contact.user_id is None else await overview.acting_apps(reader, contact.company_id, contact.user_id)
    locked = ENDS_WITH_ITS_ACCOUNT if contact.service_account_id is not None else None
    return {"projects": projects, "apps": apps, "locked": LAST_ADMIN if bounds.is_last_admin else locked}
