"""Statements on authorizations and authorization codes: the only place that writes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select, update

from gatewright.base.ids import AppId, AuthorizationId, UserId
from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import apps, authorization_codes, authorizations, users
from gatewright.oauth.model import Authorization, Code
from gatewright.oauth.store import authorization_of


@dataclass(frozen=True, slots=True)
class Epochs:
    """The epochs under which a user and an app may be joined now (T11)."""

    user: int
    app: int


async def current_epochs(reader: Reader, *, user_id: UserId, app_id: AppId) -> Epochs | None:
    """Return the epochs of an active user and an app that stands; None when either does not."""
    row = (await reader.execute(_epochs(user_id, app_id))).one_or_none()
    return None if row is None else Epochs(row.user, row.app)


async def hold_epochs(tx: Transaction, *, user_id: UserId, app_id: AppId) -> Epochs | None:
    """Return the same; nobody is deactivated and nothing blocked until the transaction ends."""
    row = (await tx.execute(_epochs(user_id, app_id).with_for_update(read=True))).one_or_none()
    return None if row is None else Epochs(row.user, row.app)


async def find_standing(reader: Reader, *, user_id: UserId, app_id: AppId) -> Authorization | None:
    """Return the authorization of user and app that was not ended, whatever its epochs."""
    row = (await reader.execute(_standing(user_id, app_id))).one_or_none()
    return None if row is None else authorization_of(row)


async def lock_standing(tx: Transaction, *, user_id: UserId, app_id: AppId) -> Authorization | None:
    """Return the same, held as it is until the transaction ends."""
    row = (await tx.execute(_standing(user_id, app_id).with_for_update())).one_or_none()
    return None if row is None else authorization_of(row)


async def is_known(reader: Reader, *, user_id: UserId, app_id: AppId) -> bool:
    """Return whether the user ever authorized the app."""
    statement = select(authorizations.c.id).where(
        authorizations.c.user_id == user_id, authorizations.c.app_id == app_id
    )
    return (await reader.execute(statement.limit(1))).first() is not None


async def insert_authorization(tx: Transaction, authorization: Authorization) -> bool:
    """Return whether it was inserted; False when another one of the same user and app stands."""
    values = {
        "id": authorization.id,
        "user_id": authorization.user_id,
        "app_id": authorization.app_id,
        "scopes": list(authorization.scopes),
        "user_epoch": authorization.user_epoch,
        "app_epoch": authorization.app_epoch,
        "created_at": authorization.created_at,
        "renewed_at": authorization.renewed_at,
    }
    return await tx.insert_or_ignore(authorizations, values)


async def renew_authorization(
    tx: Transaction, authorization_id: AuthorizationId, *, scopes: Sequence[str], now: datetime
) -> bool:
    """Set the scopes and the time of consent; return False when it has ended."""
    renewed = (
        update(authorizations)
        .where(authorizations.c.id == authorization_id, authorizations.c.ended_at.is_(None))
        .values(scopes=list(scopes), renewed_at=now)
    )
    return (await tx.execute(renewed)).rowcount == 1


async def end_authorization(tx: Transaction, authorization_id: AuthorizationId, *, reason: str, now: datetime) -> bool:
    """End it and drop its expired codes; return False when it had ended already.

    Codes that are not expired stay, so that whoever presents one is told why it is refused.
    """
    ended = (
        update(authorizations)
        .where(authorizations.c.id == authorization_id, authorizations.c.ended_at.is_(None))
        .values(ended_at=now, ended_reason=reason)
    )
    if (await tx.execute(ended)).rowcount == 0:
        return False
    await _drop_expired_codes(tx, authorization_id, now=now)
    return True


async def insert_code(tx: Transaction, code: Code, *, key_id: str, now: datetime) -> None:
    """Insert a code, and drop the expired ones of its authorization (T14)."""
    await _drop_expired_codes(tx, code.authorization_id, now=now)
    values = {
        "digest": code.digest,
        "key_id": key_id,
        "authorization_id": code.authorization_id,
        "app_id": code.app_id,
        "user_id": code.user_id,
        "redirect_uri": code.redirect_uri,
        "redirect_uri_was_sent": code.redirect_uri_was_sent,
        "code_challenge": code.code_challenge,
        "scopes": list(code.scopes),
        "created_at": now,
        "expires_at": code.expires_at,
    }
    await tx.insert(authorization_codes, values)


async def find_code(reader: Reader, digests: Sequence[bytes]) -> Code | None:
    """Return the code with one of these digests, still unused; None when there is none."""
    statement = select(authorization_codes).where(authorization_codes.c.digest.in_(digests))
    row = (await reader.execute(statement)).one_or_none()
    return None if row is None else _code(row)


async def take_code(tx: Transaction, digests: Sequence[bytes]) -> Code | None:
    """Return the code with one of these digests, now used up; None when there is none (T2: one taker)."""
    taken = delete(authorization_codes).where(authorization_codes.c.digest.in_(digests)).returning(authorization_codes)
    row = (await tx.execute(taken)).one_or_none()
    return None if row is None else _code(row)


async def _drop_expired_codes(tx: Transaction, authorization_id: AuthorizationId, *, now: datetime) -> None:
    of_it = authorization_codes.c.authorization_id == authorization_id
    await tx.execute(delete(authorization_codes).where(of_it, authorization_codes.c.expires_at <= now))


def _epochs(user_id: UserId, app_id: AppId) -> Any:
    both = users.join(apps, apps.c.id == app_id)
    return (
        select(users.c.epoch.label("user"), apps.c.epoch.label("app"))
        .select_from(both)
        .where(users.c.id == user_id, users.c.is_active, apps.c.blocked_at.is_(None), apps.c.deleted_at.is_(None))
    )


def _standing(user_id: UserId, app_id: AppId) -> Any:
    return select(authorizations).where(
        authorizations.c.user_id == user_id, authorizations.c.app_id == app_id, authorizations.c.ended_at.is_(None)
    )


def _code(row: Row[Any]) -> Code:
    return Code(
        digest=row.digest,
        authorization_id=AuthorizationId(row.authorization_id),
        app_id=AppId(row.app_id),
        user_id=UserId(row.user_id),
        redirect_uri=row.redirect_uri,
        redirect_uri_was_sent=row.redirect_uri_was_sent,
        code_challenge=row.code_challenge,
        scopes=tuple(row.scopes),
        expires_at=row.expires_at,
    )
