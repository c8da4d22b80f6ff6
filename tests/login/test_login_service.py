"""Sessions and invitations, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from gatewright.base.errors import Conflict, Invalid
from gatewright.base.ids import UserId
from gatewright.base.secrets import Purpose, ServerKeys, mint_server_key
from gatewright.db.engine import Committed, Database
from gatewright.db.schema import sessions
from gatewright.directory.service import create_user, deactivate_user, reactivate_user, set_user_password_hash
from gatewright.events.catalogue import SYSTEM, Origin
from gatewright.login import invitation_store, store
from gatewright.login.invitation_service import (
    INVITATION_LIFETIME,
    Accepted,
    accept_invitation,
    create_invitation,
)
from gatewright.login.model import Account, SignedIn
from gatewright.login.session_service import sign_in, sign_out

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
LIFETIME = timedelta(hours=12)
KEYS = ServerKeys.from_texts([mint_server_key()])
HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"


async def a_user(database: Database, email: str = "ada@example.com") -> UserId:
    return await create_user(database, email=email, name="Ada", password_hash=HASH, origin=SYSTEM, now=NOON)


async def the_account(database: Database, email: str = "ada@example.com") -> Account:
    async with database.read() as reader:
        found = await store.find_account(reader, email)
    assert found is not None
    return found


async def begin(
    database: Database, account: Account, *, now: datetime = NOON, replaces: str | None = None
) -> str | None:
    origin = Origin("user", account.user_id)
    return await sign_in(
        database, account=account, keys=KEYS, lifetime=LIFETIME, origin=origin, now=now, replaces=replaces
    )


async def viewer(database: Database, token: str | None, *, now: datetime = NOON) -> SignedIn | None:
    assert token is not None
    async with database.read() as reader:
        return await store.find_session(reader, KEYS.candidates(Purpose.SESSION, token), now=now)


async def test_an_account_is_found_however_its_address_is_spelled(database: Database) -> None:
    """P1: case and width do not matter."""
    user_id = await a_user(database, "Ada@Example.com")
    for spelling in ("ada@example.com", "ADA@EXAMPLE.COM", "ａda@example.com"):
        assert (await the_account(database, spelling)).user_id == user_id


async def test_a_session_names_its_user_until_it_expires(database: Database) -> None:
    user_id = await a_user(database)
    token = await begin(database, await the_account(database))
    last = NOON + LIFETIME - timedelta(seconds=1)
    found = await viewer(database, token, now=last)
    assert found is not None
    assert (found.user_id, found.email) == (user_id, "ada@example.com")
    assert await viewer(database, token, now=NOON + LIFETIME) is None
    assert await viewer(database, "gwn_other") is None


async def test_signing_out_ends_the_session_once_and_is_told_as_an_ending(database: Database) -> None:
    """T12: the answer that says "signed out" waits, the second one too (A172)."""
    await a_user(database)
    token = await begin(database, await the_account(database))
    session = await viewer(database, token)
    assert session is not None
    told: list[Committed] = []

    async def hear(committed: Committed) -> None:
        told.append(committed)

    database.after_commit.append(hear)
    origin = Origin("user", session.user_id)
    assert await sign_out(database, session_id=session.session_id, origin=origin, now=NOON)
    assert not await sign_out(database, session_id=session.session_id, origin=origin, now=NOON)
    assert [committed.ends_something for committed in told] == [True, True]
    assert await viewer(database, token) is None


async def test_signing_in_again_ends_the_session_that_it_replaces(database: Database) -> None:
    await a_user(database)
    account = await the_account(database)
    first = await begin(database, account)
    before = await viewer(database, first)
    assert before is not None
    second = await begin(database, account, replaces=before.session_id)
    assert await viewer(database, first) is None
    assert await viewer(database, second) is not None


async def test_expired_sessions_go_when_a_new_one_comes(database: Database) -> None:
    """T14: rows do not pile up with sign-ins; those that live stay."""
    user_id = await a_user(database)
    other = await a_user(database, "max@example.com")
    account = await the_account(database)
    await begin(database, account)
    young = await begin(database, account, now=NOON + timedelta(seconds=1))
    await begin(database, await the_account(database, "max@example.com"))
    await begin(database, account, now=NOON + LIFETIME)
    assert await viewer(database, young) is not None
    async with database.read() as reader:
        owners = (await reader.execute(select(sessions.c.user_id).order_by(sessions.c.user_id))).scalars().all()
    assert owners == [user_id, user_id, other]


async def test_deactivation_ends_every_session_and_reactivation_revives_none(database: Database) -> None:
    """P4: at once, and for good."""
    user_id = await a_user(database)
    token = await begin(database, await the_account(database))
    await deactivate_user(database, user_id=user_id, origin=SYSTEM, now=NOON)
    assert await viewer(database, token) is None
    await reactivate_user(database, user_id=user_id, origin=SYSTEM, now=NOON)
    assert await viewer(database, token) is None
    again = await begin(database, await the_account(database))
    assert await viewer(database, again) is not None


async def test_whoever_changed_while_the_password_was_compared_is_not_signed_in(database: Database) -> None:
    """P4: deactivated, or given another password, after the account was read."""
    user_id = await a_user(database)
    read_before = await the_account(database)
    await deactivate_user(database, user_id=user_id, origin=SYSTEM, now=NOON)
    assert await begin(database, read_before) is None
    assert await begin(database, await the_account(database)) is None
    await reactivate_user(database, user_id=user_id, origin=SYSTEM, now=NOON)
    assert await begin(database, read_before) is None
    read_before = await the_account(database)
    await set_user_password_hash(database, user_id=user_id, password_hash=f"{HASH}x", origin=SYSTEM, now=NOON)
    assert await begin(database, read_before) is None
    assert await begin(database, replace(read_before, user_id=UserId(999))) is None


async def invite(database: Database, email: str = "oda@example.com", *, makes_operator: bool = True) -> str:
    return await create_invitation(
        database,
        email=email,
        makes_operator=makes_operator,
        service_domain="service.example.com",
        keys=KEYS,
        origin=SYSTEM,
        now=NOON,
    )


async def accept(database: Database, token: str, *, now: datetime = NOON) -> Accepted | None:
    return await accept_invitation(
        database,
        token=token,
        name="Oda",
        password_hash=HASH,
        keys=KEYS,
        session_lifetime=LIFETIME,
        origin=Origin("user"),
        now=now,
    )


async def test_an_invitation_makes_one_account_and_signs_it_in(database: Database) -> None:
    token = await invite(database)
    accepted = await accept(database, token)
    assert accepted is not None
    assert accepted.session_token not in repr(accepted)  # T13
    session = await viewer(database, accepted.session_token)
    assert session is not None
    assert (session.email, session.is_operator) == ("oda@example.com", True)
    assert await accept(database, token) is None
    assert await accept(database, "gwi_other") is None


async def test_an_invitation_lives_seven_days(database: Database) -> None:
    token = await invite(database, makes_operator=False)
    assert await accept(database, token, now=NOON + INVITATION_LIFETIME) is None
    accepted = await accept(database, token, now=NOON + INVITATION_LIFETIME - timedelta(seconds=1))
    assert accepted is not None
    account = await the_account(database, "oda@example.com")
    assert account.user_id == accepted.user_id


async def test_an_invitation_whose_account_cannot_be_made_stays_open(database: Database) -> None:
    token = await invite(database)
    await a_user(database, "oda@example.com")
    with pytest.raises(Conflict):
        await accept(database, token)
    async with database.read() as reader:
        found = await invitation_store.find_invitation(reader, KEYS.candidates(Purpose.INVITATION, token))
    assert found is not None
    assert found.is_open(NOON)


async def test_nobody_is_invited_who_has_an_account_or_no_address(database: Database) -> None:
    await a_user(database, "ODA@example.com")
    with pytest.raises(Conflict):
        await invite(database)
    with pytest.raises(Invalid):
        await invite(database, "oda")


async def test_nobody_is_invited_at_an_address_that_cannot_sign_in(database: Database) -> None:
    """S2: whether or not a service account ever had it."""
    with pytest.raises(Invalid) as refused:
        await invite(database, "oda@SERVICE.example.com")
    assert [problem.field for problem in refused.value.problems] == ["email"]
    assert await invite(database, "oda@elsewhere.service.example.com")
