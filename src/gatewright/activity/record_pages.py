"""The pages of the record: a company's events for its admins, the deployment's for its operators."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gatewright.activity.record_answers import exported
from gatewright.activity.record_rules import differences
from gatewright.activity.record_service import record_key
from gatewright.base.errors import Invalid, NotFound, Problem
from gatewright.base.ids import NO_COMPANY, AppId, CompanyId, ContactId
from gatewright.db.engine import Reader
from gatewright.directory.store.companies import find_company
from gatewright.events.catalogue import Origin
from gatewright.events.reading import Recorded, Wanted, chain_head, load_recorded, name_of
from gatewright.events.sentences import COMPANY_KINDS, SENTENCES, line
from gatewright.web.access import operator_of, plain_id
from gatewright.web.core import core_of
from gatewright.web.edge import seen
from gatewright.web.forms import query_parameters
from gatewright.web.html import render
from gatewright.web.paths import company_admin

COMPANY = "/companies/{company_id}/events"
OPERATOR = "/operator/events"
_SHOWN = 50
_FILTERS = ("kind", "contact", "app", "since", "until")


async def show(request: Request) -> Response:
    """Show a company's events, newest first. Needs admin: admin."""
    _, allow, company_id = await company_admin(request)
    async with core_of(request).database.read() as reader:
        company = await find_company(reader, company_id)
    if company is None:
        raise NotFound("company_unknown")
    context = {"company": {"id": company.id, "name": company.name}, "kinds": sorted(COMPANY_KINDS)}
    context |= await _events(request, company_id, allow.origin(request))
    return await render(request, "company/events.html", context, place=f"company:{company_id}", tab="Events")


async def export(request: Request) -> Response:
    """Hand out a company's whole record as a file (R2). Needs admin: admin."""
    _, allow, company_id = await company_admin(request)
    return await exported(request, company_id, allow.origin(request))


async def show_deployment(request: Request) -> Response:
    """Show the deployment's events: accounts, sign-ins, apps, keys. For operators."""
    viewer = await operator_of(request)
    origin = seen(request).origin("operator", viewer.user_id)
    context = {"company": None, "kinds": sorted(SENTENCES), **await _events(request, NO_COMPANY, origin)}
    return await render(request, "operator/events.html", context, place="operator", tab="Events")


async def export_deployment(request: Request) -> Response:
    """Hand out the deployment's whole record as a file (R2). For operators."""
    viewer = await operator_of(request)
    return await exported(request, NO_COMPANY, seen(request).origin("operator", viewer.user_id))


async def _events(request: Request, company_id: CompanyId, origin: Origin) -> dict[str, Any]:
    core, asked = core_of(request), query_parameters(request)
    filters = {name: asked.get(name, "") for name in _FILTERS}
    wanted = _wanted(filters)
    below = plain_id(asked["below"]) if "below" in asked else None
    async with core.database.read() as reader:
        found = await load_recorded(reader, company_id, replace(wanted, below=below), limit=_SHOWN + 1)
        total, _ = await chain_head(reader, company_id)
        only = await _only(reader, company_id, wanted)
    key = await record_key(core.database, keys=core.keys, origin=origin, now=seen(request).now)
    return {
        "here": request.url.path,
        "filters": filters,
        "only": [{"text": text, "href": _href(request, {**filters, name: ""})} for name, text in only],
        "is_narrowed": any(filters.values()),
        "lines": [_line(event) for event in found[:_SHOWN]],
        "older": _href(request, filters, below=found[_SHOWN - 1].position) if len(found) > _SHOWN else None,
        "newest": _href(request, filters) if below is not None else None,
        "total": total,
        "fingerprint": key.fingerprint,
    }


def _wanted(filters: dict[str, str]) -> Wanted:
    """Return the entries that the filters ask for; Invalid for what is none of their values."""
    kind, since, until = filters["kind"], _day(filters, "since"), _day(filters, "until")
    if kind and kind not in SENTENCES:
        raise Invalid(Problem("kind", "must be a kind of event"))
    return Wanted(
        kinds=(kind,) if kind else (),
        contact_id=_id(filters, "contact"),
        app_id=_id(filters, "app"),
        since=since,
        until=None if until is None else until + timedelta(days=1),
    )


def _day(filters: dict[str, str], name: str) -> datetime | None:
    if not (text := filters[name]):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not date(1970, 1, 1) <= day <= date(9000, 1, 1):
        raise Invalid(Problem(name, "must be a day such as 2026-11-23"))
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _id(filters: dict[str, str], name: str) -> int | None:
    if not (text := filters[name]):
        return None
    if (number := plain_id(text)) is None:
        raise Invalid(Problem(name, "must be an id"))
    return number


async def _only(reader: Reader, company_id: CompanyId, wanted: Wanted) -> list[tuple[str, str]]:
    """Return the filters that links set, each in words; P6: a foreign contact is as unknown as none."""
    only = []
    if wanted.contact_id is not None:
        name = await name_of(reader, company_id, "contact_id", ContactId(wanted.contact_id))
        only.append(("contact", f"Contact: {name or 'none that is here now'}"))
    if wanted.app_id is not None:
        name = await name_of(reader, company_id, "app_id", AppId(wanted.app_id))
        only.append(("app", f"App: {name or 'none that is here now'}"))
    return only


def _href(request: Request, filters: dict[str, str], *, below: int | None = None) -> str:
    kept = {name: value for name, value in filters.items() if value}
    query = urlencode({**kept, **({} if below is None else {"below": below})})
    return f"{request.url.path}?{query}" if query else request.url.path


def _line(event: Recorded) -> dict[str, Any]:
    """Return what the page shows of one entry."""
    return {
        **line(event),
        "id": event.id,
        "position": event.position,
        "kind": event.kind,
        "via_app": event.via_app,
        "via_app_id": event.via_app_id,
        "ip": event.ip,
        "user_agent": event.user_agent,
        "request_id": event.request_id,
        "is_origin_erased": event.is_origin_erased,
        "is_whom_erased": event.is_whom_erased,
        "contact": event.names.get("contact"),
        "contact_id": event.about.get("contact_id"),
        "differences": differences(event.before, event.after),
    }


routes = [
    Route(COMPANY, show, methods=["GET"]),
    Route(f"{COMPANY}/export", export, methods=["GET"]),
    Route(OPERATOR, show_deployment, methods=["GET"]),
    Route(f"{OPERATOR}/export", export_deployment, methods=["GET"]),
]
