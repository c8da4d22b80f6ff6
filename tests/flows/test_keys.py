"""The operator's keys over HTTP: who may see them, rotation, and a compromised key's end (T11, T12)."""

from datetime import timedelta

import pytest

from gatewright.base import clock
from gatewright.events.catalogue import SYSTEM
from gatewright.events.keys import tag
from gatewright.events.positions import newest_touched
from gatewright.oauth.key_service import rotate_signing_key
from gatewright.oauth.key_store import load_signing_keys
from tests.support.databases import DIALECTS
from tests.support.world import World

PATH = "/operator/keys"
ME = "/rest/v1.0/me"


async def published(world: World) -> list[str]:
    """Return the kids of the key set."""
    answer = await world.client.get("/oauth/jwks")
    assert all("d" not in key for key in answer.json()["keys"])
    return [key["kid"] for key in answer.json()["keys"]]


async def status(world: World, token: str) -> int:
    """Return the status of a call with the token."""
    return (await world.call(token, ME)).status_code


async def test_only_operators_see_and_turn_keys(world: World) -> None:
    """M6: a company admin is refused the page and the forms; nothing changes."""
    before, browser = await published(world), await world.signed_in("ada")
    assert (await browser.get(PATH)).status_code == 403
    for path in (f"{PATH}/rotate", f"{PATH}/{before[0]}/retire"):
        assert (await world.submit(browser, path, {"compromised": "on"})).status_code == 403
    nobody = await world.browser()
    assert (await nobody.get(PATH)).headers["location"].startswith("/login")
    assert await published(world) == before


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_rotation_publishes_the_next_key_and_stops_nothing(world: World, flow_dialect: str) -> None:
    """T11: the old key goes on signing meanwhile; a second rotation waits for the first."""
    (old,) = await published(world)
    token, browser = (await world.tokens("ada", "crane")).access, await world.signed_in("oda")
    assert (await world.submit(browser, f"{PATH}/rotate", at=PATH)).status_code == 303
    first, second = await published(world)
    assert first == old
    assert await status(world, token) == 200
    page = await browser.get(PATH)
    assert page.status_code == 200
    assert second in page.text
    again = await world.submit(browser, f"{PATH}/rotate", at=PATH)
    assert (again.status_code, "published already" in again.text) == (422, True)
    at_once = await world.submit(browser, f"{PATH}/rotate", {"at_once": "on"}, at=PATH)
    assert at_once.status_code == 303
    assert await published(world) == [old, second]
    assert await status(world, token) == 200, "the old key verifies what it signed"
    assert await status(world, (await world.tokens("ada", "crane")).access) == 200


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_compromised_key_ends_with_all_that_it_signed(world: World, flow_dialect: str) -> None:
    """T12: at once, for users and service accounts; refresh tokens stand, and a fresh key signs."""
    (old,) = await published(world)
    tokens, robot = await world.tokens("ada", "crane"), await world.robot_token("robot")
    for token in (tokens.access, robot, tokens.access, robot):
        assert await status(world, token) == 200  # its signature is remembered from now on
    browser = await world.signed_in("oda")
    form = {"compromised": "on"}
    assert (await world.submit(browser, f"{PATH}/{old}/retire", form, at=PATH)).status_code == 303
    for token in (tokens.access, robot):
        answer = await world.call(token, ME)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "token_invalid")
    (fresh,) = await published(world)
    assert fresh != old
    assert await status(world, (await world.refresh("crane", tokens.refresh)).json()["access_token"]) == 200
    assert await status(world, await world.robot_token("robot")) == 200
    again = await world.submit(browser, f"{PATH}/{old}/retire", form, at=PATH)
    assert again.status_code == 303, "ended already is ended"
    assert await published(world) == [fresh]


async def test_the_next_key_is_withdrawn_and_the_current_one_goes_on(world: World) -> None:
    """T11: uncompromised, the current key is not retired by itself; unknown keys are not found."""
    (old,) = await published(world)
    browser = await world.signed_in("oda")
    refused = await world.submit(browser, f"{PATH}/{old}/retire", at=PATH)
    assert (refused.status_code, "nothing would sign" in refused.text) == (422, True)
    await world.submit(browser, f"{PATH}/rotate", at=PATH)
    _, waiting = await published(world)
    assert (await world.submit(browser, f"{PATH}/{waiting}/retire", at=PATH)).status_code == 303
    assert await published(world) == [old]
    retired = await world.submit(browser, f"{PATH}/{waiting}/retire", at=PATH)
    assert (retired.status_code, "retired already" in retired.text) == (422, True)
    for unknown in ("0" * 32, "x" * 500, "%00"):
        answer = await world.submit(browser, f"{PATH}/{unknown}/retire", {"compromised": "on"}, at=PATH)
        assert answer.status_code == 404, unknown


async def test_the_key_set_may_be_kept_for_less_long_than_a_key_is_published_before_it_signs(world: World) -> None:
    """T11: so no verifier meets a token of a key that it has not seen."""
    await rotate_signing_key(world.house.database, keys=world.house.keys, origin=SYSTEM, now=(now := clock.now()))
    answer = await world.client.get("/oauth/jwks")
    assert "pragma" not in answer.headers
    kept = timedelta(seconds=int(answer.headers["cache-control"].removeprefix("public, max-age=")))
    page = (await (await world.signed_in("oda")).get(PATH)).text
    async with world.house.database.read() as reader:
        (old, new) = await load_signing_keys(reader)
    assert old.retired_at == new.current_from >= now + 2 * kept
    assert "until the next key takes over" in page


async def test_the_key_set_names_what_the_feed_forgets_when_it_changes(world: World) -> None:
    """T12: so that whoever follows the feed knows at once that its set is no longer the newest."""
    named = (await world.client.get("/oauth/jwks")).headers["gatewright-tag"]
    await rotate_signing_key(world.house.database, keys=world.house.keys, origin=SYSTEM, now=clock.now())
    async with world.house.database.read() as reader:
        changed = await newest_touched(reader)
    assert changed is not None
    assert named in {tag(key) for key in changed.keys}
    assert (await world.client.get("/oauth/jwks")).headers["gatewright-tag"] == named
