"""What the pages say of a company and of a contact, gathered from every slice's tables. Reads only."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, exists, func, select

from gatewright.base.ids import CompanyId, ContactId, ProjectId, UserId
from gatewright.db.engine import Reader
from gatewright.db.schema import (
    apps,
    authorizations,
    calls,
    contacts,
    events,
    installations,
    project_members,
    projects,
    service_accounts,
    users,
)
from gatewright.events.catalogue import InstallationConnected

_ALLOWED = "allow"  # `calls.result` of a call that was let through


@dataclass(frozen=True, slots=True)
class CompanyFacts:
    """A company in six figures."""

    contacts: int
    users: int
    projects: int
    apps_connected: int
    calls_since_yesterday: int  # since its midnight in UTC: calls are counted by day (R3)
    service_accounts: int


@dataclass(frozen=True, slots=True)
class WaitingApp:
    """An app that waits for the company's approval (I2)."""

    app_id: int
    name: str
    developer: str
    asked_by: str | None
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class FirstCall:
    """An app that its first call connected (I2)."""

    app_id: int
    name: str
    user: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ProjectName:
    """A project, as a row of a contact's page names it."""

    id: ProjectId
    name: str
    number: str | None


async def company_facts(reader: Reader, company_id: CompanyId, *, now: datetime) -> CompanyFacts:
    """Return the company's figures; calls count since yesterday's midnight in UTC."""
    yesterday = (now.astimezone(UTC) - timedelta(days=1)).date().isoformat()
    counted = (
        select(func.count()).select_from(contacts).where(contacts.c.company_id == company_id),
        select(func.count())
        .select_from(contacts)
        .join(users, users.c.id == contacts.c.user_id)
        .where(contacts.c.company_id == company_id, users.c.is_active),
        select(func.count()).select_from(projects).where(projects.c.company_id == company_id),
        select(func.count())
        .select_from(installations)
        .where(installations.c.company_id == company_id, installations.c.status == "connected"),
        select(func.coalesce(func.sum(calls.c.count), 0)).where(
            calls.c.company_id == company_id, calls.c.day >= yesterday, calls.c.result == _ALLOWED
        ),
        select(func.count())
        .select_from(service_accounts)
        .where(service_accounts.c.company_id == company_id, service_accounts.c.deleted_at.is_(None)),
    )
    row = (await reader.execute(select(*(figure.scalar_subquery() for figure in counted)))).one()
    return CompanyFacts(*(int(figure) for figure in row))


async def waiting_apps(reader: Reader, company_id: CompanyId, *, limit: int) -> list[WaitingApp]:
    """Return the apps that wait for approval, the longest first."""
    asker = users.alias("asker")
    statement = (
        select(
            installations.c.app_id,
            apps.c.name,
            users.c.name.label("developer"),
            asker.c.name.label("asked_by"),
            installations.c.changed_at.label("asked_at"),
        )
        .join(apps, apps.c.id == installations.c.app_id)
        .join(users, users.c.id == apps.c.owner_id)
        .outerjoin(asker, asker.c.id == installations.c.changed_by)
        .where(installations.c.company_id == company_id, installations.c.status == "requested")
        .order_by(installations.c.changed_at)
        .limit(limit)
    )
    return [WaitingApp(**row._mapping) for row in await reader.execute(statement)]


async def first_calls(reader: Reader, company_id: CompanyId, *, since: datetime, limit: int) -> list[FirstCall]:
    """Return the apps that a call of their own connected since then, connected still, the newest first (I2)."""
    caller = users.alias("caller")
    is_own = (events.c.via_app_id == installations.c.app_id) & (events.c.at == installations.c.changed_at)
    statement = (
        select(installations.c.app_id, apps.c.name, caller.c.name.label("user"), installations.c.changed_at.label("at"))
        .join(apps, apps.c.id == installations.c.app_id)
        .join(events, (events.c.company_id == installations.c.company_id) & is_own)
        .outerjoin(caller, caller.c.id == installations.c.changed_by)
        .where(installations.c.company_id == company_id, installations.c.status == "connected")
        .where(installations.c.changed_at >= since, events.c.kind == InstallationConnected.KIND)
        .where(events.c.at >= since, events.c.about["app_id"].as_integer() == installations.c.app_id)
        .order_by(installations.c.changed_at.desc(), installations.c.app_id)
        .limit(limit)
    )
    return [FirstCall(**row._mapping) for row in await reader.execute(statement)]


async def acting_apps(reader: Reader, company_id: CompanyId, user_id: UserId) -> list[str]:
    """Return the names of the apps that may act in the company in this user's name."""
    here = and_(installations.c.company_id == company_id, installations.c.app_id == apps.c.id)
    statement = (
        select(apps.c.name)
        .join(installations, and_(here, installations.c.status == "connected"))
        .join(authorizations, and_(authorizations.c.app_id == apps.c.id, authorizations.c.ended_at.is_(None)))
        .join(users, and_(users.c.id == authorizations.c.user_id, users.c.epoch == authorizations.c.user_epoch))
        .where(users.c.id == user_id, apps.c.epoch == authorizations.c.app_epoch)
        .where(apps.c.blocked_at.is_(None), apps.c.deleted_at.is_(None))
        .order_by(apps.c.name)
    )
    return list((await reader.execute(statement)).scalars())


async def projects_of(reader: Reader, company_id: CompanyId, contact_id: ContactId) -> list[ProjectName]:
    """Return the projects that the contact is a member of, by name."""
    m = project_members.c
    statement = (
        select(projects.c.id, projects.c.name, projects.c.project_number.label("number"))
        .join(project_members, and_(m.company_id == projects.c.company_id, m.project_id == projects.c.id))
        .where(m.company_id == company_id, m.contact_id == contact_id)
        .order_by(projects.c.name, projects.c.id)
    )
    return [ProjectName(**row._mapping) for row in await reader.execute(statement)]


async def projects_without(
    reader: Reader, company_id: CompanyId, contact_id: ContactId, *, limit: int
) -> list[ProjectName]:
    """Return projects that the contact is no member of, by name."""
    m = project_members.c
    joined = exists().where(
        m.company_id == projects.c.company_id, m.project_id == projects.c.id, m.contact_id == contact_id
    )
    statement = (
        select(projects.c.id, projects.c.name, projects.c.project_number.label("number"))
        .where(projects.c.company_id == company_id, projects.c.is_active, ~joined)
        .order_by(projects.c.name, projects.c.id)
        .limit(limit)
    )
    return [ProjectName(**row._mapping) for row in await reader.execute(statement)]
