"""What consent and Connected apps show: read from many tables, written to none."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from gatewright.apps.standing_store import is_standing
from gatewright.base.ids import AppId, UserId
from gatewright.db.engine import Reader
from gatewright.db.schema import (
    apps,
    authorizations,
    client_secrets,
    companies,
    contacts,
    installations,
    token_families,
    users,
)

ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Reach:
    """One company that has the user in its directory, and how an app stands there."""

    name: str
    state: str  # connects | approval | connected | refused
    is_managed: bool  # the user holds a level there that company.manage would lend (M8)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedApp:
    """An app that may act for the user (T10)."""

    app_id: AppId
    name: str
    developer: str
    developer_id: UserId
    homepage: str
    authorized_at: datetime
    scopes: tuple[str, ...]
    companies: tuple[str, ...]  # where it acts, by name


async def developer_name(reader: Reader, owner_id: UserId) -> str:
    """Return the name of the user who owns an app."""
    return str((await reader.execute(select(users.c.name).where(users.c.id == owner_id))).scalar_one())


async def reach_of_app(reader: Reader, *, user_id: UserId, app_id: AppId) -> list[Reach]:
    """Return the user's companies by name, each with how the app stands there."""
    statement = (
        select(
            companies.c.name,
            companies.c.app_access,
            installations.c.status,
            contacts.c.levels,
            contacts.c.is_directory_admin,
        )
        .join(contacts, contacts.c.company_id == companies.c.id)
        .outerjoin(installations, (installations.c.company_id == companies.c.id) & (installations.c.app_id == app_id))
        .where(contacts.c.user_id == user_id, companies.c.is_active)
        .order_by(companies.c.name, companies.c.id)
    )
    return [
        Reach(
            row.name,
            _state(row.status, app_access=row.app_access),
            bool(row.is_directory_admin) or row.levels.get("admin") == ADMIN,
        )
        for row in await reader.execute(statement)
    ]


async def connected_apps(reader: Reader, user_id: UserId) -> list[ConnectedApp]:
    """Return the apps that may act for the user, the latest consent first."""
    rows = (await reader.execute(_allowed(user_id))).all()
    owners = await _names(reader, [row.owner_id for row in rows])
    places = await _companies(reader, user_id, [row.id for row in rows])
    return [
        ConnectedApp(
            app_id=AppId(row.id),
            name=row.name,
            developer=owners[row.owner_id],
            developer_id=UserId(row.owner_id),
            homepage=row.homepage,
            authorized_at=row.renewed_at,
            scopes=tuple(row.scopes),
            companies=tuple(places[row.id]),
        )
        for row in rows
    ]


async def count_families(reader: Reader, *, user_id: UserId, app_id: AppId) -> int:
    """Return how many token families live under the user's authorization of the app."""
    statement = (
        select(func.count())
        .select_from(token_families)
        .join(authorizations, authorizations.c.id == token_families.c.authorization_id)
        .join(users, users.c.id == authorizations.c.user_id)
        .join(apps, apps.c.id == authorizations.c.app_id)
        .outerjoin(client_secrets, client_secrets.c.id == token_families.c.secret_id)
        .where(
            authorizations.c.user_id == user_id,
            authorizations.c.app_id == app_id,
            token_families.c.ended_at.is_(None),
            client_secrets.c.retired_at.is_(None),
            *is_standing(),
        )
    )
    return int((await reader.execute(statement)).scalar_one())


def _allowed(user_id: UserId) -> Any:
    """Return the select of what stands (T11)."""
    return (
        select(
            apps.c.id,
            apps.c.name,
            apps.c.homepage,
            apps.c.owner_id,
            authorizations.c.renewed_at,
            authorizations.c.scopes,
        )
        .join(authorizations, authorizations.c.app_id == apps.c.id)
        .join(users, users.c.id == authorizations.c.user_id)
        .where(authorizations.c.user_id == user_id, *is_standing())
        .order_by(authorizations.c.renewed_at.desc(), apps.c.id)
    )


async def _names(reader: Reader, user_ids: Sequence[int]) -> dict[int, str]:
    rows = await reader.execute(select(users.c.id, users.c.name).where(users.c.id.in_(user_ids)))
    return {row.id: row.name for row in rows}


async def _companies(reader: Reader, user_id: UserId, app_ids: Sequence[int]) -> dict[int, list[str]]:
    statement = (
        select(installations.c.app_id, companies.c.name)
        .join(companies, companies.c.id == installations.c.company_id)
        .join(contacts, contacts.c.company_id == companies.c.id)
        .where(
            contacts.c.user_id == user_id,
            installations.c.app_id.in_(app_ids),
            installations.c.status == "connected",
            companies.c.is_active,
        )
        .order_by(companies.c.name, companies.c.id)
    )
    found: dict[int, list[str]] = defaultdict(list)
    for row in await reader.execute(statement):
        found[row.app_id].append(row.name)
    return found


def _state(status: str | None, *, app_access: str) -> str:
    match status:
        case "connected":
            return "connected"
        case "disconnected":
            return "refused"
        case "requested":
            return "approval"  # a call connects only an app never seen there (I2, I5)
        case _:
            return "connects" if app_access == "open" else "approval"
