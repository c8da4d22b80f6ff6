"""One-time links about accounts: a new password, a first one, a new address (P7, P8, P9)."""

from dataclasses import replace
from datetime import datetime, timedelta

from gatewright.base.errors import Conflict, NotFound
from gatewright.base.folding import fold_email
from gatewright.base.ids import UserId, random_id
from gatewright.base.secrets import Purpose, ServerKeys, mint
from gatewright.db.engine import Transaction, verb
from gatewright.directory.service.accounts import claim_account, move_address, prove_address
from gatewright.directory.service.users import create_user, set_user_password_hash
from gatewright.events.catalogue import AccountLinkMade, Origin
from gatewright.events.log import record
from gatewright.login import account_store, link_store, store
from gatewright.login.invitation_service import Accepted, Newcomer, account_exists
from gatewright.login.model import Account, AccountLink, LinkFor
from gatewright.login.password_service import tell_owner
from gatewright.login.session_service import end_sessions, start_session
from gatewright.mail.model import Message
from gatewright.mail.rules import is_service_address
from gatewright.mail.service import post

LIFETIMES = {
    LinkFor.PASSWORD_RESET: timedelta(minutes=30),
    LinkFor.NEW_ADDRESS: timedelta(hours=24),
    LinkFor.SIGN_UP: timedelta(hours=24),
    LinkFor.TOLD: timedelta(hours=1),
}
KEPT_AFTER = timedelta(hours=1)  # so that what was mailed lately can be counted


@verb
async def make_link(
    tx: Transaction,
    *,
    purpose: LinkFor,
    user_id: UserId | None,
    email: str,
    was_mailed: bool,
    keys: ServerKeys,
    origin: Origin,
    now: datetime,
) -> str:
    """Return the token of a new one-time link, which is stored nowhere (T13)."""
    token, expires_at = mint("gwl"), now + LIFETIMES[purpose]
    link = AccountLink(random_id(), purpose, user_id, email, was_mailed, now, expires_at)
    if purpose is LinkFor.TOLD:
        link = replace(link, consumed_at=now)
    await link_store.drop_expired(tx, before=now - KEPT_AFTER)
    await link_store.insert_link(tx, link, digest=keys.digest(Purpose.ACCOUNT_LINK, token))
    if purpose is not LinkFor.TOLD:
        after = {"purpose": str(purpose), "email": email, "was_mailed": was_mailed}
        made = AccountLinkMade(link_id=link.id, user_id=user_id, after=after)
        await record(tx, made, origin=origin, now=now)
    return token


@verb
async def make_reset_link(
    tx: Transaction, *, email: str, service_domain: str, keys: ServerKeys, origin: Origin, now: datetime
) -> str:
    """Return the token of a link that the operator hands over; it proves no address (P8).

    NotFound for no account, Conflict for one that is deactivated.
    """
    account = await store.find_account(tx, email)
    if account is None or is_service_address(email, service_domain=service_domain):
        raise NotFound("user_unknown", f"There is no account with the address {email}.")
    if not account.is_active:
        raise Conflict("user_inactive", f"{email} is deactivated.", help="An operator can reactivate the user first.")
    return await make_link(
        tx,
        purpose=LinkFor.PASSWORD_RESET,
        user_id=account.user_id,
        email=account.email,
        was_mailed=False,
        keys=keys,
        origin=origin,
        now=now,
    )


@verb
async def reset_password(
    tx: Transaction, *, token: str, password_hash: str, has_mail: bool, keys: ServerKeys, origin: Origin, now: datetime
) -> UserId | None:
    """Return whose password this is from now on, every session of theirs ended (P8).

    None when the link is used up, too old or unknown, the user was deactivated, or the
    mailed link went to an address that is not the account's proven one any more.
    """
    digests = keys.candidates(Purpose.ACCOUNT_LINK, token)
    link = await link_store.consume_link(tx, digests, LinkFor.PASSWORD_RESET, now=now)
    if link is None or link.user_id is None:
        return None
    account = await store.lock_account(tx, link.user_id)
    standing = await account_store.find_standing(tx, link.user_id)
    if account is None or standing is None or not account.is_active:
        return None
    if link.was_mailed and not (standing.is_proven and fold_email(account.email) == fold_email(link.email)):
        return None
    theirs = replace(origin, by_kind="user", by_id=account.user_id)
    await set_user_password_hash(
        tx, user_id=account.user_id, password_hash=password_hash, how="reset", origin=theirs, now=now
    )
    await end_sessions(tx, user_id=account.user_id, origin=theirs, now=now)
    if has_mail:
        await tell_owner(tx, account, keys=keys, origin=theirs, now=now)
    return account.user_id


@verb
async def begin_account(
    tx: Transaction,
    *,
    token: str,
    newcomer: Newcomer,
    keys: ServerKeys,
    session_lifetime: timedelta,
    origin: Origin,
    now: datetime,
) -> Accepted | None:
    """Return the account that a sign-up's link began, and its first session (P7).

    None when the link is used up, too old or unknown. An account that somebody began without
    proving the address is the holder's now; Conflict for every other that has come up since.
    """
    digests = keys.candidates(Purpose.ACCOUNT_LINK, token)
    link = await link_store.consume_link(tx, digests, LinkFor.SIGN_UP, now=now)
    if link is None:
        return None
    user_id = await _begun(tx, link.email, newcomer, origin=origin, now=now)
    account = await store.lock_account(tx, user_id)
    assert account is not None, "it was locked or created in this transaction"  # noqa: S101
    theirs = replace(origin, by_kind="user", by_id=user_id)
    session = await start_session(tx, account, keys=keys, lifetime=session_lifetime, origin=theirs, now=now)
    return Accepted(user_id, session)


@verb
async def confirm_address(
    tx: Transaction, *, token: str, user_id: UserId, keys: ServerKeys, origin: Origin, now: datetime
) -> str | None:
    """Return the address that counts for the user from now on, proven (P9).

    None when the link is used up, too old, unknown or another account's. Invalid when the
    address was taken in the meantime.
    """
    digests = keys.candidates(Purpose.ACCOUNT_LINK, token)
    found = await link_store.find_link(tx, digests, LinkFor.NEW_ADDRESS)
    if found is None or found.user_id != user_id:
        return None
    account = await store.lock_account(tx, user_id)
    link = await link_store.consume_link(tx, digests, LinkFor.NEW_ADDRESS, now=now)
    if link is None or account is None or not account.is_active:
        return None
    if account.email == link.email:
        await prove_address(tx, user_id=user_id, origin=origin, now=now)
    else:
        await _tell_old_address(tx, account, link.email, keys=keys, now=now)
        await move_address(tx, user_id=user_id, email=link.email, origin=origin, now=now)
    return link.email


async def _tell_old_address(
    tx: Transaction, account: Account, new_email: str, *, keys: ServerKeys, now: datetime
) -> None:
    """Mail to the address that counts no more, if it was ever theirs: nobody else is told of the new one."""
    standing = await account_store.find_standing(tx, account.user_id)
    if standing is not None and standing.is_proven:
        shows = {"email": account.email, "new_email": new_email}
        await post(tx, Message(account.email, "address_changed", shows), keys=keys, now=now)


async def _begun(tx: Transaction, email: str, newcomer: Newcomer, *, origin: Origin, now: datetime) -> UserId:
    known, name, hashed = await store.find_account(tx, email), newcomer.name, newcomer.password_hash
    if known is None:
        return await create_user(tx, email=email, name=name, password_hash=hashed, origin=origin, now=now)
    user_id, theirs = known.user_id, replace(origin, by_kind="user", by_id=known.user_id)
    standing = await account_store.find_standing(tx, user_id)
    if standing is None or standing.is_operator or standing.is_proven or not known.is_active:
        raise account_exists()
    await end_sessions(tx, user_id=user_id, origin=theirs, now=now)
    if not await claim_account(tx, user_id=user_id, name=name, password_hash=hashed, origin=theirs, now=now):
        raise account_exists()
    return user_id
