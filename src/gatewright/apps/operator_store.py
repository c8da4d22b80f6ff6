"""What the operator sees of all apps, deleted ones too. Reads only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, case, func, or_, select

from gatewright.base.ids import AppId, UserId
from gatewright.db.engine import Reader
from gatewright.db.schema import apps, users

State = Literal["active", "blocked", "deleted"]
STATES: tuple[State, ...] = ("active", "blocked", "deleted")
_state = case((apps.c.deleted_at.is_not(None), "deleted"), (apps.c.blocked_at.is_not(None), "blocked"), else_="active")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatedApp:
    """An app as the operator sees it."""

    id: AppId
    name: str
    client_id: str
    homepage: str
    state: State
    is_confidential: bool
    is_resource_server: bool
    scopes: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    owner_id: UserId
    developer: str
    developer_email: str
    created_at: datetime
    blocked_at: datetime | None
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which apps are looked for: a part of a folded name or a client id, and one state or any."""

    q: str = ""
    name_folded: str = ""
    state: State | None = None


async def count_by_state(reader: Reader, wanted: Wanted) -> dict[str, int]:
    """Return how many apps that are looked for stand in each state."""
    counted = select(_state.label("state"), func.count().label("many")).where(*_named(wanted)).group_by(_state)
    found: dict[str, int] = {row.state: row.many for row in await reader.execute(counted)}
    return {state: found.get(state, 0) for state in STATES}


async def load_operated_apps(reader: Reader, wanted: Wanted, *, offset: int, limit: int) -> list[OperatedApp]:
    """Return one part of the apps that are looked for, the newest first."""
    of_state = [] if wanted.state is None else [_state == wanted.state]
    statement = _select(*_named(wanted), *of_state).order_by(apps.c.id.desc()).offset(offset).limit(limit)
    return [_operated(row) for row in await reader.execute(statement)]


async def load_operated_app(reader: Reader, app_id: AppId) -> OperatedApp | None:
    """Return the app, deleted or not; None for one that never was."""
    row = (await reader.execute(_select(apps.c.id == app_id))).one_or_none()
    return None if row is None else _operated(row)


def _named(wanted: Wanted) -> list[ColumnElement[bool]]:
    if not wanted.q:
        return []
    named = [apps.c.client_id == wanted.q]
    if wanted.name_folded:
        named.append(apps.c.name_folded.contains(wanted.name_folded, autoescape=True))
    return [or_(*named)]


def _select(*where: ColumnElement[bool]) -> Select[Any]:
    developer = (users.c.name.label("developer"), users.c.email.label("developer_email"))
    return select(apps, _state.label("state"), *developer).join(users, users.c.id == apps.c.owner_id).where(*where)


def _operated(row: Row[Any]) -> OperatedApp:
    return OperatedApp(
        id=row.id,
        name=row.name,
        client_id=row.client_id,
        homepage=row.homepage,
        state=row.state,
        is_confidential=row.is_confidential,
        is_resource_server=row.is_resource_server,
        scopes=tuple(row.scopes),
        redirect_uris=tuple(row.redirect_uris),
        owner_id=row.owner_id,
        developer=row.developer,
        developer_email=row.developer_email,
        created_at=row.created_at,
        blocked_at=row.blocked_at,
        deleted_at=row.deleted_at,
    )
