"""Service accounts: the only place that writes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select, update

from gatewright.base.ids import CompanyId, ContactId, SecretId, ServiceAccountId
from gatewright.base.secrets import Digest
from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import (
    apps,
    calls,
    contacts,
    events,
    project_members,
    service_accounts,
    users,
)
from gatewright.directory.store.companies import lock_company
from gatewright.events.catalogue import ServiceAddressSeenElsewhere
from gatewright.service_accounts.model import DisabledReason, ServiceAccount, Use

_columns = service_accounts.c


# long: the row's every column is named
async def insert_service_account(
    tx: Transaction,
    *,
    company_id: CompanyId,
    service_account_id: ServiceAccountId,
    name: str,
    client_id: str,
    contact_id: ContactId,
    address_folded: str,
    secret_id: SecretId,
    digest: Digest,
    created_by: int | None,
    via_app_id: int | None,
    now: datetime,
) -> bool:
    """Return whether the account was inserted; False when its client id is taken."""
    return await tx.insert_or_ignore(
        service_accounts,
        {
            "company_id": company_id,
            "id": service_account_id,
            "name": name,
            "client_id": client_id,
            "contact_id": contact_id,
            "address_folded": address_folded,
            **_secret(secret_id, digest, now=now),
            "created_at": now,
            "created_by": created_by,
            "created_via_app_id": via_app_id,
        },
    )


async def replace_secret(
    tx: Transaction,
    account: ServiceAccount,
    *,
    contact_id: ContactId,
    address_folded: str,
    secret_id: SecretId,
    digest: Digest,
    via_app_id: int | None,
    now: datetime,
) -> None:
    """Give the account, which the caller locked, its new secret; it functions again."""
    statement = (
        update(service_accounts)
        .where(*_is(account.company_id, account.id))
        .values(
            contact_id=contact_id,
            address_folded=address_folded,
            **_secret(secret_id, digest, now=now),
            regenerated_via_app_id=via_app_id,
            disabled_at=None,
            disabled_reason=None,
        )
    )
    await tx.execute(statement)


async def disable(tx: Transaction, account: ServiceAccount, reason: DisabledReason, *, now: datetime) -> bool:
    """Return whether the account was disabled now, under the address that it was found with (S8)."""
    statement = (
        update(service_accounts)
        .where(
            *_is(account.company_id, account.id),
            _columns.address_folded == account.address_folded,
            _columns.disabled_at.is_(None),
        )
        .values(disabled_at=now, disabled_reason=reason.value)
    )
    return (await tx.execute(statement)).rowcount == 1


async def delete(
    tx: Transaction, company_id: CompanyId, service_account_id: ServiceAccountId, *, now: datetime
) -> bool:
    """Return whether the account was deleted now; its row stays, for the record (S9)."""
    statement = update(service_accounts).where(*_is(company_id, service_account_id)).values(deleted_at=now)
    return (await tx.execute(statement)).rowcount == 1


async def load_service_account(
    reader: Reader, company_id: CompanyId, service_account_id: ServiceAccountId, *, lock: bool = False
) -> ServiceAccount | None:
    """Return the account, if it is that company's (P6); `lock` keeps others from changing it meanwhile."""
    return await _load_one(reader, *_is(company_id, service_account_id), lock=lock)


async def load_service_accounts(
    reader: Reader, company_id: CompanyId, *, offset: int, limit: int
) -> list[ServiceAccount]:
    """Return one part of the company's accounts, by id."""
    where = (_columns.company_id == company_id, _columns.deleted_at.is_(None))
    statement = _select(*where).order_by(_columns.id).offset(offset).limit(limit)
    return [_account(row) for row in await reader.execute(statement)]


async def count_service_accounts(reader: Reader, company_id: CompanyId) -> int:
    """Return how many accounts the company has."""
    statement = select(func.count()).where(_columns.company_id == company_id, _columns.deleted_at.is_(None))
    return int((await reader.execute(statement)).scalar_one())


async def find_by_client(reader: Reader, company_id: CompanyId, *, client_id: str) -> ServiceAccount | None:
    """Return the company's account with that client id, or None."""
    where = (_columns.company_id == company_id, _columns.client_id == client_id, _columns.deleted_at.is_(None))
    return await _load_one(reader, *where)


async def find_by_contact(reader: Reader, company_id: CompanyId, contact_id: ContactId) -> ServiceAccount | None:
    """Return the account that acts as that contact, or None."""
    where = (_columns.company_id == company_id, _columns.contact_id == contact_id, _columns.deleted_at.is_(None))
    return await _load_one(reader, *where)


async def find_by_address(reader: Reader, address_folded: str) -> ServiceAccount | None:
    """Return the account, of any company, that the server gave this address, or None (S8)."""
    return await _load_one(reader, _columns.address_folded == address_folded, _columns.deleted_at.is_(None))


async def has_contact(reader: Reader, company_id: CompanyId, contact_id: ContactId) -> bool:
    """Return whether the account's contact is still in the directory."""
    where = (contacts.c.company_id == company_id, contacts.c.id == contact_id)
    return (await reader.execute(select(contacts.c.id).where(*where))).one_or_none() is not None


async def load_use(
    reader: Reader, company_id: CompanyId, accounts: list[ServiceAccount], *, now: datetime
) -> dict[ServiceAccountId, Use]:
    """Return what each of the company's accounts holds, and its calls since yesterday's midnight in UTC."""
    here = (contacts.c.company_id == project_members.c.company_id) & (contacts.c.id == project_members.c.contact_id)
    statement = (
        select(contacts.c.service_account_id, contacts.c.levels, project_members.c.levels.label("there"))
        .join(project_members, here, isouter=True)
        .where(contacts.c.company_id == company_id, contacts.c.service_account_id.in_([one.id for one in accounts]))
    )
    recent = await _count_calls(reader, company_id, since=(now.astimezone(UTC) - timedelta(days=1)).date().isoformat())
    held: dict[ServiceAccountId, list[Any]] = {}
    for row in await reader.execute(statement):
        held.setdefault(row.service_account_id, [row.levels]).append(row.there)
    return {one.id: _use(held.get(one.id, []), recent.get(one.id, 0)) for one in accounts}


async def count_foreign_entries(tx: Transaction, in_company_id: CompanyId, *, since: datetime) -> int:
    """Return how many accounts' addresses that company entered since then (S8).

    Holds the company until this transaction ends, so that two at once are counted one after the other.
    """
    await lock_company(tx, in_company_id)
    statement = select(func.count()).where(
        events.c.company_id == 0,
        events.c.kind == ServiceAddressSeenElsewhere.KIND,
        events.c.at > since,
        events.c.about["in_company_id"].as_integer() == in_company_id,
    )
    return int((await tx.execute(statement)).scalar_one())


async def _count_calls(reader: Reader, company_id: CompanyId, *, since: str) -> dict[ServiceAccountId, int]:
    statement = (
        select(calls.c.service_account_id, func.sum(calls.c.count).label("many"))
        .where(calls.c.company_id == company_id, calls.c.service_account_id != 0, calls.c.day >= since)
        .group_by(calls.c.service_account_id)
    )
    return {row.service_account_id: int(row.many) for row in await reader.execute(statement)}


def _use(held: list[Any], calls_since_yesterday: int) -> Use:
    memberships = [levels for levels in held[1:] if levels is not None]
    everything = [level for levels in [*held[:1], *memberships] for level in levels.values()]
    return Use(sum(level != "none" for level in everything), len(memberships), calls_since_yesterday)


async def _load_one(reader: Reader, *where: ColumnElement[bool], lock: bool = False) -> ServiceAccount | None:
    statement = _select(*where)
    if lock:
        statement = statement.with_for_update(of=service_accounts)
    row = (await reader.execute(statement)).one_or_none()
    return None if row is None else _account(row)


def _select(*where: ColumnElement[bool]) -> Select[Any]:
    last_call = (
        select(func.max(calls.c.last_at))
        .where(calls.c.company_id == _columns.company_id, calls.c.service_account_id == _columns.id)
        .scalar_subquery()
    )
    here = (contacts.c.company_id == _columns.company_id) & (contacts.c.id == _columns.contact_id)
    return (
        select(
            service_accounts,
            contacts.c.email,
            users.c.name.label("creator"),
            apps.c.name.label("through"),
            last_call.label("last_call_at"),
        )
        .join(contacts, here, isouter=True)
        .join(users, users.c.id == _columns.created_by, isouter=True)
        .join(
            apps, apps.c.id == func.coalesce(_columns.regenerated_via_app_id, _columns.created_via_app_id), isouter=True
        )
        .where(*where)
    )


def _account(row: Row[Any]) -> ServiceAccount:
    reason = row.disabled_reason
    return ServiceAccount(
        company_id=row.company_id,
        id=row.id,
        name=row.name,
        client_id=row.client_id,
        contact_id=row.contact_id,
        email=row.email or row.address_folded,
        address_folded=row.address_folded,
        secret_id=row.secret_id,
        secret_created_at=row.secret_created_at,
        disabled_reason=None if reason is None else DisabledReason(reason),
        created_at=row.created_at,
        created_by=row.creator,
        created_via_app_id=row.created_via_app_id,
        regenerated_via_app_id=row.regenerated_via_app_id,
        through_app=row.through,
        last_used_at=row.last_call_at,
    )


def _is(company_id: CompanyId, service_account_id: ServiceAccountId) -> tuple[ColumnElement[bool], ...]:
    return _columns.company_id == company_id, _columns.id == service_account_id, _columns.deleted_at.is_(None)


def _secret(secret_id: SecretId, digest: Digest, *, now: datetime) -> dict[str, Any]:
    return {
        "secret_id": secret_id,
        "secret_digest": digest.value,
        "secret_key_id": digest.key_id,
        "secret_created_at": now,
    }


async def renew_account_digest(
    tx: Transaction, service_account_id: ServiceAccountId, *, company_id: CompanyId, was: Digest, digest: Digest
) -> bool:
    """Exchange the digest of an account's secret for one under another server key; False when it is not what it was."""
    columns = service_accounts.c
    same = update(service_accounts).where(
        columns.company_id == company_id, columns.id == service_account_id, columns.secret_digest == was.value
    )
    return (await tx.execute(same.values(secret_digest=digest.value, secret_key_id=digest.key_id))).rowcount == 1
