"""Companies and users as the operator sees them: found, counted, and what a deactivation would end. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, false, func, or_, select, true

from gatewright.base.folding import fold_email
from gatewright.base.ids import CompanyId, ContactId, UserId
from gatewright.db.engine import Reader
from gatewright.db.schema import apps, authorizations, companies, contacts, invitations, sessions, users
from gatewright.directory.store.contacts import last_admin_of
from gatewright.directory.store.searching import LONGEST_SOUGHT, holds

_LARGEST = 2**53 - 1


@dataclass(frozen=True, slots=True)
class CompanyRow:
    """A company in the operator's list."""

    id: CompanyId
    name: str
    contacts: int
    admins: int  # active users with directory: admin
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Admin:
    """A contact with directory: admin, as the operator has to know them."""

    contact_id: ContactId
    name: str
    email: str
    user_id: UserId | None
    is_active: bool  # false as long as nobody accepted the invitation


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user in the operator's list."""

    id: UserId
    name: str
    email: str
    is_active: bool
    is_operator: bool
    is_proven: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Ends:
    """What deactivating a user would end (P4), or why it is refused."""

    sessions: int
    authorizations: int
    companies: int
    last_admin_of: list[tuple[CompanyId, str]]
    is_last_operator: bool


async def list_companies(reader: Reader, *, q: str, limit: int, offset: int) -> list[CompanyRow]:
    """Return a part of the companies whose name holds `q`, or whose id it is, by name."""
    here = contacts.c.company_id == companies.c.id
    counted = select(func.count()).where(here).scalar_subquery()
    admins = (
        select(func.count())
        .select_from(contacts)
        .join(users, users.c.id == contacts.c.user_id)
        .where(here, contacts.c.is_directory_admin, users.c.is_active)
        .correlate(companies)
        .scalar_subquery()
    )
    columns = (companies.c.id, companies.c.name, companies.c.created_at)
    statement = select(*columns, counted.label("contacts"), admins.label("admins")).where(_named(companies.c, q))
    rows = await reader.execute(statement.order_by(companies.c.name, companies.c.id).limit(limit).offset(offset))
    return [CompanyRow(**row._mapping) for row in rows]


async def count_companies(reader: Reader, *, q: str) -> int:
    """Return how many companies `list_companies` would find in all."""
    counted = select(func.count()).select_from(companies).where(_named(companies.c, q))
    return int((await reader.execute(counted)).scalar_one())


async def list_admins(reader: Reader, company_id: CompanyId, *, limit: int) -> list[Admin]:
    """Return the contacts of a company that hold directory: admin, but for its service accounts."""
    statement = (
        select(
            contacts.c.id.label("contact_id"),
            contacts.c.name,
            contacts.c.email,
            contacts.c.user_id,
            func.coalesce(users.c.is_active, false()).label("is_active"),
        )
        .outerjoin(users, users.c.id == contacts.c.user_id)
        .where(contacts.c.company_id == company_id, contacts.c.is_directory_admin)
        .where(contacts.c.service_account_id.is_(None))
        .order_by(contacts.c.id)
        .limit(limit)
    )
    return [Admin(**{**row._mapping, "is_active": bool(row.is_active)}) for row in await reader.execute(statement)]


async def open_invitations(
    reader: Reader, company_id: CompanyId, admins: Sequence[Admin], *, now: datetime
) -> dict[ContactId, datetime]:
    """Return since when an invitation of these contacts is open, for those that have one."""
    i = invitations.c
    statement = select(i.contact_id, i.created_at).where(
        i.company_id == company_id,
        i.contact_id.in_([admin.contact_id for admin in admins]),
        i.consumed_at.is_(None),
        i.withdrawn_at.is_(None),
        i.expires_at > now,
    )
    return {ContactId(row.contact_id): row.created_at for row in await reader.execute(statement)}


async def list_users(reader: Reader, *, q: str, limit: int, offset: int) -> list[UserRow]:
    """Return a part of the users whose name or address holds `q`, or whose id it is, by id."""
    statement = select(*_USER).where(_is_user(q)).order_by(users.c.id).limit(limit).offset(offset)
    return [UserRow(**row._mapping) for row in await reader.execute(statement)]


async def count_users(reader: Reader, *, q: str) -> int:
    """Return how many users `list_users` would find in all."""
    counted = select(func.count()).select_from(users).where(_is_user(q))
    return int((await reader.execute(counted)).scalar_one())


async def find_user_row(reader: Reader, user_id: UserId) -> UserRow | None:
    """Return the user of that id."""
    row = (await reader.execute(select(*_USER).where(users.c.id == user_id))).one_or_none()
    return None if row is None else UserRow(**row._mapping)


async def deactivation_ends(reader: Reader, user_id: UserId, *, now: datetime) -> Ends:
    """Return what deactivating the user would end."""
    signed_in = (
        select(func.count())
        .select_from(sessions)
        .join(users, users.c.id == sessions.c.user_id)
        .where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None), sessions.c.expires_at > now)
        .where(sessions.c.user_epoch == users.c.epoch)
    )
    standing = (
        select(func.count())
        .select_from(authorizations)
        .join(users, users.c.id == authorizations.c.user_id)
        .join(apps, apps.c.id == authorizations.c.app_id)
        .where(users.c.id == user_id, authorizations.c.ended_at.is_(None))
        .where(authorizations.c.user_epoch == users.c.epoch, authorizations.c.app_epoch == apps.c.epoch)
        .where(apps.c.blocked_at.is_(None), apps.c.deleted_at.is_(None))
    )
    here = select(func.count()).select_from(contacts).where(contacts.c.user_id == user_id)
    figures = {"sessions": signed_in, "authorizations": standing, "companies": here}
    counted = select(*(figure.scalar_subquery().label(name) for name, figure in figures.items()))
    return Ends(
        **(await reader.execute(counted)).one()._mapping,
        last_admin_of=await last_admin_of(reader, user_id),
        is_last_operator=await _is_last_operator(reader, user_id),
    )


async def _is_last_operator(reader: Reader, user_id: UserId) -> bool:
    statement = select(users.c.id).where(users.c.is_operator, users.c.is_active).limit(2)
    return list((await reader.execute(statement)).scalars()) == [user_id]


_USER = (
    users.c.id,
    users.c.name,
    users.c.email,
    users.c.is_active,
    users.c.is_operator,
    users.c.email_proven_at.is_not(None).label("is_proven"),
    users.c.created_at,
)


def _is_user(q: str) -> ColumnElement[bool]:
    found = _named(users.c, q)
    if not 0 < len(q) <= LONGEST_SOUGHT:
        return found
    return or_(found, users.c.email_folded.contains(fold_email(q), autoescape=True))


def _named(columns: Any, q: str) -> ColumnElement[bool]:
    """Return the condition that a row's name holds `q` or its id is `q`; `columns` of users or companies."""
    if not q:
        return true()
    if len(q) > LONGEST_SOUGHT:
        return false()
    name = holds(columns.name, q)
    is_id = q.isascii() and q.isdigit() and len(q) <= 16 and int(q) <= _LARGEST
    return or_(name, columns.id == int(q)) if is_id else name
