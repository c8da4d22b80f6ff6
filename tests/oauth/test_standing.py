"""T11: which authorizations stand is one question, asked in SQL and of values; both say the same."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

from sqlalchemy import insert, select

from gatewright.apps.standing_store import is_standing
from gatewright.base.ids import AppId, AuthorizationId, UserId
from gatewright.db.engine import Database, Transaction
from gatewright.db.schema import apps, authorizations, users
from gatewright.oauth import store
from gatewright.oauth.model import AppClient, UserStanding
from gatewright.oauth.rules import authorization_fault

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BOTH = (False, True)
EVERY = list(product(BOTH, repeat=6))


def as_id(number: int) -> AuthorizationId:
    """Return the id of the row of that number."""
    return AuthorizationId(f"{number:032x}")


async def fill(tx: Transaction) -> None:
    """Insert one authorization, with its user and app, for every way of standing and falling."""
    when = {"created_at": NOON, "updated_at": NOON}
    for number, (ended, inactive, of_old_user, of_old_app, blocked, deleted) in enumerate(EVERY, start=1):
        name = f"n{number}"
        user = {"id": number, "email": name, "email_folded": name, "name": name, "is_active": not inactive}
        await tx.execute(insert(users).values(**user, epoch=1, **when))
        app = {"id": number, "name": name, "name_folded": name, "owner_id": number, "client_id": name}
        ways = {"is_confidential": True, "redirect_uris": [], "scopes": [], "epoch": 1}
        fallen = {"blocked_at": NOON if blocked else None, "deleted_at": NOON if deleted else None}
        await tx.execute(insert(apps).values(**app, **ways, **fallen, **when))
        epochs = {"user_epoch": 0 if of_old_user else 1, "app_epoch": 0 if of_old_app else 1}
        joined = {"id": as_id(number), "user_id": number, "app_id": number, "scopes": []}
        values = {**joined, **epochs, "created_at": NOON, "renewed_at": NOON, "ended_at": NOON if ended else None}
        await tx.execute(insert(authorizations).values(**values))


async def test_sql_and_the_pure_rule_agree_on_every_row(database: Database) -> None:
    """T11: ended, deactivated, another epoch, blocked, deleted, and all of these together."""
    await database.write(fill)
    joined = authorizations.join(users, users.c.id == authorizations.c.user_id)
    joined = joined.join(apps, apps.c.id == authorizations.c.app_id)
    statement = select(authorizations.c.id).select_from(joined).where(*is_standing())
    async with database.read() as reader:
        by_sql = set((await reader.execute(statement)).scalars())
        by_rule = {as_id(n) for n in range(1, len(EVERY) + 1) if await fault_of(database, n) is None}
    assert by_sql == by_rule == {as_id(1)}, "only the first row has nothing against it"


async def fault_of(database: Database, number: int) -> str | None:
    """Return what the pure rule says of a row, loaded as facts are."""
    async with database.read() as reader:
        authorization = await store.load_authorization(reader, authorization_id=as_id(number))
        client = await store.load_app_client(reader, app_id=AppId(number))
        user = await store.load_user(reader, user_id=UserId(number))
    assert authorization is not None
    assert isinstance(client, AppClient)
    assert isinstance(user, UserStanding)
    assert authorization_fault(replace(authorization, app_id=AppId(0)), client=client, user=user) is not None
    return authorization_fault(authorization, client=client, user=user)
