"""What an app made or raised in somebody's name: listed before it ends, and undone where they may (M8)."""

from dataclasses import replace

import httpx
import pytest

from gatewright.activity.traces import RecordedTraces
from gatewright.base import clock
from gatewright.base.ids import ContactId
from gatewright.directory import service as directory
from gatewright.events.catalogue import SYSTEM
from gatewright.web.access import Viewer
from gatewright.web.core import Trace
from tests.support.databases import DIALECTS
from tests.support.forms import Page
from tests.support.statements import counted
from tests.support.world import World

MANAGE = "company.manage"


async def busy_app(world: World, person: str = "ada") -> str:
    """Let the app make and raise things in the person's name; return its token."""
    token = (await world.tokens(person, "crane", scope=MANAGE)).access
    root = f"/rest/v1.0/companies/{world.companies['alder']}"
    wim = world.people["wim"].contacts["alder"]
    bridge = world.projects["bridge"]
    for method, path, body in (
        ("POST", "/service_accounts", {"name": "Planted"}),
        ("POST", "/contacts", {"email": "x@example.com", "name": "Xenia", "levels": {"budget": "read_only"}}),
        ("PUT", f"/contacts/{wim}/levels", {"directory": "standard", "budget": "admin"}),
        ("PUT", f"/contacts/{wim}/projects/{bridge}", {"rfis": "admin"}),
        ("POST", f"/service_accounts/{world.robots['robot'].id}/regenerate_secret", None),
    ):
        answer = await world.call(token, root + path, method=method, json=body)
        assert answer.status_code in {200, 201, 204}, answer.text
    return token


async def traces(world: World, **where: int) -> list[Trace]:
    """Return what stands of the app's doings."""
    listed: list[Trace] = await world.app.state.core.traces.of_app(world.apps["crane"].id, **where)
    return listed


async def end_page(world: World, person: str) -> tuple[httpx.AsyncClient, str, Page]:
    """Return the page that ends the app's authorization."""
    browser, path = await world.signed_in(person), f"/account/apps/{world.apps['crane'].id}/end"
    answer = await browser.get(path)
    assert answer.status_code == 200
    return browser, path, Page(answer)


async def test_what_an_app_made_or_raised_is_listed_newest_first(world: World) -> None:
    """M8: service accounts and their secrets are ticked, the rest is not."""
    await busy_app(world)
    listed = await traces(world, company_id=world.companies["alder"])
    assert [(trace.sentence, trace.ticked) for trace in listed] == [
        ("Regenerated the secret of the service account Nightly export", True),
        ("Membership of Wim Weide on Bridge: rfis Standard → Admin", False),
        ("Levels of Wim Weide: budget None → Admin, directory Read only → Standard", False),
        ("Added Xenia to the directory", False),
        ("Made the service account Planted", True),
    ]
    assert await traces(world, company_id=world.companies["birch"]) == []
    assert await traces(world, user_id=world.people["max"].id) == []
    assert [trace.event_id for trace in await traces(world, user_id=world.people["ada"].id)] == [
        trace.event_id for trace in listed
    ]


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_how_many_things_are_now_is_asked_once_for_each_kind(world: World, flow_dialect: str) -> None:
    """M8: a page that lists hundreds of changes does not ask the database hundreds of times."""
    alder = world.companies["alder"]
    await busy_app(world)
    with counted(world.house.database) as before:
        few = await traces(world, company_id=alder)
    token = (await world.tokens("ada", "crane", scope=MANAGE)).access
    root = f"/rest/v1.0/companies/{alder}"
    for number in range(4):
        contact = {"email": f"y{number}@example.com", "name": "Yann", "levels": {}}
        assert (await world.call(token, f"{root}/contacts", method="POST", json=contact)).status_code == 201
        account = {"name": f"Planted {number}"}
        assert (await world.call(token, f"{root}/service_accounts", method="POST", json=account)).status_code == 201
    with counted(world.house.database) as after:
        many = await traces(world, company_id=alder)
    assert len(many) == len(few) + 8
    assert len(after.statements) == len(before.statements)


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_no_number_of_other_changes_hides_a_planted_account(world: World, flow_dialect: str) -> None:
    """M8: an app that makes an account and much noise after it shows the account all the same."""
    few: RecordedTraces = replace(world.app.state.core.traces, most=3)
    token = await busy_app(world)
    root = f"/rest/v1.0/companies/{world.companies['alder']}"
    wim = world.people["wim"].contacts["alder"]
    for level in ("none", "admin") * 2:
        noise = await world.call(token, f"{root}/contacts/{wim}/levels", method="PUT", json={"budget": level})
        assert noise.status_code == 200
        account = await world.call(token, f"{root}/service_accounts", method="POST", json={"name": f"Gone {level}"})
        accounts = f"{root}/service_accounts/{account.json()['id']}"
        assert (await world.call(token, accounts, method="DELETE")).status_code == 204
        again = f"{root}/service_accounts/{world.robots['robot'].id}/regenerate_secret"
        assert (await world.call(token, again, method="POST")).status_code == 200
    planted = {"Made the service account Planted", "Regenerated the secret of the service account Nightly export"}
    for where in ({"company_id": world.companies["alder"]}, {"user_id": world.people["ada"].id}):
        listed = await few.of_app(world.apps["crane"].id, **where)
        assert {trace.sentence for trace in listed if trace.ticked} == planted


async def test_what_somebody_changed_since_is_left_to_them(world: World) -> None:
    """M8: nor is it undone when its number is posted all the same."""
    await busy_app(world)
    wim = world.people["wim"].contacts["alder"]
    raised = next(t for t in await traces(world) if t.sentence.startswith("Levels of Wim"))
    await world.set_levels("alder", wim, directory="admin")
    assert raised.event_id not in {trace.event_id for trace in await traces(world)}
    left = await undo(world, "ada", [raised.event_id])
    assert left == [f"{raised.sentence}: it was changed since, so it is left as it is."]
    assert await levels(world, wim) == {"directory": "admin"}


async def test_everything_ticked_is_undone_when_the_authorization_ends(world: World) -> None:
    """M8: by the page's own form, without looking at what is behind it."""
    await busy_app(world)
    browser, path, page = await end_page(world, "ada")
    form = page.form(field="end_service_account")
    listed = await traces(world)
    ids = {
        "end_service_account": [str(t.event_id) for t in listed if t.ticked],
        "undo": [str(t.event_id) for t in listed if not t.ticked],
    }
    answer = await browser.post(path, data={"csrf_token": form.fields["csrf_token"], **ids})
    assert answer.status_code == 303, answer.text
    assert await traces(world) == []
    wim = world.people["wim"].contacts["alder"]
    assert await levels(world, wim) == {"directory": "read_only"}
    shown = await (await world.signed_in("ada")).get(f"/companies/{world.companies['alder']}/directory")
    assert "Xenia" not in shown.text
    accounts = await (await world.signed_in("ada")).get(f"/companies/{world.companies['alder']}/service-accounts")
    assert "Planted" not in accounts.text
    robot = world.robots["robot"]
    given = {"grant_type": "client_credentials", "client_id": robot.client_id, "client_secret": robot.secret}
    assert (await world.client.post("/oauth/token", data=given)).status_code == 401


async def test_only_what_the_viewer_may_do_now_is_undone(world: World) -> None:
    """M8, M5: who lost the level since is told so, and nothing happens."""
    await busy_app(world)
    listed = await traces(world)
    await world.set_levels("alder", world.people["max"].contacts["alder"], directory="admin")
    await world.set_levels("alder", world.people["ada"].contacts["alder"], directory="read_only")
    left = await undo(world, "ada", [trace.event_id for trace in listed])
    assert len(left) == len(listed)
    assert all("This needs" in sentence for sentence in left)
    assert [trace.event_id for trace in await traces(world)] == [trace.event_id for trace in listed]


async def test_what_another_app_did_is_not_undone_in_its_place(world: World) -> None:
    """M8: an event's number alone opens nothing."""
    await busy_app(world)
    ids = [trace.event_id for trace in await traces(world)]
    core, viewer = world.app.state.core, viewer_of(world, "ada")
    left = await core.traces.undo(ids, app_id=world.apps["plain"].id, viewer=viewer, origin=SYSTEM, now=clock.now())
    assert left == []
    assert [trace.event_id for trace in await traces(world)] == ids


async def test_the_first_call_of_an_app_is_no_trace_of_it(world: World) -> None:
    """I2, M8: it connects itself by the company's own policy."""
    token = (await world.tokens("ada", "crane", scope=MANAGE)).access
    await world.call(token, "/rest/v1.0/projects", company="alder")
    assert await traces(world) == []


async def test_whoever_left_a_company_sees_no_names_of_it(world: World) -> None:
    """P6."""
    await busy_app(world)
    await world.set_levels("alder", world.people["max"].contacts["alder"], directory="admin")
    await directory.remove_contact(
        world.house.database,
        company_id=world.companies["alder"],
        contact_id=world.people["ada"].contacts["alder"],
        granted_by=None,
        origin=SYSTEM,
        now=clock.now(),
    )
    assert await traces(world, user_id=world.people["ada"].id) == []


async def levels(world: World, contact_id: ContactId) -> dict[str, str]:
    """Return a contact's company levels above none, as the API tells its manager."""
    await world.add_app("onlooker", "Onlooker", owner="oda", scopes=(MANAGE,))
    token = (await world.tokens("ada", "onlooker", scope=MANAGE)).access
    answer = await world.call(token, f"/rest/v1.0/companies/{world.companies['alder']}/contacts/{contact_id}")
    return {tool: level for tool, level in answer.json()["levels"].items() if level != "none"}


def viewer_of(world: World, person: str) -> Viewer:
    """Return the viewer that a signed-in person is."""
    who = world.people[person]
    return Viewer(who.id, who.name, who.email, is_operator=False, session_id="")


async def undo(world: World, person: str, ids: list[int]) -> list[str]:
    """Return what is left after the person undid these."""
    core, viewer = world.app.state.core, viewer_of(world, person)
    left: list[str] = await core.traces.undo(
        ids, app_id=world.apps["crane"].id, viewer=viewer, origin=SYSTEM, now=clock.now()
    )
    return left
