"""Levels and memberships: set, bounded by what the grantor holds, never without a last admin (M2, M5, S10)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gatewright.base.errors import Conflict, Invalid, NotFound
from gatewright.base.ids import CompanyId, ContactId, ProjectId, TemplateId
from gatewright.db.engine import Transaction, verb
from gatewright.directory import rules
from gatewright.directory.model import Contact, Grantor, Levels, Membership, Scope, Tool
from gatewright.directory.service.weighing import held_by, weigh
from gatewright.directory.store import companies, contacts, templates
from gatewright.events.catalogue import LevelsChanged, MembershipEnded, MembershipSet, Origin
from gatewright.events.log import record, record_all


@verb
async def set_levels(
    tx: Transaction,
    *,
    company_id: CompanyId,
    contact_id: ContactId,
    levels: Mapping[str, str],
    granted_by: Grantor | None,
    confirmed: bool = False,
    origin: Origin,
    now: datetime,
) -> bool:
    """Return whether the contact's company levels changed; they are exactly `levels` now (M2).

    `granted_by` None is the operator, whom M5 does not bind. `confirmed`: S10's warning
    was seen. A change by hand detaches the contact from its template (M3).
    """
    contact = await locked_contact(tx, company_id, contact_id)
    after = await understood(tx, levels, scope="company")
    if after == contact.levels:
        tx.answers_an_ending()  # another may just have lowered them (T12)
        return False
    if rules.needs_confirmation(contact, after) and not confirmed:
        raise confirmation_required()
    if granted_by is not None:
        await weigh(tx, granted_by, contact, before=contact.levels, after=after)
        await refuse_last_admin(tx, contact, after=after)
    await contacts.write_levels(tx, contact, after, now=now)
    await record(tx, levels_changed(contact, after), origin=origin, now=now)
    return True


# long: one verb, with all that it is told
@verb
async def set_membership(
    tx: Transaction,
    *,
    company_id: CompanyId,
    contact_id: ContactId,
    project_id: ProjectId,
    levels: Mapping[str, str] | None,
    granted_by: Grantor | None,
    origin: Origin,
    now: datetime,
) -> bool:
    """Return whether anything changed; the contact is a member of this project, of no other by it (P3).

    `levels` None: it joins with what its template says, none without one (M3), and a membership
    that stands is left alone. Other levels than the template's detach the contact from it.
    """
    contact = await locked_contact(tx, company_id, contact_id)
    if await companies.find_project(tx, company_id, project_id) is None:
        raise project_unknown()
    from_template = await _project_levels(tx, contact)
    after = from_template if levels is None else await understood(tx, levels, scope="project")
    membership = await contacts.find_membership(tx, company_id, contact_id, project_id)
    if membership is not None and (levels is None or membership.levels == after):
        tx.answers_an_ending()
        return False
    before = membership.levels if membership is not None else {}
    if granted_by is not None:
        await weigh(tx, granted_by, contact, before=before, after=after, project_id=project_id)
    await contacts.put_membership(tx, contact, project_id, after, now=now)
    detaches = contact.template_id is not None and after != from_template
    if detaches:
        await templates.detach(tx, contact, now=now)
    event = membership_set(contact, project_id, membership, after, detaches=detaches)
    await record(tx, event, origin=origin, now=now)
    return True


@verb
async def end_membership(
    tx: Transaction,
    *,
    company_id: CompanyId,
    contact_id: ContactId,
    project_id: ProjectId,
    granted_by: Grantor | None,
    origin: Origin,
    now: datetime,
) -> bool:
    """Return whether the contact was a member of the project until now."""
    contact = await locked_contact(tx, company_id, contact_id)
    membership = await contacts.find_membership(tx, company_id, contact_id, project_id)
    if membership is None:
        tx.answers_an_ending()
        return False
    if granted_by is not None:
        await weigh(tx, granted_by, contact, before=membership.levels, after={}, project_id=project_id)
    await contacts.delete_membership(tx, contact, project_id)
    await record(tx, _membership_ended(contact, membership), origin=origin, now=now)
    return True


# long: two verbs, with all that they are told
@verb
async def save_levels(
    tx: Transaction,
    *,
    company_id: CompanyId,
    contact_id: ContactId,
    company: Mapping[str, str],
    projects: Mapping[ProjectId, Mapping[str, str]],
    granted_by: Grantor | None,
    confirmed: bool = False,
    origin: Origin,
    now: datetime,
) -> bool:
    """Return whether the grid changed anything: all of it is saved, or nothing."""
    changed = await set_levels(
        tx,
        company_id=company_id,
        contact_id=contact_id,
        levels=company,
        granted_by=granted_by,
        confirmed=confirmed,
        origin=origin,
        now=now,
    )
    for project_id, levels in await _wanted_otherwise(tx, company_id, contact_id, projects):
        membership = await set_membership(
            tx,
            company_id=company_id,
            contact_id=contact_id,
            project_id=project_id,
            levels=levels,
            granted_by=granted_by,
            origin=origin,
            now=now,
        )
        changed = membership or changed
    return changed


@verb
async def clear_permissions(
    tx: Transaction, *, company_id: CompanyId, contact_id: ContactId, origin: Origin, now: datetime
) -> bool:
    """Return whether the contact held anything; every level and membership is gone now (S7)."""
    contact = await locked_contact(tx, company_id, contact_id)
    if contact.template_id is not None:
        # Held on, the template would give the levels back with its next change.
        await templates.detach(tx, contact, now=now)
        await record(tx, levels_changed(contact, contact.levels), origin=origin, now=now)
    changed = await set_levels(
        tx, company_id=company_id, contact_id=contact_id, levels={}, granted_by=None, origin=origin, now=now
    )
    held = await held_by(tx, contact)
    await contacts.delete_memberships(tx, company_id, contact_id)
    await record_all(tx, [_membership_ended(contact, one) for one in held], origin=origin, now=now)
    return changed or bool(held)


async def _wanted_otherwise(
    tx: Transaction,
    company_id: CompanyId,
    contact_id: ContactId,
    projects: Mapping[ProjectId, Mapping[str, str]],
) -> list[tuple[ProjectId, Mapping[str, str]]]:
    """Return what a grid asks for that does not stand already; a form holds every project, few of them changed."""
    tools = await _tools(tx, "project")
    held = (await contacts.memberships(tx, company_id, [contact_id])).get(contact_id, [])
    stands = {one.project_id: one.levels for one in held}
    return [
        (project_id, levels)
        for project_id, levels in projects.items()
        if (read := rules.read_levels(levels, tools=tools)).problems or read.levels != stands.get(project_id)
    ]


async def _project_levels(tx: Transaction, contact: Contact) -> Levels:
    """Return what the contact's template says for every project; nothing without a template (M3)."""
    if contact.template_id is None:
        return {}
    template = await templates.find_template(tx, contact.company_id, contact.template_id)
    return template.project_levels if template is not None else {}


def levels_changed(contact: Contact, after: Levels, *, template_id: TemplateId | None = None) -> LevelsChanged:
    """Return the event of new company levels; `template_id` is the template that the contact holds from now on."""
    before_state: dict[str, Any] = {"levels": companies.stored(contact.levels)}
    after_state: dict[str, Any] = {"levels": companies.stored(after)}
    if contact.template_id != template_id:
        before_state["template_id"], after_state["template_id"] = contact.template_id, template_id
    return LevelsChanged(
        company_id=contact.company_id,
        contact_id=contact.id,
        principal_id=contact.principal_id,
        before=before_state,
        after=after_state,
    )


def membership_set(
    contact: Contact, project_id: ProjectId, before: Membership | None, after: Levels, *, detaches: bool = False
) -> MembershipSet:
    """Return the event of a membership's new levels; `detaches`: they took the contact's template from it."""
    was: dict[str, Any] | None = None if before is None else {"levels": companies.stored(before.levels)}
    is_: dict[str, Any] = {"levels": companies.stored(after)}
    if detaches:
        is_["detached_from_template_id"] = contact.template_id
    return MembershipSet(
        company_id=contact.company_id, project_id=project_id, contact_id=contact.id, before=was, after=is_
    )


def _membership_ended(contact: Contact, before: Membership) -> MembershipEnded:
    return MembershipEnded(
        company_id=contact.company_id,
        project_id=before.project_id,
        contact_id=contact.id,
        before={"levels": companies.stored(before.levels)},
    )


# what the verbs of contacts need too ---------------------------------------------------------


async def locked_contact(tx: Transaction, company_id: CompanyId, contact_id: ContactId) -> Contact:
    """Return the contact under its company's lock; NotFound when it is no contact of this company (P6)."""
    await companies.lock_company(tx, company_id)
    contact = await contacts.find_contact(tx, company_id, contact_id)
    if contact is None:
        raise contact_unknown()
    return contact


async def understood(tx: Transaction, stated: Mapping[str, str], *, scope: Scope, field: str = "") -> Levels:
    """Return the stated levels; Invalid with one problem per tool or level that there is not (M1)."""
    read = rules.read_levels(stated, tools=await _tools(tx, scope), field=field)
    if read.problems:
        raise Invalid(*read.problems)
    return read.levels


async def _tools(tx: Transaction, scope: Scope) -> list[Tool]:
    return [tool for tool in await companies.list_tools(tx) if tool.scope == scope]


async def refuse_last_admin(tx: Transaction, contact: Contact, *, after: Levels) -> None:
    """Raise Conflict `last_admin` when `after` would leave no active user as company admin (M5)."""
    if not rules.is_company_admin(contact.levels) or rules.is_company_admin(after):
        return
    if contact.user_id is None or not await contacts.is_active_user(tx, contact.user_id):
        return
    if not await contacts.has_other_admin(tx, contact.company_id, besides=contact.id):
        raise last_admin()


def company_unknown() -> NotFound:
    """Return the refusal for a company that there is not."""
    return NotFound("company_unknown", "There is no such company.")


def contact_unknown() -> NotFound:
    """Return the refusal for a contact that this company does not have."""
    return NotFound("contact_unknown", "There is no such contact in this company.")


def project_unknown() -> NotFound:
    """Return the refusal for a project that this company does not have."""
    return NotFound("project_unknown", "There is no such project in this company.")


def last_admin() -> Conflict:
    """Return the refusal to leave a company without a company admin (M5)."""
    return Conflict(
        "last_admin",
        "This is the last active user with directory: admin; without one, nobody could manage the company.",
        help="Give directory: admin to another user first.",
    )


def confirmation_required() -> Conflict:
    """Return the refusal to make a service account company admin unasked (S10)."""
    return Conflict(
        "confirmation_required",
        "A service account with directory: admin can do everything in this company, without a person.",
        help=f'Confirm the warning on the page, or send "confirm": "{rules.CONFIRMATION}" beside the levels.',
    )
