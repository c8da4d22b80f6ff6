"""SECRET_KEYS rotated under a living deployment: everything still verifies, and moves to the new key (T13)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gatewright.app import create_app
from gatewright.base import clock
from gatewright.base.secrets import ServerKeys, mint_server_key
from gatewright.db.server_keys import server_key_uses
from gatewright.house import CannotOpen, House
from gatewright.settings import Settings
from tests.support.databases import DIALECTS
from tests.support.forms import Page
from tests.support.world import BASE_URL, World, browser_on, fill

OLD, NEW = mint_server_key(), mint_server_key()
ME = "/rest/v1.0/me"


@asynccontextmanager
async def deployment(url: str, folder: Path, *keys: str) -> AsyncIterator[World]:
    """Lend a deployment that was started with these server keys."""
    settings = Settings(issuer=BASE_URL, data_dir=folder, database_url=url, secret_keys=keys)
    made = create_app(settings)
    async with made.router.lifespan_context(made), browser_on(made) as client:
        world = World(made, made.state.house, client)
        yield world
        await world.close()


async def hanging(house: House, key: str) -> Mapping[str, int]:
    """Return what hangs from a server key."""
    key_id = ServerKeys.from_texts([key]).current.id
    async with house.database.read() as reader:
        uses = await server_key_uses(reader, now=clock.now())
    return next(use.hanging for use in uses if use.key_id == key_id)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_everything_made_under_the_old_key_goes_on_under_the_new_one(
    request: pytest.FixtureRequest, tmp_path: Path, dialect: str
) -> None:
    """T13, T5: sessions, open pages, secrets, codes, tokens, a retry across the rotation, consent forms."""
    url = str(request.getfixturevalue(f"{dialect}_url"))
    async with deployment(url, tmp_path, OLD) as before:
        await fill(before)
        tokens = await before.tokens("ada", "crane")
        lost = (await before.refresh("crane", tokens.refresh)).json()
        robot, code = await before.robot_token("robot"), await before.code("wim", "crane")
        browser = await before.signed_in("bea")
        asked = {"response_type": "code", "client_id": before.apps["plain"].client_id, "state": "s"}
        asked |= {"redirect_uri": before.apps["plain"].redirect_uri}
        consent = Page(await browser.get("/oauth/authorize", params=asked)).form(field="decision")
        cookies = dict(browser.cookies)
    async with deployment(url, tmp_path, NEW, OLD) as world:
        world.apps, world.robots, world.people = before.apps, before.robots, before.people
        retried = (await world.refresh("crane", tokens.refresh)).json()
        assert retried["refresh_token"] == lost["refresh_token"], "the same successor, whichever key is first"
        for token in (tokens.access, robot, lost["access_token"], await world.robot_token("robot")):
            assert (await world.call(token, ME)).status_code == 200
        opened = await world.exchange("crane", code)
        assert opened.status_code == 200
        page = await world.browser()
        page.cookies.update(cookies)
        allowed = await page.post("/oauth/authorize", data={**consent.fields, "decision": "allow"})
        assert allowed.status_code == 303, allowed.text
        moved = await world.refresh("crane", lost["refresh_token"])
        assert moved.status_code == 200
        left = await hanging(world.house, OLD)
        assert {"client secrets", "sessions"} <= set(left), "nobody used the other apps' secrets"
        assert not {"service accounts", "signing keys", "authorization codes"} & set(left)
        assert left["client secrets"] == len([app for app in before.apps.values() if app.secret]) - 1
    with pytest.raises(CannotOpen, match="client secrets, sessions"):
        async with deployment(url, tmp_path, NEW):
            raise AssertionError("a key that something hangs from was taken away")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_old_key_may_go_once_nothing_hangs_from_it(
    request: pytest.FixtureRequest, tmp_path: Path, dialect: str
) -> None:
    """T13, D3: every secret was used, every session ended; with the new key alone all of it verifies."""
    url = str(request.getfixturevalue(f"{dialect}_url"))
    async with deployment(url, tmp_path, OLD) as before:
        await fill(before)
        robot = await before.robot_token("robot")
    async with deployment(url, tmp_path, NEW, OLD) as world:
        world.apps, world.robots = before.apps, before.robots
        await world.robot_token("robot")
        for app in world.apps.values():
            if app.secret:
                given = {**app.credentials, "token": "none"}
                assert (await world.client.post("/oauth/introspect", data=given)).status_code == 200
        assert await hanging(world.house, OLD) == {}
    async with deployment(url, tmp_path, NEW) as world:
        world.robots, world.apps = before.robots, before.apps
        assert (await world.call(robot, ME)).status_code == 200
        assert await world.robot_token("robot")
        wrong = {**world.apps["gate"].credentials, "client_secret": "gws_wrong", "token": "none"}
        assert (await world.client.post("/oauth/introspect", data=wrong)).status_code == 401
