"""The grantor rule: nobody gives above their own level, or takes from whoever holds more (M5)."""

from collections.abc import Sequence

from gatewright.base.errors import NotAllowed
from gatewright.base.ids import CompanyId, ProjectId
from gatewright.db.engine import Transaction
from gatewright.directory import rules
from gatewright.directory.model import Contact, Grantor, Levels, Membership
from gatewright.directory.rules import Holder
from gatewright.directory.store import contacts


async def weigh_all(
    tx: Transaction,
    granted_by: Grantor,
    contact: Contact,
    held: Sequence[Membership],
    *,
    company_after: Levels,
    project_after: Levels,
) -> None:
    """Raise NotAllowed when the grantor may not set the contact's levels, in the company and where it is a member.

    M5, in a constant number of statements, however many memberships it has.
    """
    await weigh(tx, granted_by, contact, before=contact.levels, after=company_after)
    grantor = await standing_grantor(tx, contact.company_id, granted_by)
    own = {one.project_id: one.levels for one in await held_by(tx, grantor)}
    for one in held:
        mine, theirs = Holder(grantor.levels, own.get(one.project_id, {})), Holder(contact.levels, one.levels)
        why = rules.refused_grant(mine, theirs, before=one.levels, after=project_after)
        if why is not None:
            raise refused(why)


async def weigh(
    tx: Transaction,
    granted_by: Grantor,
    contact: Contact,
    *,
    before: Levels,
    after: Levels,
    project_id: ProjectId | None = None,
) -> None:
    """Raise NotAllowed when the grantor may not change these stated levels of the contact (M5)."""
    grantor = await standing_grantor(tx, contact.company_id, granted_by)
    why = rules.refused_grant(
        await _holder(tx, grantor, project_id), await _holder(tx, contact, project_id), before=before, after=after
    )
    if why is not None:
        raise refused(why)


async def standing_grantor(tx: Transaction, company_id: CompanyId, granted_by: Grantor) -> Contact:
    """Return who grants, as they stand now; NotAllowed when they are no longer in the directory.

    Read under the company's lock: what they held when the request came in may have been
    taken by another admin meanwhile.
    """
    grantor = await contacts.find_contact(tx, company_id, granted_by.contact_id)
    if grantor is None:
        raise refused("You are no longer in this company's directory.")
    return grantor


async def _holder(tx: Transaction, contact: Contact, project_id: ProjectId | None) -> Holder:
    if project_id is None:
        return Holder(contact.levels)
    membership = await contacts.find_membership(tx, contact.company_id, contact.id, project_id)
    return Holder(contact.levels, membership.levels if membership is not None else {})


async def held_by(tx: Transaction, contact: Contact) -> list[Membership]:
    """Return the contact's memberships, by project id."""
    return (await contacts.memberships(tx, contact.company_id, [contact.id])).get(contact.id, [])


def refused(message: str) -> NotAllowed:
    """Return the refusal of what the grantor may not give or take."""
    return NotAllowed("permission_insufficient", message, help="Ask somebody who holds more, a company admin.")
