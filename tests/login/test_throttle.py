"""Slots for guesses, on both databases: never more than the limit, whoever comes at once."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from gatewright.base.errors import RateLimited, Unavailable
from gatewright.base.secrets import ServerKeys, mint_server_key
from gatewright.db.engine import Database
from gatewright.db.schema import sign_in_failures
from gatewright.login.throttle import (
    WINDOW,
    Bucket,
    Counted,
    Slot,
    account_bucket,
    address_bucket,
    bucket,
    give_back,
    guess,
    reserve,
)

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
KEYS = ServerKeys.from_texts([mint_server_key()])
LIMIT = 10
ADA = account_bucket(KEYS, "ada@example.com")
HERE = address_bucket(KEYS, "203.0.113.9")


async def ask(database: Database, *buckets: Bucket, now: datetime = NOON, limit: int = LIMIT) -> Slot | RateLimited:
    try:
        return await reserve(database, buckets=buckets, limit=limit, now=now)
    except RateLimited as refusal:
        return refusal


async def ask_often(database: Database, times: int, *buckets: Bucket, now: datetime = NOON) -> list[Slot | RateLimited]:
    return [await ask(database, *buckets, now=now) for _ in range(times)]


def slots(answers: Sequence[Slot | RateLimited]) -> int:
    return sum(isinstance(answer, Slot) for answer in answers)


async def test_of_many_at_once_no_more_than_the_limit_get_a_slot(database: Database) -> None:
    """A182: one conditional statement decides, also before the count exists."""
    answers = await asyncio.gather(*(ask(database, ADA, HERE) for _ in range(60)))
    assert slots(answers) == LIMIT


async def test_the_limit_is_a_pair_and_opens_again_with_the_window(database: Database) -> None:
    """A182: the tenth gets a slot, the eleventh is told when; each window counts for itself."""
    assert slots(await ask_often(database, LIMIT, ADA)) == LIMIT
    later = NOON + timedelta(minutes=4, seconds=30)
    refused = await ask(database, ADA, now=later)
    assert isinstance(refused, RateLimited)
    assert refused.retry_after == timedelta(minutes=10, seconds=30)
    assert "Try again in 11 minutes" in refused.message
    assert slots(await ask_often(database, 1, ADA, now=NOON + WINDOW - timedelta(seconds=1))) == 0
    assert slots(await ask_often(database, LIMIT + 1, ADA, now=NOON + WINDOW)) == LIMIT


async def test_only_failures_stay_counted(database: Database) -> None:
    """A182: a slot given back is there for the next one; one of an older window is not."""
    for _ in range(3 * LIMIT):
        slot = await ask(database, ADA, HERE)
        assert isinstance(slot, Slot)
        await give_back(database, slot=slot)
    first = await ask(database, ADA)
    assert slots(await ask_often(database, LIMIT - 1, ADA)) == LIMIT - 1
    assert slots(await ask_often(database, LIMIT, ADA, now=NOON + WINDOW)) == LIMIT
    assert isinstance(first, Slot)
    await give_back(database, slot=first)
    assert slots(await ask_often(database, 1, ADA, now=NOON + WINDOW)) == 0


async def test_whoever_is_refused_by_one_count_takes_nothing_from_the_other(database: Database) -> None:
    """A185: hammering on a full account does not fill its address's count."""
    assert slots(await ask_often(database, LIMIT, ADA)) == LIMIT
    assert slots(await ask_often(database, LIMIT, HERE, ADA)) == 0
    assert slots(await ask_often(database, LIMIT + 1, HERE)) == LIMIT


async def test_a_guess_that_could_not_be_evaluated_is_not_counted(database: Database) -> None:
    """A182: neither the owner nor anybody pays for a full queue; any other end stays counted."""
    for _ in range(LIMIT + 1):
        with pytest.raises(Unavailable):
            async with guess(database, [ADA], limit=LIMIT, now=NOON):
                raise Unavailable
    for _ in range(LIMIT):
        with pytest.raises(asyncio.CancelledError):
            async with guess(database, [ADA], limit=LIMIT, now=NOON):
                raise asyncio.CancelledError
    with pytest.raises(RateLimited):
        async with guess(database, [ADA], limit=LIMIT, now=NOON):
            pytest.fail("evaluated")


async def test_a_limit_of_zero_counts_nothing(database: Database) -> None:
    """A182: switched off, no row is made."""
    assert slots([await ask(database, ADA, limit=0) for _ in range(30)]) == 30
    assert await rows(database) == 0


async def test_counts_that_are_over_are_swept_and_nothing_is_stored_in_clear(database: Database) -> None:
    """T13, T14: keyed digests, and no more rows than there were failures in a window."""
    for number in range(30):
        await ask(database, account_bucket(KEYS, f"nobody-{number}@example.com"))
    assert await rows(database) == 30
    await ask(database, ADA, now=NOON + WINDOW)
    assert await rows(database) == 1
    async with database.read() as reader:
        stored = (await reader.execute(select(sign_in_failures.c.bucket))).scalar_one()
    assert bytes(stored) == ADA.digest
    other = account_bucket(ServerKeys.from_texts([mint_server_key()]), "ada@example.com")
    assert other.digest != ADA.digest


async def rows(database: Database) -> int:
    async with database.read() as reader:
        return int((await reader.execute(select(func.count()).select_from(sign_in_failures))).scalar_one())


@pytest.mark.parametrize("spelled", ["ADA@example.com", "ada@EXAMPLE.com", "ａda@example.com", "ada@example．com"])
def test_however_an_address_is_spelled_it_has_one_count(spelled: str) -> None:
    """A183: as P1 folds it, whether or not somebody has it."""
    assert account_bucket(KEYS, spelled) == ADA


def test_what_cannot_be_an_address_has_a_count_of_its_own() -> None:
    """A117: without being folded."""
    long = "\u0345\u0316" * 20_000
    assert account_bucket(KEYS, long) == account_bucket(KEYS, long)
    assert account_bucket(KEYS, long) != account_bucket(KEYS, "two words@example.com") != ADA


def test_of_ipv6_a_whole_network_is_one_count() -> None:
    """A185: a subscriber has a /64; and one address has one name."""
    near = address_bucket(KEYS, "2001:db8:1:2::1")
    assert address_bucket(KEYS, "2001:db8:1:2:ffff:ffff:ffff:ffff") == near
    assert address_bucket(KEYS, "2001:db8:1:3::1") != near
    assert address_bucket(KEYS, "::ffff:203.0.113.9") == HERE
    assert address_bucket(KEYS, "203.0.113.10") != HERE
    assert address_bucket(KEYS, None) == address_bucket(KEYS, None)


def test_counts_of_different_kinds_never_meet() -> None:
    """A184."""
    assert len({bucket(KEYS, counted, "x").digest for counted in Counted}) == len(Counted)
    assert "digest" not in repr(ADA)
