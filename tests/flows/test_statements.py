"""What a request costs the database, counted at the driver (X5, T14)."""

import pytest

from tests.support.databases import DIALECTS
from tests.support.statements import counted
from tests.support.world import World


async def test_with_the_facts_in_memory_a_decision_makes_no_statement(world: World) -> None:
    """X5: allowed or refused, for a user's app and for a service account."""
    tokens, robot = await world.tokens("ada", "crane", scope="company.manage"), await world.robot_token("robot")
    asked = [
        (tokens.access, "/rest/v1.0/me", None, 200),
        (tokens.access, "/rest/v1.0/companies/9007199254740991/contacts", None, 404),
        (tokens.access, "/rest/v1.0/companies/9007199254740992/contacts", None, 404),
        (robot, "/rest/v1.0/me", None, 200),
        (robot, "/rest/v1.0/companies/2/projects", None, 404),
        (robot, f"/rest/v1.0/companies/{world.companies['alder']}/contacts", None, 403),
        ("not-a-token", "/rest/v1.0/me", None, 401),
    ]
    for token, path, company, _ in asked * 2:  # the first confirms the generation (T6), which is written
        await world.call(token, path, company=company)
    with counted(world.house.database) as seen:
        for token, path, company, status in asked:
            assert (await world.call(token, path, company=company)).status_code == status
    assert seen.statements == []


async def test_with_the_facts_in_memory_token_info_makes_no_statement(world: World) -> None:
    """X5."""
    tokens = await world.tokens("ada", "crane")
    for _ in range(2):  # the first confirms the generation (T6), which is written
        await world.call(tokens.access, "/oauth/token/info")
    with counted(world.house.database) as seen:
        assert (await world.call(tokens.access, "/oauth/token/info")).status_code == 200
    assert seen.statements == []


async def test_with_the_facts_in_memory_client_credentials_make_no_statement(world: World) -> None:
    """T14, S4: a service account's token makes no row."""
    await world.robot_token("robot")
    with counted(world.house.database) as seen:
        assert await world.robot_token("robot")
    assert seen.statements == []


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_refresh_makes_one_writing_transaction(world: World, flow_dialect: str) -> None:
    """T5, T14."""
    tokens = await world.tokens("ada", "crane")
    with counted(world.house.database) as seen:
        assert (await world.refresh("crane", tokens.refresh)).status_code == 200
    assert seen.commits == 1, seen.statements
