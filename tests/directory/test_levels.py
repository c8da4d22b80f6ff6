"""Levels and memberships, on both databases."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from gatewright.base.errors import Conflict, Invalid, NotAllowed, NotFound, Refusal
from gatewright.base.ids import ContactId, ProjectId
from gatewright.base.levels import Level
from gatewright.db.engine import Committed
from gatewright.directory import service
from gatewright.directory.model import Grantor, Tool
from tests.directory.people import EDGE, Town
from tests.support.statements import counted


async def told(work: Awaitable[object]) -> str:
    """Return the code of the refusal, or `done`."""
    try:
        await work
    except Refusal as refusal:
        return refusal.code
    return "done"


async def test_levels_are_replaced_and_an_unchanged_set_records_nothing(town: Town) -> None:
    """M2: what is not stated is none. R1: a change writes one event, no change writes none."""
    here = await town.company()
    one = await town.contact(here, budget="standard", reports="read_only")
    before = await town.events()
    assert await town.set_levels(here, one, None, budget="admin", directory="none")
    contact = await town.look(here, one)
    assert contact is not None
    assert contact.levels == {"budget": Level.ADMIN}
    assert not await town.set_levels(here, one, None, budget="admin")
    assert (await town.events())[len(before) :] == ["contact.levels_changed"]


async def test_an_answer_that_finds_it_ended_waits_like_the_ending_itself(town: Town) -> None:
    """T12: a lost race says "ended" too."""
    here = await town.company()
    one, project = await town.contact(here), await town.project(here)
    told_after_commit: list[bool] = []

    async def hear(committed: Committed) -> None:
        told_after_commit.append(committed.ends_something)

    await town.join(here, one, project, None)
    town.database.after_commit.append(hear)
    await town.set_levels(here, one, None)
    await town.join(here, one, project, None)
    membership = {"company_id": here, "contact_id": one, "project_id": project, "granted_by": None, **EDGE}
    for _ in range(2):
        await service.end_membership(town.database, **membership)
    for _ in range(2):
        await town.remove(here, one, None)
    await service.change_company(town.database, company_id=here, app_access="open", **EDGE)
    robot = await town.contact(here, service_account_id=903)
    account, oda = await town.look(here, robot), await town.user()
    assert account is not None
    del told_after_commit[7:]
    await service.change_contact(town.database, company_id=here, contact_id=robot, name=account.name, **EDGE)  # S8
    await service.change_user(town.database, user_id=oda, is_operator=False, **EDGE)
    assert told_after_commit == [True] * 9


async def test_every_bad_level_is_named_and_nothing_is_changed(town: Town) -> None:
    """M1: only declared tools at supported levels."""
    here = await town.company()
    one = await town.contact(here, budget="standard")
    with pytest.raises(Invalid) as refused:
        await town.set_levels(here, one, None, budget="read_only", reports="admin", rfis="admin", ghost="none")
    assert [problem.field for problem in refused.value.problems] == ["reports", "rfis", "ghost"]
    contact = await town.look(here, one)
    assert contact is not None
    assert contact.levels == {"budget": Level.STANDARD}


async def test_a_tool_declared_later_is_none_for_all_who_were_there(town: Town) -> None:
    """M7: service accounts included."""
    here = await town.company()
    ids = [await town.contact(here, budget="admin"), await town.contact(here, service_account_id=900, budget="admin")]
    tool = Tool("company", "webhooks", "Webhooks", tuple(Level))
    assert await service.declare_tool(town.database, tool=tool, **EDGE)
    assert not await service.declare_tool(town.database, tool=tool, **EDGE)
    for contact_id in ids:
        contact = await town.look(here, contact_id)
        assert contact is not None
        assert "webhooks" not in contact.levels


async def test_a_membership_is_of_one_project_alone(town: Town) -> None:
    """P3: adding to a project never adds to another."""
    here = await town.company()
    first, second = await town.project(here), await town.project(here)
    one = await town.contact(here)
    assert await town.join(here, one, first, None, rfis="standard")
    assert await town.projects_of(here, one) == [first]
    assert not await town.join(here, one, first, None, rfis="standard")
    assert await town.join(here, one, first, None)
    ended = {"company_id": here, "contact_id": one, "granted_by": None, **EDGE}
    assert not await service.end_membership(town.database, project_id=second, **ended)
    await town.join(here, one, second, None)
    assert await service.end_membership(town.database, project_id=first, **ended)
    assert not await service.end_membership(town.database, project_id=first, **ended)
    assert await town.projects_of(here, one) == [second]


async def test_ids_of_another_company_are_unknown(town: Town) -> None:
    """P6: a foreign contact or project answers as one that does not exist."""
    here, there = await town.company(), await town.company()
    mine, foreign = await town.contact(here), await town.contact(there)
    project, foreign_project = await town.project(here), await town.project(there)
    for contact_id in (foreign, ContactId(999_999)):
        assert await told(town.set_levels(here, contact_id, None, budget="admin")) == "contact_unknown"
        assert await told(town.join(here, contact_id, project, None)) == "contact_unknown"
        assert not await town.remove(here, contact_id, None)
    for project_id in (foreign_project, ProjectId(999_999)):
        assert await told(town.join(here, mine, project_id, None)) == "project_unknown"
    assert await town.look(there, foreign) is not None


async def test_a_grantor_gives_no_level_above_their_own(town: Town) -> None:
    """M5: in the company and on a project."""
    here = await town.company()
    project = await town.project(here)
    low = await town.contact(here, user_id=await town.user(), budget="standard")
    await town.join(here, low, project, None, rfis="read_only")
    one = await town.contact(here)
    assert await told(town.set_levels(here, one, low, budget="admin")) == "permission_insufficient"
    assert await told(town.set_levels(here, one, low, budget="standard")) == "done"
    assert await told(town.join(here, one, project, low, rfis="standard")) == "permission_insufficient"
    assert await told(town.join(here, one, project, low, rfis="read_only")) == "done"
    with pytest.raises(NotAllowed):
        await town.contact(here, granted_by=Grantor(low), budget="admin")


async def test_a_grantor_takes_nothing_from_who_holds_more(town: Town) -> None:
    """M5: neither a level, nor a membership, nor the contact."""
    here = await town.company()
    project = await town.project(here)
    low = await town.contact(here, user_id=await town.user(), budget="standard")
    high = await town.contact(here, user_id=await town.user(), budget="admin")
    await town.join(here, high, project, None, rfis="admin")
    assert await told(town.set_levels(here, high, low)) == "permission_insufficient"
    assert await told(town.remove(here, high, low)) == "permission_insufficient"
    taken = {"company_id": here, "contact_id": high, "project_id": project, **EDGE}
    with pytest.raises(NotAllowed):
        await service.end_membership(town.database, granted_by=Grantor(low), **taken)
    assert await service.end_membership(town.database, granted_by=None, **taken)


async def test_a_grantor_who_was_removed_meanwhile_grants_nothing(town: Town) -> None:
    """M5, P5: what counts is what the grantor holds when the change is made."""
    here = await town.company()
    keeper, gone = await town.admin(here), await town.admin(here)
    one = await town.contact(here)
    assert await town.remove(here, gone, keeper)
    assert await told(town.set_levels(here, one, gone, budget="read_only")) == "permission_insufficient"


# the last admin ------------------------------------------------------------------------------


async def test_the_last_admin_stays(town: Town) -> None:
    """M5: a service account, an inactive user and an address without a login do not count."""
    here = await town.company()
    ada = await town.admin(here)
    robot = await town.contact(here, service_account_id=901)
    await town.set_levels(here, robot, ada, confirmed=True, directory="admin")
    await town.contact(here, directory="admin")
    away = await town.user()
    await town.contact(here, user_id=away, directory="admin")
    assert await service.deactivate_user(town.database, user_id=away, **EDGE)
    assert await told(town.set_levels(here, ada, ada, directory="standard")) == "last_admin"
    assert await told(town.remove(here, ada, ada)) == "last_admin"
    await town.admin(here)
    assert await told(town.set_levels(here, ada, ada, directory="standard")) == "done"


async def test_deactivating_the_last_admin_is_a_conflict(town: Town) -> None:
    """M5, P4: in any one of their companies; nothing is changed by the refusal."""
    here, there = await town.company(), await town.company()
    ada = await town.user()
    await town.contact(here, user_id=ada, directory="admin")
    await town.contact(there, user_id=ada, directory="admin")
    await town.admin(here)
    with pytest.raises(Conflict) as refused:
        await service.deactivate_user(town.database, user_id=ada, **EDGE)
    assert refused.value.code == "last_admin"
    assert await town.is_active(ada)
    await town.admin(there)
    assert await service.deactivate_user(town.database, user_id=ada, **EDGE)


@pytest.mark.parametrize("turn", range(8))
async def test_two_admins_at_once_never_leave_none(town: Town, turn: int) -> None:
    """M5: removing, lowering, deactivating each other or oneself, at the same moment."""
    here = await town.company()
    users = [await town.user(), await town.user()]
    first, second = [await town.contact(here, user_id=user, directory="admin") for user in users]
    pairs = {
        0: (town.remove(here, second, first), town.remove(here, first, second)),
        1: (town.remove(here, first, first), town.remove(here, second, second)),
        2: (town.set_levels(here, second, first), town.set_levels(here, first, second)),
        3: (town.set_levels(here, first, first), town.set_levels(here, second, second)),
        4: tuple(service.deactivate_user(town.database, user_id=user, **EDGE) for user in users),
        5: (service.deactivate_user(town.database, user_id=users[0], **EDGE), town.remove(here, second, second)),
        6: (town.set_levels(here, second, second), service.deactivate_user(town.database, user_id=users[0], **EDGE)),
        7: (town.remove(here, second, first), town.set_levels(here, first, first, budget="admin")),
    }
    chosen = pairs.pop(turn)
    for work in (work for pair in pairs.values() for work in pair):
        work.close()
    answers = await asyncio.gather(*(told(work) for work in chosen))
    assert answers.count("done") == 1
    assert await town.admins(here) == 1


# service accounts ----------------------------------------------------------------------------


async def test_a_service_account_becomes_company_admin_only_when_confirmed(town: Town) -> None:
    """S10: else a conflict that says how to confirm."""
    here = await town.company()
    ada = await town.admin(here)
    robot = await town.contact(here, service_account_id=902)
    with pytest.raises(Conflict) as refused:
        await town.set_levels(here, robot, ada, directory="admin")
    assert refused.value.code == "confirmation_required"
    assert '"confirm": "directory-admin"' in refused.value.help
    assert await town.set_levels(here, robot, ada, confirmed=True, directory="admin")
    assert await town.set_levels(here, robot, ada, directory="admin", budget="admin")
    with pytest.raises(Conflict):
        await town.contact(here, service_account_id=903, granted_by=Grantor(ada), directory="admin")


async def test_clearing_takes_every_level_and_membership(town: Town) -> None:
    """S7: what a regenerated secret leaves its contact with."""
    here = await town.company()
    robot = await town.contact(here, service_account_id=904, budget="admin")
    for project in (await town.project(here), await town.project(here)):
        await town.join(here, robot, project, None, rfis="admin")
    cleared = {"company_id": here, "contact_id": robot, **EDGE}
    assert await service.clear_permissions(town.database, **cleared)
    assert not await service.clear_permissions(town.database, **cleared)
    assert (await town.events())[-3:] == ["contact.levels_changed", "membership.ended", "membership.ended"]
    contact = await town.look(here, robot)
    assert contact is not None
    assert (contact.levels, await town.projects_of(here, robot)) == ({}, [])


async def test_the_grid_is_saved_whole_or_not_at_all(town: Town) -> None:
    """R1: one transaction for all its rows."""
    here = await town.company()
    ada, one = await town.admin(here), await town.contact(here)
    first, second = await town.project(here), await town.project(here)
    grid = {"company_id": here, "contact_id": one, "company": {"budget": "admin"}, "granted_by": Grantor(ada), **EDGE}
    with pytest.raises(Invalid):
        await service.save_levels(town.database, projects={first: {"rfis": "admin"}, second: {"rfis": "owner"}}, **grid)
    with pytest.raises(NotFound):
        await service.save_levels(town.database, projects={first: {}, ProjectId(999_999): {}}, **grid)
    contact = await town.look(here, one)
    assert contact is not None
    assert (contact.levels, await town.projects_of(here, one)) == ({}, [])
    assert await service.save_levels(town.database, projects={first: {"rfis": "admin"}}, **grid)
    assert not await service.save_levels(town.database, projects={first: {"rfis": "admin"}}, **grid)
    with pytest.raises(Invalid):
        await service.save_levels(town.database, projects={first: {"rfis": "admin", "crane": "none"}}, **grid)


async def test_memberships_cost_no_statements_one_by_one(town: Town) -> None:
    """M3, P3, S7: a grid as it stands, a template, a removal and a clearing, with many memberships as with few."""
    here = await town.company()
    ada = await town.admin(here)
    site = await service.create_template(
        town.database, company_id=here, name="Site", company={"budget": "read_only"}, project={"rfis": "admin"}, **EDGE
    )
    spent: list[list[int]] = []
    for many in (2, 9):
        one, robot = await town.contact(here), await town.contact(here, service_account_id=900 + many)
        projects = [await town.project(here) for _ in range(many)]
        for project in projects:
            await town.join(here, one, project, None, rfis="standard")
            await town.join(here, robot, project, None, rfis="standard")
        at = {"company_id": here, "contact_id": one, "granted_by": Grantor(ada), **EDGE}
        grid = {project: {"rfis": "standard"} for project in projects}
        acts: list[Callable[[], Awaitable[object]]] = [
            partial(service.save_levels, town.database, company={"budget": "admin"}, projects=grid, **at),
            partial(service.assign_template, town.database, template_id=site, **at),
            partial(service.remove_contact, town.database, **at),
            partial(service.clear_permissions, town.database, company_id=here, contact_id=robot, **EDGE),
        ]
        spent.append([])
        for act in acts:
            with counted(town.database) as seen:
                assert await act()
            spent[-1].append(len(seen.statements))
    assert spent[0] == spent[1]


async def test_a_deactivation_costs_the_same_in_many_companies(town: Town) -> None:
    """P4, M5: they are locked together and judged together."""
    spent = []
    for many in (2, 9):
        user = await town.user()
        for _ in range(many):
            here = await town.company()
            await town.contact(here, user_id=user, directory="admin")
            await town.admin(here)
        with counted(town.database) as seen:
            assert await service.deactivate_user(town.database, user_id=user, **EDGE)
        spent.append(len(seen.statements))
    assert spent[0] == spent[1]
