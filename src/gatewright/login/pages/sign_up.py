"""Signing up, where the deployment allows it: an address, a mailed link, a name and a password (P7)."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gatewright.base.errors import Conflict, Invalid, NotFound
from gatewright.base.folding import is_email_shaped
from gatewright.base.secrets import Purpose
from gatewright.login.asked import SIGN_UP
from gatewright.login.invitation_service import Newcomer
from gatewright.login.link_service import begin_account
from gatewright.login.link_store import find_link
from gatewright.login.model import AccountLink, LinkFor
from gatewright.login.pages import one_time
from gatewright.login.pages.asking import NO_ADDRESS, ask
from gatewright.login.password_rules import RULE
from gatewright.login.passwords import passwords_of
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.html import render

_WHO_HELPS = "Sign up once more, and use the newest link."


async def show_sign_up(request: Request) -> Response:
    """Show the form that asks for an account."""
    _needs_sign_up(request)
    return await render(request, "login/sign_up.html", {"form": {}, "errors": {}, "is_sent": False})


async def receive_sign_up(request: Request) -> Response:
    """Ask for a link that begins an account; the answer is the same whoever has the address."""
    form = await guarded_form(request)
    _needs_sign_up(request)
    email = form.text("email").strip()
    if not is_email_shaped(email):
        context = {"form": {"email": email}, "errors": {"email": NO_ADDRESS}, "is_sent": False}
        return await render(request, "login/sign_up.html", context, status=422)
    await ask(request, SIGN_UP, email=email)
    return await render(request, "login/sign_up.html", {"form": {"email": email}, "errors": {}, "is_sent": True})


async def show_beginning(request: Request) -> Response:
    """Show the form behind a sign-up's link; following it consumes nothing."""
    _needs_sign_up(request)
    link = await _open_link(request)
    return await (_gone(request) if link is None else _beginning_page(request, link))


async def receive_beginning(request: Request) -> Response:
    """Begin the account and sign in, or show the form again with what is wrong."""
    form = await guarded_form(request)
    _needs_sign_up(request)
    link = await _open_link(request)
    if link is None:
        return await _gone(request)
    name, password = form.text("name").strip(), form.text("password")
    errors = await one_time.wrong_with_name_and_password(request, name=name, password=password, email=link.email)
    if errors:
        return await _beginning_page(request, link, name=name, errors=errors)
    core, noted = core_of(request), seen(request)
    try:
        accepted = await begin_account(
            core.database,
            token=str(request.path_params["token"]),
            newcomer=Newcomer(name, await passwords_of(request).hash(password)),
            keys=core.keys,
            session_lifetime=core.settings.session_lifetime,
            origin=noted.origin("user"),
            now=noted.now,
        )
    except (Conflict, Invalid) as refusal:
        return await _beginning_page(request, link, name=name, errors=one_time.told(refusal))
    if accepted is None:
        return await _gone(request)
    return await one_time.begin_in_this_browser(request, accepted.session_token)


def _needs_sign_up(request: Request) -> None:
    settings = core_of(request).settings
    if not (settings.sign_up and settings.has_mail):
        raise NotFound("no_sign_up", "Nobody signs up here. A company or the operator can invite you.")


async def _open_link(request: Request) -> AccountLink | None:
    core = core_of(request)
    digests = core.keys.candidates(Purpose.ACCOUNT_LINK, str(request.path_params["token"]))
    async with core.database.read() as reader:
        link = await find_link(reader, digests, LinkFor.SIGN_UP)
    return link if link is not None and link.is_open(seen(request).now) else None


async def _beginning_page(
    request: Request, link: AccountLink, *, name: str = "", errors: Mapping[str, str] | None = None
) -> HTMLResponse:
    context = {"email": link.email, "rule": RULE, "form": {"name": name}, "errors": errors or {}}
    return await render(request, "login/begin.html", context, status=422 if errors else 200)


async def _gone(request: Request) -> HTMLResponse:
    return await one_time.opens_nothing(request, who_helps=_WHO_HELPS)


routes = [
    Route("/sign-up", show_sign_up),
    Route("/sign-up", receive_sign_up, methods=["POST"]),
    Route("/sign-up/{token}", show_beginning),
    Route("/sign-up/{token}", receive_beginning, methods=["POST"]),
]
