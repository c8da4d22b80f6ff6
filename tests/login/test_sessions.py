"""Ending sessions and changing passwords by their verbs, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from gatewright.base.secrets import Purpose, ServerKeys, mint_server_key
from gatewright.db.engine import Committed, Database
from gatewright.db.schema import users
from gatewright.directory.service import create_user, deactivate_user
from gatewright.events.catalogue import SYSTEM, Origin
from gatewright.login import store
from gatewright.login.model import Account, Opened
from gatewright.login.password_service import change_password
from gatewright.login.passwords import Passwords
from gatewright.login.rules import device
from gatewright.login.session_service import end_sessions, sign_in
from gatewright.login.throttle import Slot
from gatewright.mail.store import find_due

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
KEYS = ServerKeys.from_texts([mint_server_key()])


async def an_account(database: Database) -> Account:
    await create_user(database, email="ada@example.com", name="Ada", password_hash="$x", origin=SYSTEM, now=NOON)
    async with database.read() as reader:
        found = await store.find_account(reader, "ada@example.com")
    assert found is not None
    return found


async def begin(database: Database, account: Account) -> str:
    origin = Origin("user", account.user_id)
    token = await sign_in(database, account=account, keys=KEYS, lifetime=timedelta(hours=12), origin=origin, now=NOON)
    assert token is not None
    return token


async def is_standing(database: Database, token: str) -> bool:
    async with database.read() as reader:
        return await store.find_session(reader, KEYS.candidates(Purpose.SESSION, token), now=NOON) is not None


async def change(database: Database, account: Account, *, has_mail: bool = False) -> Opened | None:
    return await change_password(
        database,
        account=account,
        password_hash="$y",
        slot=Slot(()),
        keys=KEYS,
        lifetime=timedelta(hours=12),
        has_mail=has_mail,
        origin=Origin("user", account.user_id, ip="203.0.113.9"),
        now=NOON,
    )


async def test_ending_sessions_is_told_as_an_ending_even_when_there_is_none(database: Database) -> None:
    """T12: the answer that says "ended" waits, whoever ended them."""
    account = await an_account(database)
    tokens = [await begin(database, account) for _ in range(3)]
    told: list[Committed] = []

    async def hear(committed: Committed) -> None:
        told.append(committed)

    database.after_commit.append(hear)
    for expected in (3, 0):
        assert await end_sessions(database, user_id=account.user_id, origin=SYSTEM, now=NOON) == expected
    assert [committed.ends_something for committed in told] == [True, True]
    assert [await is_standing(database, token) for token in tokens] == [False] * 3


async def test_a_password_is_not_changed_over_a_change(database: Database) -> None:
    """P4: deactivated, or given another password, after the account was read."""
    account = await an_account(database)
    token = await begin(database, account)
    older = replace(account, password_hash="$older", password_changed_at=NOON - timedelta(days=1))
    assert await change(database, older) is None
    assert await is_standing(database, token)
    opened = await change(database, account)
    assert opened is not None
    assert opened.session_token not in repr(opened)  # T13
    assert await is_standing(database, opened.session_token)
    assert not await is_standing(database, token)
    await deactivate_user(database, user_id=account.user_id, origin=SYSTEM, now=NOON)
    assert await change(database, opened.account) is None


async def test_a_new_password_is_told_by_mail_where_there_is_mail(database: Database) -> None:
    """P8: to the address of the account, in the same transaction; not to one that may be a stranger's (P7)."""
    account = await an_account(database)
    assert await change(database, account, has_mail=True) is not None
    unproven = update(users).where(users.c.id == account.user_id).values(email_proven_at=None)
    await database.write(lambda tx: tx.execute(unproven))
    changed = replace(account, password_changed_at=NOON)
    assert await change(database, changed, has_mail=True) is not None
    async with database.read() as reader:
        assert len(await find_due(reader, limit=5, now=NOON)) == 1


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/141.0 Safari/537.36 Edg/141.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/141.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) CriOS/141.0 Mobile Safari/604", "Chrome on iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/18.0 Safari/605", "Safari on macOS"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("x" * 400, "x" * 80),
        ("  ", "an unnamed program"),
        (None, "an unnamed program"),
    ],
)
def test_a_device_is_named_in_words(agent: str | None, words: str) -> None:
    """T14: what a program says of itself, shortened; it decides nothing."""
    assert device(agent) == words


async def test_a_hash_is_renewed_where_guessing_it_costs_less_than_one_of_today() -> None:
    """A108: time buys memory and the other way round, so a dearer one is never cheapened."""
    passwords = Passwords()
    salt = "$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"
    for parameters, is_renewed in (
        ("$argon2id$v=19$m=19456,t=1,p=1", True),
        ("$argon2id$v=19$m=8,t=1,p=1", True),
        ("$argon2id$v=19$m=65536,t=1,p=1", False),
        ("$argon2id$v=19$m=19456,t=2,p=1", False),
        ("$argon2i$v=19$m=65536,t=3,p=1", True),
    ):
        renewed = await passwords.renewed(parameters + salt, "seven grey herons")
        assert (renewed is not None) is is_renewed, parameters
    assert await passwords.renewed(None, "x") is None
    passwords.close()
