"""T12 through nginx: what was ended is refused on the very next call, and nothing of it reaches the API."""

import inspect
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.endings import accounts, apps, companies, tokens
from tests.endings.model import Ending, Prepare
from tests.endings.table import ALL
from tests.proxies.guarded import RFIS, Guarded
from tests.support.served import program_at

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What these end is no token's: sessions, invitations, redirect URIs, what only Gatewright's own API or pages look at.
NO_CALL_OF_AN_API = {
    accounts.session_of_a_deactivated_user,
    accounts.signed_out,
    accounts.session_ended_in_the_list,
    accounts.all_other_sessions_ended,
    accounts.changed_password,
    apps.redirect_uri_taken_away,
    companies.withdrawn_invitation,
    companies.removed_template,
    companies.lowered_membership,  # asked of the engine; below it is asked through nginx
}
ENDINGS = [prepare for prepare in ALL if prepare not in NO_CALL_OF_AN_API]
SOURCES = [accounts, apps, companies, tokens]


@pytest_asyncio.fixture(loop_scope="module")
async def client(guarded: Guarded) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a program that calls the API, through nginx as everyone."""
    async with program_at(guarded.nginx.base_url) as program:
        yield program


async def refuses(guarded: Guarded, ending: Ending, client: httpx.AsyncClient) -> None:
    """Ask once: it must be refused, and nothing passed on."""
    before = len(guarded.upstream.received)
    answer = await ending.ask(client)
    assert answer.status_code in ending.refused, (ending.name, answer.text)
    assert len(guarded.upstream.received) == before, ending.name


@pytest.mark.parametrize("prepare", ENDINGS, ids=lambda prepare: prepare.__name__)
async def test_what_was_ended_is_refused_on_the_next_call(
    guarded: Guarded, client: httpx.AsyncClient, prepare: Prepare
) -> None:
    """T12: also after an answer that says it had ended already."""
    world = guarded.world
    worker = world.workers[0]
    world.workers = [worker] * 3  # some cases are made through a second and a third worker; here there is one
    ending = await prepare(world)
    for _ in range(2):
        before = len(guarded.upstream.received)
        allowed = await (ending.warm or ending.ask)(client)
        assert allowed.status_code in ending.allowed, (ending.name, allowed.text)
        assert len(guarded.upstream.received) == before + 1, ending.name
    for _ in range(2 if ending.again else 1):
        await ending.end(worker)
        await refuses(guarded, ending, client)


async def test_a_lowered_membership_is_felt_on_the_next_call(guarded: Guarded) -> None:
    """T12: a level on a project, lowered and raised and lowered."""
    world = guarded.world
    await world.add_person("una", "Una Ufer")
    contact = await world.add_contact("alder", "una")
    token, company = (await world.tokens("una", "pocket")).access, guarded.company()
    for level, status in (("standard", 200), ("read_only", 403), ("admin", 200), ("none", 403), ("standard", 200)):
        await world.add_member("alder", "bridge", contact, rfis=level)
        answer = guarded.call("POST", guarded.path(RFIS), token=token, headers=[company], body=b"{}")
        assert (answer.status, answer.is_passed_on) == (status, status == 200), (level, answer)


async def test_every_other_ending_of_the_table_is_asked_here() -> None:
    """T12: a case that is added to the table is asked here, or is said to be none of an API's."""
    assert len(ENDINGS) + len(NO_CALL_OF_AN_API) == len(ALL)
    assert all(inspect.getmodule(prepare) in SOURCES for prepare in ALL)
    assert len(ENDINGS) >= 20
