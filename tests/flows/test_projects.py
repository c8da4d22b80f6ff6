"""Projects and company settings on their pages."""

from tests.support.forms import Page
from tests.support.world import World


def at(world: World, path: str = "", *, company: str = "alder") -> str:
    """Return a page of a company."""
    return f"/companies/{world.companies[company]}{path}"


async def test_projects_are_made_found_and_changed(world: World) -> None:
    """P3: a new one is without members."""
    ada = await world.signed_in("ada")
    form = Page(await ada.get(at(world, "/projects"))).form(field="name")
    made = await ada.post(form.action, data={**form.fields, "name": "Quayside", "project_number": "Q-1"})
    assert made.status_code == 303
    path = made.headers["location"]
    assert "Nobody is on this project yet" in (await ada.get(path)).text
    assert "Quayside" in (await ada.get(at(world, "/projects?q=q-1"))).text
    assert "Bridge" not in (await ada.get(at(world, "/projects?q=q-1"))).text
    form = Page(await ada.get(path)).form(field="is_active")
    changed = {**form.fields, "name": "Quay"}
    del changed["is_active"]
    assert (await ada.post(path, data=changed)).status_code == 303
    shown = (await ada.get(path)).text
    assert "<bdi>Quay</bdi>" in shown
    assert "<span>Not active</span>" in shown
    for name in ("Bridge", "", "x" * 121):
        refused = await ada.post(path, data={**changed, "name": name})
        assert refused.status_code == 422
    assert (await world.submit(ada, at(world, "/projects"), {"name": "Bridge"})).status_code == 422


async def test_who_sets_up_the_company_sees_the_projects_they_are_a_member_of(world: World) -> None:
    """P6: without directory: admin; one they are no member of is unknown, also when they made it."""
    max_, bridge, tower = await world.signed_in("max"), world.projects["bridge"], world.projects["tower"]
    assert "You are on no project" in (await max_.get(at(world, "/projects"))).text
    made = await world.submit(max_, at(world, "/projects"), {"name": "Quayside"})
    assert made.headers["location"] == at(world, "/projects")
    assert "You see it once somebody" in (await max_.get(made.headers["location"])).text
    assert (await max_.get(at(world, f"/projects/{bridge}"))).status_code == 404
    await world.add_member("alder", "bridge", world.people["max"].contacts["alder"])
    shown = await max_.get(at(world, f"/projects/{bridge}"))
    assert shown.status_code == 200
    assert "Wim Weide" not in shown.text  # who is who is for directory: read_only
    assert "Tower" not in (await max_.get(at(world, "/projects"))).text
    contacts = at(world, f"/projects/{bridge}/contacts")
    wim = str(world.people["wim"].contacts["alder"])
    assert (await world.submit(max_, contacts, {"contact_id": wim})).status_code == 403
    assert (await world.submit(max_, f"{contacts}/{wim}/remove")).status_code == 403
    assert (await world.submit(max_, at(world, f"/projects/{tower}"), {"name": "T"})).status_code == 404
    assert (await (await world.signed_in("wim")).get(at(world, "/projects"))).status_code == 403


async def test_contacts_are_put_on_a_project_and_taken_off(world: World) -> None:
    """P3, M3: with the levels of their template, else with none."""
    ada, tower = await world.signed_in("ada"), world.projects["tower"]
    wim, path = world.people["wim"].contacts["alder"], at(world, f"/projects/{world.projects['tower']}")
    found = Page(await ada.get(f"{path}?find=weid"))
    form = found.form(action="/contacts")
    assert form.fields["contact_id"] == str(wim)
    assert (await ada.post(form.action, data=form.fields)).status_code == 303
    shown = await ada.get(path)
    assert "<bdi>Wim Weide</bdi>" in shown.text
    assert "Wim Weide" not in (await ada.get(f"{path}?q=max")).text
    assert "No other contact" in (await ada.get(f"{path}?find=weid")).text
    removed = Page(shown).form(action=f"/contacts/{wim}/remove")
    assert (await ada.post(removed.action, data=removed.fields)).status_code == 303
    assert (await ada.post(removed.action, data=removed.fields)).status_code == 404
    for nobody in ("", "x", "0", "987654321"):
        assert (await world.submit(ada, f"{path}/contacts", {"contact_id": nobody})).status_code == 404
    site = await world.add_template("site", "alder", levels={}, on_projects={"rfis": "standard"})
    await world.submit(ada, at(world, f"/directory/{wim}/template"), {"template_id": str(site)})
    await world.submit(ada, f"{path}/contacts", {"contact_id": str(wim)})
    token = (await world.tokens("ada", "crane", scope="company.manage")).access
    contact = (await world.call(token, f"/rest/v1.0/companies/{world.companies['alder']}/contacts/{wim}")).json()
    assert {p["id"]: p["levels"]["rfis"] for p in contact["projects"]}[tower] == "standard"


async def test_the_settings_say_who_names_the_company_and_change_its_policy(world: World) -> None:
    """I2: for admin: admin; a company's name is the operator's, since a taken one would tell of another (P6)."""
    max_ = await world.signed_in("max")
    shown = await max_.get(at(world, "/settings"))
    assert "given by the operator" in shown.text
    form = Page(shown).form(action="/settings")
    assert (await max_.post(form.action, data={**form.fields, "app_access": "approval"})).status_code == 303
    assert Page(await max_.get(at(world, "/settings"))).form(action="/settings").fields["app_access"] == "approval"
    refused = await max_.post(form.action, data={**form.fields, "app_access": "closed"})
    assert (refused.status_code, "must be open or approval" in refused.text) == (422, True)
    assert (await (await world.signed_in("wim")).get(at(world, "/settings"))).status_code == 403
