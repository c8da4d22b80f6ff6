"""Inviting a contact: by mail, else by a link that the inviter passes on, shown this once (P2, P7)."""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from gatewright.base.errors import Conflict, RateLimited
from gatewright.base.ids import CompanyId, ContactId
from gatewright.db.engine import Database
from gatewright.directory.service.levels import contact_unknown
from gatewright.directory.store import contacts
from gatewright.events.catalogue import Origin
from gatewright.web.core import core_of
from gatewright.web.edge import seen
from gatewright.web.forms import PageForm
from gatewright.web.html import redirect, render

SHOWN_WITH = "shown_with"  # the form's hidden field: the open invitation that its page showed


async def open_invitation(request: Request, company_id: CompanyId, contact_id: ContactId) -> dict[str, object]:
    """Return what a page says of a contact's invitation: since when one is open, and the form's mark of it."""
    return said_of(await core_of(request).invitations.open_since(company_id, contact_id, now=seen(request).now))


def said_of(open_since: datetime | None) -> dict[str, object]:
    """Return what a page says of an invitation that is open since then, or of none."""
    return {"since": open_since, "shown_with": "" if open_since is None else open_since.isoformat()}


async def sent_before(request: Request, form: PageForm, company_id: CompanyId, contact_id: ContactId) -> bool:
    """Return whether the form was answered before: another invitation is open than its page showed."""
    standing = await open_invitation(request, company_id, contact_id)
    return form.text(SHOWN_WITH) != standing["shown_with"]


async def invite_and_answer(
    request: Request,
    company: tuple[CompanyId, str],
    contact_id: ContactId,
    *,
    origin: Origin,
    back: str,
    sent_again: bool = False,
) -> Response:
    """Invite, and return the way back; without mail the page that shows the link, which no other shows.

    `sent_again`: the form was answered before; it shows nothing and invites nobody (409).
    """
    core = core_of(request)
    name, email = await _who(core.database, company[0], contact_id)
    invited = None
    if not sent_again:
        try:
            invited = await core.invitations.invite(company[0], contact_id, origin=origin, now=seen(request).now)
        except (Conflict, RateLimited) as refusal:
            return redirect(request, back, flash=f"{refusal.message} {refusal.help}".strip())
    if invited is not None and invited.was_mailed:
        return redirect(request, back, flash=f"Invited by mail: {email}.")
    context = {
        "company": {"id": company[0], "name": company[1]},
        "contact": {"name": name, "email": email},
        "link": None if invited is None else invited.link,
        "back": back,
    }
    return await render(request, "company/invited.html", context, status=200 if invited else 409)


async def _who(database: Database, company_id: CompanyId, contact_id: ContactId) -> tuple[str, str]:
    async with database.read() as reader:
        contact = await contacts.find_contact(reader, company_id, contact_id)
    if contact is None:
        raise contact_unknown()
    return contact.name, contact.email
