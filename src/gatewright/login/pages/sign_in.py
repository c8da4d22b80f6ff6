"""Pages of signing in and out."""

from collections.abc import Mapping

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gatewright.base.errors import RateLimited
from gatewright.login import store
from gatewright.login.known_browser import known_id, remember
from gatewright.login.model import Account, Opened
from gatewright.login.password_rules import LONGEST_PASSWORD
from gatewright.login.passwords import passwords_of
from gatewright.login.rules import (
    START,
    local_path,
    waiting_client,
)
from gatewright.login.session_service import sign_in, sign_out
from gatewright.login.throttle import Bucket, Counted, Slot, account_bucket, address_bucket, bucket, guess
from gatewright.mail.rules import is_service_address
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.forms import PageForm, query_parameters
from gatewright.web.html import forget_browser_cookie, redirect, render, set_browser_cookie

_log = structlog.get_logger("gatewright.sign_in")
NO_MATCH = "This address and this password do not open an account."


async def show_sign_in(request: Request) -> Response:
    """Show the sign-in form; whoever is signed in goes on, unless they want to be somebody else."""
    asked = query_parameters(request)
    to = local_path(asked.get("next", START))
    if await core_of(request).sessions.viewer(request) is not None and "switch" not in asked:
        return redirect(request, to)
    return await _sign_in_page(request, to)


async def receive_sign_in(request: Request) -> Response:
    """Sign in, or show the form again with one sentence: 422, or 429 after too many failures."""
    form = await guarded_form(request)
    core, to = core_of(request), local_path(form.text("next") or START)
    try:
        opened = await _open(request, form)
    except RateLimited as refusal:
        return await _throttled_page(request, to, form.text("email"), refusal)
    if opened is None:
        return await _sign_in_page(request, to, email=form.text("email"), errors={"": NO_MATCH}, status=422)
    response = redirect(request, to)
    set_browser_cookie(response, core.settings, opened.session_token)
    remember(response, request, opened.account, settings=core.settings, keys=core.keys)
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
    forget_browser_cookie(response, core.settings)
    return response


async def _sign_in_page(
    request: Request, to: str, *, email: str = "", errors: Mapping[str, str] | None = None, status: int = 200
) -> HTMLResponse:
    client_id = waiting_client(to)
    app_name = None
    if client_id is not None:
        async with core_of(request).database.read() as reader:
            app_name = await store.find_app_name(reader, client_id)
    has_mail = core_of(request).settings.has_mail
    context = {
        "form": {"email": email},
        "errors": errors or {},
        "next": to,
        "app_name": app_name,
        "sign_up_href": "/sign-up" if has_mail and core_of(request).settings.sign_up else None,
        "forgot_href": "/password/forgot" if has_mail else None,
    }
    # Where consent waits, this form may lead through it to the app without another click (T1).
    targets = "https:" if client_id is not None else ""
    return await render(request, "login/sign_in.html", context, status=status, form_targets=targets)


async def _throttled_page(request: Request, to: str, email: str, refusal: RateLimited) -> HTMLResponse:
    told = f"{refusal.message} {refusal.help}"
    response = await _sign_in_page(request, to, email=email, errors={"": told}, status=429)
    response.headers["retry-after"] = str(int(refusal.retry_after.total_seconds()))
    return response


async def _open(request: Request, form: PageForm) -> Opened | None:
    """Return the account that the address and password opened, and its new session.

    RateLimited before the password is looked at, after too many failures. An unknown address,
    one of a service account (S2, A108) and an account without a password cost the same work as
    a wrong password.
    """
    async with passwords_of(request).turn():
        return await _try(request, form.text("email"), form.text("password")[: LONGEST_PASSWORD + 1])


async def _try(request: Request, email: str, password: str) -> Opened | None:
    core, passwords = core_of(request), passwords_of(request)
    async with core.database.read() as reader:
        account = await store.find_account(reader, email)
    if is_service_address(email, service_domain=core.settings.service_domain):
        account = None
    buckets = _buckets(request, email, account)
    async with guess(core.database, buckets, limit=core.settings.sign_in_limit, now=seen(request).now) as slot:
        matches = await passwords.verify(None if account is None else account.password_hash, password)
    if not matches or account is None:
        _log.info("sign_in_failed", bucket=buckets[0].shown, ip=seen(request).ip)
        return None
    rehashed = await passwords.renewed(account.password_hash, password)
    token = await _begin_session(request, account, slot=slot, rehashed=rehashed)
    return None if token is None else Opened(account, token)


def _buckets(request: Request, email: str, account: Account | None) -> list[Bucket]:
    """Return the counts that a guess is taken from.

    A browser that signed in to the account before has one of its own and no other, so that
    neither a stranger who hammers on the account nor a neighbour behind the same address locks
    its owner out (A184).
    """
    core = core_of(request)
    known = account and known_id(request, account, settings=core.settings, keys=core.keys)
    if known:
        return [bucket(core.keys, Counted.BROWSER, known)]
    return [account_bucket(core.keys, email), address_bucket(core.keys, seen(request).ip)]


async def _begin_session(request: Request, account: Account, *, slot: Slot, rehashed: str | None) -> str | None:
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
        slot=slot,
        rehashed=rehashed,
    )


routes = [
    Route("/login", show_sign_in),
    Route("/login", receive_sign_in, methods=["POST"]),
    Route("/logout", show_signed_out),
    Route("/logout", receive_sign_out, methods=["POST"]),
]
