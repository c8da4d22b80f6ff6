"""One's own address: asked to be changed, and changed once the new one was proven (P9)."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gatewright.base.errors import Invalid, RateLimited
from gatewright.base.folding import is_email_shaped
from gatewright.base.secrets import Purpose
from gatewright.login import account_store, store
from gatewright.login.asked import NEW_ADDRESS
from gatewright.login.link_service import confirm_address
from gatewright.login.link_store import find_link
from gatewright.login.model import AccountLink, LinkFor
from gatewright.login.pages import one_time
from gatewright.login.pages.asking import NO_ADDRESS, ask
from gatewright.login.pages.security import WRONG, confirmed
from gatewright.login.throttle import give_back
from gatewright.mail.rules import is_service_address
from gatewright.web.access import SignInNeeded, Viewer, viewer_of
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.html import redirect, render

PLACE, TAB = "account", "Security"
_WHO_HELPS = "Ask for a new link on the Address page, signed in to the account that asked for it."
_TAKEN = "This address cannot be used any more. Nothing was changed."


async def show_address(request: Request) -> Response:
    """Show the viewer's address and the form that changes it."""
    return await _address_page(request, await viewer_of(request))


async def receive_address(request: Request) -> Response:
    """Ask for a link to the new address; the answer is the same whoever has it."""
    form = await guarded_form(request)
    viewer, core = await viewer_of(request), core_of(request)
    email = form.text("email").strip()
    if wrong := _wrong_with(request, email):
        return await _address_page(request, viewer, email=email, errors={"email": wrong}, status=422)
    async with core.database.read() as reader:
        account = await store.find_account_by_id(reader, viewer.user_id)
    if account is None:
        raise SignInNeeded
    try:
        slot = await confirmed(request, viewer, account, form.text("current_password"))
    except RateLimited as refusal:
        errors = {"current_password": refusal.message}
        response = await _address_page(request, viewer, email=email, errors=errors, status=429)
        response.headers["retry-after"] = str(int(refusal.retry_after.total_seconds()))
        return response
    if slot is None:
        return await _address_page(request, viewer, email=email, errors={"current_password": WRONG}, status=422)
    await give_back(core.database, slot=slot)
    await ask(request, NEW_ADDRESS, email=email, user_id=viewer.user_id)
    sent = "If the address can be yours, a link is on its way to it. Until you follow it, the present one counts."
    return redirect(request, "/account/address", flash=sent)


async def show_proof(request: Request) -> Response:
    """Show the button behind the link; following it consumes nothing."""
    viewer = await viewer_of(request)
    link = await _own_link(request, viewer)
    if link is None:
        return await _gone(request)
    return await render(request, "account/address_proof.html", {"email": link.email, "errors": {}})


async def receive_proof(request: Request) -> Response:
    """Make the proven address the one that counts (P9)."""
    await guarded_form(request)
    viewer, core, noted = await viewer_of(request), core_of(request), seen(request)
    link = await _own_link(request, viewer)
    if link is None:
        return await _gone(request)
    try:
        email = await confirm_address(
            core.database,
            token=str(request.path_params["token"]),
            user_id=viewer.user_id,
            keys=core.keys,
            origin=noted.origin("user", viewer.user_id),
            now=noted.now,
        )
    except Invalid:
        context = {"email": link.email, "errors": {"": _TAKEN}}
        return await render(request, "account/address_proof.html", context, status=422)
    if email is None:
        return await _gone(request)
    return redirect(request, "/account/security", flash=f"You sign in with {email} from now on.")


def _wrong_with(request: Request, email: str) -> str | None:
    settings = core_of(request).settings
    if not settings.has_mail:
        return "This deployment sends no mail, so no address can be proven. Its operator can set up mail."
    if not is_email_shaped(email):
        return NO_ADDRESS
    if is_service_address(email, service_domain=settings.service_domain):
        return f"Addresses under {settings.service_domain} are service accounts'. Nobody reads mail there."
    return None


async def _own_link(request: Request, viewer: Viewer) -> AccountLink | None:
    """Return the open link, if it was made for the account that is signed in."""
    core = core_of(request)
    digests = core.keys.candidates(Purpose.ACCOUNT_LINK, str(request.path_params["token"]))
    async with core.database.read() as reader:
        link = await find_link(reader, digests, LinkFor.NEW_ADDRESS)
    is_own = link is not None and link.user_id == viewer.user_id and link.is_open(seen(request).now)
    return link if is_own else None


async def _address_page(
    request: Request,
    viewer: Viewer,
    *,
    email: str = "",
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> HTMLResponse:
    async with core_of(request).database.read() as reader:
        standing = await account_store.find_standing(reader, viewer.user_id)
    context = {
        "has_mail": core_of(request).settings.has_mail,
        "is_proven": standing is not None and standing.is_proven,
        "email": viewer.email,
        "form": {"email": email},
        "errors": errors or {},
    }
    return await render(request, "account/address.html", context, status=status, place=PLACE, tab=TAB)


async def _gone(request: Request) -> HTMLResponse:
    return await one_time.opens_nothing(request, who_helps=_WHO_HELPS)


routes = [
    Route("/account/address", show_address),
    Route("/account/address", receive_address, methods=["POST"]),
    Route("/account/address/{token}", show_proof),
    Route("/account/address/{token}", receive_proof, methods=["POST"]),
]
