"""The Sessions page: where one is signed in, ended one by one or all others at once."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gatewright.base.errors import NotFound
from gatewright.login import session_store
from gatewright.login.rules import device
from gatewright.login.session_service import end_own_session, end_sessions
from gatewright.web.access import viewer_of
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.display import clock, plural
from gatewright.web.edge import seen
from gatewright.web.html import forget_browser_cookie, redirect, render

PLACE, TAB = "account", "Sessions"
HERE = "/account/sessions"


async def show_sessions(request: Request) -> Response:
    """Show the viewer where they are signed in."""
    viewer = await viewer_of(request)
    async with core_of(request).database.read() as reader:
        found = await session_store.standing_sessions(reader, viewer.user_id, now=seen(request).now)
    sessions = [
        {
            "session_id": one.session_id,
            "device": device(one.user_agent),
            "ip": one.ip,
            "created_at": one.created_at,
            "last_seen_at": one.last_seen_at,
            "is_this": one.session_id == viewer.session_id,
        }
        for one in found
    ]
    sessions.sort(key=lambda one: not one["is_this"])
    return await render(request, "account/sessions.html", {"sessions": sessions}, place=PLACE, tab=TAB)


async def receive_end(request: Request) -> Response:
    """End one of the viewer's sessions; their own here is signing out."""
    await guarded_form(request)
    viewer = await viewer_of(request)
    core, noted = core_of(request), seen(request)
    session_id, origin = str(request.path_params["session_id"]), noted.origin("user", viewer.user_id)
    is_theirs = await end_own_session(
        core.database, user_id=viewer.user_id, session_id=session_id, origin=origin, now=noted.now
    )
    if not is_theirs:
        raise NotFound
    if session_id != viewer.session_id:
        return redirect(request, HERE, flash=f"The session ended everywhere at {clock(noted.now)}.")
    response = redirect(request, "/logout")
    forget_browser_cookie(response, core.settings)
    return response


async def receive_end_others(request: Request) -> Response:
    """End every session of the viewer but this one."""
    await guarded_form(request)
    viewer = await viewer_of(request)
    noted = seen(request)
    ended = await end_sessions(
        core_of(request).database,
        user_id=viewer.user_id,
        besides=viewer.session_id,
        origin=noted.origin("user", viewer.user_id),
        now=noted.now,
    )
    told = (
        f"{plural(ended, 'other session')} ended everywhere at {clock(noted.now)}." if ended else "There was no other."
    )
    return redirect(request, HERE, flash=told)


routes = [
    Route(HERE, show_sessions),
    Route(f"{HERE}/end-others", receive_end_others, methods=["POST"]),
    Route(f"{HERE}/{{session_id}}/end", receive_end, methods=["POST"]),
]
