"""Endings against refreshes at the same moment, and endings in one process asked about in another (T12)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from gatewright.apps.service import add_secret, block_app, retire_secret
from gatewright.base.ids import SecretId, UserId
from gatewright.db.engine import Database
from gatewright.db.schema import client_secrets
from gatewright.directory.service import deactivate_user
from gatewright.events.catalogue import SYSTEM
from gatewright.events.facts import ReadThrough
from gatewright.events.feed import SqliteFeed
from gatewright.oauth.authorize_service import end_authorization
from gatewright.oauth.errors import OAuthRefusal
from gatewright.oauth.model import Issued
from tests.oauth.stage import NOON, Stage, StagedApp
from tests.support.world import pkce

Ender = Callable[[Stage, UserId, StagedApp, Issued], Awaitable[object]]
ROUNDS = 4


async def secrets_of(stage: Stage, app: StagedApp) -> list[SecretId]:
    statement = select(client_secrets.c.id).where(
        client_secrets.c.app_id == app.id, client_secrets.c.retired_at.is_(None)
    )
    async with stage.database.read() as reader:
        return [SecretId(row) for row in (await reader.execute(statement)).scalars()]


async def _revoke(stage: Stage, _user_id: UserId, app: StagedApp, issued: Issued) -> None:
    await stage.revoke(app, issued.refresh_token or "")


async def _end(stage: Stage, user_id: UserId, app: StagedApp, _issued: Issued) -> None:
    await end_authorization(stage.database, user_id=user_id, app_id=app.id, origin=SYSTEM, now=NOON)


async def _deactivate(stage: Stage, user_id: UserId, _app: StagedApp, _issued: Issued) -> None:
    await deactivate_user(stage.database, user_id=user_id, origin=SYSTEM, now=NOON)


async def _block(stage: Stage, _user_id: UserId, app: StagedApp, _issued: Issued) -> None:
    await block_app(stage.database, app_id=app.id, origin=SYSTEM, now=NOON)


async def _retire(stage: Stage, _user_id: UserId, app: StagedApp, _issued: Issued) -> None:
    for secret_id in await secrets_of(stage, app):
        await retire_secret(stage.database, app_id=app.id, secret_id=secret_id, origin=SYSTEM, now=NOON)


ENDERS: dict[str, Ender] = {
    "revoke": _revoke,
    "end the authorization": _end,
    "deactivate the user": _deactivate,
    "block the app": _block,
    "retire the secret": _retire,
}


@pytest.fixture
async def other(stage: Stage) -> AsyncIterator[Stage]:
    """Lend the token side of another process on the same database; on SQLite it remembers facts."""
    opened = Database.open(stage.database.url.render_as_string(hide_password=False))
    feed = SqliteFeed(Path(opened.url.database or "")) if opened.dialect == "sqlite" else None
    yield Stage(opened, keys=stage.keys, coherence=feed or ReadThrough())
    if feed:
        feed.close()
    await opened.close()


async def refreshed(stage: Stage, app: StagedApp, issued: Issued) -> list[Issued]:
    try:
        return [await stage.refresh(app, issued)]
    except OAuthRefusal:
        return []


@pytest.mark.parametrize("ender", ENDERS)
async def test_a_refresh_at_the_moment_of_an_ending_leaves_nothing_alive(
    stage: Stage, other: Stage, ender: str
) -> None:
    # T11, T12: whichever comes first
    for number in range(ROUNDS):
        user_id = await stage.user(f"user-{number}")
        app = await stage.app(user_id, f"App {number}")
        first = await stage.tokens(user_id, app)
        assert await other.fate(first) == "alive"
        there, _, here = await asyncio.gather(
            refreshed(other, app, first), ENDERS[ender](stage, user_id, app, first), refreshed(stage, app, first)
        )
        for issued in (first, *there, *here):
            assert await other.fate(issued) != "alive"
            assert await stage.fate(issued) != "alive"
            assert await refreshed(other, app, issued) == []


@pytest.mark.parametrize("ender", ENDERS)
async def test_what_one_process_ended_no_other_process_takes_for_alive(
    stage: Stage, other: Stage, user_id: UserId, crane: StagedApp, ender: str
) -> None:
    # T12: the other one remembers every fact
    issued = await stage.tokens(user_id, crane)
    for _ in range(2):
        assert await other.fate(issued) == "alive"
    await ENDERS[ender](stage, user_id, crane, issued)
    assert await other.fate(issued) != "alive"
    assert await refreshed(other, crane, issued) == []


async def test_every_process_knows_at_once_which_secret_a_family_is_on(
    stage: Stage, other: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T12: retiring the newer secret ends the family that moved to it, its older tokens too
    (older,) = await secrets_of(stage, crane)
    issued = await stage.tokens(user_id, crane)
    for _ in range(2):
        assert await other.fate(issued) == "alive"
    added = await add_secret(stage.database, app_id=crane.id, keys=stage.keys, origin=SYSTEM, now=NOON)
    await stage.refresh(StagedApp(crane.id, crane.client_id, added.secret), issued)
    assert await other.fate(issued) == "alive"
    await retire_secret(stage.database, app_id=crane.id, secret_id=added.id, origin=SYSTEM, now=NOON)
    assert older in await secrets_of(stage, crane), "the token's own secret lives"
    assert await other.fate(issued) == "token_revoked"


async def test_a_generation_confirmed_in_one_process_is_confirmed_in_all(
    stage: Stage, other: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T6: known to every worker before the first answer
    first = await stage.tokens(user_id, crane)
    for _ in range(2):
        assert await other.fate(first) == "alive"
    second = await stage.refresh(crane, first)
    assert await other.fate(second) == "alive"
    assert await stage.refused(crane, first) == "superseded"


async def test_a_code_exchanged_in_one_process_and_again_in_another_opens_one_family(
    stage: Stage, other: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T2
    for _ in range(ROUNDS):
        verifier, challenge = pkce()
        code = await stage.code(user_id, crane, challenge=challenge)

        async def exchanged(by: Stage, code: str = code, verifier: str = verifier) -> list[Issued]:
            try:
                return [await by.exchange(crane, code, code_verifier=verifier)]
            except OAuthRefusal:
                return []

        answers = await asyncio.gather(*(exchanged(by) for by in (stage, other) * 4))
        (opened,) = (issued for answer in answers for issued in answer)
        assert await other.fate(opened) == "token_revoked"
