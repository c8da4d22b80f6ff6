"""SQL of the navigation: where somebody has a contact, and what waits there. Reads only."""

from dataclasses import dataclass

from sqlalchemy import exists, func, select

from gatewright.base.ids import CompanyId, UserId
from gatewright.db.engine import Reader
from gatewright.db.schema import apps, companies, contacts, installations, project_members, users
from gatewright.decisions.store import read_levels
from gatewright.web.core import CompanyAdmin


@dataclass(frozen=True, slots=True)
class Entered:
    """A company that somebody may enter."""

    id: CompanyId
    name: str
    is_company_admin: bool


async def companies_entered(reader: Reader, user_id: UserId) -> list[Entered]:
    """Return the companies where a contact of the user holds any level or membership, by name."""
    is_member = exists().where(
        project_members.c.company_id == contacts.c.company_id, project_members.c.contact_id == contacts.c.id
    )
    found = (
        select(
            companies.c.id,
            companies.c.name,
            contacts.c.is_directory_admin,
            contacts.c.levels,
            is_member.label("is_member"),
        )
        .join(contacts, contacts.c.company_id == companies.c.id)
        .where(contacts.c.user_id == user_id)
        .order_by(companies.c.name, companies.c.id)
    )
    return [
        Entered(CompanyId(row.id), row.name, row.is_directory_admin)
        for row in await reader.execute(found)
        if row.is_member or any(read_levels(row.levels).values())
    ]


async def company_admins(reader: Reader, company_id: CompanyId, *, most: int) -> tuple[CompanyAdmin, ...]:
    """Return the first of the company's admins who can sign in, by name."""
    found = (
        select(contacts.c.name, contacts.c.email)
        .join(users, users.c.id == contacts.c.user_id)
        .where(contacts.c.company_id == company_id, contacts.c.is_directory_admin, users.c.is_active)
        .order_by(contacts.c.name, contacts.c.id)
        .limit(most)
    )
    return tuple(CompanyAdmin(row.name, row.email) for row in await reader.execute(found))


async def count_apps(reader: Reader, owner_id: UserId) -> int:
    """Return how many apps the user develops."""
    found = select(func.count()).select_from(apps).where(apps.c.owner_id == owner_id, apps.c.deleted_at.is_(None))
    return int((await reader.execute(found)).scalar_one())


async def count_requests(reader: Reader, company_id: CompanyId) -> int:
    """Return how many apps wait for a decision in the company (I2)."""
    found = (
        select(func.count())
        .select_from(installations)
        .where(installations.c.company_id == company_id, installations.c.status == "requested")
    )
    return int((await reader.execute(found)).scalar_one())
