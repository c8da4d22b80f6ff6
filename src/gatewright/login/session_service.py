"""Signing in and out; ending sessions, one or many."""

from datetime import datetime, timedelta

from gatewright.base.ids import UserId, random_id
from gatewright.base.secrets import Purpose, ServerKeys, mint
from gatewright.db.engine import Transaction, verb
from gatewright.directory.service.users import refresh_user_password_hash
from gatewright.events.catalogue import Origin, SessionEnded, SessionStarted
from gatewright.events.log import record
from gatewright.login import session_store, store
from gatewright.login.model import Account
from gatewright.login.throttle import Slot, give_back

MOST_SESSIONS = 50  # of one user; the oldest ends when another begins


@verb
async def sign_in(
    tx: Transaction,
    *,
    account: Account,
    keys: ServerKeys,
    lifetime: timedelta,
    origin: Origin,
    now: datetime,
    replaces: str | None = None,
    slot: Slot | None = None,
    rehashed: str | None = None,
) -> str | None:
    """Return the cookie of a new session; None when the account is no longer as it was.

    The password was compared outside of this transaction: whoever was deactivated or
    got another password in the meantime is not signed in (P4). The session that this
    browser had before ends. `slot`: given back, since the guess was right. `rehashed`:
    the same password under today's parameters.
    """
    if not account.is_active or not account.is_still(await store.lock_account(tx, account.user_id)):
        return None
    if slot is not None:
        await give_back(tx, slot=slot)
    if rehashed is not None:
        await refresh_user_password_hash(tx, user_id=account.user_id, password_hash=rehashed)
    if replaces is not None:
        await _end(tx, replaces, origin=origin, now=now)
    return await start_session(tx, account, keys=keys, lifetime=lifetime, origin=origin, now=now)


@verb
async def sign_out(tx: Transaction, *, session_id: str, origin: Origin, now: datetime) -> bool:
    """Return whether this ended the session; False when it had ended before (A172)."""
    ended = await _end(tx, session_id, origin=origin, now=now)
    if not ended:
        tx.answers_an_ending()  # T12: the page says "signed out" all the same
    return ended


@verb
async def end_own_session(tx: Transaction, *, user_id: UserId, session_id: str, origin: Origin, now: datetime) -> bool:
    """Return whether the user has such a session; it has ended, now or before.

    False for another's as for an unknown id (P6), and nothing is changed.
    """
    if not await session_store.is_of(tx, session_id, user_id):
        return False
    await sign_out(tx, session_id=session_id, origin=origin, now=now)
    return True


@verb
async def end_sessions(
    tx: Transaction, *, user_id: UserId, besides: str | None = None, origin: Origin, now: datetime
) -> int:
    """Return how many of the user's sessions this ended: all, or all but one; each is recorded.

    An answer that follows says "ended" even where there was nothing to end (T12).
    """
    ended = await session_store.end_sessions(tx, user_id, besides=besides, now=now)
    await _record_ends(tx, ended, user_id, origin=origin, now=now)
    tx.answers_an_ending()
    return len(ended)


@verb
async def start_session(
    tx: Transaction, account: Account, *, keys: ServerKeys, lifetime: timedelta, origin: Origin, now: datetime
) -> str:
    """Return the cookie of a new session, which is stored as a digest alone (T13).

    Rows of sessions that are over go, and the oldest session ends where there are too many.
    """
    token, session_id = mint("gwn"), random_id()
    await store.drop_expired_sessions(tx, account.user_id, now=now)
    surplus = await session_store.end_oldest(tx, account.user_id, keep=MOST_SESSIONS - 1, now=now)
    await _record_ends(tx, surplus, account.user_id, origin=origin, now=now)
    await store.insert_session(
        tx,
        session_id=session_id,
        digest=keys.digest(Purpose.SESSION, token),
        account=account,
        origin=origin,
        created_at=now,
        expires_at=now + lifetime,
    )
    await record(tx, SessionStarted(session_id=session_id, user_id=account.user_id), origin=origin, now=now)
    return token


async def _end(tx: Transaction, session_id: str, *, origin: Origin, now: datetime) -> bool:
    user_id = await store.end_session(tx, session_id, now=now)
    if user_id is not None:
        await _record_ends(tx, [session_id], user_id, origin=origin, now=now)
    return user_id is not None


async def _record_ends(
    tx: Transaction, session_ids: list[str], user_id: UserId, *, origin: Origin, now: datetime
) -> None:
    for session_id in session_ids:
        await record(tx, SessionEnded(session_id=session_id, user_id=user_id), origin=origin, now=now)
