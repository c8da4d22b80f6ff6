"""Pages of signing in and out."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gatewright.login import store
from gatewright.login.model import Account
from gatewright.login.passwords import Passwords
from gatewright.login.rules import (
    LONGEST_PASSWORD,
    START,
    is_service_address,
    local_path,
    waiting_client,
)
from gatewright.login.session_service import sign_in, sign_out
from gatewright.web.core import core_of
from gatewright.web.csrf import cookie_name, guarded_form
from gatewright.web.edge import seen
from gatewright.web.forms import PageForm, query_parameters
from gatewright.web.html import redirect, render, set_browser_cookie

NO_MATCH = "This address and this password do not open an account."


async def show_sign_in(request: Request) -> Response:
    """Show the sign-in form; whoever is signed in goes on, unless they want to be somebody else."""
    asked = query_parameters(request)
    to = local_path(asked.get("next", START))
    if await core_of(request).sessions.viewer(request) is not None and "switch" not in asked:
        return redirect(request, to)
    return await _sign_in_page(request, to)


async def receive_sign_in(request: Request) -> Response:
    """Sign in, or show the form again with one sentence and 422."""
    form = await guarded_form(request)
    to = local_path(form.text("next") or START)
    account = await _matching_account(request, form)
    token = None if account is None else await _begin_session(request, account)
    if token is None:
        return await _sign_in_page(request, to, email=form.text("email"), errors={"": NO_MATCH})
    response = redirect(request, to)
    set_browser_cookie(response, core_of(request).settings, token)
    return response


async def show_signed_out(request: Request) -> Response:
    """Say that one is signed out; whoever is not sees where they may go."""
    if await core_of(request).sessions.viewer(request) is not None:
        return redirect(request, START)
    return await render(request, "login/signed_out.html", {})


async def receive_sign_out(request: Request) -> Response:
    """End this browser's session and forget its cookie (A172)."""
    await guarded_form(request)
    core = core_of(request)
    viewer = await core.sessions.viewer(request)
    if viewer is not None:
        noted = seen(request)
        origin = noted.origin("user", viewer.user_id)
        await sign_out(core.database, session_id=viewer.session_id, origin=origin, now=noted.now)
    response = redirect(request, "/logout")
    response.delete_cookie(
        cookie_name(core.settings), path="/", secure=core.settings.is_https, httponly=True, samesite="lax"
    )
    return response


async def _sign_in_page(
    request: Request, to: str, *, email: str = "", errors: Mapping[str, str] | None = None
) -> HTMLResponse:
    client_id = waiting_client(to)
    app_name = None
    if client_id is not None:
        async with core_of(request).database.read() as reader:
            app_name = await store.find_app_name(reader, client_id)
    context = {
        "form": {"email": email},
        "errors": errors or {},
        "next": to,
        "app_name": app_name,
        "sign_up_href": None,
        "forgot_href": None,
    }
    # Where consent waits, this form may lead through it to the app without another click (T1).
    targets = "https:" if client_id is not None else ""
    return await render(request, "login/sign_in.html", context, status=422 if errors else 200, form_targets=targets)


async def _matching_account(request: Request, form: PageForm) -> Account | None:
    """Return the account that the address and password open.

    An unknown address, one of a service account (S2, A108) and an account without a
    password cost the same work as a wrong password.
    """
    core = core_of(request)
    passwords: Passwords = request.app.state.passwords
    email, password = form.text("email"), form.text("password")[: LONGEST_PASSWORD + 1]
    async with core.database.read() as reader:
        account = await store.find_account(reader, email)
    if is_service_address(email, service_domain=core.settings.service_domain):
        account = None
    matches = await passwords.verify(None if account is None else account.password_hash, password)
    return account if matches else None


async def _begin_session(request: Request, account: Account) -> str | None:
    core, noted = core_of(request), seen(request)
    before = await core.sessions.viewer(request)
    return await sign_in(
        core.database,
        account=account,
        keys=core.keys,
        lifetime=core.settings.session_lifetime,
        origin=noted.origin("user", account.user_id),
        now=noted.now,
        replaces=None if before is None else before.session_id,
    )


routes = [
    Route("/login", show_sign_in),
    Route("/login", receive_sign_in, methods=["POST"]),
    Route("/logout", show_signed_out),
    Route("/logout", receive_sign_out, methods=["POST"]),
]
