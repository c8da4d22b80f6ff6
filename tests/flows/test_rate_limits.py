"""Rate limits over HTTP: headers on every answer to a known caller, and what is told beyond (http.md)."""

import time
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from gatewright.app import create_app
from gatewright.db.schema import calls
from gatewright.settings import Settings
from tests.support.world import World, browser_on, fill

ME = "/rest/v1.0/me"
PROJECTS = "/rest/v1.0/projects"
SPIKE = 8
HEADERS = ("x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset")


@pytest.fixture
async def narrow(settings: Settings) -> AsyncIterator[World]:
    """Lend the world behind a narrow spike window. It holds longer than any of these tests lasts."""
    made = create_app(settings.model_copy(update={"rate_limit_spike": 0, "rate_limit_hour": SPIKE}))
    async with made.router.lifespan_context(made), browser_on(made) as client:
        world = World(made, made.state.house, client)
        await fill(world)
        yield world
        await world.close()


def left(answer: httpx.Response) -> int:
    """Return how many calls the answer says are left."""
    return int(answer.headers["x-rate-limit-remaining"])


async def test_every_answer_to_a_known_caller_says_what_is_left(world: World) -> None:
    """http.md, Rate limits: 200s and refusals alike; of two windows the one with fewer calls left."""
    tokens = await world.tokens("wim", "crane")
    alder = world.companies["alder"]
    asked = [
        (ME, None, 200),
        (PROJECTS, "alder", 200),
        (PROJECTS, None, 400),
        (PROJECTS, 987654, 404),
        (f"/rest/v1.0/companies/{alder}/service_accounts", None, 403),
        ("/rest/v1.0/companies?page=0", None, 422),
    ]
    for path, company, status in asked:
        answer = await world.call(tokens.access, path, company=company)
        assert answer.status_code == status, answer.text
        assert int(answer.headers["x-rate-limit-limit"]) == 100_000
        assert 0 < left(answer) < 100_000
        assert time.time() - 1 < int(answer.headers["x-rate-limit-reset"]) <= time.time() + 3601


async def test_an_answer_to_nobody_says_nothing(world: World) -> None:
    """Without a token, or with a dead one, there is no app to count for."""
    for token in (None, "not-a-token"):
        answer = await world.call(token, ME)
        assert answer.status_code == 401
        assert not set(HEADERS) & set(answer.headers)


async def test_tokens_are_had_without_a_limit_of_this_kind(world: World) -> None:
    """http.md, Rate limits: the platform API's; /oauth/* has none of them."""
    tokens = await world.tokens("wim", "crane")
    answer = await world.call(tokens.access, "/oauth/token/info")
    assert answer.status_code == 200
    assert not set(HEADERS) & set(answer.headers)


async def test_beyond_the_limit_a_call_is_refused_with_the_window_and_when_to_come_back(narrow: World) -> None:
    """http.md, Rate limits; X2: `rate_limited` 429."""
    tokens = await narrow.tokens("wim", "crane")
    answers = [await narrow.call(tokens.access, PROJECTS, company="alder") for _ in range(SPIKE + 1)]
    assert [answer.status_code for answer in answers] == [200] * SPIKE + [429]
    assert [left(answer) for answer in answers] == [*range(SPIKE - 1, -1, -1), 0]
    over = answers[-1]
    assert over.json()["error"]["code"] == "rate_limited"
    assert "60 minutes" in over.json()["error"]["message"]
    assert over.json()["errors"] == [over.json()["error"]["message"]]
    assert over.json()["error"]["request_id"] == over.headers["x-request-id"]
    wait = int(over.headers["retry-after"])
    assert 3500 < wait <= 3600
    assert abs(time.time() + wait - int(over.headers["x-rate-limit-reset"])) <= 2


async def test_another_app_another_company_and_no_company_have_calls_of_their_own(narrow: World) -> None:
    """http.md, Rate limits: per token's app and company."""
    crane, plain = await narrow.tokens("ada", "crane"), await narrow.tokens("ada", "plain")
    for _ in range(SPIKE + 1):
        refused = await narrow.call(crane.access, PROJECTS, company="alder")
    assert refused.status_code == 429
    for token, path, company in ((plain, PROJECTS, "alder"), (crane, PROJECTS, "birch"), (crane, ME, None)):
        assert (await narrow.call(token.access, path, company=company)).status_code == 200
    again = await narrow.tokens("max", "crane")
    assert (await narrow.call(again.access, PROJECTS, company="alder")).status_code == 429, "the app's, not the user's"


async def test_naming_companies_out_of_reach_yields_no_fresh_calls(narrow: World) -> None:
    """P6: the bucket of no company takes them all, whether such a company exists or not."""
    tokens = await narrow.tokens("wim", "crane")
    named = [narrow.companies["birch"], *range(700_000, 700_000 + SPIKE)]
    answers = [await narrow.call(tokens.access, PROJECTS, company=company) for company in named]
    assert [answer.status_code for answer in answers] == [404] * SPIKE + [429]
    assert (await narrow.call(tokens.access, ME)).status_code == 429
    assert (await narrow.call(tokens.access, PROJECTS, company="alder")).status_code == 200


async def test_a_service_account_has_calls_of_its_own(narrow: World) -> None:
    """http.md, Rate limits: by its client id."""
    await narrow.set_levels("alder", narrow.robots["robot"].contact_id, directory="read_only")
    other = await narrow.add_robot("other", "alder", "Other export")
    await narrow.set_levels("alder", other.contact_id, directory="read_only")
    token = await narrow.robot_token("robot")
    for _ in range(SPIKE):
        assert (await narrow.call(token, PROJECTS, company="alder")).status_code == 200
    fresh = await narrow.robot_token("robot")
    assert (await narrow.call(fresh, PROJECTS, company="alder")).status_code == 429, "a new token is no new app"
    assert (await narrow.call(await narrow.robot_token("other"), PROJECTS, company="alder")).status_code == 200


async def test_a_call_beyond_the_limit_changes_nothing_and_is_counted(narrow: World) -> None:
    """R3, I2: it does not connect the app, and counts as `rate_limited` where the company is in reach."""
    tokens = await narrow.tokens("wim", "crane")
    for _ in range(SPIKE + 2):
        await narrow.call(tokens.access, PROJECTS, company="alder")
    for _ in range(SPIKE + 2):
        await narrow.call(tokens.access, PROJECTS, company="birch")
    await narrow.app.state.counters.flush()
    limited = select(calls.c.company_id, calls.c.count.label("many")).where(calls.c.result == "rate_limited")
    async with narrow.house.database.read() as reader:
        rows = await reader.execute(limited)
        counted = {row.company_id: row.many for row in rows}
    assert counted == {0: 2, narrow.companies["alder"]: 2}


async def test_the_application_keeps_one_budget_per_process(app: FastAPI, world: World) -> None:
    """Several tokens of one user and app share it."""
    first, second = await world.tokens("wim", "crane"), await world.tokens("wim", "crane")
    one = await world.call(first.access, PROJECTS, company="alder")
    two = await world.call(second.access, PROJECTS, company="alder")
    assert left(one) - left(two) == 1
