"""The operator's apps: found, blocked, unblocked."""

import pytest

from tests.support.forms import Page
from tests.support.statements import counted
from tests.support.world import World

APPS = "/operator/apps"
PROJECTS = "/rest/v1.0/projects"


async def test_a_blocked_app_stops_everywhere_and_unblocking_revives_nothing(world: World) -> None:
    """D6, T11, I5: the page says what ends; users authorize and companies reconnect anew."""
    tokens = await world.tokens("wim", "plain")
    assert (await world.call(tokens.access, PROJECTS, company="alder")).status_code == 200
    oda, max_ = await world.signed_in("oda"), await world.signed_in("max")
    address = f"{APPS}/{world.apps['plain'].id}"
    here = f"/companies/{world.companies['alder']}/apps/{world.apps['plain'].id}"
    page = await oda.get(address)
    assert "Block, end 1 authorization" in page.text
    assert "1 company" in page.text
    form = Page(page).form(action="/block")
    answer = await oda.post(form.action, data=form.fields)
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    blocked = await oda.get(address)
    assert "Blocked everywhere at" in blocked.text
    assert (await world.call(tokens.access, "/rest/v1.0/me")).status_code == 401
    assert (await world.refresh("plain", tokens.refresh)).json()["error"] == "invalid_client"
    assert (await oda.post(form.action, data=form.fields)).status_code == 303
    assert "It was blocked already." in (await oda.get(address)).text
    shut = await max_.get(here)
    assert "The operator of this platform blocked this app everywhere." in shut.text
    assert "/reconnect" not in shut.text
    assert (await world.submit(max_, f"{here}/reconnect")).status_code == 409
    form = Page(blocked).form(action="/unblock")
    assert (await oda.post(form.action, data=form.fields)).status_code == 303
    assert (await world.call(tokens.access, "/rest/v1.0/me")).status_code == 401
    assert (await world.refresh("plain", tokens.refresh)).json()["error"] == "invalid_grant"
    fresh = (await world.tokens("wim", "plain")).access
    assert (await world.call(fresh, PROJECTS, company="alder")).json()["error"]["code"] == "app_not_connected"
    form = Page(await max_.get(here)).form(action="/reconnect")
    assert (await max_.post(form.action, data=form.fields)).status_code == 303
    assert (await world.call(fresh, PROJECTS, company="alder")).status_code == 200


async def test_apps_are_found_by_name_client_id_and_state(world: World) -> None:
    """D6: names as they are folded; nothing else is a pattern."""
    oda = await world.signed_in("oda")
    for q in ("crane", "CRANE-reports", world.apps["crane"].client_id):
        found = await oda.get(APPS, params={"q": q})
        assert "Crane Reports" in found.text, q
        assert "Plain Viewer" not in found.text, q
    for q in ("%", "!!!", "x" * 500, "' OR 1=1 --", "💥"):
        answer = await oda.get(APPS, params={"q": q})
        assert answer.status_code == 200
        assert "Crane Reports" not in answer.text
    await world.submit(oda, f"{APPS}/{world.apps['plain'].id}/block")
    blocked = await oda.get(APPS, params={"state": "blocked"})
    assert "Plain Viewer" in blocked.text
    assert "Crane Reports" not in blocked.text
    assert "Crane Reports" in (await oda.get(APPS, params={"state": "nonsense"})).text
    for page in ("0", "x", "-1", "9" * 30):
        assert (await oda.get(APPS, params={"page": page})).status_code == 422
    assert "Crane Reports" in (await oda.get(APPS, params={"page": "99"})).text  # the last one there is


async def test_a_deleted_app_stays_for_the_operator_to_see(world: World) -> None:
    """D6: with nothing left to block."""
    dev, oda = await world.signed_in("dev"), await world.signed_in("oda")
    crane = world.apps["crane"].id
    await world.submit(dev, f"/developer/apps/{crane}/delete", {"typed": "Crane Reports"})
    assert "Crane Reports" in (await oda.get(APPS, params={"state": "deleted"})).text
    page = await oda.get(f"{APPS}/{crane}")
    assert "by its developer" in page.text
    assert not [form for form in Page(page).forms if form.action.endswith("block")]
    for act in ("block", "unblock"):
        assert (await world.submit(oda, f"{APPS}/{crane}/{act}")).status_code == 404


async def test_the_list_of_apps_takes_as_many_statements_for_sixty_as_for_six(world: World) -> None:
    """D6: and shows them in parts."""
    oda = await world.signed_in("oda")
    spent = []
    for many in (2, 56):
        for number in range(many):
            await world.add_app(f"a{many}-{number}", f"App {many} {number}")
        with counted(world.house.database) as seen:
            page = await oda.get(APPS)
        spent.append(len(seen.statements))
    assert spent[0] == spent[1]
    assert "Page 1 of 2, 62 apps" in page.text
    second = await oda.get(APPS, params={"page": "2"})
    assert "Crane Reports" in second.text


@pytest.mark.parametrize("person", ["ada", "dev"])
async def test_only_operators_see_and_block_apps(world: World, person: str) -> None:
    """M6, P6: whatever is asked, and for whatever id."""
    browser = await world.signed_in(person)
    address = f"{APPS}/{world.apps['plain'].id}"
    for path in (APPS, address, f"{APPS}/999"):
        assert (await browser.get(path)).status_code == 403
    assert (await world.submit(browser, f"{address}/block")).status_code == 403
    oda = await world.signed_in("oda")
    assert (await oda.post(f"{address}/block")).status_code == 403  # A174: no token
    for unknown in ("999", "0", "x", "%00", "9" * 40):
        assert (await oda.get(f"{APPS}/{unknown}")).status_code == 404
    assert "Block, end" not in (await oda.get(address)).text
    assert (await world.tokens("wim", "plain")).access
    stranger = await world.browser()
    assert (await stranger.get(APPS)).headers["location"].startswith("/login")
