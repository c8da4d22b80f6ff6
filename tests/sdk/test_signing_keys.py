"""The server's key set as the SDK holds it: never older than the lease (T11, T12, X2)."""

import asyncio
from pathlib import Path

from gatewright.base import clock
from gatewright.events.catalogue import SYSTEM
from gatewright.oauth.key_service import retire_signing_key, rotate_signing_key
from gatewright.oauth.key_store import load_signing_keys
from gatewright_sdk import Allow, Identity, Question
from gatewright_sdk.clock import passed
from gatewright_sdk.denials import ASSERTION_INVALID, TOKEN_INVALID
from tests.sdk.test_server_away import Guarded, guarded_world
from tests.sdk.watching import LEASE, Watched

FORGED = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImZvcmdlZCJ9.e30.c2ln"  # of a key "forged"


async def question_anew(guarded: Guarded) -> Question:
    """Return the question with a fresh token."""
    tokens, asked = await guarded.world.tokens("wim", "plain"), guarded.question
    return Question(token=tokens.access, company_id=asked.company_id, tool=asked.tool, level=asked.level)


async def assertion_of(guarded: Guarded) -> str:
    """Return what a proxy passes on for the question."""
    asked = guarded.question
    params = {"company_id": str(asked.company_id), "tool": asked.tool, "level": asked.level}
    headers = {"authorization": f"Bearer {asked.token}"}
    let_in = await guarded.world.workers[0].get("/authz/forward", params=params, headers=headers)
    assert let_in.status_code == 200, let_in.text
    return str(let_in.headers["gatewright-auth-assertion"])


async def refused_after(one: Watched, assertion: str, *, ended_at: float) -> None:
    """Return once the assertion is refused; AssertionError when it is believed for longer than a lease."""
    while isinstance(await one.guard.verify_assertion(assertion), Identity):
        assert passed() < ended_at + LEASE
        await asyncio.sleep(0.01)
    assert await one.guard.verify_assertion(assertion) == ASSERTION_INVALID


async def test_a_stolen_key_vouches_for_nobody_and_its_successor_for_all(tmp_path: Path) -> None:
    """T12: `gatewright keys retire KID --compromised`, while the guards follow; a forged key came before."""
    async with guarded_world(tmp_path) as guarded:
        await guarded.have_in_memory()
        assertion, house = await assertion_of(guarded), guarded.world.house
        for one in guarded.guards:
            assert await one.guard.check(Question(token=FORGED, tool="rfis", level="admin")) == TOKEN_INVALID
            assert isinstance(await one.guard.verify_assertion(assertion), Identity)
        async with house.database.read() as reader:
            (stolen,) = await load_signing_keys(reader)
        await retire_signing_key(
            house.database,
            stolen.kid,
            is_compromised=True,
            keys=house.keys,
            lifetime=house.settings.access_token_lifetime,
            origin=SYSTEM,
            now=clock.now(),
        )
        ended_at = passed()
        for one in guarded.guards:
            await refused_after(one, assertion, ended_at=ended_at)
        assert {deny.code for deny in await guarded.feel(ended_at=ended_at)} == {"token_invalid"}
        anew = await question_anew(guarded)
        for one in guarded.guards:
            assert isinstance(await one.guard.check(anew), Allow)


async def test_a_key_that_signs_at_once_is_known_within_the_lease(tmp_path: Path) -> None:
    """T11, X2: `gatewright keys rotate --now` right after a forged key was met."""
    async with guarded_world(tmp_path) as guarded:
        await guarded.have_in_memory()
        house = guarded.world.house
        for one in guarded.guards:
            assert await one.guard.check(Question(token=FORGED, tool="rfis", level="admin")) == TOKEN_INVALID
        await rotate_signing_key(house.database, keys=house.keys, at_once=True, origin=SYSTEM, now=clock.now())
        rotated_at, anew = passed(), await question_anew(guarded)
        for one in guarded.guards:
            while not isinstance(await one.guard.check(anew), Allow):
                assert passed() < rotated_at + LEASE
                await asyncio.sleep(0.01)
