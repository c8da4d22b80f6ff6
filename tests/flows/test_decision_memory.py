"""X5: a decision from memory reads nothing, and takes in a company of thousands the memory that it takes in one of ten.

Allocations are counted, not timed.
"""

import gc
import re
import tracemalloc
from collections.abc import Awaitable, Callable

import httpx
from sqlalchemy import insert

from gatewright.base import clock
from gatewright.base.ids import CompanyId
from gatewright.db.engine import Transaction
from gatewright.db.schema import contacts
from tests.support.statements import counted
from tests.support.world import World

FEW, MANY = 10, 20_000
FIRST = 5_000_000  # ids that the world does not reach
TIMES = 6
NOISE = 4_096  # bytes; a fifth of a byte for each contact
# What is written beside, once a second, of calls that were counted and secrets that were used.
BESIDE = re.compile(r"^(BEGIN|INSERT INTO (calls|refusals)|UPDATE client_secrets|DELETE FROM (refusals|mail_outbox))")

Ask = Callable[[CompanyId], Awaitable[httpx.Response]]


async def test_a_decision_takes_no_statement_and_no_memory_that_grows_with_the_contacts(world: World) -> None:
    """X5: asked by the API, a proxy and a resource server, about a token and about a contact."""
    token = (await world.tokens("wim", "plain")).access
    sizes = {await _company(world, "few", FEW): FEW, await _company(world, "many", MANY): MANY}
    for name, ask in _ways(world, token).items():
        peaks = {}
        for company, size in sizes.items():
            for _ in range(3):  # the first connects the app, the second loads
                assert (await ask(company)).status_code == 200, name
            with counted(world.house.database) as seen:
                peaks[size] = await _peak(ask, company)
            assert [statement for statement in seen.statements if not BESIDE.match(statement)] == [], (name, size)
        assert abs(peaks[MANY] - peaks[FEW]) < NOISE, (name, peaks)


def _ways(world: World, token: str) -> dict[str, Ask]:
    bearer, gate = {"authorization": f"Bearer {token}"}, world.apps["gate"]
    of_company = {world.companies[key]: world.people["wim"].contacts.get(key) for key in world.companies}

    async def by_api(company: CompanyId) -> httpx.Response:
        return await world.client.get("/rest/v1.0/me", headers=bearer, params={"company_id": company})

    async def by_forward(company: CompanyId) -> httpx.Response:
        asked: dict[str, str | int] = {"company_id": company, "tool": "directory", "level": "read_only"}
        return await world.client.get("/authz/forward", headers=bearer, params=asked)

    async def check(company: CompanyId, who: dict[str, object]) -> httpx.Response:
        question = {**who, "company_id": company, "tool": "directory", "level": "read_only"}
        answer = await world.client.post(
            "/authz/check", json={"questions": [question]}, auth=(gate.client_id, gate.secret or "")
        )
        assert answer.json()["answers"][0]["allow"], answer.text
        return answer

    return {
        "the API": by_api,
        "forward": by_forward,
        "check of a token": lambda company: check(company, {"token": token}),
        "check of a contact": lambda company: check(company, {"contact_id": of_company[company]}),
    }


async def _peak(ask: Ask, company: CompanyId) -> int:
    """Return how many bytes stood at most at one time for a decision: of some, the one that nothing else ran beside."""
    peaks = []
    gc.collect()
    for _ in range(TIMES):
        tracemalloc.start()
        await ask(company)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return min(peaks)


async def _company(world: World, key: str, size: int) -> CompanyId:
    """Return a company with so many contacts, put straight into the table; `wim` reads its directory."""
    company = await world.add_company(key, f"Company of {key}")
    await world.add_contact(key, "wim", directory="read_only")
    now = clock.now()
    rows = [
        {
            "company_id": company,
            "id": FIRST + size + number,
            "name": f"Contact {number}",
            "email": f"{number}@x.example",
            "email_folded": f"{number}@x.example",
            "levels": {"budget": "read_only"},
            "created_at": now,
            "updated_at": now,
        }
        for number in range(size)
    ]

    async def put(tx: Transaction) -> None:
        await tx.execute(insert(contacts), rows)

    await world.house.database.write(put)
    return company
