"""Contacts: added, changed, removed, joined to a user (P2, P3, P5, P9)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from gatewright.base.changes import KEEP, Keep
from gatewright.base.errors import Conflict, Invalid, Problem
from gatewright.base.ids import CompanyId, ContactId, ServiceAccountId, TemplateId, UserId
from gatewright.db.engine import Transaction, verb
from gatewright.directory import rules
from gatewright.directory.model import Contact, Grantor, Levels
from gatewright.directory.service.levels import (
    company_unknown,
    confirmation_required,
    locked_contact,
    refuse_last_admin,
    understood,
)
from gatewright.directory.service.templates import assign_template, template_to_begin_with
from gatewright.directory.service.weighing import held_by, weigh, weigh_all
from gatewright.directory.store import companies, contacts
from gatewright.events.catalogue import ContactAdded, ContactChanged, ContactRemoved, Origin
from gatewright.events.log import record

_ADDRESS_TAKEN = Problem("email", "is in this company's directory already")


# long: two ways to begin, with all that is told
@verb
async def add_contact(
    tx: Transaction,
    *,
    company_id: CompanyId,
    email: str,
    name: str,
    levels: Mapping[str, str],
    template_id: TemplateId | None = None,
    user_id: UserId | None = None,
    service_account_id: ServiceAccountId | None = None,
    granted_by: Grantor | None,
    origin: Origin,
    now: datetime,
) -> ContactId:
    """Return the id of a new contact; without a principal it can do nothing (P2).

    It begins with `levels`, or with those of a template that it holds (M3). No account is
    looked up by the address: the answer and the work are the same whoever has it.
    """
    _refuse(rules.contact_problems(name=name, email=email))
    if await companies.lock_company(tx, company_id) is None:
        raise company_unknown()
    contact_id = ContactId(await tx.next_id("contact"))
    bare = Contact(company_id, contact_id, name, email, user_id, service_account_id, None, levels={})
    contact = replace(bare, levels=await _granted(tx, bare, levels, granted_by))
    if template_id is not None:
        if contact.levels:
            raise Invalid(Problem("template_id", "cannot be given together with levels"))
        template = await template_to_begin_with(tx, bare, template_id, granted_by)
        contact = replace(bare, template_id=template.id, levels=template.company_levels)
    if not await contacts.insert_contact(tx, contact, now=now):
        raise Invalid(_ADDRESS_TAKEN)
    after = {**_label(contact), "levels": companies.stored(contact.levels)}
    if template_id is not None:
        after["template_id"] = template_id
    event = ContactAdded(company_id=company_id, contact_id=contact_id, principal_id=contact.principal_id, after=after)
    await record(tx, event, origin=origin, now=now)
    return contact_id


@verb
async def change_contact(
    tx: Transaction,
    *,
    company_id: CompanyId,
    contact_id: ContactId,
    name: str | None = None,
    email: str | None = None,
    origin: Origin,
    now: datetime,
) -> bool:
    """Return whether the company's own label of this contact changed; it re-joins nobody (P9).

    A service account whose address is changed stops (S8): service_accounts hears of it.
    """
    _refuse(rules.contact_problems(name=name, email=email))
    before = await locked_contact(tx, company_id, contact_id)
    after = replace(before, name=name or before.name, email=email or before.email)
    if after == before:
        tx.answers_an_ending()  # another may just have stopped a service account by this address (S8, T12)
        return False
    other = await contacts.find_contact_by_email(tx, company_id, after.email)
    if other is not None and other.id != contact_id:
        raise Invalid(_ADDRESS_TAKEN)
    await contacts.update_contact(tx, after, now=now)
    await record(tx, _changed(after, before=_label(before), after=_label(after)), origin=origin, now=now)
    return True


@verb
async def edit_contact(
    tx: Transaction,
    *,
    company_id: CompanyId,
    contact_id: ContactId,
    name: str | None = None,
    email: str | None = None,
    template_id: TemplateId | Keep | None = KEEP,
    granted_by: Grantor,
    confirmed: bool = False,
    origin: Origin,
    now: datetime,
) -> bool:
    """Return whether a person's edit changed the contact's label or template: all of it, or nothing (P9, M3)."""
    contact = await locked_contact(tx, company_id, contact_id)
    if contact.service_account_id is not None and name not in {None, contact.name}:
        raise _bears_its_name()
    where: dict[str, Any] = {"company_id": company_id, "contact_id": contact_id, "origin": origin, "now": now}
    changed = await change_contact(tx, name=name, email=email, **where)
    if isinstance(template_id, Keep):
        return changed
    given = await assign_template(tx, template_id=template_id, granted_by=granted_by, confirmed=confirmed, **where)
    return changed or given


# long: what was there is told whole
@verb
async def remove_contact(
    tx: Transaction,
    *,
    company_id: CompanyId,
    contact_id: ContactId,
    granted_by: Grantor | None,
    origin: Origin,
    now: datetime,
) -> bool:
    """Return whether the contact was there; it is gone, from every project too, with its access (P3, P5)."""
    await companies.lock_company(tx, company_id)
    contact = await contacts.find_contact(tx, company_id, contact_id)
    if contact is None:
        tx.answers_an_ending()
        return False
    held = await held_by(tx, contact)
    if granted_by is not None:
        if contact.service_account_id is not None:
            raise _ends_with_its_account()
        await weigh_all(tx, granted_by, contact, held, company_after={}, project_after={})
        await refuse_last_admin(tx, contact, after={})
    await contacts.delete_contact(tx, company_id, contact_id)
    before = {
        **_label(contact),
        "levels": companies.stored(contact.levels),
        "projects": {str(m.project_id): companies.stored(m.levels) for m in held},
    }
    event = ContactRemoved(
        company_id=company_id, contact_id=contact_id, principal_id=contact.principal_id, before=before
    )
    await record(tx, event, origin=origin, now=now)
    return True


@verb
async def join_user(
    tx: Transaction,
    *,
    company_id: CompanyId,
    contact_id: ContactId,
    user_id: UserId,
    origin: Origin,
    now: datetime,
) -> bool:
    """Return whether the contact joins this user to the company from now on (P2).

    Conflict when it joins somebody else, or the user has another contact here.
    """
    contact = await locked_contact(tx, company_id, contact_id)
    if contact.user_id == user_id:
        return False
    here = await contacts.find_contact_of_user(tx, company_id, user_id)
    if here is not None or not await contacts.join_contact(tx, contact, user_id, now=now):
        raise Conflict(
            "contact_joined",
            "This contact joins somebody already, or the user is in this directory.",
            help="To join another principal, a company admin removes the contact and invites anew.",
        )
    before, after = {**_label(contact), "user_id": None}, {**_label(contact), "user_id": user_id}
    event = _changed(replace(contact, user_id=user_id), before=before, after=after)
    await record(tx, event, origin=origin, now=now)
    return True


async def _granted(tx: Transaction, contact: Contact, levels: Mapping[str, str], granted_by: Grantor | None) -> Levels:
    """Return the levels that a new contact begins with (M1, M5)."""
    granted = await understood(tx, levels, scope="company", field="levels.")
    if rules.needs_confirmation(contact, granted):
        raise confirmation_required()  # S10: set_levels alone can be confirmed
    if granted_by is not None:
        await weigh(tx, granted_by, contact, before={}, after=granted)
    return granted


def _changed(contact: Contact, *, before: dict[str, Any], after: dict[str, Any]) -> ContactChanged:
    return ContactChanged(
        company_id=contact.company_id,
        contact_id=contact.id,
        principal_id=contact.principal_id,
        before=before,
        after=after,
    )


def _ends_with_its_account() -> Conflict:
    return Conflict(
        "service_account_contact",
        "This is the contact of a service account, which would stop without being deleted.",
        help="Delete the service account under Service accounts; its contact goes with it. That takes admin: admin.",
    )


def _bears_its_name() -> Conflict:
    return Conflict(
        "service_account_contact",
        "The contact of a service account bears the account's name.",
        help="To have another name, make a new service account and delete this one. That takes admin: admin.",
    )


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise Invalid(*problems)


def _label(contact: Contact) -> dict[str, Any]:
    return {"name": contact.name, "email": contact.email}
