"""The terms of use as a developer reads and accepts them (D1), and the way to them when they wait."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gatewright.apps import service, terms_store
from gatewright.base.errors import Conflict, NotAllowed, Refusal
from gatewright.web.access import Viewer, viewer_of
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.html import redirect, render
from gatewright.web.refusals import is_for_a_program

PLACE, TAB = "developer", "Terms of use"
PATH = "/developer/terms"
Handler = Callable[[Request], Awaitable[Response]]
_BACK = re.compile(r"/developer/apps(?:/new|/[1-9][0-9]{0,15})?", re.ASCII)


async def show(request: Request) -> Response:
    """Show the current terms, and what the viewer accepted before."""
    viewer = await viewer_of(request)
    return await _terms_page(request, viewer, back=_back(request.query_params.get("next", "")))


async def accept(request: Request) -> Response:
    """Accept the version the form names, and go back to what waited for it; another one is current: the page again."""
    form = await guarded_form(request)
    viewer = await viewer_of(request)
    noted, back = seen(request), _back(form.text("next"))
    try:
        accepted = await service.accept_terms(
            core_of(request).database,
            user_id=viewer.user_id,
            version=form.text("version"),
            origin=noted.origin("user", viewer.user_id),
            now=noted.now,
        )
    except Conflict as refusal:
        return await _terms_page(request, viewer, back=back, refusal=refusal)
    return redirect(request, back or PATH, flash="Accepted." if accepted else "Accepted already.")


def leading_to_terms(change: Handler) -> Handler:
    """Return the handler of a developer's change; where the terms wait, its answer leads to them and back (D1)."""

    async def changed(request: Request) -> Response:
        try:
            return await change(request)
        except NotAllowed as refusal:
            if refusal.code != "terms_not_accepted" or is_for_a_program(request):
                raise
            return await _terms_first(request, refusal)

    return changed


async def _terms_first(request: Request, refusal: NotAllowed) -> Response:
    app_id = request.path_params.get("app_id")
    back = f"/developer/apps/{app_id}" if app_id else "/developer/apps/new"
    context = {
        "status": 403,
        "code": refusal.code,
        "heading": "The terms of use come first",
        "explanation": refusal.message,
        "held": None,
        "who_can_help": [],
        "role_that_helps": refusal.help,
        "way_on": {"label": "Read the terms", "href": f"{PATH}?next={back}"},
    }
    return await render(request, "error.html", context, status=403, place=PLACE, tab="Apps")


async def _terms_page(request: Request, viewer: Viewer, *, back: str, refusal: Refusal | None = None) -> Response:
    async with core_of(request).database.read() as reader:
        current = await terms_store.load_current_terms(reader)
        accepted = await terms_store.load_acceptances(reader, viewer.user_id)
    context: dict[str, Any] = {
        "terms": current,
        "accepted": accepted,
        "is_accepted": current is not None and any(one.version == current.version for one in accepted),
        "next": back,
        "errors": {"": f"{refusal.message} {refusal.help}"} if refusal else {},
    }
    return await render(request, "developer/terms.html", context, status=409 if refusal else 200, place=PLACE, tab=TAB)


def _back(text: str) -> str:
    """Return the developer's page that a form leads back to; empty for any other address."""
    return text if _BACK.fullmatch(text) else ""
