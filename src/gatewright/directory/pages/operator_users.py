"""The operator's users: found, looked at, deactivated and reactivated, made operators (P4, M5)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response

from gatewright.base.errors import Conflict, NotFound
from gatewright.base.ids import UserId
from gatewright.directory import service
from gatewright.directory.pages.viewing import page_errors
from gatewright.directory.store import operated
from gatewright.events.catalogue import Origin
from gatewright.web.access import operator_of, path_id
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.forms import query_parameters
from gatewright.web.html import redirect, render
from gatewright.web.lists import paging, shown_page

PLACE, TAB = "operator", "Users"
PATH = "/operator/users"
_Act = Callable[[UserId, Origin], Awaitable[bool]]


async def show_all(request: Request) -> Response:
    """Show the users whose name or address holds `q`, or whose id it is, fifty at a time."""
    await operator_of(request)
    q = query_parameters(request).get("q", "")
    async with core_of(request).database.read() as reader:
        total = await operated.count_users(reader, q=q)
        page = shown_page(request, total)
        found = await operated.list_users(reader, q=q, limit=page.size, offset=page.offset)
    context = {"q": q, "users": [asdict(row) for row in found], "paging": paging(PATH, page, total, asked={"q": q})}
    return await render(request, "operator/users.html", context, place=PLACE, tab=TAB)


async def show(request: Request) -> Response:
    """Show one user, and what deactivating them would end (P4)."""
    await operator_of(request)
    return await _page(request)


async def deactivate(request: Request) -> Response:
    """Deactivate the user: sign-ins, tokens and authorizations end at once, everywhere (P4)."""
    database, now = core_of(request).database, seen(request).now
    return await _done(
        request,
        lambda user_id, origin: service.deactivate_user(database, user_id=user_id, origin=origin, now=now),
        "Deactivated everywhere. Sessions, authorizations and tokens have ended.",
    )


async def reactivate(request: Request) -> Response:
    """Reactivate the user: sign-in and directories are restored, what ended stays ended (P4)."""
    database, now = core_of(request).database, seen(request).now
    return await _done(
        request,
        lambda user_id, origin: service.reactivate_user(database, user_id=user_id, origin=origin, now=now),
        "Reactivated. What ended before stays ended.",
    )


async def make_operator(request: Request) -> Response:
    """Make the user an operator of this deployment."""
    return await _set_operator(request, is_operator=True, said="Operates this deployment from now on.")


async def unmake_operator(request: Request) -> Response:
    """Let the user be no operator any more; refused for the last one."""
    return await _set_operator(request, is_operator=False, said="Operates this deployment no more.")


async def _set_operator(request: Request, *, is_operator: bool, said: str) -> Response:
    database, now = core_of(request).database, seen(request).now
    return await _done(
        request,
        lambda user_id, origin: service.set_operator(
            database, user_id=user_id, is_operator=is_operator, origin=origin, now=now
        ),
        said,
    )


async def _done(request: Request, act: _Act, said: str) -> Response:
    await guarded_form(request)
    viewer = await operator_of(request)
    user_id = _user_id(request)
    try:
        changed = await act(user_id, seen(request).origin("operator", viewer.user_id))
    except Conflict as refusal:
        return await _page(request, errors=page_errors(refusal), status=409)
    if user_id == viewer.user_id and changed:
        return redirect(request, "/", flash=said)
    return redirect(request, f"{PATH}/{user_id}", flash=said if changed else "Nothing was changed.")


async def _page(request: Request, *, errors: Mapping[str, str] | None = None, status: int = 200) -> Response:
    user_id = _user_id(request)
    async with core_of(request).database.read() as reader:
        user = await operated.find_user_row(reader, user_id)
        if user is None:
            raise NotFound("user_unknown", "There is no such user.")
        ends = await operated.deactivation_ends(reader, user_id, now=seen(request).now)
    shown = {**asdict(ends), "last_admin_of": [{"id": id_, "name": name} for id_, name in ends.last_admin_of]}
    context = {"user": asdict(user), "ends": shown, "errors": errors or {}}
    return await render(request, "operator/user.html", context, status=status, place=PLACE, tab=TAB)


def _user_id(request: Request) -> UserId:
    return UserId(path_id(request, "user_id", "user_unknown"))
