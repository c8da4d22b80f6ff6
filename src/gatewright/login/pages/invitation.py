"""The page of an invitation's link (P2, P7)."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gatewright.base.errors import Conflict, Invalid, RateLimited
from gatewright.base.folding import fold_email
from gatewright.base.secrets import Purpose
from gatewright.login import store
from gatewright.login.invitation_service import Accepted, accept_invitation, account_exists, join_by_invitation
from gatewright.login.invitation_store import find_company_name, find_invitation
from gatewright.login.model import Account, Invitation
from gatewright.login.pages import one_time
from gatewright.login.password_rules import LONGEST_PASSWORD, RULE
from gatewright.login.passwords import passwords_of
from gatewright.login.throttle import Slot, give_back, guess
from gatewright.mail.rules import is_service_address
from gatewright.mail.store import is_service_accounts
from gatewright.web.access import Viewer
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.forms import PageForm
from gatewright.web.html import render

NO_MATCH = "This password does not open an account with this address."
_WHO_HELPS = "Whoever sent you the link can make a new one."


@dataclass(frozen=True, slots=True)
class _Offer:
    """An open invitation, and what its page says of it."""

    invitation: Invitation
    company: str | None
    viewer: Viewer | None

    @property
    def is_to_viewer(self) -> bool:
        """Return whether whoever is signed in has the invited address."""
        viewer, mine = self.viewer, self.invitation.email
        return viewer is not None and self.company is not None and fold_email(viewer.email) == fold_email(mine)


async def show_invitation(request: Request) -> Response:
    """Show the forms that accept an invitation; following the link consumes nothing (P8)."""
    offer = await _open_offer(request)
    return await (_gone(request) if offer is None else _invitation_page(request, offer))


async def receive_invitation(request: Request) -> Response:
    """Accept the invitation and sign in, or show the forms again with what is wrong (P7).

    Whether there is an account with the address changes neither status, body nor work of an
    answer, until a password was given that opens it, or one that would do for a new one.
    """
    form = await guarded_form(request)
    offer = await _open_offer(request)
    if offer is None:
        return await _gone(request)
    try:
        accepted = await _accept(request, offer, form)
    except RateLimited as refusal:
        response = await _invitation_page(request, offer, form=form, errors=one_time.told(refusal), status=429)
        response.headers["retry-after"] = str(int(refusal.retry_after.total_seconds()))
        return response
    except (Invalid, Conflict) as refusal:
        return await _invitation_page(request, offer, form=form, errors=one_time.told(refusal), status=422)
    if isinstance(accepted, dict):
        return await _invitation_page(request, offer, form=form, errors=accepted, status=422)
    if accepted is None:
        return await _gone(request)
    flash = f"You are in the directory of {offer.company} now." if offer.company else ""
    return await one_time.begin_in_this_browser(request, accepted.session_token, flash=flash)


async def _accept(request: Request, offer: _Offer, form: PageForm) -> Accepted | dict[str, str] | None:
    """Return who accepted; what is wrong with the form; None when the link was used up in the meantime."""
    core, email = core_of(request), offer.invitation.email
    async with core.database.read() as reader:
        account = await store.find_account(reader, email)
        is_programs = await is_service_accounts(reader, email)
    # Nobody signs in at a service account's address; it answers like one whose password nobody knows (S2, S8).
    is_nobodys = is_programs or is_service_address(email, service_domain=core.settings.service_domain)
    if form.text("as") == "viewer":
        if account is None or not offer.is_to_viewer or offer.viewer is None or account.user_id != offer.viewer.user_id:
            return {"": NO_MATCH}
        return await _join(request, account)
    known = account if offer.company and account and account.is_active and not is_nobodys else None
    async with guess(
        core.database,
        one_time.guess_counts(request, email),
        limit=core.settings.sign_in_limit,
        now=seen(request).now,
    ) as slot:
        matches = await _is_right(request, known, form)
    if known is not None and matches:
        return await _returned(request, slot, await _join(request, known))
    return await _returned(request, slot, await _as_newcomer(request, form, offer, is_nobodys=is_nobodys))


async def _as_newcomer(
    request: Request, form: PageForm, offer: _Offer, *, is_nobodys: bool
) -> Accepted | dict[str, str] | None:
    if form.text("as") == "known":
        return {"": NO_MATCH}
    name, password, email = form.text("name").strip(), form.text("password"), offer.invitation.email
    errors = await one_time.wrong_with_name_and_password(
        request, name=name, password=password, email=email, words=[offer.company or ""]
    )
    if errors:
        return errors
    core, noted, password_hash = core_of(request), seen(request), await passwords_of(request).hash(password)
    if is_nobodys:
        raise account_exists()
    return await accept_invitation(
        core.database,
        token=str(request.path_params["token"]),
        name=name,
        password_hash=password_hash,
        keys=core.keys,
        session_lifetime=core.settings.session_lifetime,
        origin=noted.origin("user"),
        now=noted.now,
    )


async def _join(request: Request, account: Account) -> Accepted | None:
    core, noted = core_of(request), seen(request)
    return await join_by_invitation(
        core.database,
        token=str(request.path_params["token"]),
        account=account,
        keys=core.keys,
        session_lifetime=core.settings.session_lifetime,
        origin=noted.origin("user", account.user_id),
        now=noted.now,
    )


async def _is_right(request: Request, account: Account | None, form: PageForm) -> bool:
    password = form.text("password")[: LONGEST_PASSWORD + 1]
    return await passwords_of(request).verify(None if account is None else account.password_hash, password)


async def _returned(
    request: Request, slot: Slot, accepted: Accepted | dict[str, str] | None
) -> Accepted | dict[str, str] | None:
    """Give the slot back where the guess was right."""
    if isinstance(accepted, Accepted):
        await give_back(core_of(request).database, slot=slot)
    return accepted


async def _open_offer(request: Request) -> _Offer | None:
    core = core_of(request)
    digests = core.keys.candidates(Purpose.INVITATION, str(request.path_params["token"]))
    async with core.database.read() as reader:
        invitation = await find_invitation(reader, digests)
        if invitation is None or not invitation.is_open(seen(request).now):
            return None
        is_companys = invitation.contact_id is not None
        company = await find_company_name(reader, invitation.company_id) if is_companys else None
    return _Offer(invitation, company, await core.sessions.viewer(request))


async def _invitation_page(
    request: Request,
    offer: _Offer,
    *,
    form: PageForm | None = None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> HTMLResponse:
    context = {
        "invitation": {
            "email": offer.invitation.email,
            "company": offer.company,
            "role": "operator" if offer.invitation.makes_operator else None,
        },
        "is_to_viewer": offer.is_to_viewer,
        "as_known": form is not None and form.text("as") == "known",
        "form": {"name": "" if form is None else form.text("name")},
        "errors": errors or {},
        "rule": RULE,
    }
    return await render(request, "login/invitation.html", context, status=status)


async def _gone(request: Request) -> HTMLResponse:
    return await one_time.opens_nothing(request, who_helps=_WHO_HELPS)


routes = [
    Route("/invitation/{token}", show_invitation),
    Route("/invitation/{token}", receive_invitation, methods=["POST"]),
]
