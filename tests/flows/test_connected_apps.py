"""Connected apps: what may act for me, and ending it everywhere."""

import pytest

from tests.support.forms import Page
from tests.support.world import World


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
