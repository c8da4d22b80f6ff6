"""SQL of the token side: what facts are loaded from, token families, revoked tokens."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, cast, delete, insert, or_, select, update
from sqlalchemy.types import Text

from gatewright.base.ids import (
    AppId,
    AuthorizationId,
    CompanyId,
    ContactId,
    FamilyId,
    SecretId,
    ServiceAccountId,
    UserId,
)
from gatewright.base.secrets import Digest
from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import (
    apps,
    authorizations,
    client_secrets,
    revoked_tokens,
    service_accounts,
    token_families,
    users,
)
from gatewright.events import keys
from gatewright.oauth.model import (
    AppClient,
    Authorization,
    Client,
    Family,
    Lineage,
    LiveSecret,
    ServiceAccountClient,
    UserStanding,
)

# --- clients and users ---------------------------------------------------------------------------


async def load_client(reader: Reader, *, client_id: str) -> Client | None:
    """Return the client of that id, an app's or a service account's; None when there is none."""
    found = (await reader.execute(_APP_ROWS.where(apps.c.client_id == client_id))).all()
    if found:
        return _app_client(found)
    statement = select(service_accounts).where(service_accounts.c.client_id == client_id)
    row = (await reader.execute(statement)).one_or_none()
    return None if row is None else _service_account_client(row)


async def load_app_client(reader: Reader, *, app_id: AppId) -> AppClient | None:
    """Return the client of an app; None when there is no such app."""
    found = (await reader.execute(_APP_ROWS.where(apps.c.id == app_id))).all()
    return _app_client(found) if found else None


async def load_user(reader: Reader, *, user_id: UserId) -> UserStanding | None:
    """Return a user's standing; None when there is no such user."""
    columns = (users.c.id, users.c.name, users.c.email, users.c.is_active, users.c.is_operator, users.c.epoch)
    row = (await reader.execute(select(*columns).where(users.c.id == user_id))).one_or_none()
    return None if row is None else UserStanding(**row._mapping)


async def public_redirect_uris(reader: Reader, *, origin: str) -> list[str]:
    """Return the redirect URIs of public apps that stand, of those apps that have one at this web origin."""
    uris = cast(apps.c.redirect_uris, Text)
    at_home = [uris.contains(f'"{origin}{after}', autoescape=True) for after in ('"', "/", "?")]
    statement = select(apps.c.redirect_uris).where(
        ~apps.c.is_confidential,
        apps.c.blocked_at.is_(None),
        apps.c.deleted_at.is_(None),
        or_(*at_home),
    )
    return [uri for uris in (await reader.execute(statement)).scalars() for uri in uris]


# An app with its live secrets, in one select: one row per secret, one row without any.
_APP_ROWS = (
    select(
        apps,
        client_secrets.c.id.label("secret_id"),
        client_secrets.c.digest.label("secret_digest"),
        client_secrets.c.key_id.label("secret_key_id"),
    )
    .outerjoin(client_secrets, (client_secrets.c.app_id == apps.c.id) & client_secrets.c.retired_at.is_(None))
    .order_by(client_secrets.c.created_at, client_secrets.c.id)
)


def _app_client(rows: Sequence[Row[Any]]) -> AppClient:
    app = rows[0]
    window = app.retry_window_seconds
    return AppClient(
        app_id=AppId(app.id),
        client_id=app.client_id,
        name=app.name,
        homepage=app.homepage,
        owner_id=UserId(app.owner_id),
        is_confidential=app.is_confidential,
        is_resource_server=app.is_resource_server,
        redirect_uris=tuple(app.redirect_uris),
        scopes=tuple(app.scopes),
        retry_window=None if window is None else timedelta(seconds=window),
        epoch=app.epoch,
        is_blocked=app.blocked_at is not None,
        is_deleted=app.deleted_at is not None,
        secrets=tuple(_live_secret(row) for row in rows if row.secret_id is not None),
    )


def _service_account_client(row: Row[Any]) -> ServiceAccountClient:
    return ServiceAccountClient(
        service_account_id=ServiceAccountId(row.id),
        company_id=CompanyId(row.company_id),
        contact_id=ContactId(row.contact_id),
        client_id=row.client_id,
        name=row.name,
        address=row.address_folded,
        disabled_reason=row.disabled_reason,
        is_deleted=row.deleted_at is not None,
        secret=_live_secret(row),
    )


def _live_secret(row: Row[Any]) -> LiveSecret:
    return LiveSecret(SecretId(row.secret_id), Digest(row.secret_key_id, row.secret_digest))


# --- authorizations --------------------------------------


async def load_authorization(reader: Reader, *, authorization_id: AuthorizationId) -> Authorization | None:
    """Return an authorization, standing or ended; None when there is none."""
    row = (await reader.execute(select(authorizations).where(authorizations.c.id == authorization_id))).one_or_none()
    return None if row is None else authorization_of(row)


def authorization_of(row: Row[Any]) -> Authorization:
    """Return the authorization that a whole row of the table is."""
    return Authorization(
        id=AuthorizationId(row.id),
        user_id=UserId(row.user_id),
        app_id=AppId(row.app_id),
        scopes=tuple(row.scopes),
        user_epoch=row.user_epoch,
        app_epoch=row.app_epoch,
        created_at=row.created_at,
        renewed_at=row.renewed_at,
        ended_at=row.ended_at,
        ended_reason=row.ended_reason,
    )


# --- families --------------------------------------------------------------------------------------


async def load_family(reader: Reader, *, family_id: FamilyId) -> Family | None:
    """Return a family, standing or ended; None when there is none."""
    row = (await reader.execute(select(token_families).where(token_families.c.id == family_id))).one_or_none()
    return None if row is None else _family(row)


async def load_lineage(reader: Reader, *, family_id: FamilyId) -> Lineage | None:
    """Return a family with what it descends from, standing or ended; None when there is none."""
    family = await load_family(reader, family_id=family_id)
    if family is None:
        return None
    authorization = await load_authorization(reader, authorization_id=family.authorization_id)
    user = await load_user(reader, user_id=authorization.user_id) if authorization else None
    return Lineage(family, authorization, user) if authorization and user else None


async def lock_family(transaction: Transaction, *, family_id: FamilyId) -> Family | None:
    """Return a family that no other transaction can change until this one is over."""
    statement = select(token_families).where(token_families.c.id == family_id).with_for_update()
    row = (await transaction.execute(statement)).one_or_none()
    return None if row is None else _family(row)


async def family_of_code(reader: Reader, *, digests: Sequence[bytes]) -> Family | None:
    """Return the family that this code opened; None when it opened none (T2)."""
    statement = select(token_families).where(token_families.c.code_digest.in_(digests))
    row = (await reader.execute(statement)).one_or_none()
    return None if row is None else _family(row)


async def insert_family(transaction: Transaction, family: Family, *, code_digest: bytes, now: datetime) -> None:
    """Insert a family that a code has just opened."""
    await transaction.execute(
        insert(token_families).values(
            id=family.id,
            authorization_id=family.authorization_id,
            secret_id=family.secret_id,
            code_digest=code_digest,
            generation=family.generation,
            confirmed_generation=family.confirmed_generation,
            repeats=family.repeats,
            repeated_generation=family.repeated_generation,
            key_id=family.key_id,
            salt=family.salt,
            scopes=list(family.scopes),
            created_at=now,
            rotated_at=family.rotated_at,
        )
    )


async def rotate_family(
    transaction: Transaction, family: Family, *, secret_id: SecretId | None, key_id: str, now: datetime
) -> bool:
    """Raise the generation by one; return False when another transaction did so, or ended it, first."""
    statement = (
        update(token_families)
        .where(
            token_families.c.id == family.id,
            token_families.c.generation == family.generation,
            token_families.c.ended_at.is_(None),
        )
        .values(generation=family.generation + 1, secret_id=secret_id, key_id=key_id, rotated_at=now)
    )
    return await _changed(transaction, statement, family.id)


async def note_repeat(transaction: Transaction, family: Family, *, secret_id: SecretId | None, repeats: int) -> bool:
    """Note that the current generation was handed out again; False when it is no longer the current one."""
    statement = (
        update(token_families)
        .where(
            token_families.c.id == family.id,
            token_families.c.generation == family.generation,
            token_families.c.ended_at.is_(None),
        )
        .values(repeats=repeats, repeated_generation=family.generation, secret_id=secret_id)
    )
    return await _changed(transaction, statement, family.id)


async def confirm_generation(transaction: Transaction, *, family_id: FamilyId, generation: int) -> bool:
    """Note that an access token of this generation was seen; never lowers what is noted (T6).

    False also for a generation above the family's own, of before a restore: once reached
    again it is another one, and nobody has seen it yet.
    """
    statement = (
        update(token_families)
        .where(
            token_families.c.id == family_id,
            token_families.c.generation >= generation,
            token_families.c.confirmed_generation < generation,
        )
        .values(confirmed_generation=generation)
    )
    return await _changed(transaction, statement, family_id)


async def end_family(transaction: Transaction, *, family_id: FamilyId, reason: str, now: datetime) -> bool:
    """End a family; return False when it had ended already."""
    statement = (
        update(token_families)
        .where(token_families.c.id == family_id, token_families.c.ended_at.is_(None))
        .values(ended_at=now, ended_reason=reason)
    )
    return await _changed(transaction, statement, family_id)


async def _changed(transaction: Transaction, statement: Any, family_id: FamilyId) -> bool:
    # Touched even when nothing changed: what this process remembers of it was out of date.
    transaction.touch([keys.family(family_id)])
    return (await transaction.execute(statement)).rowcount == 1


def _family(row: Row[Any]) -> Family:
    return Family(
        id=FamilyId(row.id),
        authorization_id=AuthorizationId(row.authorization_id),
        secret_id=None if row.secret_id is None else SecretId(row.secret_id),
        generation=row.generation,
        confirmed_generation=row.confirmed_generation,
        repeats=row.repeats,
        repeated_generation=row.repeated_generation,
        key_id=row.key_id,
        salt=row.salt,
        scopes=tuple(row.scopes),
        rotated_at=row.rotated_at,
        ended_at=row.ended_at,
        ended_reason=row.ended_reason,
    )


# --- revoked tokens of service accounts --------------------------------------------------------------


async def is_revoked(reader: Reader, *, jti: str) -> bool:
    """Return whether this service account's token was revoked."""
    return (await reader.execute(select(revoked_tokens.c.jti).where(revoked_tokens.c.jti == jti))).first() is not None


async def revoke_token(
    transaction: Transaction, *, jti: str, service_account_id: ServiceAccountId, expires_at: datetime, now: datetime
) -> bool:
    """Mark a token revoked; False when it was already. Marks of expired tokens are dropped (T14)."""
    await transaction.execute(delete(revoked_tokens).where(revoked_tokens.c.expires_at <= now))
    values = {"jti": jti, "service_account_id": service_account_id, "expires_at": expires_at}
    return await transaction.insert_or_ignore(revoked_tokens, values)
