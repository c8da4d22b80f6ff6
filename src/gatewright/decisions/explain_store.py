"""The rows that explain a level: a contact, its place in the company, and the events that gave it (X4). Reads only.

Every statement names the company: an id of another one answers like none (P6).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select

from gatewright.base.ids import AppId, CompanyId, ContactId, ProjectId
from gatewright.db.engine import Reader
from gatewright.db.schema import apps, contacts, events, permission_templates, projects, service_accounts, users
from gatewright.decisions import store
from gatewright.decisions.explain_model import Grant, Who
from gatewright.decisions.model import ContactRow, Levels, Situation
from gatewright.decisions.store import read_levels

MOST_GRANTS = 50
MOST_PROJECTS = 300
GONE = "somebody who has left the directory"


@dataclass(frozen=True, slots=True)
class ProjectName:
    """A project, as a list to choose from names it."""

    id: ProjectId
    name: str


async def load_contact(reader: Reader, company_id: CompanyId, contact_id: ContactId) -> Who | None:
    """Return the contact of this company, or None."""
    return await _who(reader, company_id, contacts.c.id == contact_id)


async def load_principal(reader: Reader, company_id: CompanyId, principal_id: int) -> Who | None:
    """Return the contact that a user or service account has in this company, or None."""
    is_theirs = or_(contacts.c.user_id == principal_id, contacts.c.service_account_id == principal_id)
    return await _who(reader, company_id, is_theirs)


_CONTACT = (
    contacts.c.id,
    contacts.c.name,
    contacts.c.user_id,
    contacts.c.service_account_id,
    contacts.c.levels,
    contacts.c.template_id,
    permission_templates.c.name.label("template"),
    users.c.is_active,
    and_(service_accounts.c.disabled_at.is_(None), service_accounts.c.deleted_at.is_(None)).label("functions"),
)


async def _who(reader: Reader, company_id: CompanyId, condition: ColumnElement[bool]) -> Who | None:
    account, template, c = service_accounts.c, permission_templates.c, contacts.c
    found = (
        select(*_CONTACT)
        .outerjoin(users, users.c.id == c.user_id)
        .outerjoin(service_accounts, and_(account.company_id == c.company_id, account.id == c.service_account_id))
        .outerjoin(permission_templates, and_(template.company_id == c.company_id, template.id == c.template_id))
        .where(c.company_id == company_id, condition)
    )
    row = (await reader.execute(found)).one_or_none()
    if row is None:
        return None
    is_account = row.service_account_id is not None
    return Who(
        contact_id=ContactId(row.id),
        name=row.name,
        kind="service_account" if is_account else "none" if row.user_id is None else "user",
        stands=bool(row.functions if is_account else row.is_active),
        levels=read_levels(row.levels),
        template=row.template,
        template_id=row.template_id,
    )


async def load_situation(
    reader: Reader, company_id: CompanyId, who: Who | None, *, project_id: ProjectId | None, app_id: AppId | None
) -> Situation:
    """Return the rows that the decision about this contact looks at, as they are now."""
    contact_id = ContactId(0) if who is None else who.contact_id
    on_project = project_id is not None
    return Situation(
        company=await store.load_company(reader, company_id),
        contact=None if who is None else ContactRow(who.contact_id, who.levels),
        installation=None if app_id is None else await store.load_installation(reader, company_id, app_id),
        project_exists=on_project and await store.project_exists(reader, company_id, project_id or 0),
        membership=await store.load_membership(reader, company_id, project_id or 0, contact_id) if on_project else None,
        has_membership=await store.has_membership(reader, company_id, contact_id),
        tools=await store.load_tools(reader),
    )


async def find_project_name(reader: Reader, company_id: CompanyId, project_id: ProjectId) -> str | None:
    """Return the name of the company's project, or None."""
    found = select(projects.c.name).where(projects.c.company_id == company_id, projects.c.id == project_id)
    return (await reader.execute(found)).scalar_one_or_none()


async def list_projects(reader: Reader, company_id: CompanyId) -> list[ProjectName]:
    """Return the company's first projects by name."""
    found = select(projects.c.id, projects.c.name).where(projects.c.company_id == company_id)
    rows = await reader.execute(found.order_by(projects.c.name, projects.c.id).limit(MOST_PROJECTS))
    return [ProjectName(ProjectId(row.id), row.name) for row in rows]


# --- the events that gave levels --------------------------------------------------------------


async def load_grants(reader: Reader, company_id: CompanyId, who: Who, *, project_id: ProjectId | None) -> list[Grant]:
    """Return what gave the contact its levels in the company, or on the project, newest first."""
    e = events.c
    is_about = e.about["contact_id"].as_integer() == who.contact_id
    if project_id is None:
        direct = and_(e.kind.in_(("contact.added", "contact.levels_changed")), is_about)
    else:
        of_project = e.about["project_id"].as_integer() == project_id
        direct = and_(e.kind.in_(("membership.set", "membership.ended")), is_about, of_project)
    of_template = and_(e.kind == "template.saved", e.about["template_id"].as_integer() == (who.template_id or 0))
    found = select(events).where(e.company_id == company_id, or_(direct, of_template))
    rows = (await reader.execute(found.order_by(e.id.desc()).limit(MOST_GRANTS))).all()
    people, programs = await _names(reader, company_id, rows)
    part = "company" if project_id is None else "project"
    return [
        Grant(
            event_id=row.id,
            kind=row.kind,
            at=row.at,
            by=_by(row, people, programs),
            before=_levels(row.kind, row.before, part),
            after=_levels(row.kind, row.after, part),
        )
        for row in rows
    ]


def _levels(kind: str, state: Mapping[str, Any] | None, part: str) -> Levels:
    return read_levels((state or {}).get(part if kind == "template.saved" else "levels", {}))


def _by(row: Any, people: Mapping[int, str], programs: Mapping[int, str]) -> str:
    """Return who it was by the company's own names: whoever is not in its directory has none here (P6)."""
    who = people.get(row.by_id, GONE) if row.by_kind in {"user", "service_account"} else "the operator"
    through = programs.get(row.via_app_id)
    return f"{who}, through {through}" if through else who


async def _names(reader: Reader, company_id: CompanyId, rows: Sequence[Any]) -> tuple[dict[int, str], dict[int, str]]:
    c = contacts.c
    by = {row.by_id for row in rows if row.by_kind in {"user", "service_account"}}
    through = {row.via_app_id for row in rows if row.via_app_id is not None}
    found = select(c.user_id, c.service_account_id, c.name).where(
        c.company_id == company_id, or_(c.user_id.in_(by), c.service_account_id.in_(by))
    )
    people = {row.user_id or row.service_account_id: row.name for row in await reader.execute(found)}
    named = select(apps.c.id, apps.c.name).where(apps.c.id.in_(through))
    return people, {row.id: row.name for row in await reader.execute(named)}
