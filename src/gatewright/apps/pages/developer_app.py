"""One app of a developer's: what others read of it, its redirect URIs, its secrets. Only the owner sees it (P6)."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gatewright.apps import service, store
from gatewright.apps.developer_store import load_refused_days
from gatewright.apps.model import AddedSecret, App, LiveSecret
from gatewright.apps.pages.developer import PLACE, TAB, errors_of, lines, secret_page, shown_app, waiting_terms
from gatewright.apps.pages.figures import day_heads, refused_rows, since
from gatewright.base.errors import Conflict, Invalid
from gatewright.base.ids import AppId, SecretId
from gatewright.db.engine import Verb
from gatewright.web.access import Viewer, viewer_of
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.html import redirect, render
from gatewright.web.once import form_id, mint_once
from gatewright.web.paths import numbered

WEEK = 7
REFUSED_DAYS = 30


async def show(request: Request) -> Response:
    """Show the app with its live secrets, never the secrets themselves."""
    _, app = await own_app(request)
    return await _app_page(request, app, {}, {})


async def edit(request: Request) -> Response:
    """Change name, homepage and scopes."""
    form = await guarded_form(request)
    viewer, app = await own_app(request)
    fields = {"name": form.text("name"), "homepage": form.text("homepage"), "scopes": form.all("scopes")}
    return await _save(request, viewer, app, fields, kept=fields)


async def save_redirect_uris(request: Request) -> Response:
    """Replace the redirect URIs, one a line; each bad one is named with its line (D5)."""
    form = await guarded_form(request)
    viewer, app = await own_app(request)
    text = form.stated("redirect_uris")
    return await _save(request, viewer, app, {"redirect_uris": lines(text)}, kept={"redirect_uris": text})


async def add_secret(request: Request) -> Response:
    """Add a second secret beside the first; this answer alone shows it (D3, D4)."""
    return await _new_secret(request, service.add_secret, beside="another")


async def reset_secrets(request: Request) -> Response:
    """Retire every secret and make one new, shown in this answer alone (D4)."""
    return await _new_secret(request, service.reset_secrets, beside="retired")


async def _new_secret(request: Request, make: Verb[..., AddedSecret], *, beside: str) -> Response:
    form = await guarded_form(request)
    viewer, app = await own_app(request)
    core = core_of(request)
    brief = {"app_id": app.id, "name": app.name, "client_id": app.client_id}
    try:
        added = await make(
            core.database,
            app_id=app.id,
            keys=core.keys,
            form_id=form_id(request, viewer, form),
            origin=seen(request).origin("user", viewer.user_id),
            now=seen(request).now,
        )
    except Conflict as refusal:
        if refusal.code == "made_before":
            return await secret_page(request, brief, None)
        return await _app_page(request, app, {}, {"": f"{refusal.message} {refusal.help}".strip()}, status=422)
    return await secret_page(request, brief, added.secret, beside=beside)


async def delete(request: Request) -> Response:
    """Delete the app, its name typed: every authorization and installation of it ends (D6)."""
    form = await guarded_form(request)
    viewer, app = await own_app(request)
    if form.text("typed").split() != app.name.split():
        wrong = {"typed": "Type the name exactly as it stands above."}
        return await _app_page(request, app, {}, wrong, status=422)
    noted = seen(request)
    origin = noted.origin("user", viewer.user_id)
    await service.delete_app(core_of(request).database, app_id=app.id, origin=origin, now=noted.now)
    return redirect(request, "/developer/apps", flash=f"{app.name} is deleted. It stopped everywhere.")


async def retire_secret(request: Request) -> Response:
    """Retire a secret: it, and what was obtained with it, ends at once (D4)."""
    await guarded_form(request)
    viewer, app = await own_app(request)
    secret_id = str(request.path_params["secret_id"])
    if not (secret_id.isascii() and secret_id.isalnum()):
        raise service.secret_unknown()
    retired = await service.retire_secret(
        core_of(request).database,
        app_id=app.id,
        secret_id=SecretId(secret_id),
        origin=seen(request).origin("user", viewer.user_id),
        now=seen(request).now,
    )
    return redirect(request, _address(app), flash="Retired." if retired else "It was retired already.")


async def _save(
    request: Request, viewer: Viewer, app: App, fields: Mapping[str, Any], *, kept: Mapping[str, Any]
) -> Response:
    try:
        changed = await service.change_app(
            core_of(request).database,
            app_id=app.id,
            **fields,
            origin=seen(request).origin("user", viewer.user_id),
            now=seen(request).now,
        )
    except (Invalid, Conflict) as refusal:
        return await _app_page(request, app, kept, errors_of(refusal), status=422)
    return redirect(request, _address(app), flash="Saved." if changed else "Nothing was changed.")


async def own_app(request: Request) -> tuple[Viewer, App]:
    """Return the viewer and their app of the path; another developer's is answered like one there is not (P6)."""
    viewer = await viewer_of(request)
    app_id = AppId(numbered(str(request.path_params["app_id"]), service.app_unknown()))
    return viewer, await owned_app(request, viewer, app_id)


async def owned_app(request: Request, viewer: Viewer, app_id: AppId) -> App:
    """Return the viewer's own app; another developer's is answered like one there is not (P6)."""
    async with core_of(request).database.read() as reader:
        app = await store.load_owned_app(reader, app_id, owner_id=viewer.user_id)
    if app is None:
        raise service.app_unknown()
    return app


async def _app_page(
    request: Request, app: App, kept: Mapping[str, Any], errors: Mapping[str, str], *, status: int = 200
) -> Response:
    core = core_of(request)
    async with core.database.read() as reader:
        secrets = await store.load_live_secrets(reader, app.id)
        reach = await store.count_reach(reader, [app.id])
        waits = await waiting_terms(reader, await viewer_of(request))
        refused = await load_refused_days(reader, app.id, since=since(seen(request).now, REFUSED_DAYS))
    context = {
        "app": shown_app(app, reach[app.id]),
        "secrets": [_secret(secret) for secret in secrets],
        "form": {**_form(app), **kept},
        "errors": errors,
        "issuer": core.settings.issuer,
        "redirect_uri": quickstart_uri(app, core.settings.issuer),
        "once": mint_once(),
        "terms": waits,
        "days": day_heads(seen(request).now, WEEK),
        "refused": refused_rows(refused, now=seen(request).now, week=WEEK),
    }
    return await render(request, "developer/app.html", context, status=status, place=PLACE, tab=TAB)


def quickstart_uri(app: App, issuer: str) -> str:
    """Return the redirect URI that the quickstart names: the first that does not lead back to this server."""
    own = (uri for uri in app.redirect_uris if not uri.startswith(f"{issuer}/"))
    return next(own, "")


def _form(app: App) -> dict[str, Any]:
    return {
        "redirect_uris": "\n".join(app.redirect_uris),
        "name": app.name,
        "homepage": app.homepage,
        "scopes": list(app.scopes),
    }


def _secret(secret: LiveSecret) -> dict[str, Any]:
    return {
        "id": secret.id,
        "prefix": f"{secret.hint}…",
        "made_at": secret.created_at,
        "made_by": secret.created_by,
        "last_used_at": secret.last_used_at,
        "families": secret.families,
    }


def _address(app: App) -> str:
    return f"/developer/apps/{app.id}"
