"""Pages of signing in and out, of invitations, and the start page."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gatewright.base.errors import Conflict, Invalid, Problem
from gatewright.base.folding import is_name_shaped
from gatewright.base.secrets import Purpose
from gatewright.login import store
from gatewright.login.model import Account, Invitation
from gatewright.login.passwords import Passwords
from gatewright.login.rules import (
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    START,
    is_service_address,
    local_path,
    waiting_client,
    weakness,
)
from gatewright.login.service import accept_invitation, sign_in, sign_out
from gatewright.web.core import core_of
from gatewright.web.csrf import cookie_name, guarded_form
from gatewright.web.edge import seen
from gatewright.web.forms import PageForm, query_parameters
from gatewright.web.html import THEME_COOKIE, THEMES, redirect, render, set_browser_cookie

NO_MATCH = "This address and this password do not open an account."
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


async def show_invitation(request: Request) -> Response:
    """Show the form that accepts an invitation; following the link consumes nothing (P8)."""
    invitation = await _open_invitation(request)
    return await (_gone(request) if invitation is None else _invitation_page(request, invitation))


async def receive_invitation(request: Request) -> Response:
    """Begin the account and sign in, or show the form again with what is wrong (P7)."""
    form = await guarded_form(request)
    invitation = await _open_invitation(request)
    if invitation is None:
        return await _gone(request)
    name, password = form.text("name").strip(), form.text("password")
    errors = _wrong_with_account(name, password, email=invitation.email)
    if errors:
        return await _invitation_page(request, invitation, name=name, errors=errors)
    try:
        token = await _accept(request, name=name, password=password)
    except (Invalid, Conflict) as refusal:
        return await _invitation_page(request, invitation, name=name, errors=_told(refusal))
    if token is None:
        return await _gone(request)
    response = redirect(request, START)
    set_browser_cookie(response, core_of(request).settings, token)
    return response


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


async def _open_invitation(request: Request) -> Invitation | None:
    core = core_of(request)
    digests = core.keys.candidates(Purpose.INVITATION, str(request.path_params["token"]))
    async with core.database.read() as reader:
        invitation = await store.find_invitation(reader, digests)
    return invitation if invitation is not None and invitation.is_open(seen(request).now) else None


async def _invitation_page(
    request: Request, invitation: Invitation, *, name: str = "", errors: Mapping[str, str] | None = None
) -> HTMLResponse:
    context = {
        "invitation": {
            "email": invitation.email,
            "inviter": "the operator",
            "role": "operator" if invitation.makes_operator else None,
        },
        "form": {"name": name},
        "errors": errors or {},
        "password_length": SHORTEST_PASSWORD,
    }
    return await render(request, "login/invitation.html", context, status=422 if errors else 200)


async def _gone(request: Request) -> HTMLResponse:
    context = {
        "status": 404,
        "code": "link_unknown",
        "heading": "This link opens nothing",
        "explanation": "It was used already, it is too old, or a part of it is missing.",
        "held": None,
        "who_can_help": [],
        "role_that_helps": "Whoever sent you the link can make a new one.",
        "way_on": {"label": "Sign in", "href": "/login"},
    }
    return await render(request, "error.html", context, status=404)


def _wrong_with_account(name: str, password: str, *, email: str) -> dict[str, str]:
    errors = {}
    if not is_name_shaped(name):
        errors["name"] = "Write your name in at most 120 visible characters."
    if weak := weakness(password, email=email):
        errors["password"] = weak
    return errors


async def _accept(request: Request, *, name: str, password: str) -> str | None:
    """Return the cookie of the first session; None when the link was used up in the meantime."""
    core, noted = core_of(request), seen(request)
    passwords: Passwords = request.app.state.passwords
    accepted = await accept_invitation(
        core.database,
        token=str(request.path_params["token"]),
        name=name,
        password_hash=await passwords.hash(password),
        keys=core.keys,
        session_lifetime=core.settings.session_lifetime,
        origin=noted.origin("user"),
        now=noted.now,
    )
    before = await core.sessions.viewer(request)
    if accepted is not None and before is not None:
        origin = noted.origin("user", before.user_id)
        await sign_out(core.database, session_id=before.session_id, origin=origin, now=noted.now)
    return None if accepted is None else accepted.session_token


def _told(refusal: Invalid | Conflict) -> dict[str, str]:
    if isinstance(refusal, Invalid):
        return {problem.field if problem.field == "name" else "": problem.message for problem in refusal.problems}
    return {"": refusal.message}


routes = [
    Route("/", start),
    Route("/login", show_sign_in),
    Route("/login", receive_sign_in, methods=["POST"]),
    Route("/logout", show_signed_out),
    Route("/logout", receive_sign_out, methods=["POST"]),
    Route("/invitation/{token}", show_invitation),
    Route("/invitation/{token}", receive_invitation, methods=["POST"]),
    Route("/appearance", receive_appearance, methods=["POST"]),
]
