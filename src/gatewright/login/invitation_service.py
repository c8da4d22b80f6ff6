"""Invitations: made, withdrawn, and accepted with a new account or one there is (P2, P7)."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gatewright.base.errors import Conflict, Invalid, NotFound, Problem, RateLimited
from gatewright.base.folding import fold_email, is_email_shaped
from gatewright.base.ids import CompanyId, ContactId, UserId, random_id
from gatewright.base.secrets import Purpose, ServerKeys, mint
from gatewright.db.engine import Transaction, verb
from gatewright.directory.model import Company, Contact
from gatewright.directory.service.accounts import claim_account, prove_address
from gatewright.directory.service.contacts import join_user
from gatewright.directory.service.users import create_user, set_user_password_hash
from gatewright.directory.store.companies import lock_company
from gatewright.directory.store.contacts import find_contact
from gatewright.events.catalogue import (
    ContactAdded,
    ContactRemoved,
    InvitationAccepted,
    InvitationMade,
    InvitationWithdrawn,
    Origin,
)
from gatewright.events.log import record
from gatewright.login import account_store, store
from gatewright.login import invitation_store as invitations
from gatewright.login.model import Account, Invitation
from gatewright.login.session_service import end_sessions, start_session
from gatewright.mail.model import Message
from gatewright.mail.rules import is_service_address
from gatewright.mail.service import post

INVITATION_LIFETIME = timedelta(days=7)
MOST_MAILED, MAILED_WITHIN = 3, timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Accepted:
    """An invitation was accepted: whose it was, and the cookie of a session that began with it."""

    user_id: UserId
    session_token: str = field(repr=False)  # T13: not in crash reports


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What somebody chose for their account."""

    name: str
    password_hash: str = field(repr=False)


@verb
async def create_invitation(
    tx: Transaction,
    *,
    email: str,
    makes_operator: bool,
    service_domain: str,
    keys: ServerKeys,
    origin: Origin,
    now: datetime,
) -> str:
    """Return the token of the operator's one-time link `/invitation/TOKEN`, which is stored nowhere (P7, T13).

    Of those that make an operator the newest alone stays open. Invalid for what is no
    address of a person's, Conflict for one that has an account.
    """
    if not is_email_shaped(email):
        raise Invalid(Problem("email", "must be an e-mail address, such as ada@example.com"))
    if is_service_address(email, service_domain=service_domain):
        raise Invalid(Problem("email", f"lies under {service_domain}, where only service accounts have addresses"))
    if await store.find_account(tx, email) is not None:
        raise Conflict("account_exists", f"{email} has an account already.", help="They can sign in with it.")
    for old in await invitations.withdraw_operators(tx, now=now) if makes_operator else ():
        gone = InvitationWithdrawn(invitation_id=old.id, before=_told(old))
        await record(tx, gone, origin=origin, now=now)
    invitation = Invitation(random_id(), email, makes_operator, now, now + INVITATION_LIFETIME)
    return await _keep(tx, invitation, keys=keys, origin=origin, now=now)


@verb
async def invite_contact(
    tx: Transaction,
    *,
    company_id: CompanyId,
    contact_id: ContactId,
    is_mailed: bool,
    issuer: str,
    keys: ServerKeys,
    origin: Origin,
    now: datetime,
) -> str:
    """Return the link that joins a contact to whoever accepts it; a link made before is withdrawn (P2, P7).

    No account is looked up by the address: answer and work are the same whoever has it.
    NotFound for no contact, Conflict for one that has a principal, RateLimited when this
    company mailed the address too often.
    """
    company, contact = await _unjoined(tx, company_id, contact_id)
    lately = await invitations.count_mailed(tx, company_id, contact.email, within=MAILED_WITHIN, now=now)
    if is_mailed and lately >= MOST_MAILED:
        raise _mailed_often()
    await _withdraw(tx, company_id, contact_id, origin=origin, now=now)
    offered = _offer(contact, is_mailed=is_mailed, created_by=origin.by_id, now=now)
    link = f"{issuer}/invitation/{await _keep(tx, offered, keys=keys, origin=origin, now=now)}"
    if is_mailed:
        shows = {"company": company.name, "email": contact.email, "link": link}
        await post(tx, Message(contact.email, "invitation", shows), keys=keys, now=now)
    return link


async def withdraw_with_contact(tx: Transaction, event: ContactAdded, *, origin: Origin, now: datetime) -> None:
    """Withdraw what a contact's invitation offered when it is removed, joined, or gets another address.

    Hears of every contact that is changed or removed, inside the transaction that does it.
    """
    before, after = event.before or {}, event.after or {}
    moved = fold_email(str(before.get("email", ""))) != fold_email(str(after.get("email", "")))
    if isinstance(event, ContactRemoved) or moved or event.principal_id is not None:
        await _withdraw(tx, event.company_id, ContactId(event.contact_id), origin=origin, now=now)


@verb
async def accept_invitation(
    tx: Transaction,
    *,
    token: str,
    name: str,
    password_hash: str,
    keys: ServerKeys,
    session_lifetime: timedelta,
    origin: Origin,
    now: datetime,
) -> Accepted | None:
    """Return the account that the invitation began; None when the link is used up, too old or unknown (P7).

    A mailed link proves the address. Then an account that somebody began without proving
    it is the holder's from now on, and a proven account without a password gets its
    first. Conflict `account_exists` for every other account; the invitation stays open.
    """
    invitation = await _consume(tx, token, keys=keys, now=now)
    if invitation is None:
        return None
    newcomer = Newcomer(name, password_hash)
    known = await store.find_account(tx, invitation.email)
    if known is None:
        user_id = await _begin(tx, invitation, newcomer, origin=origin, now=now)
    else:
        user_id = await _take_over(tx, invitation, known, newcomer, origin=origin, now=now)
    return await _joined(tx, invitation, user_id, keys=keys, session_lifetime=session_lifetime, origin=origin, now=now)


@verb
async def join_by_invitation(
    tx: Transaction,
    *,
    token: str,
    account: Account,
    keys: ServerKeys,
    session_lifetime: timedelta,
    origin: Origin,
    now: datetime,
) -> Accepted | None:
    """Return the account that joined by the link; its holder showed its password, or is signed in with it (P7).

    None when the link is used up, too old or unknown; Conflict when the account is no longer
    as it was when the password was compared (P4), or may join no second company.
    """
    invitation = await _consume(tx, token, keys=keys, now=now)
    if invitation is None:
        return None
    as_it_was = account.is_still(await store.lock_account(tx, account.user_id))
    if not as_it_was or not account.is_active or fold_email(invitation.email) != fold_email(account.email):
        raise account_exists()
    if invitation.was_mailed:
        theirs = replace(origin, by_kind="user", by_id=account.user_id)
        await prove_address(tx, user_id=account.user_id, origin=theirs, now=now)
    return await _joined(
        tx, invitation, account.user_id, keys=keys, session_lifetime=session_lifetime, origin=origin, now=now
    )


async def _unjoined(tx: Transaction, company_id: CompanyId, contact_id: ContactId) -> tuple[Company, Contact]:
    """Return company and contact, locked; the contact joins nobody."""
    company = await lock_company(tx, company_id)
    contact = await find_contact(tx, company_id, contact_id)
    if company is None or contact is None:
        raise NotFound("contact_unknown", "There is no such contact here.")
    if contact.kind != "none":
        raise Conflict(
            "contact_joined",
            "This contact joins somebody to the company already.",
            help="To join another principal, a company admin removes the contact and invites anew.",
        )
    return company, contact


def _offer(contact: Contact, *, is_mailed: bool, created_by: int | None, now: datetime) -> Invitation:
    return Invitation(
        random_id(),
        contact.email,
        makes_operator=False,
        created_at=now,
        expires_at=now + INVITATION_LIFETIME,
        company_id=contact.company_id,
        contact_id=contact.id,
        was_mailed=is_mailed,
        created_by=created_by,
    )


async def _keep(tx: Transaction, invitation: Invitation, *, keys: ServerKeys, origin: Origin, now: datetime) -> str:
    token = mint("gwi")
    await invitations.insert_invitation(tx, invitation, digest=keys.digest(Purpose.INVITATION, token))
    made = InvitationMade(company_id=invitation.company_id, invitation_id=invitation.id, after=_told(invitation))
    await record(tx, made, origin=origin, now=now)
    return token


async def _withdraw(
    tx: Transaction, company_id: CompanyId, contact_id: ContactId, *, origin: Origin, now: datetime
) -> None:
    for old in await invitations.withdraw_invitations(tx, company_id, contact_id, now=now):
        gone = InvitationWithdrawn(company_id=company_id, invitation_id=old.id, before=_told(old))
        await record(tx, gone, origin=origin, now=now)


async def _consume(tx: Transaction, token: str, *, keys: ServerKeys, now: datetime) -> Invitation | None:
    """Return the invitation, used up by this transaction, its company locked as all who change a directory do."""
    digests = keys.candidates(Purpose.INVITATION, token)
    found = await invitations.find_invitation(tx, digests)
    if found is not None and found.contact_id is not None:
        await lock_company(tx, found.company_id)
    return await invitations.consume_invitation(tx, digests, now=now)


async def _begin(
    tx: Transaction, invitation: Invitation, newcomer: Newcomer, *, origin: Origin, now: datetime
) -> UserId:
    return await create_user(
        tx,
        email=invitation.email,
        name=newcomer.name,
        password_hash=newcomer.password_hash,
        is_operator=invitation.makes_operator,
        is_proven=invitation.was_mailed,
        origin=origin,
        now=now,
    )


async def _take_over(
    tx: Transaction, invitation: Invitation, known: Account, newcomer: Newcomer, *, origin: Origin, now: datetime
) -> UserId:
    """Return the account of an address that the holder of a mailed link has proven, its password now theirs."""
    locked, standing = await store.lock_account(tx, known.user_id), await account_store.find_standing(tx, known.user_id)
    if not invitation.was_mailed or locked is None or standing is None or not locked.is_active:
        raise account_exists()
    user_id, theirs = known.user_id, replace(origin, by_kind="user", by_id=known.user_id)
    if standing.is_proven and locked.password_hash is None:
        hashed = newcomer.password_hash
        await set_user_password_hash(tx, user_id=user_id, password_hash=hashed, origin=theirs, now=now)
    elif standing.is_proven or standing.is_operator:
        raise account_exists()
    else:
        await end_sessions(tx, user_id=user_id, origin=theirs, now=now)
        name, hashed = newcomer.name, newcomer.password_hash
        await claim_account(tx, user_id=user_id, name=name, password_hash=hashed, origin=theirs, now=now)
    return user_id


async def _joined(
    tx: Transaction,
    invitation: Invitation,
    user_id: UserId,
    *,
    keys: ServerKeys,
    session_lifetime: timedelta,
    origin: Origin,
    now: datetime,
) -> Accepted:
    theirs = replace(origin, by_kind="user", by_id=user_id)
    accepted = InvitationAccepted(company_id=invitation.company_id, invitation_id=invitation.id, user_id=user_id)
    await record(tx, accepted, origin=theirs, now=now)
    if invitation.contact_id is not None:
        await _refuse_second_company(tx, invitation, user_id)
        company_id, contact_id = invitation.company_id, invitation.contact_id
        await join_user(tx, company_id=company_id, contact_id=contact_id, user_id=user_id, origin=theirs, now=now)
    account = await store.lock_account(tx, user_id)
    assert account is not None, "it was locked or created in this transaction"  # noqa: S101
    session = await start_session(tx, account, keys=keys, lifetime=session_lifetime, origin=theirs, now=now)
    return Accepted(user_id, session)


async def _refuse_second_company(tx: Transaction, invitation: Invitation, user_id: UserId) -> None:
    """P7: an account whose address was never proven joins one company, the one that invited it."""
    standing = await account_store.find_standing(tx, user_id)
    if standing is None or standing.is_proven:
        return
    if await account_store.count_companies(tx, user_id, besides=invitation.company_id):
        raise Conflict(
            "address_unproven",
            "Your address was never proven, and an account like that joins one company alone.",
            help="Prove it under Account, Address, or ask the operator.",
        )


def account_exists() -> Conflict:
    """Return the refusal of a first password for an account that has one."""
    return Conflict(
        "account_exists", "There is an account with this address.", help="Accept with the password of that account."
    )


def _mailed_often() -> RateLimited:
    return RateLimited(
        "This contact was sent several invitations within the hour.",
        help="The newest one stays open. Ask them to look for it, or try again later.",
        retry_after=MAILED_WITHIN,
    )


def _told(invitation: Invitation) -> dict[str, object]:
    told: dict[str, object] = {"email": invitation.email, "was_mailed": invitation.was_mailed}
    if invitation.makes_operator:
        told["makes_operator"] = True
    return told if invitation.contact_id is None else {**told, "contact_id": invitation.contact_id}
