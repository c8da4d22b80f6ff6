"""Pages: Jinja templates, the frame around each, and what the browser may load."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from gatewright.base.secrets import Purpose, same
from gatewright.settings import Settings
from gatewright.web import display
from gatewright.web.access import Viewer
from gatewright.web.core import Core, core_of
from gatewright.web.csrf import browser_token, cookie_name, csrf_token
from gatewright.web.edge import seen

HERE = Path(__file__).parent
STATIC = HERE / "static"
FLASH_COOKIE = "gw_flash"
THEME_COOKIE = "gw_theme"
THEMES = ("light", "dark")
Context = Mapping[str, Any]


def policy(*, form_targets: str = "") -> str:
    """Return the Content-Security-Policy of a page.

    `form_targets`: origins a form's answer may redirect to. Chromium applies
    `form-action` to the redirect after Allow, so consent must name its redirect URI's origin.
    """
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; "
        f"form-action 'self'{' ' + form_targets if form_targets else ''}; base-uri 'none'; frame-ancestors 'none'"
    )


async def render(
    request: Request,
    template: str,
    context: Context,
    *,
    status: int = 200,
    place: str = "",
    tab: str = "",
    form_targets: str = "",
) -> HTMLResponse:
    """Return the page, framed for whoever looks at it, never stored by anyone.

    `place` is a Place's key (`company:5`), `tab` a Tab's name; with them the page shows its bar.
    """
    core = core_of(request)
    browser = browser_token(request, core.settings)
    frame = await _frame(core, request, browser, place=place, tab=tab)
    response = HTMLResponse(environment().get_template(template).render({**frame, **context}), status_code=status)
    response.headers["content-security-policy"] = policy(form_targets=form_targets)
    response.headers["cache-control"] = "no-store"
    if FLASH_COOKIE in request.cookies:
        response.delete_cookie(FLASH_COOKIE, path="/")
    if cookie_name(core.settings) not in request.cookies:
        set_browser_cookie(response, core.settings, browser)
    return response


def set_browser_cookie(response: HTMLResponse | RedirectResponse, settings: Settings, value: str) -> None:
    """Set the session cookie: HttpOnly, SameSite=Lax, Secure on https (A173)."""
    response.set_cookie(cookie_name(settings), value, path="/", httponly=True, samesite="lax", secure=settings.is_https)


def forget_browser_cookie(response: RedirectResponse, settings: Settings) -> None:
    """Have the browser forget its session cookie."""
    response.delete_cookie(cookie_name(settings), path="/", secure=settings.is_https, httponly=True, samesite="lax")


def redirect(request: Request, to: str, *, flash: str = "") -> RedirectResponse:
    """Return `303 See Other` to a path of ours, with a sentence that the next page shows once."""
    core = core_of(request)
    response = RedirectResponse(to, status_code=303, headers={"cache-control": "no-store"})
    if flash:
        value = f"{_flash_mark(core, browser_token(request, core.settings), flash)}.{quote(flash)}"
        response.set_cookie(
            FLASH_COOKIE, value, path="/", max_age=60, httponly=True, samesite="lax", secure=core.settings.is_https
        )
    return response


@cache
def environment() -> Environment:
    """Return the Jinja environment: autoescape on, an undefined name is an error."""
    env = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    display.register(env)
    env.globals["static"] = static
    return env


@cache
def static(path: str) -> str:
    """Return the URL of a static file, which changes when the file does."""
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]
    return f"/static/{path}?v={digest}"


async def _frame(core: Core, request: Request, browser: str, *, place: str, tab: str) -> dict[str, Any]:
    viewer = await core.sessions.viewer(request)
    theme = request.cookies.get(THEME_COOKIE, "")
    return {
        "viewer": viewer,
        **await _bar(core, request, viewer, place=place, tab=tab),
        "csrf_token": csrf_token(core.keys, browser),
        "flash": _flash(request, core, browser),
        "theme": theme if theme in THEMES else "",
        "request_id": seen(request).request_id,
        "now": seen(request).now,
        "path": request.url.path,
    }


async def _bar(core: Core, request: Request, viewer: Viewer | None, *, place: str, tab: str) -> dict[str, Any]:
    if viewer is None:
        return {"place": None, "places": [], "tabs": []}
    now = seen(request).now
    places = await core.navigation.places(viewer, now=now)
    tabs = await core.navigation.tabs(viewer, place, now=now) if place else []
    return {
        "place": next((p for p in places if p.key == place), None),
        "places": [{"place": p, "current": p.key == place} for p in places],
        "tabs": [{"tab": t, "current": t.name == tab} for t in tabs],
    }


def _flash(request: Request, core: Core, browser: str) -> str | None:
    mark, _, quoted = request.cookies.get(FLASH_COOKIE, "").partition(".")
    text = unquote(quoted)
    return text if mark and same(mark, _flash_mark(core, browser, text)) else None


def _flash_mark(core: Core, browser: str, text: str) -> str:
    # Marked, so that nobody else can put words on our pages.
    return core.keys.current.mac(Purpose.CSRF, f"flash\0{browser}\0{text}".encode()).hex()[:32]
