"""A forgotten password: asked for by mail, chosen anew behind a one-time link (P8)."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gatewright.base.folding import is_email_shaped
from gatewright.base.secrets import Purpose
from gatewright.login import store
from gatewright.login.asked import PASSWORD_RESET
from gatewright.login.link_service import reset_password
from gatewright.login.link_store import find_link
from gatewright.login.model import Account, LinkFor
from gatewright.login.pages import one_time
from gatewright.login.pages.asking import NO_ADDRESS, ask, needs_mail
from gatewright.login.password_rules import RULE
from gatewright.login.passwords import passwords_of
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.html import redirect, render

_WHY = "This deployment sends no mail. An operator can make a link for you: gatewright operator reset-link."
_WHO_HELPS = "Ask for a new link from the sign-in page, or ask the operator."


async def show_forgotten(request: Request) -> Response:
    """Show the form that asks for a reset link."""
    needs_mail(request, _WHY)
    return await render(request, "login/forgotten.html", {"form": {}, "errors": {}, "is_sent": False})


async def receive_forgotten(request: Request) -> Response:
    """Ask for a reset link; the answer is the same whether the address is known or not."""
    form = await guarded_form(request)
    needs_mail(request, _WHY)
    email = form.text("email").strip()
    if not is_email_shaped(email):
        context = {"form": {"email": email}, "errors": {"email": NO_ADDRESS}, "is_sent": False}
        return await render(request, "login/forgotten.html", context, status=422)
    await ask(request, PASSWORD_RESET, email=email)
    return await render(request, "login/forgotten.html", {"form": {"email": email}, "errors": {}, "is_sent": True})


async def show_reset(request: Request) -> Response:
    """Show the form behind a reset link; following it consumes nothing."""
    account = await _account_behind(request)
    return await (_gone(request) if account is None else _reset_page(request, account))


async def receive_reset(request: Request) -> Response:
    """Put the new password and end every session, or show the form again with what is wrong."""
    form = await guarded_form(request)
    account = await _account_behind(request)
    if account is None:
        return await _gone(request)
    password = form.text("password")
    if weak := await passwords_of(request).judge(password, email=account.email, name=account.name):
        return await _reset_page(request, account, weak=weak)
    core, noted = core_of(request), seen(request)
    done = await reset_password(
        core.database,
        token=str(request.path_params["token"]),
        password_hash=await passwords_of(request).hash(password),
        has_mail=core.settings.has_mail,
        keys=core.keys,
        origin=noted.origin("user", account.user_id),
        now=noted.now,
    )
    if done is None:
        return await _gone(request)
    return redirect(request, "/login", flash="The new password counts from now on. Every session has ended.")


async def _account_behind(request: Request) -> Account | None:
    """Return the active account of an open reset link."""
    core = core_of(request)
    digests = core.keys.candidates(Purpose.ACCOUNT_LINK, str(request.path_params["token"]))
    async with core.database.read() as reader:
        link = await find_link(reader, digests, LinkFor.PASSWORD_RESET)
        if link is None or link.user_id is None or not link.is_open(seen(request).now):
            return None
        account = await store.find_account_by_id(reader, link.user_id)
    return account if account is not None and account.is_active else None


async def _reset_page(request: Request, account: Account, *, weak: str | None = None) -> HTMLResponse:
    context = {"email": account.email, "rule": RULE, "form": {}, "errors": {"password": weak} if weak else {}}
    return await render(request, "login/reset.html", context, status=422 if weak else 200)


async def _gone(request: Request) -> HTMLResponse:
    return await one_time.opens_nothing(request, who_helps=_WHO_HELPS)


routes = [
    Route("/password/forgot", show_forgotten),
    Route("/password/forgot", receive_forgotten, methods=["POST"]),
    Route("/password/reset/{token}", show_reset),
    Route("/password/reset/{token}", receive_reset, methods=["POST"]),
]
