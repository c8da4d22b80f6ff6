"""What the API's routes share: the company of the path, and the body of a request that needs none."""

from typing import Annotated

from fastapi import Depends, Path
from pydantic import BaseModel, ConfigDict

from gatewright.base.errors import NotFound
from gatewright.base.ids import CompanyId
from gatewright.base.levels import Level
from gatewright.web.access import Allow, plain_id, requires

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

# Named before any other id, so that nobody learns of an id who may not ask.
CompanyAdmin = Annotated[Allow, Depends(requires("admin", Level.ADMIN, manage=True))]
