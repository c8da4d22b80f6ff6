"""Connected apps: what may act for me, and ending it everywhere."""

import re

import pytest

from gatewright.base.ids import ContactId
from tests.support.databases import DIALECTS
from tests.support.forms import Page
from tests.support.world import Robot, World


async def test_connected_apps_says_whose_app_may_do_what_where(world: World) -> None:
    """T10: name, developer, homepage's host, companies; nobody else's apps."""
    browser = await world.signed_in("ada")
    assert "No app may act for you" in (await browser.get("/account/apps")).text
    tokens = await world.tokens("ada", "crane", scope="company.manage")
    assert "nowhere yet" in (await browser.get("/account/apps")).text
    await world.call(tokens.access, f"/rest/v1.0/projects?company_id={world.companies['alder']}")
    page = await browser.get("/account/apps")
    for told in ("Crane Reports", "Dev Dorn", "crane.example", "Manages company security", "Alder Works"):
        assert told in page.text, told
    assert "Birch Works" not in Page(page).links
    assert "Crane Reports" not in (await (await world.signed_in("max")).get("/account/apps")).text


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_ending_says_what_stops_and_ends_every_token_in_every_company(world: World) -> None:
    """T10: at once, for this user alone."""
    first, second = await world.tokens("ada", "crane"), await world.tokens("ada", "crane")
    others = await world.tokens("bea", "crane")
    plain = await world.tokens("ada", "plain")
    browser, path = await world.signed_in("ada"), f"/account/apps/{world.apps['crane'].id}/end"
    page = await browser.get(path)
    assert page.status_code == 200
    assert "2 token families" in page.text
    answer = await browser.post(path, data=Page(page).form(action="/end").fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/apps")
    assert "Ended everywhere at" in (await browser.get("/account/apps")).text
    for tokens in (first, second):
        assert (await world.call(tokens.access, "/rest/v1.0/me")).status_code == 401
        assert (await world.refresh("crane", tokens.refresh)).json()["error"] == "invalid_grant"
    assert (await world.call(others.access, "/rest/v1.0/me")).status_code == 200
    assert (await world.call(plain.access, "/rest/v1.0/me")).status_code == 200
    again = await world.submit(browser, path, at="/account/apps")
    assert again.status_code == 303
    assert "It had ended already" in (await browser.get("/account/apps")).text
    assert (await browser.get(path)).status_code == 404


async def test_what_ended_stays_ended_after_authorizing_again(world: World) -> None:
    """T11: new tokens, the old ones dead."""
    old = await world.tokens("ada", "crane")
    browser = await world.signed_in("ada")
    await world.submit(browser, f"/account/apps/{world.apps['crane'].id}/end", at="/account/apps")
    new = await world.tokens("ada", "crane")
    assert (await world.call(new.access, "/rest/v1.0/me")).status_code == 200
    assert (await world.call(old.access, "/rest/v1.0/me")).status_code == 401
    assert (await world.refresh("crane", old.refresh)).status_code == 400


@pytest.mark.parametrize("app_id", ["0", "999999", "01", "-1", "x", "9" * 30, "%00"])
async def test_an_app_that_may_not_act_for_me_is_unknown(world: World, app_id: str) -> None:
    """P6: as is one that acts for somebody else."""
    await world.tokens("bea", "crane")
    browser = await world.signed_in("ada")
    unknown = await browser.get("/account/apps/999999/end")
    assert unknown.status_code == 404
    for id in (app_id, str(world.apps["crane"].id)):
        assert (await browser.get(f"/account/apps/{id}/end")).status_code == 404
        assert (await world.submit(browser, f"/account/apps/{id}/end")).status_code == 404


async def test_ending_needs_this_sessions_token(world: World) -> None:
    """A174, A175."""
    tokens = await world.tokens("ada", "crane")
    browser, path = await world.signed_in("ada"), f"/account/apps/{world.apps['crane'].id}/end"
    foreign = Page(await (await world.signed_in("max")).get("/")).forms[0].fields["csrf_token"]
    for data in ({}, {"csrf_token": foreign}):
        assert (await browser.post(path, data=data)).status_code == 403
    assert (await world.call(tokens.access, "/rest/v1.0/me")).status_code == 200


async def made_by_crane(world: World) -> tuple[str, str, str]:
    """Return a service account's id and secret, and a contact's id, all made by Crane in Ada's name."""
    token = (await world.tokens("ada", "crane", scope="company.manage")).access
    company = f"/rest/v1.0/companies/{world.companies['alder']}"
    account = await world.call(token, f"{company}/service_accounts", method="POST", json={"name": "Crane export"})
    person = {"name": "Paul Pear", "email": "paul@example.com"}
    contact = await world.call(token, f"{company}/contacts", method="POST", json=person)
    assert (account.status_code, contact.status_code) == (201, 201)
    world.robots["made"] = Robot(
        account.json()["id"], account.json()["client_id"], account.json()["client_secret"], ContactId(0), ""
    )
    return str(account.json()["id"]), str(account.json()["client_secret"]), str(contact.json()["id"])


async def test_ending_an_app_offers_to_end_what_it_made_ticked(world: World) -> None:
    """M8: its service accounts go with it unless the tick is taken away; the rest only where ticked."""
    _, secret, contact_id = await made_by_crane(world)
    alive = await world.robot_token("made")
    browser, path = await world.signed_in("ada"), f"/account/apps/{world.apps['crane'].id}/end"
    page = await browser.get(path)
    assert "Crane export" in page.text
    assert "Alder Works" in page.text
    assert secret not in page.text
    form = Page(page).form(action="/end").fields
    assert set(form) == {"csrf_token", "end_service_account"}
    assert (await browser.post(path, data=form)).status_code == 303
    assert (await world.call(alive, "/rest/v1.0/me")).status_code == 401
    listed = await browser.get(f"/companies/{world.companies['alder']}/service-accounts")
    assert "Crane export" not in listed.text
    kept = await browser.get(f"/companies/{world.companies['alder']}/directory/{contact_id}")
    assert "Paul Pear" in kept.text


async def test_what_is_not_ticked_stays_and_what_is_ticked_goes(world: World) -> None:
    """M8: the service account is kept, the contact that the app added is removed."""
    _, _, contact_id = await made_by_crane(world)
    alive = await world.robot_token("made")
    browser, path = await world.signed_in("ada"), f"/account/apps/{world.apps['crane'].id}/end"
    page = await browser.get(path)
    offered = re.findall(r'name="undo" value="(\d+)"', page.text)
    assert offered
    data = {"csrf_token": Page(page).form(action="/end").fields["csrf_token"], "undo": offered}
    assert (await browser.post(path, data=data)).status_code == 303
    assert (await world.call(alive, "/rest/v1.0/me")).status_code == 200
    gone = await browser.get(f"/companies/{world.companies['alder']}/directory/{contact_id}")
    assert gone.status_code == 404


async def test_nobody_undoes_what_an_app_made_in_somebody_elses_name(world: World) -> None:
    """M8, P6: the number of a change does not open it to whoever may not change it on the pages."""
    await made_by_crane(world)
    alive = await world.robot_token("made")
    page = await (await world.signed_in("ada")).get(f"/account/apps/{world.apps['crane'].id}/end")
    numbers = re.findall(r'name="(?:end_service_account|undo)" value="(\d+)"', page.text)
    await world.tokens("bea", "crane")
    bea, path = await world.signed_in("bea"), f"/account/apps/{world.apps['crane'].id}/end"
    own = Page(await bea.get(path))
    assert "Crane export" not in (await bea.get(path)).text
    data = {"csrf_token": own.form(action="/end").fields["csrf_token"], "end_service_account": numbers, "undo": ["x"]}
    assert (await bea.post(path, data=data)).status_code == 303
    assert (await world.call(alive, "/rest/v1.0/me")).status_code == 200
    assert "Crane export" not in (await bea.get("/account/apps")).text
