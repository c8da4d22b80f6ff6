"""Many admins at work on the same directories at the same time, on both databases."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from gatewright.base.errors import Conflict, Invalid, Refusal
from gatewright.base.ids import CompanyId, TemplateId
from gatewright.db.engine import Transaction
from gatewright.directory import service
from gatewright.directory.model import Grantor
from gatewright.directory.store import users
from tests.directory.people import EDGE, NOON, Town

COMPANIES, ADMINS, ROUNDS, AT_ONCE = 2, 4, 12, 6


async def test_an_admin_who_is_being_deactivated_does_not_count(town: Town) -> None:
    """M5: though the deactivation looked at this company before they were its admin."""
    here, ben = await town.company(), await town.user()
    ada = await town.admin(here)
    await town.contact(here, user_id=ben, directory="admin")
    began, may_commit = asyncio.Event(), asyncio.Event()

    async def deactivate(tx: Transaction) -> None:
        assert await users.end_activity(tx, ben, now=NOON)
        began.set()
        await may_commit.wait()

    deactivation = asyncio.create_task(town.database.write(deactivate))
    await began.wait()
    lowering = asyncio.create_task(town.set_levels(here, ada, ada, budget="admin"))
    await asyncio.sleep(0.2)
    may_commit.set()
    await deactivation
    with pytest.raises(Conflict):
        await lowering
    assert await town.admins(here) == 1


@pytest.mark.parametrize("seed", range(3))
async def test_no_interleaving_leaves_a_company_without_an_active_admin(town: Town, seed: int) -> None:
    """M5: removing, lowering, raising, by templates too, deactivating, reactivating, in any order and at once."""
    chance = random.Random(seed)
    people = [await town.user() for _ in range(ADMINS)]
    companies = [await town.company() for _ in range(COMPANIES)]
    here = {
        company: {user: await town.contact(company, user_id=user, directory="admin") for user in people}
        for company in companies
    }

    held = {company: await _templates(town, company) for company in companies}

    def act() -> Awaitable[object]:
        company, user, by = chance.choice(companies), chance.choice(people), chance.choice(people)
        contact_id, granted_by, template_id = here[company][user], here[company][by], chance.choice(held[company])
        to = chance.choice(["admin", "admin", "none"])
        where: dict[str, Any] = {"company_id": company, "granted_by": Grantor(granted_by), **EDGE}
        acts: list[Callable[[], Awaitable[object]]] = [
            lambda: town.set_levels(company, contact_id, granted_by, budget="read_only"),
            lambda: town.set_levels(company, contact_id, granted_by, directory="admin"),
            lambda: service.deactivate_user(town.database, user_id=user, **EDGE),
            lambda: service.reactivate_user(town.database, user_id=user, **EDGE),
            lambda: town.remove(company, contact_id, granted_by),
            lambda: service.assign_template(town.database, contact_id=contact_id, template_id=template_id, **where),
            lambda: service.change_template(town.database, template_id=template_id, company={"directory": to}, **where),
        ]
        return chance.choices(acts, weights=(8, 3, 4, 3, 1, 6, 6))[0]()

    for _ in range(ROUNDS):
        answers = await asyncio.gather(*(act() for _ in range(AT_ONCE)), return_exceptions=True)
        assert [answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, Refusal)] == []
        assert [company for company in companies if await town.admins(company) < 1] == []


async def _templates(town: Town, company_id: CompanyId) -> list[TemplateId]:
    """Return two templates of the company, one of them for admins."""
    levels = [{"directory": "admin"}, {"budget": "read_only"}]
    return [
        await service.create_template(
            town.database, company_id=company_id, name=f"Template {number}", company=stated, project={}, **EDGE
        )
        for number, stated in enumerate(levels)
    ]


async def test_two_who_take_one_address_at_once_are_one_user_and_a_refusal(town: Town) -> None:
    """P1: the second looked while the first had not committed; it is told the same as later."""
    ada, ben = await town.user(), await town.user()
    await _refuses_the_second(
        town,
        lambda tx: service.change_user(tx, user_id=ada, email="one@example.com", **EDGE),
        lambda: service.change_user(town.database, user_id=ben, email="ONE@example.com", **EDGE),
        field="email",
    )


async def test_two_that_take_one_name_at_once_are_one_company_and_a_refusal(town: Town) -> None:
    first, second = await town.company(), await town.company()
    await _refuses_the_second(
        town,
        lambda tx: service.change_company(tx, company_id=first, name="Northwind", **EDGE),
        lambda: service.change_company(town.database, company_id=second, name="Northwind", **EDGE),
        field="name",
    )


async def _refuses_the_second(
    town: Town,
    change: Callable[[Transaction], Awaitable[object]],
    another: Callable[[], Coroutine[None, None, object]],
    *,
    field: str,
) -> None:
    """Require that `another`, begun while `change` is not yet committed, is refused for that field."""
    began, may_commit = asyncio.Event(), asyncio.Event()

    async def first(tx: Transaction) -> None:
        await change(tx)
        began.set()
        await may_commit.wait()

    changing = asyncio.create_task(town.database.write(first))
    await began.wait()
    changing_too = asyncio.create_task(another())
    await asyncio.sleep(0.2)
    may_commit.set()
    await changing
    with pytest.raises(Invalid) as refused:
        await changing_too
    assert [problem.field for problem in refused.value.problems] == [field]
