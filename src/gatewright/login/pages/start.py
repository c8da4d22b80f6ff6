"""The start page, and how pages look in this browser."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gatewright.base.errors import Invalid, Problem
from gatewright.login import store
from gatewright.login.rules import (
    START,
    local_path,
)
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.html import THEME_COOKIE, THEMES, redirect, render

_YEAR_SECONDS = 365 * 24 * 3600


async def start(request: Request) -> Response:
    """Show what Gatewright is; to somebody signed in, where they may go."""
    core = core_of(request)
    viewer = await core.sessions.viewer(request)
    if viewer is None:
        return await render(request, "home.html", {"developer_href": "/developer/apps"})
    async with core.database.read() as reader:
        apps_count = await store.count_authorizations(reader, viewer.user_id)
    return await render(request, "account/home.html", {"apps_count": apps_count}, place="account")


async def receive_appearance(request: Request) -> Response:
    """Remember light, dark or the system's choice in this browser, and go back."""
    form = await guarded_form(request)
    chosen = form.text("appearance")
    if chosen not in {*THEMES, "system"}:
        raise Invalid(Problem("appearance", "must be system, light or dark"))
    response = redirect(request, local_path(form.text("next") or START))
    secure = core_of(request).settings.is_https
    if chosen == "system":
        response.delete_cookie(THEME_COOKIE, path="/", secure=secure, httponly=True, samesite="lax")
    else:
        response.set_cookie(
            THEME_COOKIE, chosen, path="/", max_age=_YEAR_SECONDS, secure=secure, httponly=True, samesite="lax"
        )
    return response


routes = [
    Route("/", start),
    Route("/appearance", receive_appearance, methods=["POST"]),
]
