"""Assertions: signed anew before they run out or the key ends, and kept within bounds."""

from datetime import UTC, datetime, timedelta

from gatewright.authz.assertion import HEADER, Assertions
from gatewright.authz.identity import Identity
from gatewright.base.secrets import ServerKeys, mint_server_key
from gatewright.db.engine import Database
from gatewright.events.catalogue import SYSTEM
from gatewright.events.facts import Facts, ReadThrough
from gatewright.oauth.signing import SigningKeys, ensure_signing_key
from gatewright.settings import Settings

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ADA, BEA = Identity(user_id=1), Identity(user_id=2)


async def of(database: Database, *, most: int = 10) -> Assertions:
    """Return what signs, with a key made at noon."""
    keys = ServerKeys.from_texts([mint_server_key()])
    await ensure_signing_key(database, keys=keys, origin=SYSTEM, now=NOON)
    return Assertions(Settings(), Facts(database, ReadThrough()), SigningKeys(keys), most)


async def signed(assertions: Assertions, identity: Identity, seconds: float) -> bytes:
    """Return the assertion about somebody, so long after noon."""
    return dict(await assertions.headers(identity, now=NOON + timedelta(seconds=seconds)))[HEADER]


async def test_an_assertion_is_given_again_while_half_a_minute_is_left(database: Database) -> None:
    """X1: signing is what costs most of an answer."""
    assertions = await of(database)
    first = await signed(assertions, ADA, 0)
    assert await signed(assertions, ADA, 30) == first
    assert await signed(assertions, ADA, 30.1) != first


async def test_a_clock_that_went_back_gives_none_from_the_future(database: Database) -> None:
    """X1."""
    assertions = await of(database)
    first = await signed(assertions, ADA, 10)
    assert await signed(assertions, ADA, 9) != first


async def test_each_identity_has_its_own_and_few_are_kept(database: Database) -> None:
    """X1, X5: the memory does not grow with those who ask."""
    assertions = await of(database, most=1)
    ada, bea = await signed(assertions, ADA, 0), await signed(assertions, BEA, 0)
    assert ada != bea
    assert await signed(assertions, BEA, 1) == bea
    assert await signed(assertions, ADA, 2) != ada
