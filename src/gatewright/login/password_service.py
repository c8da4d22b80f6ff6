"""Changing one's own password."""

from dataclasses import replace
from datetime import datetime, timedelta

from gatewright.base.secrets import ServerKeys
from gatewright.db.engine import Transaction, verb
from gatewright.directory.service import set_user_password_hash
from gatewright.events.catalogue import Origin
from gatewright.login import account_store, store
from gatewright.login.model import Account, Opened
from gatewright.login.session_service import end_sessions, start_session
from gatewright.login.throttle import Slot, give_back
from gatewright.mail.model import Message
from gatewright.mail.service import post


@verb
async def change_password(
    tx: Transaction,
    *,
    account: Account,
    password_hash: str,
    slot: Slot,
    keys: ServerKeys,
    lifetime: timedelta,
    has_mail: bool,
    origin: Origin,
    now: datetime,
) -> Opened | None:
    """Return the account as it is now and the cookie of its one session; None when it had changed meanwhile.

    Every session ends, this browser's too, which goes on in a new one: whoever held a cookie
    of before holds nothing (A172). `slot`: given back, since the current password was right.
    """
    if not account.is_active or not account.is_still(await store.lock_account(tx, account.user_id)):
        return None
    await give_back(tx, slot=slot)
    await set_user_password_hash(
        tx, user_id=account.user_id, password_hash=password_hash, how="changed", origin=origin, now=now
    )
    changed = replace(account, password_hash=password_hash, password_changed_at=now)
    await end_sessions(tx, user_id=account.user_id, origin=origin, now=now)
    token = await start_session(tx, changed, keys=keys, lifetime=lifetime, origin=origin, now=now)
    if has_mail:
        await tell_owner(tx, account, keys=keys, origin=origin, now=now)
    return Opened(changed, token)


async def tell_owner(tx: Transaction, account: Account, *, keys: ServerKeys, origin: Origin, now: datetime) -> None:
    """Mail that the password is a new one; not to an address that was never proven, which may be a stranger's (P7)."""
    standing = await account_store.find_standing(tx, account.user_id)
    if standing is not None and standing.is_proven:
        told = {"name": account.name, "at": now.isoformat(), "ip": origin.ip}
        await post(tx, Message(account.email, "password_changed", told), keys=keys, now=now)
