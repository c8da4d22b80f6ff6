"""The operator's keys: those that sign tokens, rotated and retired; the server keys, and what hangs from each."""

from dataclasses import asdict
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gatewright.base.errors import Conflict
from gatewright.oauth.key_report import report_keys
from gatewright.oauth.key_rules import KEY_SET_MAX_AGE, PUBLICATION
from gatewright.oauth.key_service import retire_signing_key, rotate_signing_key
from gatewright.web.access import operator_of
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.html import redirect, render

PLACE, TAB, PATH = "operator", "Keys", "/operator/keys"
_MINUTE = timedelta(minutes=1)


async def show(request: Request) -> Response:
    """Show every key with its state."""
    await operator_of(request)
    return await _page(request)


async def rotate(request: Request) -> Response:
    """Make the next signing key, or let it sign now (T12: no token ends)."""
    viewer = await operator_of(request)
    form = await guarded_form(request)
    core, noted = core_of(request), seen(request)
    origin = noted.origin("operator", viewer.user_id)
    at_once = form.text("at_once") == "on"
    try:
        made = await rotate_signing_key(core.database, keys=core.keys, at_once=at_once, origin=origin, now=noted.now)
    except Conflict as refusal:
        return await _page(request, wrong=refusal.message)
    said = "signs now" if at_once else f"is published, and signs from {made.current_from:%H:%M:%S} UTC on"
    return redirect(request, PATH, flash=f"Key {made.kid[:8]} {said}.")


async def retire(request: Request) -> Response:
    """Withdraw the next key; or end a compromised one with every token that it signed (T12)."""
    viewer = await operator_of(request)
    form = await guarded_form(request)
    core, noted = core_of(request), seen(request)
    kid = str(request.path_params["kid"])
    is_compromised = form.text("compromised") == "on"
    try:
        await retire_signing_key(
            core.database,
            kid,
            is_compromised=is_compromised,
            keys=core.keys,
            lifetime=core.settings.access_token_lifetime,
            origin=noted.origin("operator", viewer.user_id),
            now=noted.now,
        )
    except Conflict as refusal:
        return await _page(request, wrong=f"{refusal.message} {refusal.help}".strip())
    said = f"ended everywhere at {noted.now:%H:%M:%S} UTC, with all that it signed" if is_compromised else "withdrawn"
    return redirect(request, PATH, flash=f"Key {kid[:8]} {said}.")


async def _page(request: Request, *, wrong: str = "") -> Response:
    core, now = core_of(request), seen(request).now
    report = await report_keys(core.database, core.keys, core.settings, now=now)
    context = {
        "signing": [asdict(line) for line in report.signing],
        "server": [asdict(line) for line in report.server],
        "waiting": any(line.state == "next" for line in report.signing),
        "publication": PUBLICATION // _MINUTE,
        "kept": KEY_SET_MAX_AGE // _MINUTE,
        "errors": {"": wrong} if wrong else {},
    }
    return await render(request, "operator/keys.html", context, place=PLACE, tab=TAB, status=422 if wrong else 200)


routes = [
    Route(PATH, show),
    Route(f"{PATH}/rotate", rotate, methods=["POST"]),
    Route(f"{PATH}/{{kid}}/retire", retire, methods=["POST"]),
]
