"""Permission templates: saved, held by contacts, and changed for all who hold them (M3).

Who holds a template has exactly its levels, copied. So one judgement of the levels before
and after is right for every holder, and one statement changes them all.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from gatewright.base.errors import Invalid, NotFound, Problem
from gatewright.base.ids import CompanyId, ContactId, TemplateId
from gatewright.db.engine import Transaction, verb
from gatewright.directory import rules
from gatewright.directory.model import Contact, Grantor, SavedTemplate, Template
from gatewright.directory.rules import Holder
from gatewright.directory.service import levels as held
from gatewright.directory.service.levels import (
    company_unknown,
    confirmation_required,
    last_admin,
    locked_contact,
    refuse_last_admin,
    understood,
)
from gatewright.directory.service.weighing import held_by, refused, standing_grantor, weigh, weigh_all
from gatewright.directory.store import companies, contacts, templates
from gatewright.events.catalogue import Origin, TemplateRemoved, TemplateSaved
from gatewright.events.log import record, record_all

_TAKEN = Problem("name", "is the name of another template of this company already")
UNKNOWN = Problem("template_id", "is not a template of this company")


@verb
async def create_template(
    tx: Transaction,
    *,
    company_id: CompanyId,
    name: str,
    company: Mapping[str, str],
    project: Mapping[str, str],
    origin: Origin,
    now: datetime,
) -> TemplateId:
    """Return the id of a new template, which nobody holds; Invalid when the name is taken."""
    if await companies.lock_company(tx, company_id) is None:
        raise company_unknown()
    after = await _stated(tx, Template(company_id, TemplateId(0), name, {}, {}), name, company, project)
    if await templates.find_template_by_name(tx, company_id, name) is not None:
        raise Invalid(_TAKEN)
    after = replace(after, id=TemplateId(await tx.next_id("template")))
    await templates.insert_template(tx, after, now=now)
    event = TemplateSaved(company_id=company_id, template_id=after.id, after=_state(after, contacts=0))
    await record(tx, event, origin=origin, now=now)
    return after.id


# long: one judgement and one change for all holders, with all that is told
@verb
async def change_template(
    tx: Transaction,
    *,
    company_id: CompanyId,
    template_id: TemplateId,
    name: str | None = None,
    company: Mapping[str, str] | None = None,
    project: Mapping[str, str] | None = None,
    granted_by: Grantor | None,
    confirmed: bool = False,
    origin: Origin,
    now: datetime,
) -> SavedTemplate:
    """Return how many contacts changed with the template; None leaves a part of it as it is (M3).

    All of them or none: NotAllowed, `last_admin` and S10's warning count for each holder.
    """
    before = await locked_template(tx, company_id, template_id)
    after = await _stated(tx, before, name, company, project)
    if after == before:
        tx.answers_an_ending()  # another may just have lowered them (T12)
        return SavedTemplate(template_id, changed=False, contacts=0)
    count, reached = 0, tuple[str, ...]()
    if _levels(after) != _levels(before):
        count = await templates.count_holders(tx, company_id, template_id)
        await _refuse_for_holders(tx, before, after, granted_by=granted_by, confirmed=confirmed)
        reached = await templates.facts_of_holders(tx, company_id, template_id)
        await templates.write_holders(tx, after, now=now)
    if not await templates.update_template(tx, after, now=now):
        raise Invalid(_TAKEN)
    event = TemplateSaved(
        company_id=company_id,
        template_id=template_id,
        reached=reached,
        before=_state(before, contacts=count),
        after=_state(after, contacts=count),
    )
    await record(tx, event, origin=origin, now=now)
    return SavedTemplate(template_id, changed=True, contacts=count)


@verb
async def save_template(
    tx: Transaction,
    *,
    company_id: CompanyId,
    name: str,
    company: Mapping[str, str],
    project: Mapping[str, str],
    origin: Origin,
    now: datetime,
) -> SavedTemplate:
    """Return the operator's template of that name, made or changed to hold these levels (M3)."""
    if await companies.lock_company(tx, company_id) is None:
        raise company_unknown()
    standing = await templates.find_template_by_name(tx, company_id, name)
    stated: dict[str, Any] = {"company_id": company_id, "company": company, "project": project}
    if standing is None:
        made = await create_template(tx, name=name, **stated, origin=origin, now=now)
        return SavedTemplate(made, changed=True, contacts=0)
    return await change_template(
        tx, template_id=standing.id, **stated, granted_by=None, confirmed=True, origin=origin, now=now
    )


@verb
async def remove_template(
    tx: Transaction, *, company_id: CompanyId, template_id: TemplateId, origin: Origin, now: datetime
) -> int:
    """Return how many contacts held the template: they keep their levels and hold it no more (M3)."""
    template = await locked_template(tx, company_id, template_id)
    count = await templates.count_holders(tx, company_id, template_id)
    await templates.detach_holders(tx, template, now=now)
    await templates.delete_template(tx, template)
    event = TemplateRemoved(company_id=company_id, template_id=template_id, before=_state(template, contacts=count))
    await record(tx, event, origin=origin, now=now)
    return count


# long: attaching and detaching, with all that is told
@verb
async def assign_template(
    tx: Transaction,
    *,
    company_id: CompanyId,
    contact_id: ContactId,
    template_id: TemplateId | None,
    granted_by: Grantor | None,
    confirmed: bool = False,
    origin: Origin,
    now: datetime,
) -> bool:
    """Return whether the contact holds another template now; None detaches it, and it keeps its levels (M3).

    The contact gets exactly the template's levels, in the company and on each project that
    it is a member of.
    """
    contact = await locked_contact(tx, company_id, contact_id)
    if contact.template_id == template_id:
        tx.answers_an_ending()
        return False
    if template_id is None:
        await templates.detach(tx, contact, now=now)
        await record(tx, held.levels_changed(contact, contact.levels), origin=origin, now=now)
        return True
    template = await templates.find_template(tx, company_id, template_id)
    if template is None:
        raise Invalid(UNKNOWN)
    if rules.needs_confirmation(contact, template.company_levels) and not confirmed:
        raise confirmation_required()
    memberships = await held_by(tx, contact)
    if granted_by is not None:
        after = {"company_after": template.company_levels, "project_after": template.project_levels}
        await weigh_all(tx, granted_by, contact, memberships, **after)
        await refuse_last_admin(tx, contact, after=template.company_levels)
    await templates.attach(tx, contact, template, now=now)
    attached = held.levels_changed(contact, template.company_levels, template_id=template.id)
    moved = [one for one in memberships if one.levels != template.project_levels]
    on_projects = [held.membership_set(contact, one.project_id, one, template.project_levels) for one in moved]
    await record_all(tx, [attached, *on_projects], origin=origin, now=now)
    return True


async def locked_template(tx: Transaction, company_id: CompanyId, template_id: TemplateId) -> Template:
    """Return the template under its company's lock; NotFound when it is none of this company (P6)."""
    await companies.lock_company(tx, company_id)
    template = await templates.find_template(tx, company_id, template_id)
    if template is None:
        raise template_unknown()
    return template


async def template_to_begin_with(
    tx: Transaction, contact: Contact, template_id: TemplateId, granted_by: Grantor | None
) -> Template:
    """Return the template that a new contact is to hold, which the grantor may give (M5)."""
    template = await templates.find_template(tx, contact.company_id, template_id)
    if template is None:
        raise Invalid(UNKNOWN)
    if granted_by is not None:
        await weigh(tx, granted_by, contact, before={}, after=template.company_levels)
    return template


async def _stated(
    tx: Transaction,
    before: Template,
    name: str | None,
    company: Mapping[str, str] | None,
    project: Mapping[str, str] | None,
) -> Template:
    """Return the template as it is to be; Invalid with what is wrong with its name or levels (M1)."""
    problems = rules.name_problems("name", name) if name is not None else []
    if problems:
        raise Invalid(*problems)
    after = before if name is None else replace(before, name=name)
    if company is not None:
        after = replace(after, company_levels=await understood(tx, company, scope="company", field="company."))
    if project is not None:
        after = replace(after, project_levels=await understood(tx, project, scope="project", field="project."))
    return after


async def _refuse_for_holders(
    tx: Transaction, before: Template, after: Template, *, granted_by: Grantor | None, confirmed: bool
) -> None:
    """Raise what forbids the change for any contact that holds the template (M5, S10)."""
    raises = rules.is_company_admin(after.company_levels) and not rules.is_company_admin(before.company_levels)
    where = (before.company_id, before.id)
    if raises and not confirmed and await templates.is_held_by_a_service_account(tx, *where):
        raise confirmation_required()
    if granted_by is None:
        return
    await _weigh_holders(tx, granted_by, before, after)
    lowers = rules.is_company_admin(before.company_levels) and not rules.is_company_admin(after.company_levels)
    if not lowers or not await templates.is_held_by_an_active_user(tx, *where):
        return
    if not await contacts.has_admin_besides_holders(tx, *where):
        raise last_admin()


async def _weigh_holders(tx: Transaction, granted_by: Grantor, before: Template, after: Template) -> None:
    """Raise NotAllowed when the grantor may not change these levels for somebody who holds them (M5)."""
    grantor = await standing_grantor(tx, before.company_id, granted_by)
    if not await templates.count_holders(tx, before.company_id, before.id):
        return
    why = rules.refused_grant(
        Holder(grantor.levels), Holder(before.company_levels), before=before.company_levels, after=after.company_levels
    )
    mine = {one.project_id: one.levels for one in await held_by(tx, grantor)}
    for project_id in await templates.projects_of_holders(tx, before.company_id, before.id):
        why = why or rules.refused_grant(
            Holder(grantor.levels, mine.get(project_id, {})),
            Holder(before.company_levels, before.project_levels),
            before=before.project_levels,
            after=after.project_levels,
        )
    if why is not None:
        raise refused(why)


def template_unknown() -> NotFound:
    """Return the refusal for a template that this company does not have."""
    return NotFound("template_unknown", "There is no such permission template in this company.")


def _levels(template: Template) -> tuple[object, object]:
    return template.company_levels, template.project_levels


def _state(template: Template, *, contacts: int) -> dict[str, Any]:
    return {
        "name": template.name,
        "company": companies.stored(template.company_levels),
        "project": companies.stored(template.project_levels),
        "contacts": contacts,
    }
