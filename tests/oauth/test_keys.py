"""Signing keys rotated, withdrawn and compromised, with the time in the test's hands, on both databases."""

import asyncio
from datetime import timedelta

import pytest

from gatewright.base.errors import Conflict, NotFound
from gatewright.base.ids import UserId
from gatewright.events.catalogue import SYSTEM
from gatewright.oauth import key_store
from gatewright.oauth.key_rules import PUBLICATION, SWITCH_MARGIN, Keys, current_key, state_of
from gatewright.oauth.key_service import Retirement, retire_signing_key, rotate_signing_key
from gatewright.oauth.model import SigningKey
from tests.oauth.stage import MINUTE, NOON, SECOND, Stage, StagedApp

LIFETIME = timedelta(hours=2)
MOMENT = timedelta(microseconds=1)


async def stored(stage: Stage) -> Keys:
    """Return the keys as they are stored."""
    async with stage.database.read() as reader:
        return await key_store.load_signing_keys(reader)


async def states(stage: Stage, *, at: timedelta) -> list[str]:
    """Return the state of each key that long after noon."""
    keys = await stored(stage)
    return [state_of(key, keys, lifetime=LIFETIME, now=NOON + at) for key in keys]


async def rotate(stage: Stage, *, at: timedelta, at_once: bool = False) -> SigningKey:
    """Return the key that a rotation makes."""
    return await rotate_signing_key(stage.database, keys=stage.keys, at_once=at_once, origin=SYSTEM, now=NOON + at)


async def retire(stage: Stage, kid: str, *, at: timedelta, is_compromised: bool = True) -> Retirement:
    """Return what retiring a key did."""
    return await retire_signing_key(
        stage.database,
        kid,
        is_compromised=is_compromised,
        keys=stage.keys,
        lifetime=LIFETIME,
        origin=SYSTEM,
        now=NOON + at,
    )


async def test_a_key_is_next_then_current_then_retiring_then_retired(stage: Stage) -> None:
    """T11: by the time alone; nothing moves it on."""
    await rotate(stage, at=MINUTE)
    switch = MINUTE + PUBLICATION
    assert await states(stage, at=switch - MOMENT) == ["current", "next"]
    assert await states(stage, at=switch) == ["retiring", "current"]
    assert await states(stage, at=switch + LIFETIME - MOMENT) == ["retiring", "current"]
    assert await states(stage, at=switch + LIFETIME) == ["retired", "current"]


async def test_tokens_live_through_a_rotation(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    """T11: whichever key signed them, to their own end; and what the old key would sign later is refused."""
    before = await stage.tokens(user_id, crane, now=NOON)
    await rotate(stage, at=MINUTE)
    switch = NOON + MINUTE + PUBLICATION
    last = await stage.tokens(user_id, crane, now=switch - MOMENT)
    first = await stage.tokens(user_id, crane, now=switch)
    for issued in (before, last, first):
        assert await stage.fate(issued, now=switch + SECOND) == "alive"
    assert await stage.fate(last, now=switch + LIFETIME - 2 * SECOND) == "alive"
    assert await stage.fate(first, now=switch + LIFETIME - 2 * SECOND) == "alive"


async def test_what_withdrawing_the_next_key_leaves(stage: Stage) -> None:
    """T11: the current key, for good; and so does the next key's compromise."""
    for at, is_compromised in ((MINUTE, False), (3 * MINUTE, True)):
        waiting = await rotate(stage, at=at)
        await retire(stage, waiting.kid, at=at + MINUTE, is_compromised=is_compromised)
        keys = await stored(stage)
        current = current_key(keys, now=NOON + 10 * LIFETIME)
        assert current is not None
        assert (current.kid, current.retired_at) == (keys[0].kid, None)


async def test_a_compromise_during_a_rotation_leaves_a_key_that_signs(stage: Stage) -> None:
    """T12: a fresh one until the next one's turn, without a gap."""
    waiting = await rotate(stage, at=MINUTE)
    old = (await stored(stage))[0]
    done = await retire(stage, old.kid, at=2 * MINUTE)
    assert done.successor is not None
    for at, kid in ((2 * MINUTE, done.successor.kid), (PUBLICATION, done.successor.kid), (LIFETIME, waiting.kid)):
        current = current_key(await stored(stage), now=NOON + at)
        assert current is not None
        assert current.kid == kid


async def test_a_compromise_right_after_a_rotation_at_once_leaves_a_key_that_signs(stage: Stage) -> None:
    """T12: the old key's last seconds are not taken for a successor."""
    fresh = await rotate(stage, at=MINUTE, at_once=True)
    done = await retire(stage, fresh.kid, at=MINUTE + SECOND)
    assert done.successor is not None
    current = current_key(await stored(stage), now=NOON + MINUTE + SWITCH_MARGIN + SECOND)
    assert current is not None
    assert current.kid == done.successor.kid


async def test_a_compromised_keys_tokens_die_with_the_answer(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    """T12: the event is an ending, and so is the answer to the second request."""
    issued = await stage.tokens(user_id, crane)
    assert await stage.fate(issued) == "alive"
    kid = (await stored(stage))[0].kid
    for _ in range(2):
        await retire(stage, kid, at=MINUTE)
        assert stage.committed[-1].ends_something
        assert await stage.fate(issued, now=NOON + MINUTE) == "token_invalid"
        assert await stage.fate(issued, now=NOON) == "token_invalid", "a clock set back changes nothing"
    assert await stage.recorded("signing_key.retired", "signing_key.made") == [
        "signing_key.made",
        "signing_key.retired",
        "signing_key.made",
    ]


async def test_what_cannot_be_retired_is_told(stage: Stage) -> None:
    """T11: the current key without a successor, one that is retired, and one that is unknown."""
    (only,) = await stored(stage)
    with pytest.raises(Conflict, match="key_needs_successor"):
        await retire(stage, only.kid, at=MINUTE, is_compromised=False)
    await rotate(stage, at=MINUTE, at_once=True)
    with pytest.raises(Conflict, match="key_retired"):
        await retire(stage, only.kid, at=2 * MINUTE, is_compromised=False)
    for is_compromised in (False, True):
        with pytest.raises(NotFound):
            await retire(stage, "0" * 32, at=MINUTE, is_compromised=is_compromised)


async def test_two_operators_take_turns(stage: Stage) -> None:
    """T12: of two rotations at once one makes the next key and the other is told; two ends make one successor."""
    told = await asyncio.gather(*(rotate(stage, at=MINUTE) for _ in range(4)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in told) == ["Conflict", "Conflict", "Conflict", "SigningKey"]
    kid = (await stored(stage))[0].kid
    done = await asyncio.gather(*(retire(stage, kid, at=2 * MINUTE) for _ in range(4)))
    assert len([one for one in done if one.successor is not None]) == 1
