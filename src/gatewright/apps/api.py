"""The API of App Management: `/installations` (I1 to I6, M8)."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from gatewright.apps import installation_service as service
from gatewright.apps import installation_store as store
from gatewright.apps.installation_service import installation_unknown
from gatewright.apps.model import Installation, InstallationChange, InstallationStatus, Stops
from gatewright.apps.service import app_unknown
from gatewright.apps.store import load_app
from gatewright.base.clock import rfc3339
from gatewright.base.errors import Invalid, Problem
from gatewright.base.ids import AppId, CompanyId
from gatewright.web.api import NO_STORE, asked_page, list_answer
from gatewright.web.core import core_of
from gatewright.web.edge import seen
from gatewright.web.forms import query_parameters
from gatewright.web.paths import COMPANY, CompanyAdmin, InCompany, NoBody, numbered

router = APIRouter(tags=["installations"])

INSTALLATIONS = f"{COMPANY}/installations"
INSTALLATION = f"{INSTALLATIONS}/{{app_id}}"
DAYS = 30


class DayEntry(BaseModel):
    """The calls of one day, in UTC; days without a call are left out."""

    date: str
    allowed: int
    refused: int


class InstallationEntry(BaseModel):
    """One app in one company (I1)."""

    app_id: int
    name: str
    developer: str
    status: InstallationStatus
    connected_by: str | None
    connected_at: datetime | None
    users: int
    last_call_at: datetime | None
    calls: list[DayEntry]


class StopsEntry(BaseModel):
    """What disconnecting stops, or stopped (I6)."""

    users: int
    calls_24h: int = Field(description="Calls since yesterday, 00:00 UTC: they are counted by day, so at least those.")
    last_call_at: datetime | None


class ChangeEntry(BaseModel):
    """How the app stands afterwards; null: it never came through here."""

    status: InstallationStatus | None
    stops: StopsEntry


async def _app_id(app_id: Annotated[str, Path()]) -> AppId:
    return AppId(numbered(app_id, app_unknown()))


OfApp = Annotated[AppId, Depends(_app_id)]
DryRun = Annotated[Literal["true", "false"], Query(description="Change nothing, and say what would stop.")]


@router.get(INSTALLATIONS, response_model=list[InstallationEntry])
async def list_installations(request: Request, _caller: CompanyAdmin, here: InCompany) -> JSONResponse:
    """List the company's apps by id, with their calls a day."""
    core, page = core_of(request), asked_page(request)
    async with core.database.read() as reader:
        found = await store.load_installations(reader, here, offset=page.offset, limit=page.size, since=_since(request))
        total = await store.count_installations(reader, here)
    return list_answer(request, [_entry(one) for one in found], page=page, total=total, issuer=core.settings.issuer)


@router.get(INSTALLATION, response_model=InstallationEntry)
async def show_installation(request: Request, _caller: CompanyAdmin, here: InCompany, app_id: OfApp) -> JSONResponse:
    """Show one app in the company; 404 for one that never came through there."""
    async with core_of(request).database.read() as reader:
        found = await store.load_installation(reader, here, app_id, since=_since(request))
    if found is None:
        raise installation_unknown()
    return JSONResponse(_entry(found), headers=NO_STORE)


@router.post(f"{INSTALLATION}/disconnect", response_model=ChangeEntry)
async def disconnect(
    request: Request,
    caller: CompanyAdmin,
    here: InCompany,
    app_id: OfApp,
    dry_run: DryRun = "false",
    _body: NoBody | None = None,
) -> JSONResponse:
    """Stop the app in this company at once, for all users (I3); no token is revoked.

    An app never seen here is blocked beforehand. `?dry_run=true` changes nothing and
    says what it would stop. Sent again it answers the same.
    """
    if len(request.query_params.getlist("dry_run")) > 1:  # not chosen from
        raise Invalid(Problem("dry_run", "must be stated once"))
    query_parameters(request)
    if dry_run == "true":
        return await _foreseen(request, here, app_id)
    change = await service.disconnect(
        core_of(request).database,
        company_id=here,
        app_id=app_id,
        origin=caller.origin(request),
        now=seen(request).now,
    )
    return _changed(change)


@router.post(f"{INSTALLATION}/reconnect", response_model=ChangeEntry)
async def reconnect(
    request: Request, caller: CompanyAdmin, here: InCompany, app_id: OfApp, _body: NoBody | None = None
) -> JSONResponse:
    """Let the app back in, or approve it (I2, I4); its tokens are those it has.

    403 `own_app` for an app that would let in itself or another app of its developer (M8).
    """
    change = await service.reconnect(
        core_of(request).database,
        company_id=here,
        app_id=app_id,
        origin=caller.origin(request),
        now=seen(request).now,
    )
    return _changed(change)


async def _foreseen(request: Request, company_id: CompanyId, app_id: AppId) -> JSONResponse:
    async with core_of(request).database.read() as reader:
        if await load_app(reader, app_id) is None:
            raise app_unknown()
        standing = await store.load_installation_row(reader, company_id, app_id)
        stops = await store.load_stops(reader, company_id, app_id, now=seen(request).now)
    return JSONResponse({"status": standing and standing.status, "stops": _stops(stops)}, headers=NO_STORE)


def _since(request: Request) -> str:
    return (seen(request).now - timedelta(days=DAYS - 1)).date().isoformat()


def _changed(change: InstallationChange) -> JSONResponse:
    return JSONResponse({"status": change.status, "stops": _stops(change.stops)}, headers=NO_STORE)


def _entry(one: Installation) -> dict[str, object]:
    return {
        "app_id": one.app_id,
        "name": one.name,
        "developer": one.developer,
        "status": one.status,
        "connected_by": one.connected_by,
        "connected_at": _instant(one.connected_at),
        "users": one.users,
        "last_call_at": _instant(one.last_call_at),
        "calls": [{"date": day.day, "allowed": day.allowed, "refused": day.refused} for day in one.calls],
    }


def _stops(stops: Stops) -> dict[str, object]:
    return {
        "users": stops.users,
        "calls_24h": stops.calls_since_yesterday,
        "last_call_at": _instant(stops.last_call_at),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)
