"""The Security page: what stands about one's account, and changing its password."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gatewright.base.errors import RateLimited
from gatewright.login import security_store, store
from gatewright.login.known_browser import remember
from gatewright.login.model import Account, Opened
from gatewright.login.password_rules import LONGEST_PASSWORD, RULE
from gatewright.login.password_service import change_password
from gatewright.login.passwords import passwords_of
from gatewright.login.rules import device
from gatewright.login.throttle import Counted, Slot, bucket, give_back, guess
from gatewright.web.access import SignInNeeded, Viewer, viewer_of
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.html import redirect, render, set_browser_cookie

PLACE, TAB = "account", "Security"
WRONG = "This is not your password."


async def show_security(request: Request) -> Response:
    """Show the viewer what stands about their account, and the form that changes its password."""
    return await _security_page(request, await viewer_of(request))


async def receive_password(request: Request) -> Response:
    """Change the password and end every other session, or show the page again with what is wrong."""
    form = await guarded_form(request)
    viewer = await viewer_of(request)
    current, password = form.text("current_password"), form.text("password")
    account = await _own_account(request, viewer)
    try:
        slot = await confirmed(request, viewer, account, current)
    except RateLimited as refusal:
        return await _throttled(request, viewer, refusal)
    if slot is None:
        return await _security_page(request, viewer, errors={"current_password": WRONG})
    weak = await passwords_of(request).judge(password, email=account.email, name=account.name)
    if weak:
        await give_back(core_of(request).database, slot=slot)
        return await _security_page(request, viewer, errors={"password": weak})
    opened = await _change(request, account, password, slot)
    if opened is None:
        raise SignInNeeded
    return _changed(request, opened)


async def confirmed(request: Request, viewer: Viewer, account: Account, password: str) -> Slot | None:
    """Return the slot of a right password, for the verb to give back; None when it was wrong.

    RateLimited after too many wrong ones: counted by session, so that whoever found one open
    can neither guess on nor keep the owner from answering elsewhere.
    """
    core, passwords = core_of(request), passwords_of(request)
    buckets = [bucket(core.keys, Counted.SESSION, viewer.session_id)]
    async with guess(core.database, buckets, limit=core.settings.sign_in_limit, now=seen(request).now) as slot:
        matches = await passwords.verify(account.password_hash, password[: LONGEST_PASSWORD + 1])
    return slot if matches else None


async def _own_account(request: Request, viewer: Viewer) -> Account:
    async with core_of(request).database.read() as reader:
        account = await store.find_account(reader, viewer.email)
    if account is None or account.user_id != viewer.user_id:
        raise SignInNeeded  # they got another address while they asked
    return account


async def _change(request: Request, account: Account, password: str, slot: Slot) -> Opened | None:
    core, noted = core_of(request), seen(request)
    return await change_password(
        core.database,
        account=account,
        password_hash=await passwords_of(request).hash(password),
        slot=slot,
        keys=core.keys,
        lifetime=core.settings.session_lifetime,
        has_mail=core.settings.has_mail,
        origin=noted.origin("user", account.user_id),
        now=noted.now,
    )


def _changed(request: Request, opened: Opened) -> Response:
    core = core_of(request)
    # The sentence is marked for the cookie that the browser holds from now on.
    request.scope["state"]["browser_token"] = opened.session_token
    response = redirect(request, "/account/security", flash="Password changed. Every other session has ended.")
    set_browser_cookie(response, core.settings, opened.session_token)
    remember(response, request, opened.account, settings=core.settings, keys=core.keys)
    return response


async def _throttled(request: Request, viewer: Viewer, refusal: RateLimited) -> HTMLResponse:
    response = await _security_page(request, viewer, errors={"current_password": refusal.message}, status=429)
    response.headers["retry-after"] = str(int(refusal.retry_after.total_seconds()))
    return response


async def _security_page(
    request: Request, viewer: Viewer, *, errors: Mapping[str, str] | None = None, status: int = 422
) -> HTMLResponse:
    now = seen(request).now
    async with core_of(request).database.read() as reader:
        facts = await security_store.account_facts(reader, viewer.user_id)
        terms = await security_store.newest_acceptance(reader, viewer.user_id)
        sign_ins = await security_store.past_sign_ins(reader, viewer.user_id, now=now)
    context = {
        "account": facts,
        "terms": terms,
        "sign_ins": [{"at": one.at, "ip": one.ip, "device": device(one.user_agent)} for one in sign_ins],
        "rule": RULE,
        "form": {},
        "errors": errors or {},
    }
    return await render(
        request, "account/security.html", context, status=status if errors else 200, place=PLACE, tab=TAB
    )


routes = [
    Route("/account/security", show_security),
    Route("/account/security/password", receive_password, methods=["POST"]),
]
