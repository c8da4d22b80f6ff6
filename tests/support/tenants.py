"""Users, companies and apps for tests of services and stores, made by the product's own verbs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from gatewright.activity.model import CallKey, Tally
from gatewright.activity.store import add_calls
from gatewright.apps.model import CreatedApp
from gatewright.apps.service import create_app
from gatewright.base.ids import AppId, CompanyId, ContactId, UserId, random_id
from gatewright.base.secrets import ServerKeys, mint_server_key
from gatewright.db.engine import Committed, Database
from gatewright.db.schema import authorizations, events
from gatewright.directory import service as directory
from gatewright.directory.model import Tool
from gatewright.events.catalogue import Origin
from gatewright.house import news
from gatewright.settings import Settings
from tests.support.world import EVERY_LEVEL

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OPERATOR = Origin(by_kind="operator")
DOMAIN = "service.example.com"


def by(user_id: int, *, via: AppId | None = None) -> Origin:
    """Return the origin of what a user does, on a page or through an app."""
    return Origin(by_kind="user", by_id=user_id, via_app_id=via, ip="192.0.2.7", request_id="r-1")


class Tenants:
    """A database with the ways to fill it; `committed` is what the house was told, in order."""

    def __init__(self, database: Database, settings: Settings | None = None) -> None:
        self.database = database
        self.keys = ServerKeys.from_texts([mint_server_key()])
        self.committed: list[Committed] = []
        database.news = news(settings or Settings(), self.keys)
        database.after_commit.append(self._note)

    async def _note(self, committed: Committed) -> None:
        self.committed.append(committed)

    async def declare_tools(self) -> None:
        """Declare the built-in tools and one on projects."""
        await directory.ensure_builtin_tools(self.database, origin=OPERATOR, now=NOON)
        tool = Tool("project", "rfis", "RFIs", EVERY_LEVEL)
        await directory.declare_tool(self.database, tool=tool, origin=OPERATOR, now=NOON)

    async def user(self, name: str) -> UserId:
        """Return a new user."""
        email = f"{name.replace(' ', '.').lower()}@example.com"
        return await directory.create_user(
            self.database, email=email, name=name, password_hash=None, origin=OPERATOR, now=NOON
        )

    async def company(self, name: str, *, app_access: str = "open") -> CompanyId:
        """Return a new company."""
        return await directory.create_company(
            self.database, name=name, app_access=app_access, origin=OPERATOR, now=NOON
        )

    async def contact(
        self, company_id: CompanyId, email: str, *, user_id: UserId | None = None, now: datetime = NOON
    ) -> ContactId:
        """Return a new contact of the company."""
        return await directory.add_contact(
            self.database,
            company_id=company_id,
            email=email,
            name="Somebody",
            levels={},
            user_id=user_id,
            granted_by=None,
            origin=by(99),
            now=now,
        )

    async def app(self, owner_id: UserId, name: str, **fields: Any) -> CreatedApp:
        """Return a new app."""
        return await create_app(
            self.database,
            **{"redirect_uris": ["https://app.example/cb"], **fields},
            owner_id=owner_id,
            name=name,
            keys=self.keys,
            origin=by(owner_id),
            now=NOON,
        )

    async def authorization(self, user_id: UserId, app_id: AppId) -> None:
        """Let a user's authorization of an app stand."""
        row: dict[str, Any] = {
            "id": random_id(),
            "user_id": user_id,
            "app_id": app_id,
            "scopes": [],
            "user_epoch": 0,
            "app_epoch": 0,
        }
        await self.database.write(lambda tx: tx.insert(authorizations, {**row, "created_at": NOON, "renewed_at": NOON}))

    async def calls(self, key: CallKey, tally: Tally) -> None:
        """Count calls."""
        await self.database.write(lambda tx: add_calls(tx, key, tally))

    async def recorded(self, company_id: int = 0, *, kinds: str = "") -> list[Mapping[str, Any]]:
        """Return the events of one company's record whose kind begins so, in order."""
        statement = select(events).where(events.c.company_id == company_id, events.c.kind.startswith(kinds))
        async with self.database.read() as reader:
            return [dict(row._mapping) for row in await reader.execute(statement.order_by(events.c.id))]
