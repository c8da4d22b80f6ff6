"""The API's paths, their ids, and who may call.

Handlers name the caller before the ids, so that nobody learns of an id who may not ask.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from gatewright.base.ids import ContactId, ProjectId, TemplateId
from gatewright.base.levels import Level
from gatewright.directory.model import ADMIN, DIRECTORY, Grantor
from gatewright.directory.service.levels import contact_unknown, project_unknown
from gatewright.directory.service.templates import template_unknown
from gatewright.web.access import Allow, requires
from gatewright.web.paths import COMPANY, numbered

router = APIRouter(tags=["directory"])  # one for all modules of this folder

PROJECTS = f"{COMPANY}/projects"
PROJECT = f"{PROJECTS}/{{project_id}}"
CONTACTS = f"{COMPANY}/contacts"
CONTACT = f"{CONTACTS}/{{contact_id}}"
LEVELS = f"{CONTACT}/levels"
MEMBERSHIP = f"{CONTACT}/projects/{{project_id}}"

TEMPLATES = f"{COMPANY}/permission_templates"
TEMPLATE = f"{TEMPLATES}/{{template_id}}"


async def _contact(contact_id: Annotated[str, Path()]) -> ContactId:
    return ContactId(numbered(contact_id, contact_unknown()))


async def _project(project_id: Annotated[str, Path()]) -> ProjectId:
    return ProjectId(numbered(project_id, project_unknown()))


async def _template(template_id: Annotated[str, Path()]) -> TemplateId:
    return TemplateId(numbered(template_id, template_unknown()))


OfContact = Annotated[ContactId, Depends(_contact)]
OfProject = Annotated[ProjectId, Depends(_project)]
OfTemplate = Annotated[TemplateId, Depends(_template)]

DirectoryReader = Annotated[Allow, Depends(requires(DIRECTORY, Level.READ_ONLY))]
DirectoryAdmin = Annotated[Allow, Depends(requires(DIRECTORY, Level.ADMIN, manage=True))]
# The project that is changed is judged before scope and level (X2), and seen by whoever may know of it (P6).
MembershipAdmin = Annotated[Allow, Depends(requires(DIRECTORY, Level.ADMIN, manage=True, on_project=True))]
ProjectAdmin = Annotated[Allow, Depends(requires(ADMIN, Level.ADMIN, manage=True, on_project=True))]


def grantor(caller: Allow) -> Grantor:
    """Return whose levels bound what this caller may give and take (M5)."""
    if caller.contact_id is None:
        raise contact_unknown()
    return Grantor(caller.contact_id)
