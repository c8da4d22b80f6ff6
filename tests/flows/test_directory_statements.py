"""What the directory's pages and lists cost the database: the same however large the company is."""

from sqlalchemy import insert

from gatewright.db.engine import Transaction
from gatewright.db.schema import contacts, permission_templates, project_members, projects, users
from tests.directory.people import NOON
from tests.support.statements import counted
from tests.support.world import World

FIRST = 1_000_000
STAMPS = {"created_at": NOON, "updated_at": NOON}


async def grow(world: World, *, by: int, template_id: int) -> None:
    """Give alder that many more of everything: users, contacts that hold the template, projects, members, templates."""
    company_id, ids = world.companies["alder"], range(FIRST + 1000 * by, FIRST + 1000 * by + by)
    wim, bridge = world.people["wim"].contacts["alder"], world.projects["bridge"]
    people = [
        {"id": i, "email": f"u{i}@x.example", "email_folded": f"u{i}@x.example", "name": f"U {i}", **STAMPS}
        for i in ids
    ]
    entries = [
        {**person, "company_id": company_id, "user_id": person["id"], "template_id": template_id, "levels": {}}
        for person in people
    ]
    works = [{"company_id": company_id, "id": i, "name": f"Works {i}", **STAMPS} for i in ids]
    named = [{**work, "company_levels": {}, "project_levels": {}} for work in works]
    member = {"company_id": company_id, "levels": {}, "created_at": NOON}
    members = [{**member, "project_id": bridge, "contact_id": i} for i in ids]
    members += [{**member, "project_id": i, "contact_id": wim} for i in ids]

    async def fill(tx: Transaction) -> None:
        for table, rows in (
            (users, people),
            (contacts, entries),
            (projects, works),
            (permission_templates, named),
            (project_members, members),
        ):
            await tx.execute(insert(table), rows)

    await world.house.database.write(fill)


async def spent(world: World, paths: list[str]) -> dict[str, int]:
    """Return how many statements each page takes, its facts in memory."""
    browser = {True: await world.signed_in("oda"), False: await world.signed_in("ada")}
    found = {}
    for path in paths:
        for _ in range(2):
            with counted(world.house.database) as seen:
                answer = await browser[path.startswith("/operator")].get(path)
            assert answer.status_code == 200, path
        found[path] = len(seen.statements)
    return found


async def test_pages_cost_the_same_in_a_large_company(world: World) -> None:
    """M3, P3: lists by the page, one statement for all rows of it."""
    site = await world.add_template("site", "alder", levels={"budget": "standard"}, on_projects={})
    home, wim = f"/companies/{world.companies['alder']}", world.people["wim"].contacts["alder"]
    bridge = world.projects["bridge"]
    paths = [
        home,
        f"{home}/directory",
        f"{home}/directory?template={site}&kind=user&q=u",
        f"{home}/directory/{wim}",
        f"{home}/templates",
        f"{home}/templates/{site}",
        f"{home}/templates/{site}/preview?company.budget=admin",
        f"{home}/projects",
        f"{home}/projects/{bridge}?find=u",
        "/operator/companies",
        f"/operator/companies/{world.companies['alder']}",
        "/operator/users",
        f"/operator/users/{world.people['wim'].id}",
    ]
    await grow(world, by=2, template_id=site)
    small = await spent(world, paths)
    await grow(world, by=300, template_id=site)
    assert await spent(world, paths) == small
