"""Permission templates, and the contacts that hold them (M3).

Levels are copied: a contact that holds a template has exactly its levels. What changes
all holders is one statement, however many there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, exists, func, select, update
from sqlalchemy.exc import IntegrityError

from gatewright.base.ids import CompanyId, ContactId, ProjectId, TemplateId
from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import contacts, permission_templates, project_members, users
from gatewright.directory.model import Contact, Template
from gatewright.directory.rules import is_company_admin
from gatewright.directory.store.companies import stored, unstored
from gatewright.events import keys

_T = permission_templates.c
_COLUMNS = (_T.company_id, _T.id, _T.name, _T.company_levels, _T.project_levels)


@dataclass(frozen=True, slots=True)
class HeldTemplate:
    """A template, and how many contacts hold it."""

    template: Template
    contacts: int


async def find_template(reader: Reader, company_id: CompanyId, template_id: TemplateId) -> Template | None:
    """Return the template, if it is one of this company's (P6)."""
    return await _template(reader, _T.company_id == company_id, _T.id == template_id)


async def find_template_by_name(reader: Reader, company_id: CompanyId, name: str) -> Template | None:
    """Return the company's template of that name."""
    return await _template(reader, _T.company_id == company_id, _T.name == name)


async def list_templates(reader: Reader, company_id: CompanyId, *, limit: int, offset: int) -> list[HeldTemplate]:
    """Return a part of the company's templates by id, each with the number of its holders."""
    held = (
        select(func.count())
        .where(contacts.c.company_id == _T.company_id, contacts.c.template_id == _T.id)
        .scalar_subquery()
    )
    statement = select(*_COLUMNS, held.label("held")).where(_T.company_id == company_id).order_by(_T.id)
    rows = await reader.execute(statement.limit(limit).offset(offset))
    return [HeldTemplate(_from(row), row.held) for row in rows]


async def template_names(reader: Reader, company_id: CompanyId, *, limit: int) -> list[tuple[TemplateId, str]]:
    """Return id and name of the company's templates, by name."""
    statement = select(_T.id, _T.name).where(_T.company_id == company_id).order_by(_T.name, _T.id).limit(limit)
    return [(row.id, row.name) for row in await reader.execute(statement)]


async def count_templates(reader: Reader, company_id: CompanyId) -> int:
    """Return how many templates the company has."""
    counted = select(func.count()).select_from(permission_templates).where(_T.company_id == company_id)
    return int((await reader.execute(counted)).scalar_one())


async def insert_template(tx: Transaction, template: Template, *, now: datetime) -> None:
    """Insert the template; the caller holds the company's lock and found the name free."""
    values = {"company_id": template.company_id, "id": template.id, "created_at": now, "updated_at": now}
    await tx.insert(permission_templates, {**values, **_values(template)})


async def update_template(tx: Transaction, template: Template, *, now: datetime) -> bool:
    """Return whether the template's name and levels were written.

    False when the name is taken, and the transaction with it.
    """
    changed = update(permission_templates).where(_T.company_id == template.company_id, _T.id == template.id)
    try:
        await tx.execute(changed.values(**_values(template), updated_at=now))
    except IntegrityError:
        return False
    return True


async def delete_template(tx: Transaction, template: Template) -> None:
    """Delete the template; the caller detached its holders."""
    await tx.execute(delete(permission_templates).where(_T.company_id == template.company_id, _T.id == template.id))


def _values(template: Template) -> dict[str, Any]:
    return {
        "name": template.name,
        "company_levels": stored(template.company_levels),
        "project_levels": stored(template.project_levels),
    }


async def _template(reader: Reader, *conditions: ColumnElement[bool]) -> Template | None:
    row = (await reader.execute(select(*_COLUMNS).where(*conditions))).one_or_none()
    return row and _from(row)


def _from(row: Row[Any]) -> Template:
    return Template(row.company_id, row.id, row.name, unstored(row.company_levels), unstored(row.project_levels))


# those who hold it ---------------------------------------------------------------------------


async def count_holders(reader: Reader, company_id: CompanyId, template_id: TemplateId) -> int:
    """Return how many contacts hold the template."""
    counted = select(func.count()).select_from(contacts).where(*_holds(company_id, template_id))
    return int((await reader.execute(counted)).scalar_one())


async def is_held_by_an_active_user(reader: Reader, company_id: CompanyId, template_id: TemplateId) -> bool:
    """Return whether an active user holds the template."""
    held = exists().where(users.c.id == contacts.c.user_id, users.c.is_active, *_holds(company_id, template_id))
    return bool((await reader.execute(select(held))).scalar_one())


async def is_held_by_a_service_account(reader: Reader, company_id: CompanyId, template_id: TemplateId) -> bool:
    """Return whether a service account holds the template."""
    held = exists().where(contacts.c.service_account_id.is_not(None), *_holds(company_id, template_id))
    return bool((await reader.execute(select(held))).scalar_one())


async def projects_of_holders(reader: Reader, company_id: CompanyId, template_id: TemplateId) -> Sequence[ProjectId]:
    """Return the projects that anybody who holds the template is a member of."""
    m = project_members.c
    statement = (
        select(m.project_id)
        .distinct()
        .where(m.company_id == company_id, m.contact_id.in_(_holders(company_id, template_id)))
    )
    return list((await reader.execute(statement)).scalars())


async def facts_of_holders(reader: Reader, company_id: CompanyId, template_id: TemplateId) -> tuple[str, ...]:
    """Return the facts that a change of the template's levels makes stale: of contacts, and of memberships."""
    m = project_members.c
    principal = func.coalesce(contacts.c.user_id, contacts.c.service_account_id)
    joined = select(principal).where(*_holds(company_id, template_id), principal.is_not(None))
    memberships = select(m.project_id, m.contact_id).where(
        m.company_id == company_id, m.contact_id.in_(_holders(company_id, template_id))
    )
    return (
        *(keys.contact(company_id, id_) for id_ in (await reader.execute(joined)).scalars()),
        *(keys.membership(company_id, row.project_id, row.contact_id) for row in await reader.execute(memberships)),
    )


async def write_holders(tx: Transaction, template: Template, *, now: datetime) -> None:
    """Give everybody who holds the template its levels, in the company and on their projects."""
    values = {
        "levels": stored(template.company_levels),
        "is_directory_admin": is_company_admin(template.company_levels),
        "updated_at": now,
    }
    await tx.execute(update(contacts).where(*_holds(template.company_id, template.id)).values(**values))
    m = project_members.c
    theirs = m.contact_id.in_(_holders(template.company_id, template.id))
    changed = update(project_members).where(m.company_id == template.company_id, theirs)
    await tx.execute(changed.values(levels=stored(template.project_levels)))


async def detach_holders(tx: Transaction, template: Template, *, now: datetime) -> None:
    """Let everybody who holds the template keep its levels and hold it no more."""
    held = _holds(template.company_id, template.id)
    await tx.execute(update(contacts).where(*held).values(template_id=None, updated_at=now))


async def attach(tx: Transaction, contact: Contact, template: Template, *, now: datetime) -> None:
    """Let the contact hold the template, with its levels in the company and on the projects it is a member of."""
    values = {
        "template_id": template.id,
        "levels": stored(template.company_levels),
        "is_directory_admin": is_company_admin(template.company_levels),
        "updated_at": now,
    }
    one = (contacts.c.company_id == contact.company_id, contacts.c.id == contact.id)
    await tx.execute(update(contacts).where(*one).values(**values))
    m = project_members.c
    theirs = update(project_members).where(m.company_id == contact.company_id, m.contact_id == contact.id)
    await tx.execute(theirs.values(levels=stored(template.project_levels)))


async def detach(tx: Transaction, contact: Contact, *, now: datetime) -> None:
    """Let the contact keep its levels and hold no template."""
    one = (contacts.c.company_id == contact.company_id, contacts.c.id == contact.id)
    await tx.execute(update(contacts).where(*one).values(template_id=None, updated_at=now))


def _holds(company_id: CompanyId, template_id: TemplateId) -> tuple[ColumnElement[bool], ...]:
    return contacts.c.company_id == company_id, contacts.c.template_id == template_id


def _holders(company_id: CompanyId, template_id: TemplateId) -> Select[tuple[ContactId]]:
    return select(contacts.c.id).where(*_holds(company_id, template_id))
