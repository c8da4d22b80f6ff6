"""Contacts and their memberships of projects. Every statement names the company (P6)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, false, func, or_, select, update

from gatewright.base.folding import fold_email
from gatewright.base.ids import CompanyId, ContactId, ProjectId, TemplateId, UserId
from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import companies, contacts, project_members, users
from gatewright.directory.model import Contact, Kind, Levels, Membership
from gatewright.directory.rules import is_company_admin
from gatewright.directory.store.companies import stored, unstored
from gatewright.directory.store.searching import LONGEST_SOUGHT, holds

contact_columns = (
    contacts.c.company_id,
    contacts.c.id,
    contacts.c.name,
    contacts.c.email,
    contacts.c.user_id,
    contacts.c.service_account_id,
    contacts.c.template_id,
    contacts.c.levels,
)


async def find_contact(reader: Reader, company_id: CompanyId, contact_id: ContactId) -> Contact | None:
    """Return the contact, if it is in this company's directory (P6)."""
    return await _contact(reader, contacts.c.company_id == company_id, contacts.c.id == contact_id)


async def find_contact_by_email(reader: Reader, company_id: CompanyId, email: str) -> Contact | None:
    """Return the contact of that address in this company's directory."""
    folded = fold_email(email)
    return await _contact(reader, contacts.c.company_id == company_id, contacts.c.email_folded == folded)


async def find_contact_of_user(reader: Reader, company_id: CompanyId, user_id: UserId) -> Contact | None:
    """Return the contact that joins this user to the company."""
    return await _contact(reader, contacts.c.company_id == company_id, contacts.c.user_id == user_id)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which contacts a list keeps: of one kind, or those that hold one template; None keeps all."""

    kind: Kind | None = None
    template_id: TemplateId | None = None


_ALL = Narrowed()


async def list_contacts(
    reader: Reader,
    company_id: CompanyId,
    *,
    q: str,
    all_addresses: bool,
    narrowed: Narrowed = _ALL,
    limit: int,
    offset: int,
) -> list[Contact]:
    """Return a part of the directory by id, of those whose name or address holds `q`.

    `all_addresses`: whether service accounts' addresses may be found too (S2).
    """
    found = and_(matching(company_id, q=q, all_addresses=all_addresses), *_kept(narrowed))
    statement = select(*contact_columns).where(found).order_by(contacts.c.id).limit(limit).offset(offset)
    return [contact_of(row) for row in await reader.execute(statement)]


async def count_contacts(
    reader: Reader, company_id: CompanyId, *, q: str, all_addresses: bool, narrowed: Narrowed = _ALL
) -> int:
    """Return how many contacts `list_contacts` would find in all."""
    found = and_(matching(company_id, q=q, all_addresses=all_addresses), *_kept(narrowed))
    return int((await reader.execute(select(func.count()).select_from(contacts).where(found))).scalar_one())


def _kept(narrowed: Narrowed) -> Iterator[ColumnElement[bool]]:
    joins = {
        "user": contacts.c.user_id.is_not(None),
        "service_account": contacts.c.service_account_id.is_not(None),
        "none": and_(contacts.c.user_id.is_(None), contacts.c.service_account_id.is_(None)),
    }
    if narrowed.kind is not None:
        yield joins[narrowed.kind]
    if narrowed.template_id is not None:
        yield contacts.c.template_id == narrowed.template_id


def matching(company_id: CompanyId, *, q: str, all_addresses: bool) -> ColumnElement[bool]:
    """Return the condition that a contact is in the directory and its name or address holds `q` (S2)."""
    here = contacts.c.company_id == company_id
    if not q:
        return here
    if len(q) > LONGEST_SOUGHT:
        return false()
    address = contacts.c.email_folded.contains(fold_email(q), autoescape=True)
    if not all_addresses:
        # A search that finds what it does not show gives it away letter by letter.
        address = and_(contacts.c.service_account_id.is_(None), address)
    return and_(here, or_(holds(contacts.c.name, q), address))


async def insert_contact(tx: Transaction, contact: Contact, *, now: datetime) -> bool:
    """Return whether the contact was inserted; False when its address or principal is there already."""
    values = {
        "company_id": contact.company_id,
        "id": contact.id,
        "name": contact.name,
        "email": contact.email,
        "email_folded": fold_email(contact.email),
        "user_id": contact.user_id,
        "service_account_id": contact.service_account_id,
        "template_id": contact.template_id,
        "levels": stored(contact.levels),
        "is_directory_admin": is_company_admin(contact.levels),
        "created_at": now,
        "updated_at": now,
    }
    return await tx.insert_or_ignore(contacts, values)


async def update_contact(tx: Transaction, contact: Contact, *, now: datetime) -> None:
    """Write the contact's name and address; the caller found the address free under the company's lock."""
    values = {"name": contact.name, "email": contact.email, "email_folded": fold_email(contact.email)}
    await _write(tx, contact.company_id, contact.id, {**values, "updated_at": now})


async def join_contact(tx: Transaction, contact: Contact, user_id: UserId, *, now: datetime) -> bool:
    """Return whether a contact that was nobody's is this user's now."""
    nobody = and_(contacts.c.user_id.is_(None), contacts.c.service_account_id.is_(None))
    return await _write(tx, contact.company_id, contact.id, {"user_id": user_id, "updated_at": now}, nobody)


async def write_levels(tx: Transaction, contact: Contact, levels: Levels, *, now: datetime) -> None:
    """Write company levels set by hand, which detaches the contact from its template (M3)."""
    values = {"levels": stored(levels), "is_directory_admin": is_company_admin(levels), "template_id": None}
    await _write(tx, contact.company_id, contact.id, {**values, "updated_at": now})


async def delete_contact(tx: Transaction, company_id: CompanyId, contact_id: ContactId) -> bool:
    """Return whether the contact was there; it and its memberships are gone (P3)."""
    await delete_memberships(tx, company_id, contact_id)
    gone = delete(contacts).where(contacts.c.company_id == company_id, contacts.c.id == contact_id)
    return (await tx.execute(gone)).rowcount == 1


async def _write(
    tx: Transaction, company_id: CompanyId, contact_id: ContactId, values: dict[str, Any], *conditions: Any
) -> bool:
    changed = update(contacts).where(contacts.c.company_id == company_id, contacts.c.id == contact_id, *conditions)
    return (await tx.execute(changed.values(**values))).rowcount == 1


async def _contact(reader: Reader, *conditions: Any) -> Contact | None:
    row = (await reader.execute(select(*contact_columns).where(*conditions))).one_or_none()
    return row and contact_of(row)


def contact_of(row: Row[Any]) -> Contact:
    """Return the contact in a row that has `contact_columns`, and perhaps more."""
    named = {column.name: row._mapping[column.name] for column in contact_columns}
    return Contact(**{**named, "levels": unstored(row.levels)})


# memberships ---------------------------------------------------------------------------------


async def memberships(
    reader: Reader, company_id: CompanyId, contact_ids: Sequence[ContactId], *, known_to: ContactId | None = None
) -> dict[ContactId, list[Membership]]:
    """Return the memberships of these contacts, each contact's by project id.

    `known_to`: only of projects that this contact is a member of too (P6).
    """
    m = project_members.c
    statement = select(m.contact_id, m.project_id, m.levels).where(
        m.company_id == company_id, m.contact_id.in_(contact_ids)
    )
    if known_to is not None:
        theirs = select(m.project_id).where(m.company_id == company_id, m.contact_id == known_to)
        statement = statement.where(m.project_id.in_(theirs))
    found: dict[ContactId, list[Membership]] = defaultdict(list)
    for row in await reader.execute(statement.order_by(m.contact_id, m.project_id)):
        found[row.contact_id].append(Membership(row.project_id, unstored(row.levels)))
    return found


async def find_membership(
    reader: Reader, company_id: CompanyId, contact_id: ContactId, project_id: ProjectId
) -> Membership | None:
    """Return the contact's membership of that project."""
    m = project_members.c
    key = (m.company_id == company_id, m.contact_id == contact_id, m.project_id == project_id)
    row = (await reader.execute(select(m.project_id, m.levels).where(*key))).one_or_none()
    return row and Membership(row.project_id, unstored(row.levels))


async def put_membership(
    tx: Transaction, contact: Contact, project_id: ProjectId, levels: Levels, *, now: datetime
) -> None:
    """Insert the membership, or overwrite its levels."""
    values = {"company_id": contact.company_id, "project_id": project_id, "contact_id": contact.id}
    await tx.insert_or_add(
        project_members,
        {**values, "levels": stored(levels), "created_at": now},
        keys=("company_id", "project_id", "contact_id"),
        add=(),
        put=("levels",),
    )


async def delete_membership(tx: Transaction, contact: Contact, project_id: ProjectId) -> bool:
    """Return whether the membership was there; it is gone now."""
    m = project_members.c
    key = (m.company_id == contact.company_id, m.contact_id == contact.id, m.project_id == project_id)
    return (await tx.execute(delete(project_members).where(*key))).rowcount == 1


async def delete_memberships(tx: Transaction, company_id: CompanyId, contact_id: ContactId) -> None:
    """Take the contact out of every project."""
    m = project_members.c
    await tx.execute(delete(project_members).where(m.company_id == company_id, m.contact_id == contact_id))


# company admins ------------------------------------------------------------------------------


async def has_other_admin(tx: Transaction, company_id: CompanyId, *, besides: ContactId) -> bool:
    """Return whether an active user other than this contact's is company admin, and stays so.

    M5: the user's row is held, so that nobody deactivates them before this transaction ends.
    """
    statement = (
        select(contacts.c.id)
        .join(users, users.c.id == contacts.c.user_id)
        .where(contacts.c.company_id == company_id, contacts.c.is_directory_admin, contacts.c.id != besides)
        .where(users.c.is_active)
        .order_by(contacts.c.id)
        .limit(1)
        .with_for_update(read=True, of=users)
    )
    return (await tx.execute(statement)).first() is not None


async def has_admin_besides_holders(tx: Transaction, company_id: CompanyId, template_id: TemplateId) -> bool:
    """Return whether an active user who does not hold the template is company admin, and stays so (M5)."""
    holds_another = or_(contacts.c.template_id.is_(None), contacts.c.template_id != template_id)
    statement = (
        select(contacts.c.id)
        .join(users, users.c.id == contacts.c.user_id)
        .where(contacts.c.company_id == company_id, contacts.c.is_directory_admin, holds_another)
        .where(users.c.is_active)
        .order_by(contacts.c.id)
        .limit(1)
        .with_for_update(read=True, of=users)
    )
    return (await tx.execute(statement)).first() is not None


async def count_active_admins(reader: Reader, company_id: CompanyId) -> int:
    """Return how many active users are company admins."""
    statement = (
        select(func.count())
        .select_from(contacts)
        .join(users, users.c.id == contacts.c.user_id)
        .where(contacts.c.company_id == company_id, contacts.c.is_directory_admin, users.c.is_active)
    )
    return int((await reader.execute(statement)).scalar_one())


async def is_active_user(reader: Reader, user_id: UserId) -> bool:
    """Return whether the user is active."""
    found = exists().where(users.c.id == user_id, users.c.is_active)
    return bool((await reader.execute(select(found))).scalar_one())


async def hold_fellow_admins(tx: Transaction, user_id: UserId) -> None:
    """Hold the active users who are company admin where this one is: none is deactivated before the commit (M5)."""
    mine, theirs = contacts.alias("mine"), contacts.alias("theirs")
    here = select(mine.c.company_id).where(mine.c.user_id == user_id, mine.c.is_directory_admin)
    fellows = select(theirs.c.user_id).where(theirs.c.is_directory_admin, theirs.c.company_id.in_(here))
    statement = select(users.c.id).where(users.c.id.in_(fellows), users.c.is_active).order_by(users.c.id)
    await tx.execute(statement.with_for_update(read=True))


async def last_admin_of(reader: Reader, user_id: UserId) -> list[tuple[CompanyId, str]]:
    """Return id and name of the companies where the user is company admin and no other active user is (M5)."""
    other, active = contacts.alias("other"), users.alias("active")
    another = exists().where(
        other.c.company_id == contacts.c.company_id,
        other.c.is_directory_admin,
        other.c.user_id != user_id,
        active.c.id == other.c.user_id,
        active.c.is_active,
    )
    statement = (
        select(companies.c.id, companies.c.name)
        .join(contacts, contacts.c.company_id == companies.c.id)
        .where(contacts.c.user_id == user_id, contacts.c.is_directory_admin, ~another)
        .order_by(companies.c.name)
    )
    return [(row.id, row.name) for row in await reader.execute(statement)]
