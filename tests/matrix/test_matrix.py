"""X1, X2, M6: one matrix, asked through every way there is. A table expects the answers that knows nothing of us."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select

from gatewright.db.schema import installations
from gatewright_sdk import AsyncGatewright, Gatewright
from tests.matrix.built import Built, built_world, ids
from tests.matrix.cells import cells
from tests.matrix.expected import installed_after
from tests.matrix.placed import Placed, Way, told
from tests.matrix.route_map import route_map
from tests.matrix.spoilt import fill_tokens
from tests.matrix.way_api import PlatformApi
from tests.matrix.way_check import Checked
from tests.matrix.way_decide import PureDecision
from tests.matrix.way_forward import AppendedRequest, ForwardedQuestion, ForwardedRequest
from tests.matrix.way_nginx import BehindNginx, echoing_api
from tests.matrix.way_sdk import Guarded, GuardedAsync
from tests.support.nginx import running_nginx
from tests.support.road import Road, road_to
from tests.support.served import program_at

MOST_SHOWN = 12
MOST_PASSES = 40
CHECKS = b"POST /authz/check"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def built(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Built]:
    """Lend the described world behind a server, once for all ways."""
    folder = tmp_path_factory.mktemp("matrix")
    routes = folder / "routes.yaml"
    routes.write_text(route_map())
    chosen = {"ROUTES": str(routes), "TRUSTED_PROXIES": "127.0.0.1"}
    async with built_world(folder, chosen) as world:
        await fill_tokens(world)
        yield world


async def differences(way: Way, placed: list[Placed]) -> list[str]:
    """Return each cell that the way answers otherwise than the table."""
    asked = [one for one in placed if way.why_not(one.cell) is None]
    answers = await way.ask(asked)
    return [
        f"{one.name}: {told(answer, way.tells)} instead of {told(one.expected, way.tells)}"
        for one, answer in zip(asked, answers, strict=True)
        if told(answer, way.tells) != told(one.expected, way.tells)
    ]


async def compare(way: Way, built: Built) -> None:
    """Ask all cells, then the first calls; and count what the way cannot be asked, and why."""
    placed = ids(cells(), built)
    skipped = Counter(reason for one in placed if (reason := way.why_not(one.cell)) is not None)
    asked = len(placed) - skipped.total()
    assert asked >= way.least, (way.name, asked, skipped)
    first_calls = [one for one in await built.fresh() if way.why_not(one.cell) is None]
    wrong = await differences(way, placed) + await differences(way, first_calls)
    if way.acts:
        wrong += await installed_otherwise(built, first_calls)
    assert not wrong, f"{way.name}: {len(wrong)} of {asked}\n" + "\n".join(wrong[:MOST_SHOWN])


async def installed_otherwise(built: Built, first_calls: list[Placed]) -> list[str]:
    """Return each first call after which the app stands in its company otherwise than the table says (I2)."""
    async with built.house.database.read() as reader:
        rows = await reader.execute(select(installations.c.company_id, installations.c.status))
        stands = {row.company_id: row.status for row in rows}
    return [
        f"{one.name}: {stands.get(one.company)} stands after it"
        for one in first_calls
        if stands.get(one.company) != installed_after(one.cell)
    ]


async def test_the_rules_answer_like_the_table(built: Built) -> None:
    """X1, X2."""
    await compare(PureDecision(built), built)


async def test_the_api_answers_like_the_table(built: Built) -> None:
    """X2, M8."""
    await compare(PlatformApi(built), built)


async def test_a_proxys_question_is_answered_like_the_table(built: Built) -> None:
    """X2: with the identity in headers, signed; asked for the first time, and of a server that remembers."""
    for _ in range(2):
        await compare(ForwardedQuestion(built), built)


async def test_a_forwarded_request_is_answered_like_the_table(built: Built) -> None:
    """X2, X3: by the route map, where needs may be a scope too."""
    await compare(ForwardedRequest(built), built)


async def test_a_request_appended_to_our_path_is_answered_like_the_table(built: Built) -> None:
    """X2, X3."""
    await compare(AppendedRequest(built), built)


async def test_nginx_lets_through_what_the_table_says(built: Built, tmp_path: Path) -> None:
    """X2: and the API behind it is told who asks."""
    port = httpx.URL(built.server.base_url).port or 0
    async with echoing_api() as api:
        with running_nginx(tmp_path / "nginx", gatewright=port, api=api) as nginx:
            async with program_at(nginx.base_url) as client:
                await compare(BehindNginx(built, client), built)


async def test_a_resource_servers_questions_are_answered_like_the_table(built: Built) -> None:
    """X1: about tokens and about contacts."""
    await compare(Checked(built), built)


async def from_memory(way: Guarded | GuardedAsync, built: Built, road: Road) -> None:
    """Ask all cells until none of them was asked of the server; each time the table has to be right.

    Not of a contact in no company: that answer hangs from no fact, so nobody may keep it.
    """
    placed = [one for one in ids(cells(), built) if one.is_of_token or one.company is not None]
    for _ in range(MOST_PASSES):
        before = road.times(CHECKS)
        wrong = await differences(way, placed)
        assert not wrong, f"{way.name}, again: {len(wrong)}\n" + "\n".join(wrong[:MOST_SHOWN])
        if road.times(CHECKS) == before:
            return
        await asyncio.sleep(0.1)  # a lease takes a moment, and a moment more on a busy computer
    raise AssertionError(f"{way.name}: nothing was kept in {MOST_PASSES} passes")


async def test_the_sdk_answers_like_the_table(built: Built) -> None:
    """X5: with nothing in memory, and from memory alone."""
    gate, issuer = built.world.apps["gate"], built.server.base_url
    async with road_to(issuer) as road:
        with Gatewright(
            issuer, client_id=gate.client_id, client_secret=gate.secret or "", address=road.base_url
        ) as guard:
            await compare(Guarded(built, guard), built)
            await from_memory(Guarded(built, guard), built, road)


async def test_the_asynchronous_sdk_answers_like_the_table(built: Built) -> None:
    """X5: with nothing in memory, and from memory alone."""
    gate, issuer = built.world.apps["gate"], built.server.base_url
    async with (
        road_to(issuer) as road,
        AsyncGatewright(
            issuer, client_id=gate.client_id, client_secret=gate.secret or "", address=road.base_url
        ) as guard,
    ):
        await compare(GuardedAsync(built, guard), built)
        await from_memory(GuardedAsync(built, guard), built, road)
