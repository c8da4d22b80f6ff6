"""The API's paths, their ids, and who may call.

Handlers name the caller before the ids, so that nobody learns of an id who may not ask.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from gatewright.base.errors import NotFound
from gatewright.base.ids import CompanyId, ContactId, ProjectId
from gatewright.base.levels import Level
from gatewright.directory.model import ADMIN, DIRECTORY, Grantor
from gatewright.directory.service.levels import contact_unknown, project_unknown
from gatewright.web.access import Allow, plain_id, requires

router = APIRouter(tags=["directory"])  # one for all modules of this folder

COMPANY = "/rest/v1.0/companies/{company_id}"
PROJECTS = f"{COMPANY}/projects"
PROJECT = f"{PROJECTS}/{{project_id}}"
CONTACTS = f"{COMPANY}/contacts"
CONTACT = f"{CONTACTS}/{{contact_id}}"
LEVELS = f"{CONTACT}/levels"
MEMBERSHIP = f"{CONTACT}/projects/{{project_id}}"


async def _company(company_id: Annotated[str, Path()]) -> CompanyId:
    return CompanyId(_number(company_id, NotFound("company_unknown")))


async def _contact(contact_id: Annotated[str, Path()]) -> ContactId:
    return ContactId(_number(contact_id, contact_unknown()))


async def _project(project_id: Annotated[str, Path()]) -> ProjectId:
    return ProjectId(_number(project_id, project_unknown()))


def _number(text: str, unknown: NotFound) -> int:
    """Return the id; what cannot be one answers like an unknown one (P6)."""
    number = plain_id(text)
    if number is None:
        raise unknown
    return number


# The company of the path is the one that the caller was allowed to act in: where a
# header or the query names another, `requires` refused already (X3).
InCompany = Annotated[CompanyId, Depends(_company)]
OfContact = Annotated[ContactId, Depends(_contact)]
OfProject = Annotated[ProjectId, Depends(_project)]

DirectoryReader = Annotated[Allow, Depends(requires(DIRECTORY, Level.READ_ONLY))]
DirectoryAdmin = Annotated[Allow, Depends(requires(DIRECTORY, Level.ADMIN, manage=True))]
CompanySetter = Annotated[Allow, Depends(requires(ADMIN, Level.ADMIN, manage=True))]


def grantor(caller: Allow) -> Grantor:
    """Return whose levels bound what this caller may give and take (M5)."""
    if caller.contact_id is None:
        raise contact_unknown()
    return Grantor(caller.contact_id)
