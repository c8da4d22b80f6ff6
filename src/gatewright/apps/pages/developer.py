"""A developer's apps: the list, and making a new one (D2, D3, D5)."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gatewright.apps import service, store
from gatewright.apps.model import App, CreatedApp
from gatewright.apps.terms_store import load_terms_standing
from gatewright.base.errors import Conflict, Invalid, Problem, Refusal
from gatewright.db.engine import Reader
from gatewright.web.access import Viewer, viewer_of
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.forms import PageForm
from gatewright.web.html import redirect, render
from gatewright.web.once import form_id, mint_once

PLACE = "developer"
TAB = "Apps"
TYPES = {"confidential": True, "public": False}


async def show_all(request: Request) -> Response:
    """Show the viewer's own apps."""
    viewer = await viewer_of(request)
    async with core_of(request).database.read() as reader:
        apps = await store.load_owned_apps(reader, viewer.user_id)
        reach = await store.count_reach(reader, [app.id for app in apps])
        waits = await waiting_terms(reader, viewer)
    context = {"apps": [shown_app(app, reach[app.id]) for app in apps], "terms": waits}
    return await render(request, "developer/apps.html", context, place=PLACE, tab=TAB)


async def show_new(request: Request) -> Response:
    """Show the form for a new app."""
    await viewer_of(request)
    return await _new_app_page(request, {"type": "confidential", "redirect_uris": "", "scopes": []}, {})


async def create(request: Request) -> Response:
    """Make an app; a confidential one's secret is shown in this answer and never again (D3)."""
    form = await guarded_form(request)
    viewer = await viewer_of(request)
    sent = form_id(request, viewer, form)
    try:
        made = await _create(request, form, viewer, sent)
    except (Invalid, Conflict) as refusal:
        if refusal.code == "made_before":
            return await _shown_before(request, service.app_client_id(sent))
        kept = {name: form.text(name) for name in ("name", "type", "homepage", "redirect_uris")}
        return await _new_app_page(request, kept | {"scopes": form.all("scopes")}, errors_of(refusal), status=422)
    if made.secret is None:
        return redirect(request, f"/developer/apps/{made.app_id}", flash="Made. It has no secret: it uses PKCE.")
    app = {"app_id": made.app_id, "name": form.text("name"), "client_id": made.client_id}
    return await secret_page(request, app, made.secret)


async def _create(request: Request, form: PageForm, viewer: Viewer, sent: str | None) -> CreatedApp:
    core, kind = core_of(request), form.text("type") or "confidential"
    if kind not in TYPES:
        raise Invalid(Problem("type", "must be confidential or public"))
    return await service.create_app(
        core.database,
        owner_id=viewer.user_id,
        name=form.text("name"),
        homepage=form.text("homepage"),
        is_confidential=TYPES[kind],
        redirect_uris=lines(form.text("redirect_uris")),
        scopes=form.all("scopes"),
        keys=core.keys,
        form_id=sent,
        origin=seen(request).origin("user", viewer.user_id),
        now=seen(request).now,
    )


async def _shown_before(request: Request, client_id: str) -> Response:
    async with core_of(request).database.read() as reader:
        app = await store.find_app(reader, client_id=client_id)
    if app is None:
        raise service.app_unknown()
    return await secret_page(request, {"app_id": app.id, "name": app.name, "client_id": app.client_id}, None)


async def _new_app_page(
    request: Request, form: Mapping[str, Any], errors: Mapping[str, str], *, status: int = 200
) -> Response:
    async with core_of(request).database.read() as reader:
        waits = await waiting_terms(reader, await viewer_of(request))
    context = {"form": form, "errors": errors, "once": mint_once(), "terms": waits}
    return await render(request, "developer/new_app.html", context, status=status, place=PLACE, tab=TAB)


async def secret_page(
    request: Request, app: Mapping[str, Any], secret: str | None, *, beside: str = "nothing"
) -> Response:
    """Return the page that shows a secret this once; without one, that it was shown before (409).

    `beside`: `nothing`, `another` live one, or those that a reset `retired`.
    """
    context = {"app": app, "client_secret": secret, "beside": beside}
    return await render(request, "developer/secret.html", context, status=200 if secret else 409)


async def waiting_terms(reader: Reader, viewer: Viewer) -> str | None:
    """Return the version of the terms of use that the viewer has to accept before a change; None when none waits."""
    standing = await load_terms_standing(reader, [viewer.user_id])
    return standing[viewer.user_id].waits_for


def shown_app(app: App, reach: tuple[int, int]) -> dict[str, Any]:
    """Return an app as its developer's pages show it."""
    authorizations, companies = reach
    return {
        "app_id": app.id,
        "name": app.name,
        "client_id": app.client_id,
        "type": "confidential" if app.is_confidential else "public",
        "is_resource_server": app.is_resource_server,
        "status": "blocked" if app.is_blocked else "active",
        "authorizations": authorizations,
        "companies": companies,
        "created_at": app.created_at,
    }


def errors_of(refusal: Refusal) -> dict[str, str]:
    """Return the sentences of a refusal by field; the empty field is the form as a whole."""
    if not isinstance(refusal, Invalid):
        return {"name" if refusal.code == "name_taken" else "": refusal.message}
    errors: dict[str, str] = {}
    for problem in refusal.problems:
        sentence = f"{problem.message[:1].upper()}{problem.message[1:]}."
        errors[problem.field] = f"{errors.get(problem.field, '')} {sentence}".strip()
    return errors


def lines(text: str) -> list[str]:
    """Return the lines of a field that are not blank, without the blanks around them."""
    stripped = (line.strip(" \t\r") for line in text.split("\n"))
    return [line for line in stripped if line]
