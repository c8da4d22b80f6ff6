"""The token that ties a form to the browser it was made for (A174, A175)."""

from urllib.parse import urlsplit

from starlette.requests import Request

from gatewright.base.errors import NotAllowed
from gatewright.base.secrets import Purpose, ServerKeys, mint, same
from gatewright.settings import Settings
from gatewright.web.forms import PageForm, page_form

FIELD = "csrf_token"


def cookie_name(settings: Settings) -> str:
    """Return the session cookie's name; `__Host-` binds it to this host where https allows it (A173)."""
    return "__Host-gw_session" if settings.is_https else "gw_session"


def browser_token(request: Request, settings: Settings) -> str:
    """Return what the session cookie holds, or a fresh value for a browser without one."""
    kept = request.scope["state"].get("browser_token")
    if kept is None:
        kept = request.cookies.get(cookie_name(settings)) or mint("gwb")
        request.scope["state"]["browser_token"] = kept
    return str(kept)


def csrf_token(keys: ServerKeys, browser: str) -> str:
    """Return the token for the browser that holds this cookie: derived, so nothing is stored."""
    return keys.current.mac(Purpose.CSRF, browser.encode()).hex()


async def guarded_form(request: Request) -> PageForm:
    """Return the form of a POST to a page; NotAllowed unless this browser's own page sent it."""
    form = await page_form(request)
    guard(request, form)
    return form


def guard(request: Request, form: PageForm) -> None:
    """Raise NotAllowed unless this browser's own page sent the form."""
    core = request.app.state.core
    if not _is_of_this_site(request, core.settings):
        raise _forged()
    browser = request.cookies.get(cookie_name(core.settings), "")
    expected = [key.mac(Purpose.CSRF, browser.encode()).hex() for key in core.keys.keys]
    if not browser or not any(same(form.text(FIELD), token) for token in expected):
        raise _forged()


def _is_of_this_site(request: Request, settings: Settings) -> bool:
    """Return whether nothing that the browser says of where the form was speaks against it.

    `Referrer-Policy: no-referrer` makes browsers send `Origin: null` with the forms of our
    own pages (Fetch, "append a request Origin header"). That is believed only beside
    `Sec-Fetch-Site: same-origin`, which no page can set; a sandboxed frame's is cross-site.
    """
    sites, origins = request.headers.getlist("sec-fetch-site"), request.headers.getlist("origin")
    if len(sites) > 1 or len(origins) > 1 or not set(sites) <= {"same-origin", "none"}:
        return False
    if origins == ["null"]:
        return sites == ["same-origin"]
    return not origins or origins == [own_origin(settings)]


def own_origin(settings: Settings) -> str:
    """Return the origin of our own pages as browsers write it: without a port that goes without saying."""
    parts = urlsplit(settings.issuer)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    implied = parts.port in {None, 443 if parts.scheme == "https" else 80}
    return f"{parts.scheme}://{host}{'' if implied else f':{parts.port}'}"


def _forged() -> NotAllowed:
    return NotAllowed(
        "csrf_failed",
        "This form was not sent from the page it belongs to, or the page is older than your sign-in.",
        help="Open the page at this server's own address, reload it and send the form again.",
    )
