"""What operators do: found a company with its first admin, make operators and unmake them."""

from datetime import datetime

from gatewright.base.errors import Invalid, Problem
from gatewright.base.ids import CompanyId, ContactId, UserId
from gatewright.db.engine import Transaction, verb
from gatewright.directory.model import ADMIN, DIRECTORY
from gatewright.directory.service.companies import create_company
from gatewright.directory.service.contacts import add_contact
from gatewright.directory.service.users import change_user, refuse_last_operator
from gatewright.events.catalogue import Origin

_ADMIN = {DIRECTORY: "admin", ADMIN: "admin"}


@verb
async def found_company(
    tx: Transaction, *, name: str, admin_name: str, admin_email: str, origin: Origin, now: datetime
) -> tuple[CompanyId, ContactId]:
    """Return a new company and the contact that is to be its first admin, once it is invited and accepts."""
    try:
        company_id = await create_company(tx, name=name, origin=origin, now=now)
    except Invalid as refusal:  # beside the admin's name it has to be told apart
        raise Invalid(*(Problem("company_name", problem.message) for problem in refusal.problems)) from None
    contact_id = await add_admin(tx, company_id=company_id, name=admin_name, email=admin_email, origin=origin, now=now)
    return company_id, contact_id


@verb
async def add_admin(
    tx: Transaction, *, company_id: CompanyId, name: str, email: str, origin: Origin, now: datetime
) -> ContactId:
    """Return a new contact with `directory: admin` and `admin: admin`, which nobody is yet."""
    return await add_contact(
        tx, company_id=company_id, name=name, email=email, levels=_ADMIN, granted_by=None, origin=origin, now=now
    )


@verb
async def set_operator(tx: Transaction, *, user_id: UserId, is_operator: bool, origin: Origin, now: datetime) -> bool:
    """Return whether the user became an operator, or ceased to be one; Conflict for the last one there is."""
    if not is_operator:
        await refuse_last_operator(tx, user_id)
    return await change_user(tx, user_id=user_id, is_operator=is_operator, origin=origin, now=now)
