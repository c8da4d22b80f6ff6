"""Assertions: signed anew before they run out or the key ends, and kept within bounds."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gatewright.authz.assertion import HEADER, Assertions
from gatewright.authz.identity import Identity
from gatewright.base.secrets import ServerKeys, mint_server_key
from gatewright.db.engine import Database
from gatewright.events.catalogue import SYSTEM
from gatewright.events.facts import Facts, ReadThrough
from gatewright.oauth.facts import signing_keys_fact
from gatewright.oauth.key_rules import current_key
from gatewright.oauth.key_service import retire_signing_key
from gatewright.oauth.signing import SigningKeys, ensure_signing_key
from gatewright.settings import Settings

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ADA, BEA = Identity(user_id=1), Identity(user_id=2)


class Hearing:
    """A coherence of the only process there is."""

    keeps = True

    def touched(self) -> Iterable[str]:
        """Return nothing: what this process commits it knows."""
        return ()


async def of(database: Database, *, most: int = 10) -> Assertions:
    """Return what signs, with a key made at noon."""
    keys = ServerKeys.from_texts([mint_server_key()])
    await ensure_signing_key(database, keys=keys, origin=SYSTEM, now=NOON)
    return Assertions(Settings(), Facts(database, ReadThrough()), SigningKeys(keys), most)


async def signed(assertions: Assertions, identity: Identity, seconds: float) -> bytes:
    """Return the assertion about somebody, so long after noon."""
    return dict((await assertions.about(identity, now=NOON + timedelta(seconds=seconds))).headers)[HEADER]


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


async def test_none_is_given_again_once_its_key_is_no_longer_the_one_that_signs(database: Database) -> None:
    """T12: what a compromised key signed proves nothing from then on, half a minute left or not."""
    keys = ServerKeys.from_texts([mint_server_key()])
    await ensure_signing_key(database, keys=keys, origin=SYSTEM, now=NOON)
    assertions = Assertions(Settings(), Facts(database, Hearing()), SigningKeys(keys))
    first = await assertions.about(ADA, now=NOON)
    assert assertions.again(first, now=NOON) is first
    at = NOON + timedelta(seconds=1)
    key = current_key(await assertions.facts.get(signing_keys_fact()), now=NOON)
    assert key is not None
    await retire_signing_key(
        database, key.kid, is_compromised=True, keys=keys, lifetime=timedelta(hours=2), origin=SYSTEM, now=at
    )
    later = NOON + timedelta(seconds=2)
    assert assertions.again(first, now=later) is None
    assert await assertions.about(ADA, now=later) is not first


async def test_one_is_given_again_only_beside_the_keys_of_this_step_and_in_its_time(database: Database) -> None:
    """T12: whoever has not asked about the keys is given none, and nobody one that runs out."""
    assertions = await of(database)
    first = await assertions.about(ADA, now=NOON)
    assert assertions.again(first, now=NOON) is None
    assertions.facts = Facts(database, Hearing())
    await assertions.facts.get(signing_keys_fact())
    assert assertions.again(None, now=NOON) is None
    given = [assertions.again(first, now=NOON + timedelta(seconds=seconds)) for seconds in (-1, 0, 30, 30.1)]
    assert given == [None, first, first, None]


async def test_what_was_decided_is_signed_and_the_yes_to_one_question_is_none_to_another(database: Database) -> None:
    """X1: else a bearer takes the assertion of what they may to where they may not."""
    assertions = await of(database)
    rfis = Identity(user_id=1, company_id=1, level="admin", tool="rfis", project_id=4)
    told = [await signed(assertions, one, 0) for one in (rfis, replace(rfis, project_id=5), replace(rfis, tool="x"))]
    assert len(set(told)) == len(told)
    payload = json.loads(urlsafe_b64decode(told[0].split(b".")[1] + b"=="))
    assert (payload["tool"], payload["project_id"], payload["of_company"]) == ("rfis", 4, False)
