"""The operator's apps: found, looked at, blocked and unblocked (D6, T11)."""

from starlette.requests import Request
from starlette.responses import Response

from gatewright.apps import operator_store as store
from gatewright.apps import service
from gatewright.apps.operator_store import STATES, OperatedApp, Wanted
from gatewright.apps.rules import fold_name, said_of_terms
from gatewright.apps.service import app_unknown
from gatewright.apps.store import count_reach
from gatewright.apps.terms_store import load_terms_standing
from gatewright.base.ids import AppId
from gatewright.db.engine import Database, Reader, Verb
from gatewright.web.access import Viewer, operator_of
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.display import clock
from gatewright.web.edge import seen
from gatewright.web.forms import query_parameters
from gatewright.web.html import redirect, render
from gatewright.web.lists import paging, shown_page
from gatewright.web.paths import numbered

PLACE, TAB = "operator", "Apps"
PATH = "/operator/apps"
LONGEST_SEARCH = 100


async def show_all(request: Request) -> Response:
    """Show the deployment's apps, searched by name or client id, filtered by state."""
    await operator_of(request)
    wanted = _wanted(request)
    async with core_of(request).database.read() as reader:
        counts = await store.count_by_state(reader, wanted)
        total = sum(counts.values()) if wanted.state is None else counts[wanted.state]
        page = shown_page(request, total)
        found = await store.load_operated_apps(reader, wanted, offset=page.offset, limit=page.size)
        reach = await count_reach(reader, [app.id for app in found])
    context = {
        "q": wanted.q,
        "state": wanted.state or "",
        "totals": {"all": sum(counts.values()), **counts},
        "apps": [_line(app, reach[app.id]) for app in found],
        "paging": paging(PATH, page, total, asked={"q": wanted.q, "state": wanted.state or ""}),
    }
    return await render(request, "operator/apps.html", context, place=PLACE, tab=TAB)


async def show(request: Request) -> Response:
    """Show one app, and what blocking it would end."""
    await operator_of(request)
    async with core_of(request).database.read() as reader:
        app = await _known(request, reader)
        reach = (await count_reach(reader, [app.id]))[app.id]
        standing = (await load_terms_standing(reader, [app.owner_id]))[app.owner_id]
    shown = {
        **_line(app, reach),
        "homepage": app.homepage,
        "is_resource_server": app.is_resource_server,
        "scopes": list(app.scopes),
        "redirect_uris": list(app.redirect_uris),
        "developer_email": app.developer_email,
        "terms": said_of_terms(standing),
        "blocked_at": app.blocked_at,
        "deleted_at": app.deleted_at,
    }
    return await render(request, "operator/app.html", {"app": shown}, place=PLACE, tab=TAB)


async def block(request: Request) -> Response:
    """Block the app: every authorization and installation of it ends at once (D6)."""
    await guarded_form(request)
    viewer = await operator_of(request)
    return await _changed(request, viewer, service.block_app, "Blocked everywhere at {at}.", "It was blocked already.")


async def unblock(request: Request) -> Response:
    """Unblock the app; nothing that ended lives again (T11)."""
    await guarded_form(request)
    viewer = await operator_of(request)
    done = "Unblocked at {at}. Users authorize it and companies reconnect it anew."
    return await _changed(request, viewer, service.unblock_app, done, "It was not blocked.")


async def _changed(request: Request, viewer: Viewer, change: Verb[..., bool], done: str, before: str) -> Response:
    async with core_of(request).database.read() as reader:
        app = await _known(request, reader)
    database: Database = core_of(request).database
    noted = seen(request)
    changed = await change(database, app_id=app.id, origin=noted.origin("operator", viewer.user_id), now=noted.now)
    return redirect(request, f"{PATH}/{app.id}", flash=done.format(at=clock(noted.now)) if changed else before)


async def _known(request: Request, reader: Reader) -> OperatedApp:
    app_id = AppId(numbered(str(request.path_params["app_id"]), app_unknown()))
    app = await store.load_operated_app(reader, app_id)
    if app is None:
        raise app_unknown()
    return app


def _wanted(request: Request) -> Wanted:
    asked = query_parameters(request)
    q = asked.get("q", "").strip()[:LONGEST_SEARCH]
    state = next((known for known in STATES if known == asked.get("state")), None)
    return Wanted(q, fold_name(q), state)


def _line(app: OperatedApp, reach: tuple[int, int]) -> dict[str, object]:
    authorizations, companies = reach
    return {
        "app_id": app.id,
        "name": app.name,
        "client_id": app.client_id,
        "developer": app.developer,
        "state": app.state,
        "type": "confidential" if app.is_confidential else "public",
        "authorizations": authorizations,
        "companies": companies,
        "created_at": app.created_at,
    }
