"""Who is told of an app's first call, and in which words. Reads only."""

from dataclasses import dataclass

from sqlalchemy import or_, select

from gatewright.db.engine import Reader
from gatewright.db.schema import apps, companies, contacts, users

_ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Names:
    """What a message says of the app and the company."""

    company: str
    app: str
    developer: str


async def load_names(reader: Reader, company_id: int, app_id: int) -> Names:
    """Return the names of a company, of an app and of its developer."""
    statement = (
        select(companies.c.name.label("company"), apps.c.name.label("app"), users.c.name.label("developer"))
        .select_from(apps)
        .join(users, users.c.id == apps.c.owner_id)
        .join(companies, companies.c.id == company_id)
        .where(apps.c.id == app_id)
    )
    row = (await reader.execute(statement)).one()
    return Names(row.company, row.app, row.developer)


async def load_admin_addresses(reader: Reader, company_id: int, *, limit: int) -> list[str]:
    """Return the proven addresses of the active users who hold `admin: admin` there (M4, P7)."""
    statement = (
        select(users.c.email)
        .join(contacts, contacts.c.user_id == users.c.id)
        .where(
            contacts.c.company_id == company_id,
            users.c.is_active,
            users.c.email_proven_at.is_not(None),
            or_(contacts.c.is_directory_admin, contacts.c.levels[_ADMIN].as_string() == _ADMIN),
        )
        .order_by(contacts.c.id)
        .limit(limit)
    )
    return list((await reader.execute(statement)).scalars())
