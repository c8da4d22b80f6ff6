"""The API of a company's record: `/events` (R1, R2, M8)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse

from gatewright.activity.record_answers import entry, exported
from gatewright.base.errors import Invalid, Problem
from gatewright.base.ids import CompanyId
from gatewright.db.engine import Reader
from gatewright.events.reading import Wanted, load_recorded, position_of
from gatewright.events.sentences import SENTENCES
from gatewright.web.access import plain_id
from gatewright.web.api import NO_STORE, asked_page
from gatewright.web.core import core_of
from gatewright.web.forms import query_parameters
from gatewright.web.paths import COMPANY, CompanyAdmin, InCompany

router = APIRouter(tags=["events"])

EVENTS = f"{COMPANY}/events"


class ByEntry(BaseModel):
    """Who acted. `name`: as the company's directory has them now; null for those outside it, and for programs none."""

    kind: Literal["user", "service_account", "operator", "system"]
    id: int | None
    name: str | None
    app_id: int | None
    app_name: str | None


class FromEntry(BaseModel):
    """From where; null where it is not known or was erased."""

    ip: str | None
    user_agent: str | None
    request_id: str | None


class EventEntry(BaseModel):
    """One entry of the record (R1). `erased`: which personal data was erased from it (R4)."""

    id: int
    at: datetime
    kind: str
    about: dict[str, Any]
    by: ByEntry
    from_: Annotated[FromEntry, Field(alias="from")]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    erased: list[Literal["from", "names"]]


After = Annotated[str, Query(description="The id of an entry: those after it are listed.")]
Kind = Annotated[str | None, Query(description="One kind of event; docs/audit.md lists them all.")]


@router.get(EVENTS, response_model=list[EventEntry])
async def list_events(
    request: Request, _caller: CompanyAdmin, here: InCompany, after: After = "0", kind: Kind = None
) -> JSONResponse:
    """List the entries of the company's record, the oldest first; `Link` leads to those that follow."""
    query_parameters(request)  # repeated parameters are refused, not chosen from
    core, size = core_of(request), asked_page(request).size
    if kind is not None and kind not in SENTENCES:
        raise Invalid(Problem("kind", "must be a kind of event"))
    async with core.database.read() as reader:
        above = await _above(reader, here, after)
        wanted = Wanted(kinds=() if kind is None else (kind,), above=above)
        found = await load_recorded(reader, here, wanted, limit=size + 1, oldest_first=True)
    headers = dict(NO_STORE)
    if len(found) > size:
        url = request.url.include_query_params(after=found[size - 1].id)
        headers["link"] = f'<{core.settings.issuer}{url.path}?{url.query}>; rel="next"'
    return JSONResponse([entry(one) for one in found[:size]], headers=headers)


@router.get(f"{EVENTS}/export", response_class=StreamingResponse)
async def export_events(request: Request, caller: CompanyAdmin, here: InCompany) -> StreamingResponse:
    """Export the company's whole record as a hash-chained, signed file, to be verified without the server (R2)."""
    return await exported(request, here, caller.origin(request))


async def _above(reader: Reader, company_id: CompanyId, after: str) -> int | None:
    """Return the position of the entry that a cursor names; 0 is before all. P6: a foreign id is as unknown as none."""
    if after == "0":
        return None
    event_id = plain_id(after)
    position = None if event_id is None else await position_of(reader, company_id, event_id)
    if position is None:
        raise Invalid(Problem("after", "must be the id of an entry of this company's record"))
    return position
