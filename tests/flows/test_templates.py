"""Permission templates over the API and on their pages: what is changed is felt with the next call."""

import re

import httpx
import pytest

from tests.support.databases import DIALECTS
from tests.support.forms import Page
from tests.support.world import World

MANAGE = "company.manage"
SITE = {"levels": {"budget": "standard"}, "on_projects": {"rfis": "admin"}}


def at(world: World, path: str = "", *, company: str = "alder") -> str:
    """Return a management path of a company."""
    return f"/rest/v1.0/companies/{world.companies[company]}{path}"


def page(world: World, path: str = "", *, company: str = "alder") -> str:
    """Return a page of a company."""
    return f"/companies/{world.companies[company]}{path}"


async def manager(world: World, person: str = "ada") -> str:
    """Return a token that may manage, in that person's name."""
    return (await world.tokens(person, "crane", scope=MANAGE)).access


async def reads(world: World, token: str) -> int:
    """Return the status of a call that needs directory: read_only."""
    return (await world.call(token, at(world, "/contacts"))).status_code


# the API -------------------------------------------------------------------------------------


async def test_templates_are_made_listed_changed_and_deleted(world: World) -> None:
    """M3."""
    token, path = await manager(world), at(world, "/permission_templates")
    body = {"name": "Site", "company": {"budget": "standard"}, "project": {"rfis": "admin"}}
    made = await world.call(token, path, method="POST", json=body)
    assert made.status_code == 201
    entry = {
        "id": made.json()["id"],
        "name": "Site",
        "company": {"directory": "none", "admin": "none", "budget": "standard"},
        "project": {"rfis": "admin", "drawings": "none"},
        "contacts": 0,
    }
    assert made.json() == entry
    listed = await world.call(token, path)
    assert (listed.json(), listed.headers["total"]) == ([entry], "1")
    one = f"{path}/{entry['id']}"
    renamed = await world.call(token, one, method="PATCH", json={"name": "Field", "company": {}})
    assert renamed.json() == {**entry, "name": "Field", "company": dict.fromkeys(entry["company"], "none")}
    assert (await world.call(token, one, method="DELETE")).status_code == 204
    assert (await world.call(token, one, method="DELETE")).status_code == 404
    assert (await world.call(token, path)).json() == []


async def test_what_is_wrong_with_a_template_is_told_by_field(world: World) -> None:
    """M1: 422, and nothing is changed; M8: without the scope or the level it is refused."""
    token, path = await manager(world), at(world, "/permission_templates")
    made = (await world.call(token, path, method="POST", json={"name": "Site"})).json()["id"]
    for body, field in (
        ({"name": "Site"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "A", "company": {"rfis": "admin"}}, "company.rfis"),
        ({"name": "A", "project": {"rfis": "owner"}}, "project.rfis"),
        ({"name": "A", "levels": {}}, "levels"),
    ):
        refused = await world.call(token, path, method="POST", json=body)
        assert (refused.status_code, [e.split(":")[0] for e in refused.json()["errors"]]) == (422, [field])
    for bad in ({"confirm": True}, {"confirm": "yes"}, {"company": {"rfis": "admin"}}):
        assert (await world.call(token, f"{path}/{made}", method="PATCH", json=bad)).status_code == 422
    assert (
        await world.call(token, f"{path}/{made}", method="PATCH", json={"confirm": "directory-admin"})
    ).status_code == 200
    for other, status in ((await manager(world, "max"), 403), ((await world.tokens("ada", "plain")).access, 403)):
        assert (await world.call(other, path)).status_code == status
        assert (await world.call(other, f"{path}/{made}", method="DELETE")).status_code == status


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_changed_template_is_felt_with_the_next_call(world: World, flow_dialect: str) -> None:
    """M3, T12: attached, lowered, raised and detached; on projects too."""
    token, maxs = await manager(world), (await world.tokens("max", "plain")).access
    max_ = world.people["max"].contacts["alder"]
    await world.add_member("alder", "bridge", max_)
    contact = at(world, f"/contacts/{max_}")
    site = await world.add_template("site", "alder", levels={"directory": "read_only"}, on_projects={"rfis": "admin"})
    assert await reads(world, maxs) == 403
    assigned = await world.call(token, contact, method="PATCH", json={"template_id": site})
    assert (assigned.status_code, assigned.json()["template_id"]) == (200, site)
    assert assigned.json()["levels"] == {"directory": "read_only", "admin": "none", "budget": "none"}
    assert assigned.json()["projects"] == [
        {"id": world.projects["bridge"], "levels": {"rfis": "admin", "drawings": "none"}}
    ]
    assert await reads(world, maxs) == 200
    template = at(world, f"/permission_templates/{site}")
    lowered = await world.call(
        token, template, method="PATCH", json={"company": {}, "project": {"drawings": "standard"}}
    )
    assert (lowered.status_code, lowered.json()["contacts"]) == (200, 1)
    assert await reads(world, maxs) == 403
    [on_bridge] = (await world.call(token, contact)).json()["projects"]
    assert on_bridge["levels"] == {"rfis": "none", "drawings": "standard"}
    await world.call(token, template, method="PATCH", json={"company": {"directory": "standard"}})
    assert await reads(world, maxs) == 200
    detached = await world.call(token, contact, method="PATCH", json={"template_id": None})
    assert (detached.json()["template_id"], detached.json()["levels"]["directory"]) == (None, "standard")
    await world.call(token, template, method="PATCH", json={"company": {}})
    assert await reads(world, maxs) == 200


async def test_a_hand_set_level_detaches_and_the_answer_says_so(world: World) -> None:
    """M3: in the company, and on a project."""
    token, site = await manager(world), await world.add_template("site", "alder", **SITE)
    wim = at(world, f"/contacts/{world.people['wim'].contacts['alder']}")
    await world.call(token, wim, method="PATCH", json={"template_id": site})
    same = await world.call(token, f"{wim}/levels", method="PUT", json={"budget": "standard"})
    assert same.json()["template_id"] == site
    by_hand = await world.call(token, f"{wim}/levels", method="PUT", json={"budget": "admin"})
    assert by_hand.json()["template_id"] is None
    await world.call(token, wim, method="PATCH", json={"template_id": site})
    bridge = f"{wim}/projects/{world.projects['bridge']}"
    assert (await world.call(token, bridge, method="PUT", json={"rfis": "admin"})).json()["template_id"] == site
    assert (await world.call(token, bridge, method="PUT", json={"rfis": "none"})).json()["template_id"] is None


async def test_a_contact_begins_with_a_template(world: World) -> None:
    """M3: with nothing beside it, and not with another company's (P6)."""
    token, site = await manager(world), await world.add_template("site", "alder", **SITE)
    foreign = await world.add_template("mill", "birch", **SITE)
    new = {"email": "new@example.com", "name": "New"}
    made = await world.call(token, at(world, "/contacts"), method="POST", json={**new, "template_id": site})
    assert (made.status_code, made.json()["template_id"], made.json()["levels"]["budget"]) == (201, site, "standard")
    wim = at(world, f"/contacts/{world.people['wim'].contacts['alder']}")
    for body, method, path in (
        ({**new, "email": "x@y.example", "template_id": foreign}, "POST", at(world, "/contacts")),
        (
            {**new, "email": "x@y.example", "template_id": site, "levels": {"budget": "admin"}},
            "POST",
            at(world, "/contacts"),
        ),
        ({"template_id": foreign, "name": "Other"}, "PATCH", wim),
        ({"template_id": 987_654_321}, "PATCH", wim),
        ({"template_id": "1"}, "PATCH", wim),
        ({"template_id": 2**63}, "PATCH", wim),  # more than a database holds
        ({**new, "email": "x@y.example", "template_id": 2**63}, "POST", at(world, "/contacts")),
    ):
        refused = await world.call(token, path, method=method, json=body)
        assert (refused.status_code, [e.split(":")[0] for e in refused.json()["errors"]]) == (422, ["template_id"])
    assert (await world.call(token, wim)).json()["name"] == "Wim Weide"  # all of it, or nothing


async def test_no_template_takes_the_last_admin_or_raises_an_account_unasked(world: World) -> None:
    """M5, S10: 409, each with what to do."""
    token = await manager(world)
    ada = at(world, f"/contacts/{world.people['ada'].contacts['alder']}")
    robot = at(world, f"/contacts/{world.robots['robot'].contact_id}")
    low = await world.add_template("low", "alder", levels={}, on_projects={})
    admins = await world.add_template("admins", "alder", levels={"directory": "admin"}, on_projects={})
    refused = await world.call(token, ada, method="PATCH", json={"template_id": low})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "last_admin")
    assert (await world.call(token, ada, method="PATCH", json={"template_id": admins})).status_code == 200
    change = at(world, f"/permission_templates/{admins}")
    refused = await world.call(token, change, method="PATCH", json={"company": {}})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "last_admin")
    refused = await world.call(token, robot, method="PATCH", json={"template_id": admins})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "confirmation_required")
    assert "directory-admin" in refused.json()["error"]["help"]
    given = {"template_id": low, "confirm": "directory-admin"}
    assert (await world.call(token, robot, method="PATCH", json=given)).status_code == 200
    raised = {"company": {"directory": "admin"}}
    low_path = at(world, f"/permission_templates/{low}")
    assert (await world.call(token, low_path, method="PATCH", json=raised)).status_code == 409
    raised |= {"confirm": "directory-admin"}  # type: ignore[dict-item]
    assert (await world.call(token, low_path, method="PATCH", json=raised)).status_code == 200


# the pages -----------------------------------------------------------------------------------


async def test_a_template_is_made_filled_given_and_changed_on_pages(world: World) -> None:
    """M3: nobody holds it at first; then the page shows whom a change touches before it is saved."""
    ada, wim = await world.signed_in("ada"), world.people["wim"].contacts["alder"]
    listed = Page(await ada.get(page(world, "/templates")))
    form = listed.form(field="name")
    made = await ada.post(form.action, data={**form.fields, "name": "Site"})
    assert made.status_code == 303
    path = made.headers["location"]
    form = Page(await ada.get(path)).form(action=path)
    assert form.method == "post"
    saved = await ada.post(path, data={**form.fields, "company.budget": "standard", "project.rfis": "admin"})
    assert saved.status_code == 303
    assert "Saved for 0 contacts" in (await ada.get(path)).text
    contact = page(world, f"/directory/{wim}")
    form = Page(await ada.get(contact)).form(action="/template")
    given = await ada.post(form.action, data={**form.fields, "template_id": path.rpartition("/")[2]})
    assert given.status_code == 303
    shown = (await ada.get(contact)).text
    assert "From the template" in shown
    assert "A level set by hand detaches" in shown
    held = Page(await ada.get(path)).form(action="/preview")
    assert held.method == "get"
    preview = await ada.get(held.action, params={**held.fields, "company.budget": "admin", "project.rfis": "none"})
    assert "Save for 1 contact" in preview.text
    assert "<bdi>Wim Weide</bdi>" in preview.text
    assert 'Budget: Standard → <span class="gw-strong">Admin</span>' in preview.text
    form = Page(preview).form(action=path)
    assert "csrf_token" in form.fields
    token = await manager(world)
    before = (await world.call(token, at(world, f"/contacts/{wim}"))).json()
    assert before["levels"]["budget"] == "standard"  # a preview saves nothing
    assert (await ada.post(path, data=form.fields)).status_code == 303
    after = (await world.call(token, at(world, f"/contacts/{wim}"))).json()
    assert (after["levels"]["budget"], after["projects"][0]["levels"]["rfis"]) == ("admin", "none")


async def test_a_hand_set_level_on_the_page_says_that_it_detached(world: World) -> None:
    """M3."""
    site, wim = await world.add_template("site", "alder", **SITE), world.people["wim"].contacts["alder"]
    await world.call(await manager(world), at(world, f"/contacts/{wim}"), method="PATCH", json={"template_id": site})
    ada, contact = await world.signed_in("ada"), page(world, f"/directory/{wim}")
    form = Page(await ada.get(contact)).form(action=contact)
    await ada.post(contact, data={**form.fields, "company.budget": "read_only"})
    shown = (await ada.get(contact)).text
    assert "Levels saved. It holds its template no more." in shown
    assert "From the template" not in shown


async def test_a_refused_template_form_keeps_what_it_asked_for(world: World) -> None:
    """M5, S10: 422, with the reason and the way on."""
    ada = await world.signed_in("ada")
    own, robot = world.people["ada"].contacts["alder"], world.robots["robot"].contact_id
    low = await world.add_template("low", "alder", levels={}, on_projects={})
    admins = await world.add_template("admins", "alder", levels={"directory": "admin"}, on_projects={})
    mine = page(world, f"/directory/{own}")
    for template_id, why in ((str(low), "last active user"), ("987654321", "not a template"), ("x", "not a template")):
        refused = await world.submit(ada, f"{mine}/template", {"template_id": template_id}, at=mine)
        assert refused.status_code == 422
        assert why in refused.text
    accounts = page(world, f"/directory/{robot}")
    asks = await world.submit(ada, f"{accounts}/template", {"template_id": str(admins)}, at=accounts)
    assert asks.status_code == 422
    form = Page(asks).form(action="/template")
    assert form.fields["template_id"] == str(admins)
    confirmed = {**form.fields, "template_id": str(low), "confirm": "directory-admin"}
    assert (await ada.post(form.action, data=confirmed)).status_code == 303
    path = page(world, f"/templates/{low}")
    raises = {"company.directory": "admin", "name": "low"}
    asks = await world.submit(ada, path, raises, at=path)
    assert asks.status_code == 422
    assert "Save for 1 contact" in asks.text
    assert (
        await ada.post(path, data={**Page(asks).form(action=path).fields, "confirm": "directory-admin"})
    ).status_code == 303
    taken = await world.submit(ada, path, {"name": "Admins"}, at=path)
    assert (taken.status_code, "name of another template" in taken.text) == (422, True)
    taken = await world.submit(ada, page(world, "/templates"), {"name": "Admins"}, at=path)
    assert (taken.status_code, "name of another template" in taken.text) == (422, True)
    bad = await world.submit(ada, path, {"name": "low", "company.rfis": "admin"}, at=path)
    assert bad.status_code == 422


async def test_a_deleted_template_leaves_levels(world: World) -> None:
    """M3: the page says so, and only directory: admin may."""
    site, wim = await world.add_template("site", "alder", **SITE), world.people["wim"].contacts["alder"]
    token = await manager(world)
    await world.call(token, at(world, f"/contacts/{wim}"), method="PATCH", json={"template_id": site})
    ada, path = await world.signed_in("ada"), page(world, f"/templates/{site}")
    assert "1 contact is detached" in (await ada.get(path)).text
    for person in ("max", "wim"):
        browser = await world.signed_in(person)
        for one in (page(world, "/templates"), path, f"{path}/preview"):
            assert (await browser.get(one)).status_code == 403
        assert (await world.submit(browser, f"{path}/delete")).status_code == 403
    deleted = await world.submit(ada, f"{path}/delete", at=path)
    assert deleted.status_code == 303
    assert "1 contact keeps its levels and holds no template now" in (await ada.get(deleted.headers["location"])).text
    contact = (await world.call(token, at(world, f"/contacts/{wim}"))).json()
    assert (contact["template_id"], contact["levels"]["budget"]) == (None, "standard")
    assert (await ada.get(path)).status_code == 404


async def test_the_directory_is_narrowed_by_kind_and_template(world: World) -> None:
    """M3: only contacts that match all of it, and a filter that names nothing finds nobody."""
    site, wim = await world.add_template("site", "alder", **SITE), world.people["wim"].contacts["alder"]
    await world.call(await manager(world), at(world, f"/contacts/{wim}"), method="PATCH", json={"template_id": site})
    ada = await world.signed_in("ada")

    async def found(**asked_for: str) -> set[str]:
        shown: httpx.Response = await ada.get(page(world, "/directory"), params=asked_for)
        assert shown.status_code == 200
        rows = shown.text.partition("<tbody>")[2]
        return {
            name for name in ("Ada Alder", "Max Moss", "Wim Weide", "Nightly export") if f"<bdi>{name}</bdi>" in rows
        }

    assert await found(template=str(site)) == {"Wim Weide"}
    assert await found(kind="service_account") == {"Nightly export"}
    assert await found(kind="user") == {"Ada Alder", "Max Moss", "Wim Weide"}
    assert await found(kind="none") == set()
    assert await found(kind="user", q="max") == {"Max Moss"}
    for nothing in ("x", "0", "987654321", "9" * 40):
        assert await found(template=nothing) == set()


# what an app did -----------------------------------------------------------------------------


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_what_an_app_made_of_templates_is_listed_and_undone(world: World, flow_dialect: str) -> None:
    """M8: a template that it made is deleted, one that it raised is lowered for all who hold it."""
    site, wim = await world.add_template("site", "alder", **SITE), world.people["wim"].contacts["alder"]
    ada = await world.signed_in("ada")
    given = {"template_id": str(site)}
    await world.submit(ada, page(world, f"/directory/{wim}/template"), given, at=page(world, f"/directory/{wim}"))
    token, path = await manager(world), at(world, "/permission_templates")
    await world.call(token, path, method="POST", json={"name": "Planted", "company": {"directory": "admin"}})
    await world.call(token, f"{path}/{site}", method="PATCH", json={"company": {"budget": "admin"}})
    await world.call(token, f"{path}/{site}", method="PATCH", json={"name": "Renamed"})
    ends = f"/account/apps/{world.apps['crane'].id}/end"
    shown = await ada.get(ends)
    assert "Permission template Renamed, for all who hold it: budget Standard → Admin" in shown.text
    assert "Made the permission template Planted" in shown.text
    form = Page(shown).form(action=ends)
    ticked = re.findall(r'name="undo" value="(\d+)"', shown.text)
    assert (await ada.post(ends, data={**form.fields, "undo": ticked})).status_code == 303
    names = (await ada.get(page(world, "/templates"))).text
    assert "Planted" not in names
    token = await manager(world)
    contact = (await world.call(token, at(world, f"/contacts/{wim}"))).json()
    assert (contact["template_id"], contact["levels"]["budget"]) == (site, "standard")
