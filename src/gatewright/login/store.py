"""Statements on sessions, and what signing in reads of users."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update

from gatewright.apps.standing_store import is_standing
from gatewright.base.folding import fold_email, is_email_shaped
from gatewright.base.ids import UserId
from gatewright.base.secrets import Digest
from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import apps, authorizations, sessions, users
from gatewright.events.catalogue import Origin
from gatewright.login.model import Account, SignedIn

_ACCOUNT = (
    users.c.id.label("user_id"),
    users.c.name,
    users.c.email,
    users.c.password_hash,
    users.c.is_active,
    users.c.epoch,
    users.c.password_changed_at,
)


async def find_account(reader: Reader, email: str) -> Account | None:
    """Return the account of an address, however it is spelled (P1); None for what is no address."""
    if not is_email_shaped(email):
        return None
    found = (await reader.execute(select(*_ACCOUNT).where(users.c.email_folded == fold_email(email)))).first()
    return None if found is None else Account(**found._asdict())


async def find_account_by_id(reader: Reader, user_id: UserId) -> Account | None:
    """Return the account of a user."""
    found = (await reader.execute(select(*_ACCOUNT).where(users.c.id == user_id))).first()
    return None if found is None else Account(**found._asdict())


async def lock_account(tx: Transaction, user_id: UserId) -> Account | None:
    """Return the account, held as it is until the transaction ends."""
    found = (await tx.execute(select(*_ACCOUNT).where(users.c.id == user_id).with_for_update())).first()
    return None if found is None else Account(**found._asdict())


async def find_session(reader: Reader, digests: Sequence[bytes], *, now: datetime) -> SignedIn | None:
    """Return the session with one of these digests, while it stands (P4: and its user is active)."""
    statement = (
        select(
            sessions.c.id.label("session_id"),
            users.c.id.label("user_id"),
            users.c.name,
            users.c.email,
            users.c.is_operator,
            sessions.c.last_seen_at,
        )
        .join(users, users.c.id == sessions.c.user_id)
        .where(
            sessions.c.digest.in_(digests),
            sessions.c.ended_at.is_(None),
            sessions.c.expires_at > now,
            sessions.c.user_epoch == users.c.epoch,
            users.c.is_active,
        )
    )
    found = (await reader.execute(statement)).first()
    return None if found is None else SignedIn(**found._asdict())


async def insert_session(
    tx: Transaction,
    *,
    session_id: str,
    digest: Digest,
    account: Account,
    origin: Origin,
    created_at: datetime,
    expires_at: datetime,
) -> None:
    """Insert a session of the account, under its current epoch."""
    values = {
        "id": session_id,
        "digest": digest.value,
        "key_id": digest.key_id,
        "user_id": account.user_id,
        "user_epoch": account.epoch,
        "ip": origin.ip,
        "user_agent": origin.user_agent and origin.user_agent[:400],
        "created_at": created_at,
        "last_seen_at": created_at,
        "expires_at": expires_at,
    }
    await tx.insert(sessions, values)


async def drop_expired_sessions(tx: Transaction, user_id: UserId, *, now: datetime) -> None:
    """Delete the user's sessions that have expired, ended or not: they name nobody any more."""
    await tx.execute(delete(sessions).where(sessions.c.user_id == user_id, sessions.c.expires_at <= now))


async def end_session(tx: Transaction, session_id: str, *, now: datetime) -> UserId | None:
    """Return whose session this ended; None when it had ended already."""
    ended = (
        update(sessions).where(sessions.c.id == session_id, sessions.c.ended_at.is_(None)).values(ended_at=now)
    ).returning(sessions.c.user_id)
    return (await tx.execute(ended)).scalar_one_or_none()


async def find_app_name(reader: Reader, client_id: str) -> str | None:
    """Return the name of the app that a client id belongs to, while it may be authorized."""
    standing = apps.c.blocked_at.is_(None) & apps.c.deleted_at.is_(None)
    return (
        await reader.execute(select(apps.c.name).where(apps.c.client_id == client_id, standing))
    ).scalar_one_or_none()


async def count_authorizations(reader: Reader, user_id: UserId) -> int:
    """Return how many apps may act for the user."""
    statement = (
        select(func.count())
        .select_from(authorizations)
        .join(users, users.c.id == authorizations.c.user_id)
        .join(apps, apps.c.id == authorizations.c.app_id)
        .where(authorizations.c.user_id == user_id, *is_standing())
    )
    return int((await reader.execute(statement)).scalar_one())
