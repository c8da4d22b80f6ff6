"""R3 over HTTP: calls are counted to within one batch whatever ends the process, and refused ones are kept."""

import asyncio
import time

import httpx
import pytest
from sqlalchemy import func, select

from gatewright.db.schema import calls, refusals
from gatewright.settings import Settings
from tests.flows.test_crash import deployment
from tests.support.databases import DIALECTS
from tests.support.server import Server, start_server
from tests.support.world import World

SECONDS = 30
ROUNDS = 3
BATCH = 20


def call(server: Server, token: str, company_id: int, times: int) -> None:
    """Make so many calls that are refused."""
    path = f"/rest/v1.0/companies/{company_id}/contacts"
    with httpx.Client(base_url=server.base_url, timeout=SECONDS, trust_env=False) as client:
        for _ in range(times):
            answer = client.get(path, headers={"authorization": f"Bearer {token}"})
            assert answer.status_code == 403, answer.text


async def counted(world: World) -> int:
    """Return how many refused calls are written."""
    found = select(func.coalesce(func.sum(calls.c.count), 0)).where(calls.c.result == "permission_insufficient")
    async with world.house.database.read() as reader:
        return int((await reader.execute(found)).scalar_one())


async def counted_up_to(world: World, number: int) -> None:
    """Wait until so many calls are written; they must be, without another call."""
    deadline = time.monotonic() + SECONDS
    while (found := await counted(world)) < number:
        assert time.monotonic() < deadline, f"{found} of {number} calls were written"
        await asyncio.sleep(0.05)
    assert found == number


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_server_that_is_killed_loses_one_batch_and_no_more(
    world: World, settings: Settings, flow_dialect: str
) -> None:
    # R3: what was written before the kill stands, and nothing is counted twice after it
    robot, company_id = await world.robot_token("robot"), world.companies["alder"]
    folder = settings.data_dir / "killed"
    folder.mkdir()
    server = await asyncio.to_thread(start_server, data_dir=folder, settings=deployment(settings))
    try:
        for done in range(1, ROUNDS + 1):
            await asyncio.to_thread(call, server, robot, company_id, BATCH)
            await counted_up_to(world, done * BATCH)
        await asyncio.to_thread(call, server, robot, company_id, BATCH)
    finally:
        server.kill()
    found = await counted(world)
    assert ROUNDS * BATCH <= found <= (ROUNDS + 1) * BATCH
    again = await asyncio.to_thread(start_server, data_dir=folder, settings=deployment(settings))
    try:
        await asyncio.to_thread(call, again, robot, company_id, BATCH)
    finally:
        await asyncio.to_thread(again.stop)
    assert await counted(world) == found + BATCH
    async with world.house.database.read() as reader:
        kept = (await reader.execute(select(func.count()).select_from(refusals))).scalar_one()
    assert kept == found + BATCH


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_dead_tokens_of_a_known_app_are_counted_to_the_app_and_to_no_company(
    world: World, flow_dialect: str
) -> None:
    """R3, X4: a text that never was a token of ours is nobody's, and counted to nobody."""
    plain, company_id = world.apps["plain"], world.companies["alder"]
    tokens = await world.tokens("ada", "plain")
    await world.client.post("/oauth/revoke", data={**plain.credentials, "token": tokens.access})
    for token in (tokens.access, "eyJ.not.ours", None):
        assert (await world.call(token, "/rest/v1.0/projects", company=company_id)).status_code == 401
    await world.app.state.counters.flush()
    async with world.house.database.read() as reader:
        found = (await reader.execute(select(calls.c.company_id, calls.c.app_id, calls.c.result))).all()
        kept = (await reader.execute(select(refusals))).one()
    assert [tuple(row) for row in found] == [(0, plain.id, "token_revoked")]
    assert (kept.company_id, kept.app_id, kept.contact_id) == (0, plain.id, None)


async def test_what_is_kept_names_nobody_and_repeats_no_query(world: World) -> None:
    """R3, R4, T13: ids and our own sentences; neither address nor name nor token."""
    token = (await world.tokens("wim", "crane")).access
    path = f"/rest/v1.0/companies/{world.companies['alder']}/installations?page=1&note=secret-in-query"
    answer = await world.call(token, path, headers={"user-agent": "Agent Wim"})
    assert answer.status_code == 403
    await world.app.state.counters.flush()
    async with world.house.database.read() as reader:
        kept = (await reader.execute(select(refusals))).one()
    assert kept.request_id == answer.headers["x-request-id"] == answer.json()["error"]["request_id"]
    assert kept.asked == {
        "method": "GET",
        "path": "/rest/v1.0/companies/{company_id}/installations",
        "tool": "admin",
        "of_company": False,
        "any_level": False,
        "manage": True,
        "level": "admin",
        "held": "none",
        "scopes": [],
        "sentence": answer.json()["error"]["message"],
        "help": answer.json()["error"]["help"],
    }
    for told in ("Wim", "secret", "127.0.0.1", token):
        assert told not in str(kept._mapping)


async def test_a_page_that_is_refused_is_no_call(world: World) -> None:
    """R3: what a page refuses is told there; the navigation asks much and is told no often."""
    answer = await (await world.signed_in("wim")).get(f"/companies/{world.companies['alder']}/apps")
    assert answer.status_code == 403
    await world.app.state.counters.flush()
    async with world.house.database.read() as reader:
        assert (await reader.execute(select(func.count()).select_from(refusals))).scalar_one() == 0
