"""Authorizations and codes, on both databases: one stands per user and app, and what ended never lives again."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from gatewright.apps.service import block_app, create_app, unblock_app
from gatewright.base.errors import NotAllowed, NotFound
from gatewright.base.ids import AppId, UserId
from gatewright.base.secrets import Purpose, ServerKeys, mint_server_key
from gatewright.db.engine import Committed, Database
from gatewright.db.schema import authorizations, events
from gatewright.directory.service import create_user, deactivate_user, reactivate_user
from gatewright.events.catalogue import SYSTEM, Origin
from gatewright.oauth import authorization_store, consent_store, store
from gatewright.oauth.authorize_service import CodeBinding, authorize, end_authorization, reissue
from gatewright.oauth.model import Authorization, Code

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
LIFETIME = timedelta(minutes=10)
KEYS = ServerKeys.from_texts([mint_server_key()])
MANAGE = ("company.manage",)


def binding(*scopes: str) -> CodeBinding:
    return CodeBinding(
        redirect_uri="https://a.example/cb", redirect_uri_was_sent=True, code_challenge="c" * 43, scopes=scopes
    )


@pytest.fixture
async def user_id(database: Database) -> UserId:
    return await create_user(database, email="ada@example.com", name="Ada", password_hash=None, origin=SYSTEM, now=NOON)


@pytest.fixture
async def app_id(database: Database, user_id: UserId) -> AppId:
    return await an_app(database, user_id, "Punchlist Sync")


async def an_app(database: Database, owner_id: UserId, name: str) -> AppId:
    made = await create_app(
        database,
        owner_id=owner_id,
        name=name,
        homepage="",
        is_confidential=True,
        redirect_uris=("https://a.example/cb",),
        scopes=MANAGE,
        keys=KEYS,
        origin=SYSTEM,
        now=NOON,
    )
    return made.app_id


async def allow(database: Database, user_id: UserId, app_id: AppId, *scopes: str, now: datetime = NOON) -> str:
    return await authorize(
        database,
        user_id=user_id,
        app_id=app_id,
        binding=binding(*scopes),
        keys=KEYS,
        code_lifetime=LIFETIME,
        origin=Origin("user", user_id),
        now=now,
    )


async def again(database: Database, user_id: UserId, app_id: AppId, *scopes: str) -> str | None:
    return await reissue(
        database,
        user_id=user_id,
        app_id=app_id,
        binding=binding(*scopes),
        keys=KEYS,
        code_lifetime=LIFETIME,
        now=LATER,
    )


async def end(database: Database, user_id: UserId, app_id: AppId) -> bool:
    return await end_authorization(database, user_id=user_id, app_id=app_id, origin=Origin("user", user_id), now=LATER)


async def standing(database: Database, user_id: UserId, app_id: AppId) -> Authorization | None:
    async with database.read() as reader:
        return await authorization_store.find_standing(reader, user_id=user_id, app_id=app_id)


async def code_row(database: Database, code: str) -> Code | None:
    async with database.read() as reader:
        return await authorization_store.find_code(reader, KEYS.candidates(Purpose.AUTHORIZATION_CODE, code))


async def kinds(database: Database) -> list[str]:
    """Return what was recorded of authorizations, in order."""
    async with database.read() as reader:
        told = (await reader.execute(select(events.c.kind).order_by(events.c.id))).scalars()
    return [kind for kind in told if kind.startswith("authorization.")]


async def test_a_code_is_bound_to_everything_it_was_asked_with(
    database: Database, user_id: UserId, app_id: AppId
) -> None:
    """T2, T13: 128 random bits or more, kept as a digest alone, for ten minutes."""
    text = await allow(database, user_id, app_id, *MANAGE)
    assert len(text) >= len("gwc_") + 22
    code, made = await code_row(database, text), await standing(database, user_id, app_id)
    assert made is not None
    assert code == Code(
        digest=KEYS.digest(Purpose.AUTHORIZATION_CODE, text).value,
        authorization_id=made.id,
        app_id=app_id,
        user_id=user_id,
        redirect_uri="https://a.example/cb",
        redirect_uri_was_sent=True,
        code_challenge="c" * 43,
        scopes=MANAGE,
        expires_at=NOON + LIFETIME,
    )
    assert text != await allow(database, user_id, app_id)


async def test_authorizing_again_renews_the_one_authorization(
    database: Database, user_id: UserId, app_id: AppId
) -> None:
    """T1: same id, the time of now; scopes consented to before stay, their families run on."""
    await allow(database, user_id, app_id, *MANAGE)
    first = await standing(database, user_id, app_id)
    await allow(database, user_id, app_id, now=LATER)
    second = await standing(database, user_id, app_id)
    assert first is not None
    assert second is not None
    assert (second.id, second.created_at, second.renewed_at) == (first.id, NOON, LATER)
    assert second.scopes == MANAGE
    assert await kinds(database) == ["authorization.made", "authorization.renewed"]  # R1


async def test_sixty_four_at_once_make_one_authorization(database: Database, user_id: UserId, app_id: AppId) -> None:
    """T1: one stands per user and app, whoever comes first."""
    codes = await asyncio.gather(*(allow(database, user_id, app_id) for _ in range(64)))
    rows = [await code_row(database, code) for code in codes]
    made = await standing(database, user_id, app_id)
    assert made is not None
    assert {row.authorization_id for row in rows if row is not None} == {made.id}
    assert None not in rows
    assert (await kinds(database)).count("authorization.made") == 1


async def test_one_of_many_takes_a_code(database: Database, user_id: UserId, app_id: AppId) -> None:
    """T2: it works once (A62)."""
    digests = KEYS.candidates(Purpose.AUTHORIZATION_CODE, await allow(database, user_id, app_id))
    taken = await asyncio.gather(
        *(database.write(lambda tx: authorization_store.take_code(tx, digests)) for _ in range(16))
    )
    assert sum(code is not None for code in taken) == 1


async def test_after_an_end_authorizing_makes_another_authorization(
    database: Database, user_id: UserId, app_id: AppId
) -> None:
    """T10, T11: what ended never lives again."""
    await allow(database, user_id, app_id)
    first = await standing(database, user_id, app_id)
    assert await end(database, user_id, app_id)
    assert await standing(database, user_id, app_id) is None
    assert await again(database, user_id, app_id) is None
    await allow(database, user_id, app_id)
    second = await standing(database, user_id, app_id)
    assert first is not None
    assert second is not None
    assert second.id != first.id
    async with database.read() as reader:
        ended = await store.load_authorization(reader, authorization_id=first.id)
    assert ended is not None
    assert (ended.ended_at, ended.ended_reason) == (LATER, "ended_by_user")


async def test_ending_twice_is_told_as_an_ending_both_times(database: Database, user_id: UserId, app_id: AppId) -> None:
    """T12: also the answer that says "already ended" waits until it holds everywhere."""
    await allow(database, user_id, app_id)
    told: list[Committed] = []

    async def hear(committed: Committed) -> None:
        told.append(committed)

    database.after_commit.append(hear)
    made = await standing(database, user_id, app_id)
    assert made is not None
    assert [await end(database, user_id, app_id), await end(database, user_id, app_id)] == [True, False]
    assert [committed.ends_something for committed in told] == [True, True]
    assert told[0].keys == {f"authorization:{made.id}"}
    assert await kinds(database) == ["authorization.made", "authorization.ended"]  # R1


async def test_authorizing_and_ending_at_once_leaves_at_most_one_and_revives_none(
    database: Database, user_id: UserId, app_id: AppId
) -> None:
    """T1, T11: whatever the order, each authorization was made once and ended at most once."""
    await allow(database, user_id, app_id)
    work = [allow(database, user_id, app_id) for _ in range(16)] + [end(database, user_id, app_id) for _ in range(16)]
    outcomes = await asyncio.gather(*(work[at // 2 + 16 * (at % 2)] for at in range(32)))
    codes = [outcome for outcome in outcomes if isinstance(outcome, str)]
    told = await kinds(database)
    made, ended = told.count("authorization.made"), told.count("authorization.ended")
    assert ended == sum(outcome is True for outcome in outcomes)
    assert made - ended == (await standing(database, user_id, app_id) is not None)
    assert len(codes) == 16
    async with database.read() as reader:
        rows = (await reader.execute(select(authorizations.c.id, authorizations.c.ended_at))).all()
    assert len(rows) == made
    assert sum(row.ended_at is None for row in rows) == made - ended


async def test_an_app_that_was_never_authorized_cannot_be_ended(
    database: Database, user_id: UserId, app_id: AppId
) -> None:
    """P6: as little as one that does not exist."""
    for unknown in (app_id, AppId(10**9)):
        with pytest.raises(NotFound):
            await end(database, user_id, unknown)


async def test_an_authorization_from_before_a_deactivation_is_replaced(
    database: Database, user_id: UserId, app_id: AppId
) -> None:
    """P4, T11: reactivating revives none; authorizing again makes a new id and ends the stale one."""
    await allow(database, user_id, app_id, *MANAGE)
    first = await standing(database, user_id, app_id)
    await deactivate_user(database, user_id=user_id, origin=SYSTEM, now=NOON)
    with pytest.raises(NotAllowed):
        await allow(database, user_id, app_id)
    await reactivate_user(database, user_id=user_id, origin=SYSTEM, now=NOON)
    assert await again(database, user_id, app_id) is None
    async with database.read() as reader:
        assert await consent_store.connected_apps(reader, user_id) == []
    await allow(database, user_id, app_id)
    second = await standing(database, user_id, app_id)
    assert first is not None
    assert second is not None
    assert second.id != first.id
    assert second.scopes == ()
    assert await kinds(database) == ["authorization.made", "authorization.ended", "authorization.made"]


async def test_an_authorization_from_before_a_block_is_replaced(
    database: Database, user_id: UserId, app_id: AppId
) -> None:
    """T11: unblocking revives none."""
    await allow(database, user_id, app_id)
    first = await standing(database, user_id, app_id)
    await block_app(database, app_id=app_id, origin=SYSTEM, now=NOON)
    with pytest.raises(NotAllowed):
        await allow(database, user_id, app_id)
    assert await again(database, user_id, app_id) is None
    await unblock_app(database, app_id=app_id, origin=SYSTEM, now=NOON)
    assert await again(database, user_id, app_id) is None
    await allow(database, user_id, app_id)
    second = await standing(database, user_id, app_id)
    assert first is not None
    assert second is not None
    assert second.id != first.id


async def test_a_code_without_asking_is_issued_for_the_same_or_fewer_scopes_and_changes_nothing(
    database: Database, user_id: UserId, app_id: AppId
) -> None:
    """T1, R1: no event, no renewal."""
    assert await again(database, user_id, app_id) is None
    await allow(database, user_id, app_id)
    before = await standing(database, user_id, app_id)
    assert await again(database, user_id, app_id, *MANAGE) is None
    text = await again(database, user_id, app_id)
    assert text is not None
    code = await code_row(database, text)
    assert code is not None
    assert before is not None
    assert code.authorization_id == before.id
    assert await standing(database, user_id, app_id) == before
    assert await kinds(database) == ["authorization.made"]


async def test_expired_codes_go_when_a_new_one_comes(database: Database, user_id: UserId, app_id: AppId) -> None:
    """T14: unused codes do not pile up; those that live stay."""
    other = await an_app(database, user_id, "Other")
    old = await allow(database, user_id, app_id)
    elsewhere = await allow(database, user_id, other)
    young = await allow(database, user_id, app_id, now=NOON + timedelta(seconds=1))
    await allow(database, user_id, app_id, now=NOON + LIFETIME)
    assert await code_row(database, old) is None
    assert await code_row(database, elsewhere) is not None
    assert await code_row(database, young) is not None
