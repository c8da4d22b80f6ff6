"""What the pages of one-time links share: nothing behind the link, a first or new password, a first session."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gatewright.base.errors import Conflict, Invalid, RateLimited
from gatewright.base.folding import is_name_shaped
from gatewright.login.passwords import passwords_of
from gatewright.login.rules import START
from gatewright.login.session_service import sign_out
from gatewright.login.throttle import Bucket, account_bucket
from gatewright.web.core import core_of
from gatewright.web.edge import seen
from gatewright.web.html import redirect, render, set_browser_cookie


async def opens_nothing(request: Request, *, who_helps: str) -> HTMLResponse:
    """Return the page of a link that is used up, too old or none of ours: the same for all three."""
    context = {
        "status": 404,
        "code": "link_unknown",
        "heading": "This link opens nothing",
        "explanation": "It was used already, it is too old, or a part of it is missing.",
        "held": None,
        "who_can_help": [],
        "role_that_helps": who_helps,
        "way_on": {"label": "Sign in", "href": "/login"},
    }
    return await render(request, "error.html", context, status=404)


async def wrong_with_name_and_password(
    request: Request, *, name: str, password: str, email: str, words: Sequence[str] = ()
) -> dict[str, str]:
    """Return what is wrong with what somebody chose for a new account, by field."""
    errors = {} if is_name_shaped(name) else {"name": "Write your name in at most 120 visible characters."}
    shown = name if not errors else ""
    if weak := await passwords_of(request).judge(password, email=email, name=shown, words=words):
        errors["password"] = weak
    return errors


async def begin_in_this_browser(request: Request, session_token: str, *, flash: str = "") -> Response:
    """Return the way to the start page with the new session's cookie; the one this browser had ends."""
    core, noted = core_of(request), seen(request)
    before = await core.sessions.viewer(request)
    if before is not None:
        origin = noted.origin("user", before.user_id)
        await sign_out(core.database, session_id=before.session_id, origin=origin, now=noted.now)
    # The sentence is marked for the cookie that the browser holds from now on.
    request.scope["state"]["browser_token"] = session_token
    response = redirect(request, START, flash=flash)
    set_browser_cookie(response, core.settings, session_token)
    return response


def guess_counts(request: Request, email: str) -> list[Bucket]:
    """Return the count that a guess by an invitation is taken from: the account's, as at sign-in (A182).

    Not the network address's: a link leads to one account, and whoever chooses a first password
    that will not do guesses at nobody's.
    """
    return [account_bucket(core_of(request).keys, email)]


def told(refusal: Invalid | Conflict | RateLimited) -> dict[str, str]:
    """Return a refusal as what is wrong with a form, by field."""
    if isinstance(refusal, Invalid):
        return {problem.field if problem.field == "name" else "": problem.message for problem in refusal.problems}
    return {"": f"{refusal.message} {refusal.help}".strip()}
