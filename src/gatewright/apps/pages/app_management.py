"""App Management: the apps that reach a company, disconnected and let back in (I1 to I6, M8)."""

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gatewright.apps import installation_service as service
from gatewright.apps import installation_store as store
from gatewright.apps.model import (
    App,
    CompanyBrief,
    Installation,
    InstallationChange,
    InstallationStatus,
    Stops,
    TermsStanding,
)
from gatewright.apps.pages.figures import since, spread, total_of
from gatewright.apps.rules import fold_name, said_of_terms
from gatewright.apps.service import app_unknown
from gatewright.apps.store import load_app
from gatewright.apps.terms_store import load_terms_standing
from gatewright.base.errors import NotFound
from gatewright.base.ids import AppId, CompanyId
from gatewright.db.engine import Reader
from gatewright.web.access import Viewer, plain_id
from gatewright.web.core import Trace, core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.display import Calls, clock, plural
from gatewright.web.edge import seen
from gatewright.web.forms import PageForm
from gatewright.web.html import redirect, render
from gatewright.web.lists import paging, shown_page
from gatewright.web.paths import company_admin, numbered

TAB = "App Management"
ROW_DAYS = 14
PAGE_DAYS = 30
MOST_WAITING = 50
MOST_USERS = 10
MOST_UNSEEN = 5
MOST_TOLD = 5  # sentences of what could not be undone; they travel in a cookie
CONNECTED, DISCONNECTED, REQUESTED = InstallationStatus


async def show_all(request: Request) -> Response:
    """Show what waits for a decision, then the company's apps, searched and filtered."""
    _, _, company_id = await company_admin(request)
    now = seen(request).now
    q, status = request.query_params.get("q", "")[:100], request.query_params.get("status", "")
    wanted = InstallationStatus(status) if status in {CONNECTED, DISCONNECTED} else None
    async with core_of(request).database.read() as reader:
        company = await _company(reader, company_id)
        counts = await store.count_by_status(reader, company_id)
        looked_for = _looked_for(q, wanted)
        page = shown_page(request, total := await store.count_installations(reader, company_id, **looked_for))
        part: dict[str, Any] = {"offset": page.offset, "limit": page.size, "since": since(now, ROW_DAYS)}
        found = await store.load_installations(reader, company_id, **part, **looked_for)
        waiting = await store.load_waiting(reader, company_id, limit=MOST_WAITING)
        unseen = await _unseen(reader, company_id, q)
        standing = await load_terms_standing(reader, [one.developer_id for one in found])
    totals = {"connected": counts.get(CONNECTED, 0), "disconnected": counts.get(DISCONNECTED, 0)}
    context = {
        "company": asdict(company),
        "q": q,
        "status": wanted or "",
        "totals": totals | {"all": sum(totals.values())},
        "waiting": [_waiting(one) for one in waiting],
        "more_waiting": counts.get(REQUESTED, 0) - len(waiting),
        "apps": [_row(one, standing[one.developer_id], request) for one in found],
        "paging": paging(request.url.path, page, total, asked={"q": q, "status": wanted or ""}),
        "unseen": unseen,
    }
    return await render(request, "company/apps.html", context, place=f"company:{company_id}", tab=TAB)


async def show(request: Request) -> Response:
    """Show one app in the company, and what disconnecting it would stop (I6)."""
    viewer, _, company_id = await company_admin(request)
    app_id, now = _app_id(request), seen(request).now
    async with core_of(request).database.read() as reader:
        company = await _company(reader, company_id)
        if (app := await load_app(reader, app_id)) is None:
            raise app_unknown()
        here = await store.load_installation(reader, company_id, app_id, since=since(now, PAGE_DAYS))
        stops = await store.load_stops(reader, company_id, app_id, now=now)
        users = await store.load_users(reader, company_id, app_id, limit=MOST_USERS)
        by_call = here is not None and await store.is_by_its_call(reader, company_id, here)
        standing = (await load_terms_standing(reader, [app.owner_id]))[app.owner_id]
    traces = await core_of(request).traces.of_app(app_id, company_id=company_id)
    days = spread(here.calls if here else (), now=now, count=PAGE_DAYS)
    context = {
        "company": asdict(company),
        "app": _app(app, here, viewer, by_first_call=by_call) | {"terms": said_of_terms(standing)},
        "facts": _facts(stops, days),
        "calls": days,
        "users": [asdict(user) for user in users],
        **_made_and_raised(traces),
        "receipt": None,
    }
    return await render(request, "company/app.html", context, place=f"company:{company_id}", tab=TAB)


async def disconnect(request: Request) -> Response:
    """Disconnect the app, or decline its request, and undo what was ticked (I3, M8)."""
    form = await guarded_form(request)
    viewer, allow, company_id = await company_admin(request)
    app_id, core, now = _app_id(request), core_of(request), seen(request).now
    change = await service.disconnect(
        core.database, company_id=company_id, app_id=app_id, origin=allow.origin(request), now=now
    )
    # Only what is offered here: the refusal of another number would tell the name of something foreign (P6).
    offered = {trace.event_id for trace in await core.traces.of_app(app_id, company_id=company_id)}
    left = []
    if ticked := [event_id for event_id in _ticked(form) if event_id in offered]:
        left = await core.traces.undo(ticked, app_id=app_id, viewer=viewer, origin=allow.origin(request), now=now)
    said = " ".join([_receipt(change, request), *(f"Not undone: {sentence}" for sentence in left[:MOST_TOLD])])
    return redirect(request, f"/companies/{company_id}/apps/{app_id}", flash=said)


async def reconnect(request: Request) -> Response:
    """Let the app back in, or approve its request (I2, I4)."""
    await guarded_form(request)
    _, allow, company_id = await company_admin(request)
    app_id = _app_id(request)
    change = await service.reconnect(
        core_of(request).database,
        company_id=company_id,
        app_id=app_id,
        origin=allow.origin(request),
        now=seen(request).now,
    )
    return redirect(request, f"/companies/{company_id}/apps/{app_id}", flash=_receipt(change, request))


def _app_id(request: Request) -> AppId:
    return AppId(numbered(str(request.path_params["app_id"]), app_unknown()))


async def _company(reader: Reader, company_id: CompanyId) -> CompanyBrief:
    company = await store.load_company(reader, company_id)
    if company is None:
        raise NotFound("company_unknown")
    return company


def _looked_for(q: str, status: InstallationStatus | None) -> dict[str, Any]:
    """Return which installations are looked for; those that wait stand by themselves."""
    name_folded = fold_name(q)
    if q.strip() and not name_folded:
        return {"statuses": (), "name_folded": ""}
    return {"statuses": (CONNECTED, DISCONNECTED) if status is None else (status,), "name_folded": name_folded}


async def _unseen(reader: Reader, company_id: CompanyId, q: str) -> list[dict[str, Any]]:
    if not (name_folded := fold_name(q)):
        return []
    found = await store.find_unseen_apps(reader, company_id, name_folded=name_folded, limit=MOST_UNSEEN)
    return [{"app_id": app_id, "name": name, "developer": developer} for app_id, name, developer in found]


def _waiting(one: Installation) -> dict[str, Any]:
    return {
        "app_id": one.app_id,
        "name": one.name,
        "developer": one.developer,
        "asked_by": one.changed_by,
        "asked_at": one.changed_at,
    }


def _row(one: Installation, standing: TermsStanding, request: Request) -> dict[str, Any]:
    days = spread(one.calls, now=seen(request).now, count=ROW_DAYS)
    return {
        "app_id": one.app_id,
        "name": one.name,
        "developer": one.developer,
        "terms": said_of_terms(standing),
        "status": one.status.value,
        "users": one.users,
        "last_call_at": one.last_call_at,
        "calls_today": days[-1].allowed + days[-1].refused,
        "calls": days,
    }


def _app(app: App, here: Installation | None, viewer: Viewer, *, by_first_call: bool) -> dict[str, Any]:
    shown = {
        "app_id": app.id,
        "name": app.name,
        "developer": app.developer,
        "homepage": app.homepage,
        "is_blocked": app.is_blocked,
    }
    if here is None:
        return shown | {"status": "unseen", "changed_by": None, "by_first_call": False, "changed_at": None}
    is_viewer = here.changed_by_id == viewer.user_id and not by_first_call
    return shown | {
        "status": here.status.value,
        "changed_by": "you" if is_viewer else here.changed_by or "the operator",
        "by_first_call": by_first_call,
        "changed_at": here.changed_at,
    }


def _facts(stops: Stops, days: list[Calls]) -> dict[str, Any]:
    week = total_of(days[-7:])
    return {
        **asdict(stops),
        "calls_day_average": round(sum(day.allowed for day in days) / len(days)),
        "last_call_for": None,
        "refused_7d": week.refused,
        "calls_7d": week.allowed + week.refused,
    }


def _made_and_raised(traces: list[Trace]) -> dict[str, Any]:
    """Return what the app made or raised here, service accounts apart: they are ticked (M8)."""
    return {
        "made": [{"id": one.event_id, "name": one.sentence, "detail": ""} for one in traces if one.ticked],
        "raised": [{"id": one.event_id, "text": one.sentence, "at": one.at} for one in traces if not one.ticked],
    }


def _ticked(form: PageForm) -> list[int]:
    ids = (plain_id(text) for text in [*form.all("end_service_account"), *form.all("undo")])
    return [event_id for event_id in ids if event_id is not None]


def _receipt(change: InstallationChange, request: Request) -> str:
    users, at = plural(change.stops.users, "user"), clock(seen(request).now)
    if change.status is DISCONNECTED:
        return f"Disconnected everywhere at {at}. {users} stopped." if change.changed else "Disconnected already."
    return f"Connected at {at}. {users} may use it." if change.changed else "Connected already."
