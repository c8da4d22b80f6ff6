"""Try it: a developer runs a real authorization of their own app, in their own name, and sees what is sent.

Nothing is stored for it. The browser carries the trial sealed in `state`; the answer is believed
only in the session that began it, and only for the code that was made for it (RFC 9700 §2.1, §4.7).
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gatewright.apps import service
from gatewright.apps.model import App
from gatewright.apps.pages.developer import PLACE, TAB, errors_of, waiting_terms
from gatewright.apps.pages.developer_app import own_app, owned_app
from gatewright.apps.pages.terms import leading_to_terms
from gatewright.apps.rules import is_registered
from gatewright.base.errors import Conflict, Invalid
from gatewright.base.secrets import Purpose, mint
from gatewright.login.rules import sign_in_address
from gatewright.oauth.authorization_store import find_code
from gatewright.oauth.authorize_endpoint import PATH as AUTHORIZE
from gatewright.oauth.authorize_endpoint import tell_person
from gatewright.oauth.authorize_rules import ToPerson
from gatewright.oauth.trial_rules import (
    LIFETIME,
    LONGEST_SECRET,
    MOST_SHOWN,
    PATH,
    Credentials,
    Trial,
    authorization_request,
    open_trial,
    redirect_uri,
    seal_trial,
    shown_arrival,
)
from gatewright.oauth.trial_steps import Arrived, Ran, Wishes, run_trial
from gatewright.oauth.trial_wire import ask
from gatewright.web.access import Viewer, viewer_of
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.forms import query_parameters
from gatewright.web.html import redirect, render

OWN_PATH = "/developer/apps/{app_id}/try"
_MINUTES = LIFETIME // timedelta(minutes=1)


async def show(request: Request) -> Response:
    """Show what will be sent in the developer's name, and the link that sends it."""
    return await _start_page(request, *await own_app(request))


async def register(request: Request) -> Response:
    """Add the redirect URI of trials to the app's own (D5), recorded like any change."""
    await guarded_form(request)
    viewer, app = await own_app(request)
    if app.is_blocked:
        return await _start_page(request, viewer, app)
    core, noted = core_of(request), seen(request)
    try:
        added = await service.add_redirect_uri(
            core.database,
            app_id=app.id,
            redirect_uri=redirect_uri(core.settings.issuer),
            origin=noted.origin("user", viewer.user_id),
            now=noted.now,
        )
    except (Invalid, Conflict) as refusal:
        return await _start_page(request, viewer, app, errors={"": " ".join(errors_of(refusal).values())})
    return redirect(request, _address(app), flash="Added." if added else "It was registered already.")


async def receive_answer(request: Request) -> Response:
    """Receive the browser with a code or an error, and show what came; nothing is sent yet."""
    viewer = await core_of(request).sessions.viewer(request)
    if viewer is None:  # not back to here: what came is of another session, and belongs in no further address
        return redirect(request, sign_in_address("/developer/apps"))
    parameters = query_parameters(request)
    trial = _trial(request, viewer, parameters.get("state", ""))
    if isinstance(trial, ToPerson):
        return await _told(request, trial)
    app = await owned_app(request, viewer, trial.app_id)
    if app.is_blocked:
        return await _start_page(request, viewer, app)
    # RFC 9207: an answer of another server, or of none, is not looked into.
    if parameters.get("iss") != core_of(request).settings.issuer:
        return await _told(request, _OTHER_ISSUER, app)
    if "error" in parameters:
        return await _answer_page(request, app, parameters, Ran(), code="")
    arrived = await _arrived(request, viewer, trial, parameters.get("code", ""))
    if arrived is None:
        return await _told(request, _NO_CODE, app)
    return await _answer_page(request, app, parameters, Ran(), code=arrived.code)


async def exchange(request: Request) -> Response:
    """Trade the code with what the developer shows for the app, and show every byte but the secrets."""
    form = await guarded_form(request)
    viewer = await viewer_of(request)
    trial = _trial(request, viewer, form.text("state"))
    if isinstance(trial, ToPerson):
        return await _told(request, trial)
    app = await owned_app(request, viewer, trial.app_id)
    if app.is_blocked:
        return await _start_page(request, viewer, app)
    arrived = await _arrived(request, viewer, trial, form.text("code"))
    if arrived is None:
        return await _told(request, _NO_CODE, app)
    issuer = core_of(request).settings.issuer
    came = {"code": arrived.code, "state": form.text("state"), "iss": issuer}
    wishes = Wishes(refreshes=bool(form.text("refresh")), revokes=bool(form.text("revoke")))
    secret = form.text("client_secret").strip()
    if app.is_confidential and not 0 < len(secret) <= LONGEST_SECRET:
        wrong = {"client_secret": f"Paste the client secret, 1 to {LONGEST_SECRET} characters."}
        return await _answer_page(request, app, came, Ran(), code=arrived.code, wishes=wishes, errors=wrong)
    credentials = Credentials(app.client_id, secret if app.is_confidential else None)
    asking = partial(ask, request.app, issuer=issuer, ip=seen(request).ip)
    ran = await run_trial(asking, arrived, credentials, issuer=issuer, wishes=wishes)
    # A wrong secret uses no code up: it may be tried again.
    left = None if ran.got_tokens else await _arrived(request, viewer, trial, arrived.code)
    return await _answer_page(request, app, came, ran, code=left.code if left else "", wishes=wishes)


def _trial(request: Request, viewer: Viewer, state: str) -> Trial | ToPerson:
    """Return the trial that this session began; else what to say of an answer that belongs to none of it."""
    core, now = core_of(request), seen(request).now
    trial = open_trial(core.keys, viewer.session_id, state, now=now)
    if trial is None:
        return _FOREIGN
    return trial if now < trial.until else _STALE


async def _arrived(request: Request, viewer: Viewer, trial: Trial, code: str) -> Arrived | None:
    """Return the code if it is unused and was made for this very trial; None for any other (T2, T7)."""
    core = core_of(request)
    async with core.database.read() as reader:
        found = await find_code(reader, core.keys.candidates(Purpose.AUTHORIZATION_CODE, code))
    if found is None or found.expires_at <= seen(request).now:
        return None
    made_for = (found.user_id, found.app_id, found.redirect_uri, found.code_challenge)
    wanted = (viewer.user_id, trial.app_id, redirect_uri(core.settings.issuer), trial.challenge)
    return Arrived(trial, code) if made_for == wanted else None


async def _start_page(
    request: Request, viewer: Viewer, app: App, *, errors: Mapping[str, str] | None = None
) -> Response:
    core, now = core_of(request), seen(request).now
    issuer = core.settings.issuer
    async with core.database.read() as reader:
        waits = await waiting_terms(reader, viewer)
    trial = Trial(app.id, now + LIFETIME, mint("gwv"))
    state = seal_trial(core.keys, viewer.session_id, trial)
    parameters = authorization_request(trial, client_id=app.client_id, state=state, issuer=issuer)
    context = {
        "app": _shown(app),
        "redirect_uri": redirect_uri(issuer),
        "is_registered": is_registered(app.redirect_uris, redirect_uri(issuer)),
        "parameters": parameters,
        "host": urlsplit(issuer).netloc,
        "href": f"{AUTHORIZE}?{urlencode(parameters)}",
        "minutes": _MINUTES,
        "terms": waits,
        "errors": errors or {},
    }
    status = 403 if app.is_blocked else 422 if errors else 200
    return await render(request, "developer/try.html", context, status=status, place=PLACE, tab=TAB)


async def _answer_page(
    request: Request,
    app: App,
    came: Mapping[str, str],
    ran: Ran,
    *,
    code: str,
    wishes: Wishes = Wishes(refreshes=True, revokes=True),
    errors: Mapping[str, str] | None = None,
) -> Response:
    """Return the page of what came back; with a `code` it asks for what trades it."""
    context: dict[str, Any] = {
        "app": _shown(app),
        "arrival": shown_arrival(came, host=urlsplit(core_of(request).settings.issuer).netloc),
        "error": came.get("error", "")[:MOST_SHOWN],
        "code": code,
        "state": came["state"],
        "steps": [asdict(step) for step in ran.steps],
        "outcome": ran.outcome,
        "ticked": {"refresh": wishes.refreshes, "revoke": wishes.revokes},
        "errors": errors or {},
    }
    status = 422 if errors else 200
    return await render(request, "developer/try_answer.html", context, status=status, place=PLACE, tab=TAB)


async def _told(request: Request, fault: ToPerson, app: App | None = None) -> Response:
    """Return the page that says why an answer is not looked into: nothing that came with it is repeated."""
    apps = {"label": "Apps", "href": "/developer/apps"}
    way_on = apps if app is None else {"label": "Begin again", "href": _address(app)}
    return await tell_person(request, fault, way_on=way_on)


def _shown(app: App) -> dict[str, Any]:
    return {
        "app_id": app.id,
        "name": app.name,
        "type": "confidential" if app.is_confidential else "public",
        "status": "blocked" if app.is_blocked else "active",
    }


def _address(app: App) -> str:
    return OWN_PATH.format(app_id=app.id)


_AGAIN = "You: open your app and begin again there."
_FOREIGN = ToPerson(
    code="trial_unknown",
    status=400,
    heading="This answer belongs to nothing you began here",
    explanation="Its state was not made for this sign-in. It may come from somebody else, so nothing was sent on.",
    who=_AGAIN,
)
_STALE = ToPerson(
    code="trial_expired",
    status=400,
    heading="This answer comes too late",
    explanation=f"It was begun more than {_MINUTES} minutes ago. Nothing was sent on.",
    who=_AGAIN,
)
_OTHER_ISSUER = ToPerson(
    code="issuer_mismatch",
    status=400,
    heading="This answer is not from here",
    explanation="It does not name this server as its issuer (RFC 9207). An app has to refuse it; so does this page.",
    who=_AGAIN,
)
_NO_CODE = ToPerson(
    code="code_unknown",
    status=400,
    heading="There is no code to trade here",
    explanation="It was used, it is too old, or it was not made for what you began. Nothing was sent on.",
    who=_AGAIN,
)

routes = [
    Route(OWN_PATH, show),
    Route(f"{OWN_PATH}/redirect-uri", leading_to_terms(register), methods=["POST"]),
    Route(PATH, receive_answer),
    Route(PATH, exchange, methods=["POST"]),
]
