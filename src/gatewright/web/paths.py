"""What routes share: the company of the path and its admin, and the body of a request that needs none."""

from typing import Annotated

from fastapi import Depends, Path
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request

from gatewright.base.errors import NotFound
from gatewright.base.ids import CompanyId
from gatewright.base.levels import Level
from gatewright.web.access import Allow, Question, Viewer, path_id, plain_id, requires, viewer_may

COMPANY = "/rest/v1.0/companies/{company_id}"


class NoBody(BaseModel):
    """The body of a request that says everything in its address: empty, or `{}`."""

    model_config = ConfigDict(extra="forbid")


def numbered(text: str, unknown: NotFound) -> int:
    """Return the id that a path names; one that cannot be an id answers like an unknown one (P6)."""
    number = plain_id(text)
    if number is None:
        raise unknown
    return number


async def _company(company_id: Annotated[str, Path()]) -> CompanyId:
    return CompanyId(numbered(company_id, NotFound("company_unknown")))


# The company of the path is the one that the caller was allowed to act in: where a
# header or the query names another, `requires` refused already (X3).
InCompany = Annotated[CompanyId, Depends(_company)]


async def company_admin(request: Request) -> tuple[Viewer, Allow, CompanyId]:
    """Return the viewer of a page that is for `admin: admin` of the company of its path; the refusal is raised."""
    company_id = CompanyId(path_id(request, "company_id", "company_unknown"))
    question = Question(company_id=company_id, needs_company=True, tool="admin", level=Level.ADMIN)
    viewer, allow = await viewer_may(request, question)
    return viewer, allow, company_id


# Named before any other id, so that nobody learns of an id who may not ask.
CompanyAdmin = Annotated[Allow, Depends(requires("admin", Level.ADMIN, manage=True))]
