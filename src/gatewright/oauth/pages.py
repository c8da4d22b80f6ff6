"""Pages about what a user allowed: the code to paste, Connected apps, and ending one of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gatewright.apps.rules import OUT_OF_BAND, said_of_terms
from gatewright.apps.terms_store import load_terms_standing
from gatewright.base.errors import NotFound
from gatewright.base.ids import AppId
from gatewright.base.secrets import Purpose
from gatewright.oauth import authorization_store, consent_store, store
from gatewright.oauth.authorize_endpoint import NATIVE_PATH
from gatewright.oauth.authorize_rules import covers
from gatewright.oauth.authorize_service import end_authorization
from gatewright.oauth.consent_store import ConnectedApp
from gatewright.oauth.model import AppClient, Code
from gatewright.web.access import Viewer, path_id, plain_id, viewer_of
from gatewright.web.core import Trace, core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.forms import PageForm, query_parameters
from gatewright.web.html import redirect, render

PLACE, TAB = "account", "Connected apps"
MOST_TOLD = 5  # sentences of what could not be undone; they travel in a cookie


async def show_code(request: Request) -> Response:
    """Show a live code of this session's user, to be pasted into a program; else say that it is none."""
    viewer = await viewer_of(request)
    text = query_parameters(request).get("code", "")
    found = await _live_code(request, viewer, text)
    if found is None:
        return await _no_code(request)
    code, client = found
    left = code.expires_at - seen(request).now
    context = {"code": text, "app": {"name": client.name}, "lifetime_minutes": max(1, left // timedelta(minutes=1))}
    return await render(request, "oauth/code.html", context)


async def show_connected_apps(request: Request) -> Response:
    """Show the apps that may act for the viewer."""
    viewer = await viewer_of(request)
    async with core_of(request).database.read() as reader:
        apps = await consent_store.connected_apps(reader, viewer.user_id)
        standing = await load_terms_standing(reader, [app.developer_id for app in apps])
    context = {"apps": [_app_line(app, said_of_terms(standing[app.developer_id])) for app in apps]}
    return await render(request, "account/apps.html", context, place=PLACE, tab=TAB)


async def show_end(request: Request) -> Response:
    """Show what ending an authorization stops, before it stops (M8, T10)."""
    viewer = await viewer_of(request)
    core, app_id = core_of(request), AppId(path_id(request, "app_id"))
    async with core.database.read() as reader:
        app = _connected(await consent_store.connected_apps(reader, viewer.user_id), app_id)
        families = await consent_store.count_families(reader, user_id=viewer.user_id, app_id=app_id)
    traces = await core.traces.of_app(app_id, user_id=viewer.user_id)
    context = {
        "app": {"app_id": app.app_id, "name": app.name, "developer": app.developer},
        "families": families,
        "companies": list(app.companies),
        "made": [_made(trace) for trace in traces if trace.ticked],
        "raised": [_raised(trace) for trace in traces if not trace.ticked],
    }
    return await render(request, "account/end_app.html", context, place=PLACE, tab=TAB)


async def receive_end(request: Request) -> Response:
    """End the authorization, undo what was ticked, and say so (T10, M8)."""
    viewer = await viewer_of(request)
    form = await guarded_form(request)
    core, noted = core_of(request), seen(request)
    app_id = AppId(path_id(request, "app_id"))
    origin = noted.origin("user", viewer.user_id)
    ended = await end_authorization(core.database, user_id=viewer.user_id, app_id=app_id, origin=origin, now=noted.now)
    # First the end, so that the app cannot make anew what is undone. Only what was offered:
    # the refusal of a number that was not would tell the name of something foreign (P6).
    offered = {trace.event_id for trace in await core.traces.of_app(app_id, user_id=viewer.user_id)}
    ticked = [event_id for event_id in _ticked(form) if event_id in offered]
    left = await core.traces.undo(ticked, app_id=app_id, viewer=viewer, origin=origin, now=noted.now)
    return redirect(request, "/account/apps", flash=_receipt(ended=ended, at=noted.now, left=left))


async def _live_code(request: Request, viewer: Viewer, text: str) -> tuple[Code, AppClient] | None:
    core = core_of(request)
    async with core.database.read() as reader:
        code = await authorization_store.find_code(reader, core.keys.candidates(Purpose.AUTHORIZATION_CODE, text))
        if code is None or code.user_id != viewer.user_id or code.redirect_uri != OUT_OF_BAND:
            return None
        authorization = await store.load_authorization(reader, authorization_id=code.authorization_id)
        epochs = await authorization_store.current_epochs(reader, user_id=code.user_id, app_id=code.app_id)
        client = await store.load_app_client(reader, app_id=code.app_id)
    if authorization is None or epochs is None or client is None or code.expires_at <= seen(request).now:
        return None
    stands = covers(authorization, scopes=code.scopes, user_epoch=epochs.user, app_epoch=epochs.app)
    return (code, client) if stands else None


async def _no_code(request: Request) -> Response:
    context = {
        "heading": "There is no code here",
        "explanation": "It was used, it is too old, or it was made for somebody else.",
        "who": "You: start again from the program that asked for the code.",
        "code": "code_unknown",
        "status": 404,
        "facts": [],
        "way_on": None,
    }
    return await render(request, "oauth/refused.html", context, status=404)


def _app_line(app: ConnectedApp, terms: str) -> dict[str, object]:
    return {
        "app_id": app.app_id,
        "name": app.name,
        "developer": app.developer,
        "homepage": app.homepage,
        "terms": terms,
        "authorized_at": app.authorized_at,
        "last_used_at": None,
        "scopes": list(app.scopes),
        "companies": list(app.companies),
    }


def _connected(apps: Sequence[ConnectedApp], app_id: AppId) -> ConnectedApp:
    for app in apps:
        if app.app_id == app_id:
            return app
    raise NotFound("app_unknown", "No such app may act for you.")


def _made(trace: Trace) -> dict[str, object]:
    return {"id": trace.event_id, "name": trace.sentence, "detail": f"in {trace.company}"}


def _raised(trace: Trace) -> dict[str, object]:
    return {"id": trace.event_id, "text": f"{trace.sentence}, in {trace.company}", "at": trace.at}


def _ticked(form: PageForm) -> list[int]:
    values = [*form.all("end_service_account"), *form.all("undo")]
    return [number for value in values if (number := plain_id(value)) is not None]


def _receipt(*, ended: bool, at: datetime, left: Sequence[str]) -> str:
    said = f"Ended everywhere at {at:%H:%M:%S} UTC." if ended else "It had ended already."
    return " ".join([said, *(f"Not undone: {sentence}" for sentence in left[:MOST_TOLD])])


routes = [
    Route(NATIVE_PATH, show_code),
    Route("/account/apps", show_connected_apps),
    Route("/account/apps/{app_id}/end", show_end),
    Route("/account/apps/{app_id}/end", receive_end, methods=["POST"]),
]
