"""One-time links about accounts, and what joins and claims by them, on both databases."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from gatewright.base.errors import Conflict, Invalid
from gatewright.base.ids import CompanyId, ContactId, UserId
from gatewright.base.secrets import Purpose, ServerKeys, mint_server_key
from gatewright.db.engine import Committed, Database
from gatewright.db.schema import account_links, authorizations, contacts, events, users
from gatewright.directory.service import add_contact, create_company, create_user
from gatewright.directory.service.accounts import claim_account, move_address
from gatewright.events.catalogue import SYSTEM, Origin
from gatewright.login.invitation_service import (
    Accepted,
    Newcomer,
    accept_invitation,
    invite_contact,
    join_by_invitation,
)
from gatewright.login.link_service import KEPT_AFTER, begin_account, confirm_address, make_link, reset_password
from gatewright.login.model import Account, LinkFor
from gatewright.login.store import find_account

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
KEYS = ServerKeys.from_texts([mint_server_key()])
HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"
LIFETIME = timedelta(hours=12)


async def a_user(database: Database, email: str = "ada@example.com", *, is_proven: bool = True) -> UserId:
    return await create_user(
        database, email=email, name="Ada", password_hash=HASH, is_proven=is_proven, origin=SYSTEM, now=NOON
    )


async def account(database: Database, email: str = "ada@example.com") -> Account:
    async with database.read() as reader:
        found = await find_account(reader, email)
    assert found is not None
    return found


async def link(
    database: Database, purpose: LinkFor, *, user_id: UserId | None, email: str, was_mailed: bool = True
) -> str:
    return await make_link(
        database,
        purpose=purpose,
        user_id=user_id,
        email=email,
        was_mailed=was_mailed,
        keys=KEYS,
        origin=SYSTEM,
        now=NOON,
    )


async def reset(database: Database, token: str, *, now: datetime = NOON) -> UserId | None:
    return await reset_password(
        database, token=token, password_hash=f"{HASH}x", has_mail=True, keys=KEYS, origin=Origin("user"), now=now
    )


async def invited(database: Database, email: str, *, is_mailed: bool) -> tuple[CompanyId, ContactId, str]:
    company_id = await create_company(database, name=f"For {email}", app_access="open", origin=SYSTEM, now=NOON)
    contact_id = await add_contact(
        database, company_id=company_id, email=email, name="N", levels={}, granted_by=None, origin=SYSTEM, now=NOON
    )
    made = await invite_contact(
        database,
        company_id=company_id,
        contact_id=contact_id,
        is_mailed=is_mailed,
        issuer="https://id.example.com",
        keys=KEYS,
        origin=SYSTEM,
        now=NOON,
    )
    return company_id, contact_id, made.rsplit("/", 1)[1]


async def accept(database: Database, token: str) -> Accepted | None:
    return await accept_invitation(
        database,
        token=token,
        name="Nia",
        password_hash=HASH,
        keys=KEYS,
        session_lifetime=LIFETIME,
        origin=Origin("user"),
        now=NOON,
    )


async def test_a_reset_link_lives_thirty_minutes(database: Database) -> None:
    """P8: and is kept as a digest alone (T13)."""
    user_id = await a_user(database)
    token = await link(database, LinkFor.PASSWORD_RESET, user_id=user_id, email="ada@example.com")
    other = await link(database, LinkFor.PASSWORD_RESET, user_id=user_id, email="ada@example.com")
    assert await reset(database, token, now=NOON + timedelta(minutes=30)) is None
    assert await reset(database, token, now=NOON + timedelta(minutes=30) - timedelta(seconds=1)) == user_id
    async with database.read() as reader:
        kept = str((await reader.execute(select(account_links))).all())
        told = str((await reader.execute(select(events.c.after, events.c.about, events.c.whom))).all())
    assert token not in kept + told
    assert other not in kept + told


async def test_one_of_those_who_reset_at_once_wins_and_the_answer_is_an_ending(database: Database) -> None:
    """P8, T12."""
    user_id = await a_user(database)
    token = await link(database, LinkFor.PASSWORD_RESET, user_id=user_id, email="ada@example.com")
    told: list[Committed] = []

    async def hear(committed: Committed) -> None:
        told.append(committed)

    database.after_commit.append(hear)
    done = await asyncio.gather(*(reset(database, token) for _ in range(5)))
    assert sorted(done, key=str) == [user_id, None, None, None, None]
    assert [committed.ends_something for committed in told].count(True) == 1


async def test_a_mailed_reset_link_is_for_the_proven_address_it_went_to(database: Database) -> None:
    """P8, P9: not once another address counts, nor for one that was never proven; a handed link is."""
    user_id = await a_user(database)
    token = await link(database, LinkFor.PASSWORD_RESET, user_id=user_id, email="ada@example.com")
    await move_address(database, user_id=user_id, email="ada@new.example", origin=SYSTEM, now=NOON)
    assert await reset(database, token) is None
    una = await a_user(database, "una@example.com", is_proven=False)
    mailed = await link(database, LinkFor.PASSWORD_RESET, user_id=una, email="una@example.com")
    assert await reset(database, mailed) is None
    handed = await link(database, LinkFor.PASSWORD_RESET, user_id=una, email="una@example.com", was_mailed=False)
    assert await reset(database, handed) == una
    async with database.read() as reader:
        proven = select(users.c.email_proven_at).where(users.c.id == una)
        assert (await reader.execute(proven)).scalar_one() is None


async def test_a_link_for_one_thing_opens_no_other(database: Database) -> None:
    user_id = await a_user(database)
    token = await link(database, LinkFor.SIGN_UP, user_id=None, email="ada@other.example")
    assert await reset(database, token) is None
    given = {"keys": KEYS, "origin": SYSTEM, "now": NOON}
    assert await confirm_address(database, token=token, user_id=user_id, **given) is None  # type: ignore[arg-type]
    move = await link(database, LinkFor.NEW_ADDRESS, user_id=user_id, email="ada@new.example")
    assert await confirm_address(database, token=move, user_id=UserId(999), **given) is None  # type: ignore[arg-type]
    assert await confirm_address(database, token=move, user_id=user_id, **given) == "ada@new.example"  # type: ignore[arg-type]
    assert await confirm_address(database, token=move, user_id=user_id, **given) is None  # type: ignore[arg-type]


async def test_two_who_prove_one_address_at_once_do_not_share_it(database: Database) -> None:
    """P9, P1."""
    ids = [await a_user(database, f"{name}@example.com") for name in ("ada", "bea")]
    tokens = [await link(database, LinkFor.NEW_ADDRESS, user_id=one, email="shared@new.example") for one in ids]
    done = await asyncio.gather(
        *(
            confirm_address(database, token=token, user_id=one, keys=KEYS, origin=SYSTEM, now=NOON)
            for one, token in zip(ids, tokens, strict=True)
        ),
        return_exceptions=True,
    )
    assert [type(one) for one in done if isinstance(one, Exception)] == [Invalid]
    assert [one for one in done if isinstance(one, str)] == ["shared@new.example"]


async def test_two_who_accept_for_one_contact_at_once_join_one(database: Database) -> None:
    """P2, P7: single use; the contact joins one principal."""
    company_id, contact_id, token = await invited(database, "nia@new.example", is_mailed=True)
    done = await asyncio.gather(*(accept(database, token) for _ in range(4)), return_exceptions=True)
    accepted = [one for one in done if isinstance(one, Accepted)]
    assert len(accepted) == 1
    assert accepted[0].session_token not in repr(accepted[0])  # T13
    async with database.read() as reader:
        joined = select(contacts.c.user_id).where(contacts.c.company_id == company_id, contacts.c.id == contact_id)
        assert (await reader.execute(joined)).scalar_one() == accepted[0].user_id


async def test_who_changed_since_the_password_was_compared_does_not_join(database: Database) -> None:
    """P4, P7: and the link stays open."""
    await a_user(database)
    _, _, token = await invited(database, "ada@example.com", is_mailed=False)
    before = await account(database)
    again = await link(database, LinkFor.PASSWORD_RESET, user_id=before.user_id, email=before.email)
    assert await reset(database, again) == before.user_id
    given = {"token": token, "keys": KEYS, "session_lifetime": LIFETIME, "origin": SYSTEM, "now": NOON}
    with pytest.raises(Conflict):
        await join_by_invitation(database, account=before, **given)  # type: ignore[arg-type]
    joined = await join_by_invitation(database, account=await account(database), **given)  # type: ignore[arg-type]
    assert joined is not None


async def test_a_claim_ends_what_the_beginner_held(database: Database) -> None:
    """P7, T11: tokens and sessions hang from an epoch that is over; a proven account is not claimed."""
    user_id = await a_user(database, "una@example.com", is_proven=False)
    before = await account(database, "una@example.com")
    values = {"user_id": user_id, "name": "Una", "password_hash": f"{HASH}y", "origin": SYSTEM, "now": NOON}
    assert await claim_account(database, **values)  # type: ignore[arg-type]
    after = await account(database, "una@example.com")
    assert after.epoch == before.epoch + 1
    assert after.password_hash != before.password_hash
    assert not await claim_account(database, **values)  # type: ignore[arg-type]
    async with database.read() as reader:
        assert (await reader.execute(select(authorizations.c.id))).all() == []


async def test_an_operators_account_is_claimed_by_no_mail(database: Database) -> None:
    """P7: whoever reads mail at a mistyped address would otherwise run the deployment."""
    user_id = await create_user(
        database,
        email="oda@example.com",
        name="Oda",
        password_hash=HASH,
        is_operator=True,
        is_proven=False,
        origin=SYSTEM,
        now=NOON,
    )
    # Whoever was made operator since it was looked at, too.
    assert not await claim_account(database, user_id=user_id, name="Una", password_hash=HASH, origin=SYSTEM, now=NOON)
    _, _, token = await invited(database, "oda@example.com", is_mailed=True)
    with pytest.raises(Conflict):
        await accept(database, token)
    signing_up = await link(database, LinkFor.SIGN_UP, user_id=None, email="oda@example.com")
    with pytest.raises(Conflict):
        await begin_account(
            database,
            token=signing_up,
            newcomer=Newcomer("Oda", HASH),
            keys=KEYS,
            session_lifetime=LIFETIME,
            origin=SYSTEM,
            now=NOON,
        )


async def test_links_that_are_over_go_when_a_new_one_comes(database: Database) -> None:
    """T14: rows do not pile up."""
    for at in range(3):
        await link(database, LinkFor.SIGN_UP, user_id=None, email=f"n{at}@example.com")
    late = NOON + timedelta(hours=24) + KEPT_AFTER + timedelta(seconds=1)
    await make_link(
        database,
        purpose=LinkFor.SIGN_UP,
        user_id=None,
        email="last@example.com",
        was_mailed=True,
        keys=KEYS,
        origin=SYSTEM,
        now=late,
    )
    async with database.read() as reader:
        assert (await reader.execute(select(account_links.c.email))).scalars().all() == ["last@example.com"]
    assert KEYS.candidates(Purpose.ACCOUNT_LINK, "x") != KEYS.candidates(Purpose.INVITATION, "x")
