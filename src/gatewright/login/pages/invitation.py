"""The page of an invitation's link (P7)."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gatewright.base.errors import Conflict, Invalid
from gatewright.base.folding import is_name_shaped
from gatewright.base.secrets import Purpose
from gatewright.login import invitation_store as store
from gatewright.login.invitation_service import accept_invitation
from gatewright.login.model import Invitation
from gatewright.login.password_rules import SHORTEST_PASSWORD
from gatewright.login.passwords import Passwords, passwords_of
from gatewright.login.rules import START
from gatewright.login.session_service import sign_out
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.html import redirect, render, set_browser_cookie


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
    errors = await _wrong_with_account(passwords_of(request), name, password, email=invitation.email)
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


async def _wrong_with_account(passwords: Passwords, name: str, password: str, *, email: str) -> dict[str, str]:
    errors = {}
    if not is_name_shaped(name):
        errors["name"] = "Write your name in at most 120 visible characters."
    if weak := await passwords.judge(password, email=email, name=name):
        errors["password"] = weak
    return errors


async def _accept(request: Request, *, name: str, password: str) -> str | None:
    """Return the cookie of the first session; None when the link was used up in the meantime."""
    core, noted = core_of(request), seen(request)
    passwords = passwords_of(request)
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
    Route("/invitation/{token}", show_invitation),
    Route("/invitation/{token}", receive_invitation, methods=["POST"]),
]
