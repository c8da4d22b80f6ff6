"""The directory's pages: overview, directory, contact. Forms as the pages make them, without JavaScript."""

import httpx
import pytest

from tests.support.forms import Page
from tests.support.world import World


def at(world: World, path: str = "", *, company: str = "alder") -> str:
    """Return a page of a company."""
    return f"/companies/{world.companies[company]}{path}"


def contact_page(world: World, person: str, company: str = "alder") -> str:
    """Return the address of a person's contact page."""
    return at(world, f"/directory/{world.people[person].contacts[company]}", company=company)


async def save(browser: httpx.AsyncClient, path: str, **levels: str) -> httpx.Response:
    """Return the answer to the grid of a contact's page, sent with some levels changed."""
    form = Page(await browser.get(path)).form(action=path)
    return await browser.post(path, data={**form.fields, **levels})


# overview ------------------------------------------------------------------------------------


async def test_the_overview_shows_the_companys_figures_and_the_policy_to_its_admins(world: World) -> None:
    admin = await (await world.signed_in("max")).get(at(world))
    assert admin.status_code == 200
    assert 'name="app_access"' in admin.text
    reader = await (await world.signed_in("wim")).get(at(world))
    assert reader.status_code == 200
    assert 'name="app_access"' not in reader.text
    assert "They connect at their first call." in reader.text


async def test_the_overview_tells_its_admins_what_happened(world: World) -> None:
    """R1: who did what, newest first; to nobody else."""
    browser, path = await world.signed_in("ada"), contact_page(world, "wim")
    await save(browser, path, **{"company.budget": "standard"})
    await browser.post(
        f"{path}/remove", data={"csrf_token": Page(await browser.get(path)).forms[0].fields["csrf_token"]}
    )
    shown = (await browser.get(at(world))).text
    removed, changed = shown.index("removed Wim Weide from the directory"), shown.index("may do in the company")
    assert removed < changed < shown.index("made the service account Nightly export")
    assert '<bdi class="gw-strong">Ada Alder</bdi> <bdi>removed' in shown
    await world.set_levels("alder", world.people["max"].contacts["alder"], budget="read_only")
    assert "What happened here" not in (await (await world.signed_in("max")).get(at(world))).text


async def test_the_policy_is_saved_and_the_apps_that_wait_are_shown(world: World) -> None:
    """I2: the admins are told on their pages."""
    browser = await world.signed_in("max")
    form = Page(await browser.get(at(world))).form(action="/settings")
    saved = await browser.post(form.action, data={**form.fields, "app_access": "approval"})
    assert (saved.status_code, saved.headers["location"]) == (303, at(world))
    assert (await browser.post(form.action, data={**form.fields, "app_access": "closed"})).status_code == 422
    token = (await world.tokens("wim", "plain")).access
    await world.call(token, f"/rest/v1.0/companies/{world.companies['alder']}/contacts")
    shown = await browser.get(at(world))
    assert "<bdi>Plain Viewer</bdi> asks to connect" in shown.text
    assert "asks to connect" not in (await (await world.signed_in("wim")).get(at(world))).text


# directory -----------------------------------------------------------------------------------


async def test_the_directory_is_searched_without_giving_hidden_addresses_away(world: World) -> None:
    """S2: a search finds a service account's address for admins alone."""
    reader, admin = await world.signed_in("wim"), await world.signed_in("ada")
    robot = world.robots["robot"]
    local = robot.address.partition("@")[0]
    assert "Max Moss" in (await reader.get(at(world, "/directory?q=mOsS"))).text
    assert "Ada Alder" not in (await reader.get(at(world, "/directory?q=mOsS"))).text
    assert "Nightly export" in (await admin.get(at(world, f"/directory?q={local}"))).text
    assert "Nightly export" not in (await reader.get(at(world, f"/directory?q={local}"))).text
    assert robot.address in (await admin.get(at(world, "/directory"))).text
    assert robot.address not in (await reader.get(at(world, "/directory"))).text
    assert robot.address not in (await reader.get(at(world, f"/directory/{robot.contact_id}"))).text
    for q in ("%", "_", "\\", "%25"):
        assert "No contact" in (await reader.get(at(world, "/directory"), params={"q": q})).text


async def test_a_contact_is_added_and_its_levels_are_set_next(world: World) -> None:
    """P2: no user is joined by an address; the page says the same whoever has it."""
    browser = await world.signed_in("ada")
    form = Page(await browser.get(at(world, "/directory"))).form(field="email")
    added = await browser.post(
        form.action, data={**form.fields, "invite": "", "name": "Bea Birch", "email": "bea@example.com"}
    )
    assert added.status_code == 303
    page = await browser.get(added.headers["location"])
    assert "No sign-in: an entry in the address book" in page.text
    assert "Bea Birch is in the directory." in page.text
    again = await browser.post(form.action, data={**form.fields, "name": "B", "email": "bea@example.com"})
    assert again.status_code == 422
    assert "is in this company&#39;s directory already" in again.text or "directory already" in again.text
    bad = await browser.post(form.action, data={**form.fields, "name": "", "email": "<script>"})
    assert bad.status_code == 422
    assert 'value="&lt;script&gt;"' in bad.text


# a contact -----------------------------------------------------------------------------------


async def test_a_reader_of_the_directory_sees_their_own_projects_alone(world: World) -> None:
    """P6: neither a contact's other projects nor those it could join, but for a company admin."""
    ada = world.people["ada"].contacts["alder"]
    await world.add_member("alder", "tower", ada)
    await world.add_project("quay", "alder", "Quayside")
    page = contact_page(world, "ada")
    readers = (await (await world.signed_in("wim")).get(page)).text
    assert "Tower" not in readers
    assert "Quayside" not in readers
    admins = (await (await world.signed_in("ada")).get(page)).text
    assert "Tower" in admins
    assert "Quayside" in admins
    own = (await (await world.signed_in("wim")).get(contact_page(world, "wim"))).text
    assert "Bridge" in own
    await world.add_member("alder", "bridge", ada)
    readers = (await (await world.signed_in("wim")).get(page)).text
    assert "Bridge" in readers
    assert "Tower" not in readers
    listed = (await (await world.signed_in("wim")).get(at(world, "/directory?q=Ada"))).text
    assert ("1 project" in listed, "2 projects" in listed) == (True, False)


async def test_what_happened_names_projects_to_company_admins_alone(world: World) -> None:
    """P6: who may set the company may be no member of what was made there."""
    await world.add_project("quay", "alder", "Quayside")
    assert "made the project Quayside" in (await (await world.signed_in("ada")).get(at(world))).text
    setters = (await (await world.signed_in("max")).get(at(world))).text
    assert "made the service account Nightly export" in setters
    assert "Quayside" not in setters
    assert "Bridge" not in setters


async def test_the_grid_saves_company_and_project_levels(world: World) -> None:
    """M2: one select for each tool, in the company and on each project."""
    browser, path = await world.signed_in("ada"), contact_page(world, "wim")
    bridge = f"project.{world.projects['bridge']}"
    form = Page(await browser.get(path)).form(action=path)
    levels = {name: level for name, level in form.fields.items() if "." in name}
    assert levels == {
        "company.directory": "read_only",
        "company.admin": "none",
        "company.budget": "none",
        f"{bridge}.rfis": "standard",
        f"{bridge}.drawings": "none",
    }
    saved = await save(browser, path, **{"company.budget": "standard", f"{bridge}.drawings": "admin"})
    assert (saved.status_code, saved.headers["location"]) == (303, path)
    form = Page(await browser.get(path)).form(action=path)
    assert (form.fields["company.budget"], form.fields[f"{bridge}.drawings"]) == ("standard", "admin")
    assert form.fields["company.directory"] == "read_only"


@pytest.mark.parametrize(
    "levels",
    [
        {"company.budget": "owner"},
        {"company.admin": "standard"},
        {"company.ghost": "admin"},
        {"company.": "admin"},
        {"project.1": "admin"},
        {"project.x.rfis": "admin"},
        {"project.999999.rfis": "admin"},
        {"company.budget": ""},
    ],
)
async def test_a_grid_that_cannot_be_is_refused_whole(world: World, levels: dict[str, str]) -> None:
    """M1: with 422, and nothing saved."""
    browser, path = await world.signed_in("ada"), contact_page(world, "wim")
    refused = await save(browser, path, **{"company.directory": "none", **levels})
    assert refused.status_code == 422
    assert Page(await browser.get(path)).form(action=path).fields["company.directory"] == "read_only"


async def test_a_page_from_before_a_removal_does_not_bring_the_membership_back(world: World) -> None:
    """P3: whoever left a project stays out of it."""
    browser, path = await world.signed_in("ada"), contact_page(world, "wim")
    old = Page(await browser.get(path)).form(action=path)
    leave = f"{path}/projects/{world.projects['bridge']}/remove"
    left = await browser.post(leave, data={"csrf_token": old.fields["csrf_token"]})
    assert left.status_code == 303
    assert (await browser.post(leave, data={"csrf_token": old.fields["csrf_token"]})).status_code == 404
    stale = await browser.post(path, data=old.fields)
    assert stale.status_code == 422
    assert "no longer a member" in stale.text
    assert "A member of no project." in (await browser.get(path)).text


async def test_a_contact_joins_a_project_and_a_second_click_takes_nothing(world: World) -> None:
    """P3: it starts there with none; adding it again leaves its levels."""
    browser, path = await world.signed_in("ada"), contact_page(world, "wim")
    tower = str(world.projects["tower"])
    form = Page(await browser.get(path)).form(action="/projects")
    for _ in range(2):
        assert (await browser.post(form.action, data={**form.fields, "project_id": tower})).status_code == 303
        await save(browser, path, **{f"project.{tower}.rfis": "admin"})
    assert Page(await browser.get(path)).form(action=path).fields[f"project.{tower}.rfis"] == "admin"
    await browser.post(form.action, data={**form.fields, "project_id": tower})
    assert Page(await browser.get(path)).form(action=path).fields[f"project.{tower}.rfis"] == "admin"
    for wrong in (str(world.projects["mill"]), "0x1", "", "999999"):
        answer = await browser.post(form.action, data={**form.fields, "project_id": wrong})
        assert answer.status_code in {404, 422}


async def test_cells_that_may_not_change_are_locked_with_the_reason(world: World) -> None:
    """M4, M5: the last admin's level has no select, nor what it includes."""
    browser, path = await world.signed_in("ada"), contact_page(world, "ada")
    page = await browser.get(path)
    assert [form.action for form in Page(page).forms if form.action == path] == []  # nothing in it could be sent
    assert "The last active user with Directory: Admin keeps it." in page.text
    assert "Directory: Admin includes admin on every tool." in page.text
    token = Page(page).form(action=f"{path}/edit").fields["csrf_token"]
    forced = await browser.post(path, data={"csrf_token": token, "company.directory": "none"})
    assert forced.status_code == 422
    assert "nobody could manage the company" in forced.text
    removed = await browser.post(f"{path}/remove", data={"csrf_token": token})
    assert removed.status_code == 422
    assert (await browser.get(path)).status_code == 200


async def test_the_warning_before_a_service_account_becomes_company_admin(world: World) -> None:
    """S10: asked for once, kept with what was chosen; without the tick it is asked again."""
    browser, path = await world.signed_in("ada"), at(world, f"/directory/{world.robots['robot'].contact_id}")
    asked = await save(browser, path, **{"company.directory": "admin", "company.budget": "standard"})
    assert asked.status_code == 422
    assert "would be company admin" in asked.text
    form = Page(asked).form(action=path)
    assert (form.fields["company.directory"], form.fields["company.budget"]) == ("admin", "standard")
    sure = {name: value for name, value in form.fields.items() if name != "confirm"}
    assert (await browser.post(path, data=sure)).status_code == 422
    assert (await browser.post(path, data={**sure, "confirm": "directory-admin"})).status_code == 303
    assert "Directory: Admin includes admin on every tool." in (await browser.get(path)).text


async def test_the_label_is_edited_and_the_contact_removed(world: World) -> None:
    """P5, P9: removed, the user reaches this company no more; the other stays."""
    browser, path = await world.signed_in("ada"), contact_page(world, "wim")
    form = Page(await browser.get(path)).form(action="/edit")
    assert (form.fields["name"], form.fields["email"]) == ("Wim Weide", "wim@example.com")
    edited = await browser.post(form.action, data={**form.fields, "name": "Wim W.", "email": "wim@alder.example"})
    assert edited.status_code == 303
    assert "wim@alder.example" in (await browser.get(path)).text
    taken = await browser.post(form.action, data={**form.fields, "email": "max@example.com"})
    assert (taken.status_code, 'value="max@example.com"' in taken.text) == (422, True)
    wims = await world.signed_in("wim")
    assert (await wims.get(at(world, "/directory"))).status_code == 200
    gone = await browser.post(f"{path}/remove", data={"csrf_token": form.fields["csrf_token"]})
    assert (gone.status_code, gone.headers["location"]) == (303, at(world, "/directory"))
    assert (await wims.get(at(world, "/directory"))).status_code == 404
    assert (await browser.get(path)).status_code == 404


# what nobody may -----------------------------------------------------------------------------


async def test_pages_are_decided_as_the_api_is(world: World) -> None:
    """M6: who reads the directory changes nothing in it."""
    reader, nobody = await world.signed_in("wim"), await world.signed_in("max")
    path = contact_page(world, "ada")
    shown = await reader.get(path)
    assert (shown.status_code, "<select" in shown.text) == (200, False)
    assert (await nobody.get(path)).status_code == 403
    assert (await nobody.get(at(world, "/directory"))).status_code == 403
    token = Page(shown).forms[0].fields["csrf_token"]
    posts = [
        ("/settings", {"app_access": "approval"}),
        ("/directory", {"name": "A", "email": "a@b.example"}),
        (path.removeprefix(at(world)), {"company.budget": "admin"}),
        (path.removeprefix(at(world)) + "/edit", {"name": "A", "email": "a@b.example"}),
        (path.removeprefix(at(world)) + "/remove", {}),
        (path.removeprefix(at(world)) + "/projects", {"project_id": str(world.projects["tower"])}),
        (path.removeprefix(at(world)) + f"/projects/{world.projects['tower']}/remove", {}),
    ]
    for end, values in posts:
        assert (await reader.post(at(world, end), data={"csrf_token": token, **values})).status_code == 403, end
        # A174: no form of another site's making, whoever is signed in.
        assert (await (await world.signed_in("ada")).post(at(world, end), data=values)).status_code == 403, end


async def test_pages_of_another_company_look_like_those_of_none(world: World) -> None:
    """P6: a foreign company and contact answer as unknown ones. A194."""
    browser = await world.signed_in("bea")
    far = [await browser.get(at(world, end)) for end in ("", "/directory", "/directory/1")]
    none = [await browser.get(f"/companies/999999{end}") for end in ("", "/directory", "/directory/1")]
    for one, other in zip(far, none, strict=True):
        assert (one.status_code, other.status_code) == (404, 404)
    admin = await world.signed_in("ada")
    foreign = at(world, f"/directory/{world.people['bea'].contacts['birch']}")
    for path in (foreign, at(world, "/directory/999999"), at(world, "/directory/x")):
        assert (await admin.get(path)).status_code == 404
    assert (await admin.get("/companies/x/directory")).status_code == 404


async def test_names_are_shown_as_text(world: World) -> None:
    """A192, A207: markup and template syntax in a name stay letters."""
    browser = await world.signed_in("ada")
    form = Page(await browser.get(at(world, "/directory"))).form(field="email")
    name = "<script>alert(1)</script>{{7*7}}"
    added = await browser.post(form.action, data={**form.fields, "invite": "", "name": name, "email": "s@b.example"})
    for path in (added.headers["location"], at(world, "/directory")):
        shown = (await browser.get(path)).text
        assert "<script>alert" not in shown
        assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in shown
