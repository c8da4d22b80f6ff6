"""Apps and client secrets: the only place that writes them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, func, select, update
from sqlalchemy.exc import IntegrityError

from gatewright.apps.model import App, AppDraft, LiveSecret
from gatewright.apps.standing_store import is_standing
from gatewright.base.ids import AppId, SecretId, UserId
from gatewright.base.secrets import Digest
from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import apps, authorizations, client_secrets, installations, token_families, users

_maker = users.alias("maker")


async def load_app(reader: Reader, app_id: AppId, *, lock: bool = False) -> App | None:
    """Return the app, or None for one that is not there; `lock` keeps others from changing it meanwhile."""
    statement = _select_apps(apps.c.id == app_id)
    if lock:
        statement = statement.with_for_update(of=apps)
    row = (await reader.execute(statement)).one_or_none()
    return None if row is None else _app(row)


async def load_owned_app(reader: Reader, app_id: AppId, *, owner_id: UserId) -> App | None:
    """Return the app if it is that user's; None for a foreign one as for an unknown one (P6)."""
    row = (await reader.execute(_select_apps(apps.c.id == app_id, apps.c.owner_id == owner_id))).one_or_none()
    return None if row is None else _app(row)


async def load_owned_apps(reader: Reader, owner_id: UserId) -> list[App]:
    """Return a developer's apps, oldest first."""
    rows = await reader.execute(_select_apps(apps.c.owner_id == owner_id).order_by(apps.c.id))
    return [_app(row) for row in rows]


async def find_app(reader: Reader, *, client_id: str) -> App | None:
    """Return the app with that client, or None."""
    row = (await reader.execute(_select_apps(apps.c.client_id == client_id))).one_or_none()
    return None if row is None else _app(row)


async def insert_app(
    tx: Transaction,
    app_id: AppId,
    *,
    owner_id: UserId,
    client_id: str,
    draft: AppDraft,
    name_folded: str,
    now: datetime,
) -> bool:
    """Return whether the app was inserted; False when its name or its client id is taken."""
    return await tx.insert_or_ignore(
        apps,
        {
            "id": app_id,
            "name": draft.name,
            "name_folded": name_folded,
            "owner_id": owner_id,
            "homepage": draft.homepage,
            "client_id": client_id,
            "is_confidential": draft.is_confidential,
            "is_resource_server": draft.is_resource_server,
            "redirect_uris": list(draft.redirect_uris),
            "scopes": list(draft.scopes),
            "retry_window_seconds": _seconds(draft.retry_window),
            "created_at": now,
            "updated_at": now,
        },
    )


async def update_app(tx: Transaction, app_id: AppId, changes: Mapping[str, Any], *, now: datetime) -> bool:
    """Return whether the columns were changed; False when the new name is taken, and the transaction with it."""
    values = dict(changes)
    if "retry_window" in values:
        values["retry_window_seconds"] = _seconds(values.pop("retry_window"))
    try:
        await tx.execute(update(apps).where(apps.c.id == app_id).values(**values, updated_at=now))
    except IntegrityError:
        return False
    return True


async def block_app(tx: Transaction, app_id: AppId, *, now: datetime) -> bool:
    """Return whether it was blocked now; its epoch rises, so that no token from before lives again (T11)."""
    statement = (
        update(apps)
        .where(apps.c.id == app_id, apps.c.deleted_at.is_(None), apps.c.blocked_at.is_(None))
        .values(blocked_at=now, epoch=apps.c.epoch + 1, updated_at=now)
    )
    return (await tx.execute(statement)).rowcount == 1


async def unblock_app(tx: Transaction, app_id: AppId, *, now: datetime) -> bool:
    """Return whether it was unblocked now."""
    statement = (
        update(apps)
        .where(apps.c.id == app_id, apps.c.deleted_at.is_(None), apps.c.blocked_at.is_not(None))
        .values(blocked_at=None, updated_at=now)
    )
    return (await tx.execute(statement)).rowcount == 1


async def delete_app(tx: Transaction, app_id: AppId, *, now: datetime) -> bool:
    """Return whether it was deleted now; its name is free again, its id and its client id never are."""
    statement = (
        update(apps)
        .where(apps.c.id == app_id, apps.c.deleted_at.is_(None))
        .values(
            deleted_at=now,
            epoch=apps.c.epoch + 1,
            # No folded name holds a space, so this one is nobody's.
            name_folded=apps.c.name_folded + f" {app_id}",
            updated_at=now,
        )
    )
    return (await tx.execute(statement)).rowcount == 1


async def lock_standing(tx: Transaction, app_id: AppId) -> bool | None:
    """Return whether the app stands, unblocked, and hold it so until this transaction ends; None: there is none."""
    statement = select(apps.c.blocked_at, apps.c.deleted_at).where(apps.c.id == app_id).with_for_update(read=True)
    row = (await tx.execute(statement)).one_or_none()
    return None if row is None or row.deleted_at is not None else row.blocked_at is None


async def insert_secret(
    tx: Transaction,
    secret_id: SecretId,
    *,
    app_id: AppId,
    digest: Digest,
    hint: str,
    created_by: int | None,
    now: datetime,
) -> bool:
    """Return whether the secret was inserted; False when its id is taken."""
    return await tx.insert_or_ignore(
        client_secrets,
        {
            "id": secret_id,
            "app_id": app_id,
            "digest": digest.value,
            "key_id": digest.key_id,
            "hint": hint,
            "created_at": now,
            "created_by": created_by,
        },
    )


async def count_live_secrets(reader: Reader, app_id: AppId) -> int:
    """Return how many secrets of the app are not retired."""
    statement = select(func.count()).where(client_secrets.c.app_id == app_id, client_secrets.c.retired_at.is_(None))
    return int((await reader.execute(statement)).scalar_one())


async def has_secret(reader: Reader, secret_id: SecretId, *, app_id: AppId) -> bool:
    """Return whether the app has, or had, that secret."""
    statement = select(client_secrets.c.id).where(client_secrets.c.id == secret_id, client_secrets.c.app_id == app_id)
    return (await reader.execute(statement)).one_or_none() is not None


async def load_live_secrets(reader: Reader, app_id: AppId) -> list[LiveSecret]:
    """Return the app's secrets in use, oldest first, each with the families now on it."""
    columns, on_it = client_secrets.c, token_families.c.secret_id == client_secrets.c.id
    families = (
        select(func.count())
        .select_from(token_families)
        .join(authorizations, authorizations.c.id == token_families.c.authorization_id)
        .join(users, users.c.id == authorizations.c.user_id)
        .join(apps, apps.c.id == authorizations.c.app_id)
        .where(on_it, token_families.c.ended_at.is_(None), *is_standing())
        .scalar_subquery()
    )
    rotated_at = select(func.max(token_families.c.rotated_at)).where(on_it).scalar_subquery()
    rows = await reader.execute(
        select(client_secrets, families.label("families"), rotated_at.label("rotated_at"), _maker.c.name.label("maker"))
        .outerjoin(_maker, _maker.c.id == columns.created_by)
        .where(columns.app_id == app_id, columns.retired_at.is_(None))
        .order_by(columns.created_at, columns.id)
    )
    return [_live_secret(row) for row in rows]


async def retire_secret(tx: Transaction, secret_id: SecretId, *, app_id: AppId, now: datetime) -> bool:
    """Return whether the secret was retired now."""
    statement = (
        update(client_secrets)
        .where(
            client_secrets.c.id == secret_id, client_secrets.c.app_id == app_id, client_secrets.c.retired_at.is_(None)
        )
        .values(retired_at=now)
    )
    return (await tx.execute(statement)).rowcount == 1


async def retire_live_secrets(tx: Transaction, app_id: AppId, *, now: datetime) -> list[SecretId]:
    """Return the secrets of the app that were retired now: all that were live."""
    statement = (
        update(client_secrets)
        .where(client_secrets.c.app_id == app_id, client_secrets.c.retired_at.is_(None))
        .values(retired_at=now)
        .returning(client_secrets.c.id)
    )
    return sorted(SecretId(secret_id) for secret_id in (await tx.execute(statement)).scalars())


async def renew_secret_digest(tx: Transaction, secret_id: SecretId, *, was: Digest, digest: Digest) -> bool:
    """Exchange a secret's digest for one under another server key; False when it is not what it was."""
    columns = client_secrets.c
    same = update(client_secrets).where(columns.id == secret_id, columns.digest == was.value)
    return (await tx.execute(same.values(digest=digest.value, key_id=digest.key_id))).rowcount == 1


async def note_secrets_used(tx: Transaction, uses: Mapping[SecretId, datetime]) -> None:
    """Note when secrets authenticated their clients last (D4): one statement, however many there are.

    The families that are on a secret tell the rest, so a refresh costs no further statement.
    """
    columns, used_at = client_secrets.c, bindparam("used_at", type_=client_secrets.c.last_used_at.type)
    is_older = columns.last_used_at.is_(None) | (columns.last_used_at < used_at)
    noted = update(client_secrets).where(columns.id == bindparam("of"), is_older).values(last_used_at=used_at)
    # In one order everywhere: two processes that note at once must not lock each other out.
    await tx.execute(noted, [{"of": secret_id, "used_at": uses[secret_id]} for secret_id in sorted(uses)])


async def count_reach(reader: Reader, app_ids: Sequence[AppId]) -> dict[AppId, tuple[int, int]]:
    """Return for each app how many users' authorizations stand, and in how many companies it is connected."""
    standing = (
        select(authorizations.c.app_id, func.count().label("many"))
        .join(users, users.c.id == authorizations.c.user_id)
        .join(apps, apps.c.id == authorizations.c.app_id)
        .where(authorizations.c.app_id.in_(app_ids), *is_standing())
        .group_by(authorizations.c.app_id)
    )
    connected = (
        select(installations.c.app_id, func.count().label("many"))
        .where(installations.c.app_id.in_(app_ids), installations.c.status == "connected")
        .group_by(installations.c.app_id)
    )
    users_of = {row.app_id: row.many for row in await reader.execute(standing)}
    companies_of = {row.app_id: row.many for row in await reader.execute(connected)}
    return {app_id: (users_of.get(app_id, 0), companies_of.get(app_id, 0)) for app_id in app_ids}


def _select_apps(*where: ColumnElement[bool]) -> Select[Any]:
    return (
        select(apps, users.c.name.label("developer"))
        .join(users, users.c.id == apps.c.owner_id)
        .where(apps.c.deleted_at.is_(None), *where)
    )


def _app(row: Row[Any]) -> App:
    seconds = row.retry_window_seconds
    return App(
        id=row.id,
        name=row.name,
        owner_id=row.owner_id,
        developer=row.developer,
        homepage=row.homepage,
        client_id=row.client_id,
        is_confidential=row.is_confidential,
        is_resource_server=row.is_resource_server,
        redirect_uris=tuple(row.redirect_uris),
        scopes=tuple(row.scopes),
        retry_window=None if seconds is None else timedelta(seconds=seconds),
        epoch=row.epoch,
        blocked_at=row.blocked_at,
        created_at=row.created_at,
    )


def _live_secret(row: Row[Any]) -> LiveSecret:
    used = [at for at in (row.last_used_at, row.rotated_at) if at is not None]
    return LiveSecret(row.id, row.hint, row.created_at, row.maker, max(used, default=None), row.families)


def _seconds(window: timedelta | None) -> int | None:
    return None if window is None else int(window.total_seconds())
