"""App Management on the pages: what waits, what stops, and what an app made."""

import pytest

from tests.support.forms import Page
from tests.support.statements import counted
from tests.support.world import World

PROJECTS = "/rest/v1.0/projects"


def at(world: World, app: str = "", act: str = "", *, company: str = "alder") -> str:
    """Return the address of App Management, of one app, or of an act on it."""
    path = f"/companies/{world.companies[company]}/apps"
    path += f"/{world.apps[app].id}" if app else ""
    return path + (f"/{act}" if act else "")


async def test_an_admin_disconnects_and_reconnects_on_the_page(world: World) -> None:
    """I3, I4, I6: the page says what would stop, its answer what stopped; the same token works again."""
    token = (await world.tokens("wim", "plain")).access
    await world.call(token, PROJECTS, company="alder")
    await world.app.state.counters.flush()
    max_ = await world.signed_in("max")
    listed = await max_.get(at(world))
    assert "Plain Viewer" in listed.text
    page = await max_.get(at(world, "plain"))
    assert page.headers["cache-control"] == "no-store"
    assert "Disconnect, stop 1 user" in page.text
    form = Page(page).form(action="/disconnect")
    answer = await max_.post(form.action, data=form.fields)
    assert (answer.status_code, answer.headers["location"]) == (303, at(world, "plain"))
    after = await max_.get(answer.headers["location"])
    assert "Disconnected everywhere at" in after.text
    assert "1 user stopped" in after.text
    assert (await world.call(token, PROJECTS, company="alder")).json()["error"]["code"] == "app_not_connected"
    form = Page(after).form(action="/reconnect")
    assert (await max_.post(form.action, data=form.fields)).status_code == 303
    assert (await world.call(token, PROJECTS, company="alder")).status_code == 200


async def test_what_waits_for_a_decision_stands_on_the_list(world: World) -> None:
    """I1, I2: who asked, and both answers."""
    ada = await world.signed_in("ada")
    company = world.companies["birch"]
    saved = await world.submit(
        ada, f"/companies/{company}/settings", {"app_access": "approval"}, at=f"/companies/{company}"
    )
    assert saved.status_code == 303
    token = (await world.tokens("bea", "plain")).access
    await world.call(token, PROJECTS, company="birch")
    page = await ada.get(at(world, company="birch"))
    assert "Plain Viewer</bdi> asks to connect" in page.text
    assert "Bea Birch" in page.text
    form = Page(page).form(action="/reconnect")
    assert (await ada.post(form.action, data=form.fields)).status_code == 303
    assert (await world.call(token, PROJECTS, company="birch")).status_code == 200
    form = Page(await ada.get(at(world, "plain", company="birch"))).form(action="/disconnect")
    assert (await ada.post(form.action, data=form.fields)).status_code == 303
    assert (await world.call(token, PROJECTS, company="birch")).status_code == 403


async def test_apps_are_searched_filtered_and_blocked_beforehand(world: World) -> None:
    """I3: an app that never came through is found by its name alone."""
    ada = await world.signed_in("ada")
    token = (await world.tokens("ada", "plain")).access
    await world.call(token, PROJECTS, company="alder")
    found = await ada.get(at(world), params={"q": "plain"})
    assert "Plain Viewer" in found.text
    assert "Crane Reports" not in found.text
    for q in ("%", "_", "!!!", "\x00", "x" * 500, "💥", "\ud7ff", "' OR 1=1 --"):
        answer = await ada.get(at(world), params={"q": q})
        assert answer.status_code == 200, q
        assert "Crane Reports" not in answer.text
    unseen = await ada.get(at(world), params={"q": "crane"})
    assert "Never came through here" in unseen.text
    none = await ada.get(at(world), params={"status": "disconnected"})
    assert "Plain Viewer" not in none.text
    assert (await ada.get(at(world), params={"status": "nonsense"})).status_code == 200
    page = await ada.get(at(world, "crane"))
    form = Page(page).form(action="/disconnect")
    assert (await ada.post(form.action, data=form.fields)).status_code == 303
    crane = (await world.tokens("wim", "crane")).access
    assert (await world.call(crane, PROJECTS, company="alder")).json()["error"]["code"] == "app_not_connected"


async def test_the_page_of_an_app_never_seen_names_nobody(world: World) -> None:
    """P6, I6: whoever authorized it for another company is not told of here."""
    await world.tokens("wim", "plain")
    ada = await world.signed_in("ada")
    form = Page(page := await ada.get(at(world, "plain"))).form(action="/disconnect")
    assert (await ada.post(form.action, data=form.fields)).status_code == 303
    blocked = await ada.get(at(world, "plain"))  # with a row now, and still never seen
    assert "0 users stopped" in blocked.text
    assert "Wim Weide" not in page.text + blocked.text
    assert (await ada.get(at(world))).text.count("Wim Weide") == 0


async def test_disconnecting_offers_to_end_what_the_app_made(world: World) -> None:
    """M8: service accounts are ticked, the rest is offered, and what stays ticked ends too."""
    manager = (await world.tokens("ada", "crane", scope="company.manage")).access
    accounts = f"/rest/v1.0/companies/{world.companies['alder']}/service_accounts"
    made = (await world.call(manager, accounts, method="POST", json={"name": "Backdoor"})).json()
    wim = world.people["wim"].contacts["alder"]
    levels = f"/rest/v1.0/companies/{world.companies['alder']}/contacts/{wim}/levels"
    raised = await world.call(manager, levels, method="PUT", json={"directory": "admin"})
    assert raised.status_code == 200
    given = {"grant_type": "client_credentials", "client_id": made["client_id"], "client_secret": made["client_secret"]}
    token = (await world.client.post("/oauth/token", data=given)).json()["access_token"]
    ada = await world.signed_in("ada")
    page = await ada.get(at(world, "crane"))
    assert "Backdoor" in page.text
    form = Page(page).form(action="/disconnect")
    assert "end_service_account" in form.fields
    assert "undo" not in form.fields  # offered, not ticked
    undo = page.text.split('name="undo" value="')[1].split('"')[0]
    answer = await ada.post(form.action, data={**form.fields, "undo": undo})
    assert answer.status_code == 303
    assert (await world.call(token, "/rest/v1.0/me")).status_code == 401
    assert (await world.client.post("/oauth/token", data=given)).json()["error"] == "invalid_client"
    plain = (await world.tokens("wim", "plain")).access
    refused = await world.call(plain, f"/rest/v1.0/companies/{world.companies['alder']}/contacts", method="GET")
    assert refused.status_code == 200  # read_only as before
    assert (await world.call(plain, levels, method="PUT", json={})).status_code == 403


@pytest.mark.parametrize("ticks", [["x"], ["-1"], ["9" * 40], ["1", "1"], ["999999"]])
async def test_ticks_that_name_nothing_undo_nothing(world: World, ticks: list[str]) -> None:
    """M8: an id of another app's change, or of nothing, is left alone."""
    ada = await world.signed_in("ada")
    form = Page(await ada.get(at(world, "crane"))).form(action="/disconnect")
    answer = await ada.post(form.action, data={**form.fields, "undo": ticks})
    assert answer.status_code == 303
    assert world.robots["robot"].id
    assert await world.robot_token("robot")


async def test_the_number_of_a_foreign_change_tells_nothing(world: World) -> None:
    """P6, M8: what the same app made in another company is neither undone nor named."""
    manager = (await world.tokens("ada", "crane", scope="company.manage")).access
    accounts = f"/rest/v1.0/companies/{world.companies['alder']}/service_accounts"
    made = (await world.call(manager, accounts, method="POST", json={"name": "Quiet export"})).json()
    page = await (await world.signed_in("ada")).get(at(world, "crane"))
    number = Page(page).form(action="/disconnect").fields["end_service_account"]
    await world.set_levels("birch", world.people["bea"].contacts["birch"], admin="admin")
    bea = await world.signed_in("bea")
    await world.call((await world.tokens("bea", "crane")).access, PROJECTS, company="birch")
    page = await bea.get(at(world, "crane", company="birch"))
    form = Page(page).form(action="/disconnect")
    answer = await bea.post(form.action, data={**form.fields, "end_service_account": number})
    assert answer.status_code == 303
    assert "Quiet export" not in (await bea.get(answer.headers["location"])).text
    given = {"grant_type": "client_credentials", "client_id": made["client_id"], "client_secret": made["client_secret"]}
    assert (await world.client.post("/oauth/token", data=given)).status_code == 200


async def test_only_admin_admin_of_that_company_sees_app_management(world: World) -> None:
    """P6, M6: a foreign company and an unknown app answer like nothing at all."""
    for person, company, status in (("wim", "alder", 403), ("bea", "alder", 404), ("max", "birch", 404)):
        browser = await world.signed_in(person)
        for path in (at(world, company=company), at(world, "plain", company=company)):
            assert (await browser.get(path)).status_code == status, (person, path)
        answer = await world.submit(browser, at(world, "plain", "disconnect", company=company))
        assert answer.status_code == status
    ada = await world.signed_in("ada")
    for app_id in ("999", "0", "x", "%00", "9" * 40):
        assert (await ada.get(f"{at(world)}/{app_id}")).status_code == 404
        assert (await world.submit(ada, f"{at(world)}/{app_id}/disconnect")).status_code == 404
    stranger = await world.browser()
    answer = await stranger.get(at(world))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")


async def test_a_form_from_elsewhere_disconnects_nothing(world: World) -> None:
    """A174, A175: no token, another browser's token."""
    ada, max_ = await world.signed_in("ada"), await world.signed_in("max")
    theirs = Page(await max_.get(at(world, "plain"))).form(action="/disconnect").fields
    for fields in ({}, {"csrf_token": "x"}, theirs):
        assert (await ada.post(at(world, "plain", "disconnect"), data=fields)).status_code == 403
    token = (await world.tokens("ada", "plain")).access
    assert (await world.call(token, PROJECTS, company="alder")).status_code == 200


async def test_the_overview_names_what_its_first_call_connected(world: World) -> None:
    """I2: for the admins of an open company, until it is decided otherwise; with who used it."""
    token = (await world.tokens("wim", "plain")).access
    await world.call(token, PROJECTS, company="alder")
    ada, wim = await world.signed_in("ada"), await world.signed_in("wim")
    overview = f"/companies/{world.companies['alder']}"
    page = await ada.get(overview)
    assert "</a> connected at its first call, by <bdi>Wim Weide</bdi>" in page.text
    assert at(world, "plain") in Page(page).links
    assert "connected at its first call, by" not in (await wim.get(overview)).text
    other = await ada.get(f"/companies/{world.companies['birch']}")
    assert "connected at its first call, by" not in other.text
    for act in ("disconnect", "reconnect"):
        await world.submit(ada, at(world, "plain", act))
        assert "connected at its first call, by" not in (await ada.get(overview)).text


async def test_many_apps_are_shown_in_parts(world: World) -> None:
    """I1: with as many statements for sixty as for two, searched and filtered in every part."""
    ada = await world.signed_in("ada")
    spent = []
    for many in (2, 58):
        for number in range(many):
            await world.add_app(f"a{many}-{number}", f"App {many} {number}")
            await world.submit(ada, at(world, f"a{many}-{number}", "disconnect"))
        with counted(world.house.database) as seen:
            page = await ada.get(at(world))
        spent.append(len(seen.statements))
    assert spent[0] == spent[1]
    assert "Page 1 of 2, 60 apps" in page.text
    asked = {"q": "app 58", "status": "disconnected", "page": "2"}
    second = await ada.get(at(world), params=asked)
    assert "Page 2 of 2, 58 apps" in second.text
    assert any("q=app+58" in link and "status=disconnected" in link for link in Page(second).links)
    assert (await ada.get(at(world), params={"page": "0"})).status_code == 422
