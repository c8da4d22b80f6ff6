"""Making, regenerating and deleting service accounts, and stopping one whose address was seen elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gatewright.base.errors import Conflict, Invalid, NotFound, RateLimited
from gatewright.base.folding import fold_email
from gatewright.base.ids import CompanyId, ContactId, SecretId, ServiceAccountId, random_id
from gatewright.base.secrets import Digest, Purpose, ServerKeys, mint_client_secret
from gatewright.db.engine import Transaction, verb
from gatewright.directory import service as directory
from gatewright.directory.store.companies import lock_company
from gatewright.events.catalogue import (
    SYSTEM,
    ContactAdded,
    Origin,
    ServiceAccountCreated,
    ServiceAccountDeleted,
    ServiceAccountDisabled,
    ServiceAccountSecretRegenerated,
    ServiceAddressSeenElsewhere,
)
from gatewright.events.log import record
from gatewright.service_accounts import rules, store
from gatewright.service_accounts.model import (
    CreatedServiceAccount,
    DisabledReason,
    RegeneratedSecret,
    ServiceAccount,
)


# long: the row's every column is named
@verb
async def create_service_account(
    tx: Transaction,
    *,
    company_id: CompanyId,
    name: str,
    domain: str,
    keys: ServerKeys,
    form_id: str | None = None,
    origin: Origin,
    now: datetime,
) -> CreatedServiceAccount:
    """Return the new account with its contact, its address and its secret (S1, S2, S6).

    It holds `none` on everything (S3). `form_id` (128 random bits, in hex) names the form
    it was asked with: a second call with the same one is refused with `made_before`.
    """
    if problems := rules.problems_of_name(name):
        raise Invalid(*problems)
    account_id = ServiceAccountId(await tx.next_id("principal"))
    client_id, address, fresh = account_client_id(form_id), rules.new_address(domain), _fresh_secret(keys)
    if await store.find_by_client(tx, company_id, client_id=client_id):
        raise _made_before()
    contact_id = await _add_contact(tx, company_id, account_id, name=name, address=address, origin=origin, now=now)
    inserted = await store.insert_service_account(
        tx,
        company_id=company_id,
        service_account_id=account_id,
        name=name,
        client_id=client_id,
        contact_id=contact_id,
        address_folded=fold_email(address),
        secret_id=fresh.id,
        digest=fresh.digest,
        created_by=origin.by_id,
        via_app_id=origin.via_app_id,
        now=now,
    )
    if not inserted:
        raise _made_before()
    after = {"name": name, "contact_id": contact_id}
    event = ServiceAccountCreated(
        company_id=company_id, service_account_id=account_id, client_id=client_id, after=after
    )
    await record(tx, event, origin=origin, now=now)
    return CreatedServiceAccount(account_id, client_id, fresh.secret, contact_id, address)


def account_client_id(form_id: str | None = None) -> str:
    """Return a client id for a new account: of the form it is asked with, else random."""
    return f"svc_{form_id or random_id()}"


# long: the row's every column is named
@verb
async def regenerate_secret(
    tx: Transaction,
    *,
    company_id: CompanyId,
    service_account_id: ServiceAccountId,
    domain: str,
    keys: ServerKeys,
    shown_secret_id: SecretId | None = None,
    origin: Origin,
    now: datetime,
) -> RegeneratedSecret:
    """Return the account's new secret; what was issued and granted before has ended (S7).

    A disabled account works again, under a new address (S8). `shown_secret_id` is the
    secret that the caller saw in place: when it is another by now, `made_before`.
    """
    await lock_company(tx, company_id)
    account = await store.load_service_account(tx, company_id, service_account_id, lock=True)
    if account is None:
        raise service_account_unknown()
    if shown_secret_id not in {None, account.secret_id}:
        raise _made_before()
    fresh = _fresh_secret(keys)
    contact_id, address = await _emptied_contact(tx, account, domain=domain, origin=origin, now=now)
    await store.replace_secret(
        tx,
        account,
        contact_id=contact_id,
        address_folded=fold_email(address),
        secret_id=fresh.id,
        digest=fresh.digest,
        via_app_id=origin.via_app_id,
        now=now,
    )
    if contact_id == account.contact_id:
        # After the account's own row knows the new address, else this would stop it (S8).
        await directory.change_contact(
            tx, company_id=company_id, contact_id=contact_id, email=address, origin=origin, now=now
        )
    event = ServiceAccountSecretRegenerated(
        company_id=company_id,
        service_account_id=account.id,
        client_id=account.client_id,
        before={"status": account.status},
        after={"status": "active"},
    )
    await record(tx, event, origin=origin, now=now)
    return RegeneratedSecret(account.client_id, fresh.secret, address)


@verb
async def delete_service_account(
    tx: Transaction, *, company_id: CompanyId, service_account_id: ServiceAccountId, origin: Origin, now: datetime
) -> bool:
    """Return whether the account was deleted now: it and its tokens end at once, its trace stays (S9).

    False for one that was deleted before or never was; NotFound is for the caller to raise,
    after the transaction, so that the answer waits for a deletion that won the race.
    """
    await lock_company(tx, company_id)
    account = await store.load_service_account(tx, company_id, service_account_id, lock=True)
    if account is None or not await store.delete(tx, company_id, service_account_id, now=now):
        tx.answers_an_ending()
        return False
    if await store.has_contact(tx, company_id, account.contact_id):
        await directory.remove_contact(
            tx, company_id=company_id, contact_id=account.contact_id, granted_by=None, origin=origin, now=now
        )
    event = ServiceAccountDeleted(
        company_id=company_id,
        service_account_id=account.id,
        client_id=account.client_id,
        before={"name": account.name},
    )
    await record(tx, event, origin=origin, now=now)
    return True


async def notice_address(tx: Transaction, event: ContactAdded, *, origin: Origin, now: datetime) -> None:
    """Stop the account whose contact's address was edited, or whose address entered another directory (S8).

    Hears of every contact that is added or changed, inside the transaction that does it.
    """
    if (address := _new_address_of(event)) is None:
        return
    own = await store.find_by_contact(tx, event.company_id, ContactId(event.contact_id))
    if own is not None and own.address_folded != address:
        await _disable(tx, own, DisabledReason.ADDRESS_CHANGED, origin=origin, now=now)
    named = await store.find_by_address(tx, address)
    if named is None or (named.company_id, named.contact_id) == (event.company_id, event.contact_id):
        return
    if named.company_id == event.company_id:
        await _disable(tx, named, DisabledReason.ADDRESS_ELSEWHERE, origin=origin, now=now)
        return
    await _refuse_many(tx, event.company_id, now=now)
    # The account's admins learn that it happened; who did it, and where, is for the operator alone (P6).
    await _disable(tx, named, DisabledReason.ADDRESS_ELSEWHERE, origin=SYSTEM, now=now)
    elsewhere = ServiceAddressSeenElsewhere(service_account_id=named.id, in_company_id=event.company_id)
    await record(tx, elsewhere, origin=origin, now=now)


@dataclass(frozen=True, slots=True)
class _Fresh:
    id: SecretId
    secret: str = field(repr=False)  # T13: not in crash reports
    digest: Digest


def _fresh_secret(keys: ServerKeys) -> _Fresh:
    secret = mint_client_secret()
    return _Fresh(SecretId(random_id()), secret, keys.digest(Purpose.CLIENT_SECRET, secret))


async def _add_contact(
    tx: Transaction,
    company_id: CompanyId,
    account_id: ServiceAccountId,
    *,
    name: str,
    address: str,
    origin: Origin,
    now: datetime,
) -> ContactId:
    return await directory.add_contact(
        tx,
        company_id=company_id,
        email=address,
        name=name,
        levels={},
        service_account_id=account_id,
        granted_by=None,
        origin=origin,
        now=now,
    )


async def _emptied_contact(
    tx: Transaction, account: ServiceAccount, *, domain: str, origin: Origin, now: datetime
) -> tuple[ContactId, str]:
    """Return the account's contact, which holds nothing any more, and the address it is to have (S7, S8)."""
    if not await store.has_contact(tx, account.company_id, account.contact_id):
        address = rules.new_address(domain)
        made = await _add_contact(
            tx, account.company_id, account.id, name=account.name, address=address, origin=origin, now=now
        )
        return made, address
    await directory.clear_permissions(
        tx, company_id=account.company_id, contact_id=account.contact_id, origin=origin, now=now
    )
    return account.contact_id, account.email if account.disabled_reason is None else rules.new_address(domain)


async def _disable(
    tx: Transaction, account: ServiceAccount, reason: DisabledReason, *, origin: Origin, now: datetime
) -> None:
    if not await store.disable(tx, account, reason, now=now):
        tx.answers_an_ending()
        return
    event = ServiceAccountDisabled(
        company_id=account.company_id,
        service_account_id=account.id,
        client_id=account.client_id,
        before={"status": "active"},
        after={"status": "disabled", "reason": reason.value},
    )
    await record(tx, event, origin=origin, now=now)


async def _refuse_many(tx: Transaction, company_id: CompanyId, *, now: datetime) -> None:
    day = timedelta(hours=24)
    if await store.count_foreign_entries(tx, company_id, since=now - day) >= rules.MOST_FOREIGN_ENTRIES:
        raise RateLimited(
            "Too many contacts were added or changed.",
            help="Send the request again tomorrow, or ask the operator.",
            retry_after=day,
        )


def _new_address_of(event: ContactAdded) -> str | None:
    """Return the folded address that the event put into a directory; None when it put none there."""
    before, after = _address(event.before), _address(event.after)
    return None if after == before else after


def _address(state: Mapping[str, Any] | None) -> str | None:
    address = None if state is None else state.get("email")
    return None if address is None else fold_email(str(address))


def _made_before() -> Conflict:
    return Conflict("made_before", "This form was sent before; sending it again makes nothing.")


def service_account_unknown() -> NotFound:
    """Return the refusal for an account that this company does not have (P6)."""
    return NotFound("service_account_unknown", "There is no such service account in this company.")
