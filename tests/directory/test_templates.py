"""Permission templates: whom a change reaches, what it may not do, and how much it costs, on both databases."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from sqlalchemy import insert, text

from gatewright.base.errors import Conflict, Invalid, NotAllowed, NotFound
from gatewright.base.ids import CompanyId, ContactId, ProjectId, TemplateId
from gatewright.base.levels import Level
from gatewright.db.schema import contacts as contacts_table
from gatewright.db.schema import project_members
from gatewright.directory import service
from gatewright.directory.model import Grantor, Tool
from gatewright.directory.store import contacts, templates
from gatewright.events import keys
from tests.directory.people import EDGE, EVERY_LEVEL, NOON, Town
from tests.support.statements import counted

SITE: dict[str, Any] = {"company": {"budget": "read_only"}, "project": {"rfis": "standard"}}


async def template(
    town: Town,
    company_id: CompanyId,
    name: str = "Site",
    *,
    company: Mapping[str, str] = MappingProxyType({}),
    project: Mapping[str, str] = MappingProxyType({}),
) -> TemplateId:
    """Return a new template with these levels."""
    return await service.create_template(
        town.database, company_id=company_id, name=name, company=company, project=project, **EDGE
    )


async def assign(
    town: Town,
    company_id: CompanyId,
    contact_id: ContactId,
    template_id: TemplateId | None,
    by: ContactId | None = None,
    *,
    confirmed: bool = False,
) -> bool:
    """Return whether the contact holds another template now."""
    return await service.assign_template(
        town.database,
        company_id=company_id,
        contact_id=contact_id,
        template_id=template_id,
        granted_by=None if by is None else Grantor(by),
        confirmed=confirmed,
        **EDGE,
    )


async def change(
    town: Town,
    company_id: CompanyId,
    template_id: TemplateId,
    by: ContactId | None = None,
    *,
    confirmed: bool = False,
    **parts: Any,
) -> int:
    """Return how many contacts changed with the template."""
    saved = await service.change_template(
        town.database,
        company_id=company_id,
        template_id=template_id,
        granted_by=None if by is None else Grantor(by),
        confirmed=confirmed,
        **parts,
        **EDGE,
    )
    return saved.contacts


async def held(town: Town, company_id: CompanyId, contact_id: ContactId) -> tuple[int | None, dict[str, str]]:
    """Return the contact's template and company levels."""
    contact = await town.look(company_id, contact_id)
    assert contact is not None
    return contact.template_id, {tool: level.key for tool, level in contact.levels.items()}


async def on(town: Town, company_id: CompanyId, contact_id: ContactId, project_id: ProjectId) -> dict[str, str] | None:
    """Return the contact's levels on a project; None without a membership."""
    async with town.database.read() as reader:
        membership = await contacts.find_membership(reader, company_id, contact_id, project_id)
    return None if membership is None else {tool: level.key for tool, level in membership.levels.items()}


# holding one ---------------------------------------------------------------------------------


async def test_a_template_sets_company_levels_and_those_of_every_membership_now_and_later(town: Town) -> None:
    """M3: and of no other contact's, and of no project that the contact is no member of (P3)."""
    here = await town.company()
    pier, yard, quay = [await town.project(here) for _ in range(3)]
    ada, ben = await town.contact(here, budget="admin"), await town.contact(here, budget="admin")
    for one in (ada, ben):
        await town.join(here, one, pier, None, rfis="admin")
    site = await template(town, here, **SITE)
    assert await assign(town, here, ada, site)
    assert await held(town, here, ada) == (site, {"budget": "read_only"})
    assert await on(town, here, ada, pier) == {"rfis": "standard"}
    await service.set_membership(
        town.database, company_id=here, contact_id=ada, project_id=yard, levels=None, granted_by=None, **EDGE
    )
    assert await on(town, here, ada, yard) == {"rfis": "standard"}
    assert await on(town, here, ada, quay) is None
    assert await held(town, here, ada) == (site, {"budget": "read_only"})
    assert (await held(town, here, ben), await on(town, here, ben, pier)) == (
        (None, {"budget": "admin"}),
        {"rfis": "admin"},
    )
    assert not await assign(town, here, ada, site)


async def test_changing_a_template_changes_every_contact_that_holds_it_and_no_other(town: Town) -> None:
    """M3."""
    here, there = await town.company(), await town.company()
    pier = await town.project(here)
    site, other = await template(town, here, **SITE), await template(town, here, "Other", **SITE)
    theirs = await template(town, there, **SITE)
    ada, ben, cleo = [await town.contact(here) for _ in range(3)]
    wim = await town.contact(there)
    for one, of in ((ada, site), (ben, site), (cleo, other)):
        await assign(town, here, one, of)
        await service.set_membership(
            town.database, company_id=here, contact_id=one, project_id=pier, levels=None, granted_by=None, **EDGE
        )
    await assign(town, there, wim, theirs)
    assert await change(town, here, site, company={"reports": "read_only"}, project={"rfis": "admin"}) == 2
    for one in (ada, ben):
        assert await held(town, here, one) == (site, {"reports": "read_only"})
        assert await on(town, here, one, pier) == {"rfis": "admin"}
    assert await held(town, here, cleo) == (other, {"budget": "read_only"})
    assert await on(town, here, cleo, pier) == {"rfis": "standard"}
    assert await held(town, there, wim) == (theirs, {"budget": "read_only"})
    assert await change(town, here, site, name="Site lead") == 0
    assert await change(town, here, site, name="Site lead") == 0


async def test_a_level_set_by_hand_detaches_and_the_next_change_passes_by(town: Town) -> None:
    """M3: a company level, or one on a project; what changes nothing detaches nobody."""
    here = await town.company()
    pier, yard = await town.project(here), await town.project(here)
    site = await template(town, here, **SITE)
    ada, ben = await town.contact(here), await town.contact(here)
    for one in (ada, ben):
        await town.join(here, one, pier, None)
        await assign(town, here, one, site)
        assert not await town.set_levels(here, one, None, budget="read_only")
        assert not await town.join(here, one, pier, None, rfis="standard")
        assert await town.join(here, one, yard, None, rfis="standard")
        assert (await held(town, here, one))[0] == site
    assert await town.set_levels(here, ada, None, budget="standard")
    assert await held(town, here, ada) == (None, {"budget": "standard"})
    assert await town.join(here, ben, pier, None, rfis="read_only")
    assert await held(town, here, ben) == (None, {"budget": "read_only"})
    assert await change(town, here, site, company={}, project={}) == 0
    assert await on(town, here, ben, yard) == {"rfis": "standard"}


async def test_a_contact_may_begin_with_a_template_and_with_nothing_beside_it(town: Town) -> None:
    """M3."""
    here, there = await town.company(), await town.company()
    site, foreign = await template(town, here, **SITE), await template(town, there, **SITE)
    new: dict[str, Any] = {"company_id": here, "name": "Ada", "granted_by": None, **EDGE}
    ada = await service.add_contact(town.database, email="a@b.example", levels={}, template_id=site, **new)
    assert await held(town, here, ada) == (site, {"budget": "read_only"})
    for given in ({"levels": {"budget": "admin"}, "template_id": site}, {"levels": {}, "template_id": foreign}):
        with pytest.raises(Invalid) as refused:
            await service.add_contact(town.database, email="c@d.example", **given, **new)  # type: ignore[arg-type]
        assert [problem.field for problem in refused.value.problems] == ["template_id"]


async def test_a_removed_template_leaves_its_holders_their_levels(town: Town) -> None:
    """M3: they are detached."""
    here = await town.company()
    pier = await town.project(here)
    site, ada = await template(town, here, **SITE), await town.contact(here)
    await town.join(here, ada, pier, None)
    await assign(town, here, ada, site)
    removed = {"company_id": here, "template_id": site, **EDGE}
    assert await service.remove_template(town.database, **removed) == 1
    assert await held(town, here, ada) == (None, {"budget": "read_only"})
    assert await on(town, here, ada, pier) == {"rfis": "standard"}
    with pytest.raises(NotFound):
        await service.remove_template(town.database, **removed)


async def test_a_template_of_another_company_is_none(town: Town) -> None:
    """P6."""
    here, there = await town.company(), await town.company()
    foreign, ada = await template(town, there, **SITE), await town.contact(here)
    with pytest.raises(Invalid) as refused:
        await assign(town, here, ada, foreign)
    assert [problem.field for problem in refused.value.problems] == ["template_id"]
    with pytest.raises(NotFound):
        await change(town, here, foreign, company={})
    with pytest.raises(NotFound):
        await service.remove_template(town.database, company_id=here, template_id=foreign, **EDGE)


async def test_a_template_is_named_once_in_a_company_and_holds_levels_that_there_are(town: Town) -> None:
    """M1: company and project levels apart."""
    here, there = await town.company(), await town.company()
    site, other = await template(town, here, **SITE), await template(town, here, "Other")
    assert await template(town, there) not in {site, other}
    with pytest.raises(Invalid):
        await template(town, here)
    with pytest.raises(Invalid):
        await change(town, here, other, name="Site")
    with pytest.raises(Invalid):
        await template(town, here, " ")
    faults: list[dict[str, Any]] = [
        {"company": {"rfis": "admin"}},
        {"project": {"budget": "admin"}},
        {"company": {"admin": "standard"}},
    ]
    for wrong in faults:
        with pytest.raises(Invalid):
            await change(town, here, site, **wrong)


async def test_a_tool_declared_later_is_none_for_those_who_hold_a_template(town: Town) -> None:
    """M7."""
    here = await town.company()
    site, ada = await template(town, here, **SITE), await town.contact(here)
    await assign(town, here, ada, site)
    await service.declare_tool(town.database, tool=Tool("company", "payroll", "Payroll", EVERY_LEVEL), **EDGE)
    contact = await town.look(here, ada)
    async with town.database.read() as reader:
        standing = await templates.find_template(reader, here, site)
    assert contact is not None and standing is not None  # noqa: PT018
    assert contact.levels.get("payroll", Level.NONE) is standing.company_levels.get("payroll", Level.NONE) is Level.NONE


@pytest.mark.parametrize("company", [{}, {"budget": "read_only"}], ids=["projects_alone", "company_too"])
async def test_regenerated_permissions_are_in_no_templates_reach(town: Town, company: dict[str, str]) -> None:
    """S7: the template's next change would give the levels back."""
    here = await town.company()
    site = await template(town, here, company=company, project={"rfis": "standard"})
    robot = await town.contact(here, service_account_id=9)
    await town.join(here, robot, await town.project(here), None)
    await assign(town, here, robot, site)
    assert await service.clear_permissions(town.database, company_id=here, contact_id=robot, **EDGE)
    assert await held(town, here, robot) == (None, {})
    assert await town.projects_of(here, robot) == []
    assert await change(town, here, site, company={"budget": "admin"}) == 0
    assert await held(town, here, robot) == (None, {})


# what it may not do --------------------------------------------------------------------------


async def test_nobody_gives_by_a_template_what_they_do_not_hold(town: Town) -> None:
    """M5: by assigning it, and by changing it under those who hold it; in the company and on a project."""
    here = await town.company()
    pier = await town.project(here)
    clerk = await town.contact(here, user_id=await town.user(), budget="standard")
    await town.join(here, clerk, pier, None, rfis="read_only")
    ada = await town.contact(here)
    await town.join(here, ada, pier, None)
    rich = await template(town, here, "Rich", company={"budget": "admin"})
    field = await template(town, here, "Field", project={"rfis": "standard"})
    for given in (rich, field):
        with pytest.raises(NotAllowed):
            await assign(town, here, ada, given, clerk)
    modest = await template(town, here, "Modest", company={"budget": "read_only"}, project={"rfis": "read_only"})
    assert await assign(town, here, ada, modest, clerk)
    too_high: list[dict[str, Any]] = [{"company": {"budget": "admin"}}, {"project": {"rfis": "admin"}}]
    for parts in too_high:
        with pytest.raises(NotAllowed):
            await change(town, here, modest, clerk, **parts)
    assert await change(town, here, modest, clerk, company={"budget": "standard"}) == 1
    with pytest.raises(NotAllowed):
        await service.add_contact(
            town.database,
            company_id=here,
            email="n@e.example",
            name="New",
            levels={},
            template_id=rich,
            granted_by=Grantor(clerk),
            **EDGE,
        )


async def test_nobody_takes_by_a_template_from_those_who_hold_more(town: Town) -> None:
    """M5: a grantor who lost their levels meanwhile is no exception."""
    here = await town.company()
    pier = await town.project(here)
    clerk, boss = await town.contact(here, budget="standard"), await town.contact(here, budget="admin")
    low = await template(town, here, "Low")
    with pytest.raises(NotAllowed):
        await assign(town, here, boss, low, clerk)
    high = await template(town, here, "High", company={"budget": "admin"}, project={"rfis": "admin"})
    await town.join(here, boss, pier, None)
    await assign(town, here, boss, high)
    taking: list[dict[str, Any]] = [{"company": {}}, {"project": {}}]
    for parts in taking:
        with pytest.raises(NotAllowed):
            await change(town, here, high, clerk, **parts)
    await town.remove(here, clerk, None)
    with pytest.raises(NotAllowed):
        await change(town, here, high, clerk, company={})
    assert (await held(town, here, boss))[1] == {"budget": "admin"}


async def test_no_template_takes_the_last_admin_away(town: Town) -> None:
    """M5: by being assigned, or by a change under all admins at once; accounts and the inactive do not count."""
    here = await town.company()
    ada, ben = await town.admin(here), await town.user()
    gone = await town.contact(here, user_id=ben, directory="admin")
    await service.deactivate_user(town.database, user_id=ben, **EDGE)
    robot = await town.contact(here, service_account_id=9)
    await town.set_levels(here, robot, None, confirmed=True, directory="admin")
    low = await template(town, here, "Low")
    with pytest.raises(Conflict) as refused:
        await assign(town, here, ada, low, ada)
    assert refused.value.code == "last_admin"
    admins = await template(town, here, "Admins", company={"directory": "admin"})
    await assign(town, here, ada, admins, ada)
    await assign(town, here, gone, admins, ada)
    with pytest.raises(Conflict) as refused:
        await change(town, here, admins, ada, company={"directory": "standard"})
    assert refused.value.code == "last_admin"
    assert await town.admins(here) == 1
    await town.admin(here)
    assert await change(town, here, admins, ada, company={"directory": "standard"}) == 2
    assert await town.admins(here) == 1


async def test_a_service_account_becomes_admin_by_a_template_only_when_confirmed(town: Town) -> None:
    """S10: by assigning it and by changing it."""
    here = await town.company()
    ada, robot = await town.admin(here), await town.contact(here, service_account_id=9)
    admins = await template(town, here, "Admins", company={"directory": "admin"})
    with pytest.raises(Conflict) as refused:
        await assign(town, here, robot, admins, ada)
    assert refused.value.code == "confirmation_required"
    low = await template(town, here, "Low")
    await assign(town, here, robot, low, ada)
    with pytest.raises(Conflict) as refused:
        await change(town, here, low, ada, company={"directory": "admin"})
    assert refused.value.code == "confirmation_required"
    assert await change(town, here, low, ada, confirmed=True, company={"directory": "admin"}) == 1
    assert await assign(town, here, robot, admins, ada, confirmed=True)


async def test_two_who_lower_each_other_at_once_leave_one_admin(town: Town) -> None:
    """M5: one through a template, one by hand."""
    for _ in range(4):
        here = await town.company()
        ada, ben = await town.admin(here), await town.admin(here)
        admins = await template(town, here, "Admins", company={"directory": "admin"})
        await assign(town, here, ada, admins)
        answers = await asyncio.gather(
            change(town, here, admins, ben, company={}),
            town.set_levels(here, ben, ada),
            return_exceptions=True,
        )
        assert sum(isinstance(answer, (Conflict, NotAllowed)) for answer in answers) == 1
        assert await town.admins(here) == 1


# the record, and the cost --------------------------------------------------------------------


async def test_each_change_is_recorded_with_what_it_touched(town: Town) -> None:
    """R1, T12: one event for a template's change, naming the facts of all who hold it; one for each attachment."""
    here = await town.company()
    pier, user = await town.project(here), await town.user()
    site, ada = await template(town, here, **SITE), await town.contact(here, user_id=user)
    await town.join(here, ada, pier, None)
    await assign(town, here, ada, site)
    await change(town, here, site, company={})
    await service.remove_template(town.database, company_id=here, template_id=site, **EDGE)
    query = text("SELECT kind, keys FROM events WHERE company_id = :here ORDER BY id DESC LIMIT 4")
    async with town.database.read() as reader:
        rows = (await reader.execute(query, {"here": here})).all()
    assert [row.kind for row in rows] == [
        "template.removed",
        "template.saved",
        "membership.set",
        "contact.levels_changed",
    ]
    saved = str(rows[1].keys)
    assert keys.contact(here, user) in saved
    assert keys.membership(here, pier, ada) in saved


async def test_a_change_costs_the_same_however_many_hold_the_template(town: Town) -> None:
    """M3: statements do not grow with the holders, and each holder's facts are touched (T12)."""
    here = await town.company()
    ada, pier, site = await town.admin(here), await town.project(here), await template(town, here, **SITE)
    spent: list[int] = []
    for first, many in ((1_000, 3), (2_000, 400)):
        await _holders(town, here, site, pier, first=first, many=many)
        with counted(town.database) as seen:
            await change(town, here, site, ada, company={"budget": ("standard", "read_only")[len(spent)]})
        spent.append(len(seen.statements))
    assert spent[0] == spent[1]
    async with town.database.read() as reader:
        last = text("SELECT keys FROM events WHERE kind = 'template.saved' ORDER BY id DESC LIMIT 1")
        touched = str((await reader.execute(last)).scalar_one())
    assert touched.count("contact:") == 403
    assert touched.count("membership:") == 403


async def _holders(
    town: Town, company_id: CompanyId, template_id: TemplateId, project_id: ProjectId, *, first: int, many: int
) -> None:
    """Let many contacts with principals hold the template, each a member of the project."""
    ids = range(first, first + many)
    common = {"company_id": company_id, "created_at": NOON}
    people = [
        {
            **common,
            "id": id_,
            "name": f"Holder {id_}",
            "email": f"h{id_}@example.com",
            "email_folded": f"h{id_}@example.com",
            "service_account_id": id_,
            "template_id": template_id,
            "levels": {},
            "updated_at": NOON,
        }
        for id_ in ids
    ]
    members = [{**common, "project_id": project_id, "contact_id": id_, "levels": {}} for id_ in ids]

    async def fill(tx: Any) -> None:
        await tx.execute(insert(contacts_table), people)
        await tx.execute(insert(project_members), members)

    await town.database.write(fill)
