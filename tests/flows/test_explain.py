"""X4 over HTTP: why a contact may what it may, why a call was refused, and who is shown what."""

import httpx
import pytest

from gatewright.base import clock
from gatewright.directory.service import deactivate_user
from gatewright.events.catalogue import SYSTEM
from tests.support.databases import DIALECTS
from tests.support.forms import Page
from tests.support.statements import counted
from tests.support.world import World

UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def refused(world: World, token: str, path: str, *, company: str = "alder", status: int = 403) -> dict[str, str]:
    """Return the error of a call that must be refused, once it is written."""
    answer = await world.call(token, path, company=company)
    assert answer.status_code == status, answer.text
    await world.app.state.counters.flush()
    error: dict[str, str] = answer.json()["error"]
    return error


async def managing(world: World, person: str = "ada") -> str:
    """Return a token of a person that carries the scope company.manage."""
    return (await world.tokens(person, "crane", scope="company.manage")).access


async def explained(world: World, token: str, query: str, *, company: str = "alder") -> httpx.Response:
    """Return the answer of the API to a question about a company of the world."""
    return await world.call(token, f"/rest/v1.0/companies/{world.companies[company]}/explain{query}")


def contacts(world: World, company: str = "alder") -> str:
    """Return the path of a company's directory on the API."""
    return f"/rest/v1.0/companies/{world.companies[company]}/contacts"


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_refused_call_is_explained_by_its_request_id_and_works_once_the_level_is_raised(
    world: World, flow_dialect: str
) -> None:
    # X4: as it was then, and as it is now
    robot, ada = await world.robot_token("robot"), await managing(world)
    error = await refused(world, robot, contacts(world))
    assert "until someone grants it a level" in error["message"]
    told = (await explained(world, ada, f"/{error['request_id']}")).json()
    assert (told["code"], told["message"], told["help"]) == (error["code"], error["message"], error["help"])
    assert (told["tool"], told["level_needed"], told["level_held"]) == ("directory", "read_only", "none")
    assert [check["outcome"] for check in told["checks"]] == ["holds", "holds", "holds", "fails"]
    assert [check["rule"] for check in told["checks"]] == ["T11", "S8", "P2", "M2"]
    assert told["contact"]["name"] == "Nightly export"
    assert (told["method"], told["path"]) == ("GET", "/rest/v1.0/companies/{company_id}/contacts")
    assert (told["now"]["allowed"], told["now"]["code"]) == (False, "permission_insufficient")
    path = f"{contacts(world)}/{world.robots['robot'].contact_id}/levels"
    raised = await world.call(ada, path, method="PUT", json={"directory": "read_only"})
    assert raised.status_code == 200, raised.text
    assert (await world.call(robot, contacts(world))).status_code == 200
    told = (await explained(world, ada, f"/{error['request_id']}")).json()
    assert told["now"] == {"allowed": True, "code": None, "message": None, "help": None}
    assert told["level_held"] == "none"


async def test_a_level_is_explained_by_the_event_that_gave_it(world: World) -> None:
    """X4: rule, grant, by whom and through what, and who can change it."""
    ada, wim = await managing(world), world.people["wim"].contacts["alder"]
    bridge = world.projects["bridge"]
    path = f"{contacts(world)}/{wim}/projects/{bridge}"
    assert (await world.call(ada, path, method="PUT", json={"rfis": "admin"})).status_code == 200
    told = (await explained(world, ada, f"?contact_id={wim}&tool=rfis&project_id={bridge}")).json()
    assert (told["level"], told["sentence"]) == ("admin", "Wim Weide may do everything with RFIs on Bridge.")
    assert told["checks"][-1]["outcome"] == "decides"
    assert [check["rule"] for check in told["checks"]] == ["P2", "P4", "P3", "M2"]
    assert (told["grant"]["kind"], told["grant"]["by"]) == ("membership.set", "Ada Alder, through Crane Reports")
    assert "Directory: Admin" in told["change"]
    told = (await explained(world, ada, f"?contact_id={wim}&tool=directory")).json()
    assert (told["level"], told["grant"]["kind"], told["grant"]["by"]) == ("read_only", "contact.added", "the operator")
    told = (await explained(world, ada, f"?contact_id={wim}&tool=rfis&project_id={world.projects['tower']}")).json()
    assert (told["level"], told["checks"][-1]["rule"], told["grant"]) == ("none", "P3", None)


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_template_is_named_until_a_level_is_set_by_hand(world: World, flow_dialect: str) -> None:
    """M3, X4: assigned, changed for all who hold it, and detached from."""
    ada, wim, bridge = await managing(world), world.people["wim"].contacts["alder"], world.projects["bridge"]
    templates = f"/rest/v1.0/companies/{world.companies['alder']}/permission_templates"
    query = f"?contact_id={wim}&tool=rfis&project_id={bridge}"
    given = {"name": "Site reader", "company": {}, "project": {"rfis": "read_only"}}
    made = (await world.call(ada, templates, method="POST", json=given)).json()
    attached = await world.call(ada, f"{contacts(world)}/{wim}", method="PATCH", json={"template_id": made["id"]})
    assert attached.status_code == 200, attached.text
    told = (await explained(world, ada, query)).json()
    assert (told["level"], told["checks"][-1]["rule"], told["grant"]["kind"]) == ("read_only", "M3", "membership.set")
    assert told["checks"][-1]["sentence"] == "Template Site reader gives RFIs: Read only"
    changed = {"project": {"rfis": "standard"}}
    assert (await world.call(ada, f"{templates}/{made['id']}", method="PATCH", json=changed)).status_code == 200
    told = (await explained(world, ada, query)).json()
    assert (told["level"], told["checks"][-1]["rule"], told["grant"]["kind"]) == ("standard", "M3", "template.saved")
    by_hand = await world.call(ada, f"{contacts(world)}/{wim}/projects/{bridge}", method="PUT", json={"rfis": "admin"})
    assert by_hand.status_code == 200, by_hand.text
    told = (await explained(world, ada, query)).json()
    assert (told["level"], told["checks"][-1]["rule"], told["grant"]["kind"]) == ("admin", "M2", "membership.set")


async def test_who_cannot_act_at_all_is_told_so_before_any_level(world: World) -> None:
    """P4, S8, X4: a deactivated user, and a service account whose address was edited."""
    ada, robot = await managing(world), world.robots["robot"]
    wim = world.people["wim"]
    await deactivate_user(world.house.database, user_id=wim.id, origin=SYSTEM, now=clock.now())
    edited = {"email": "else@example.com"}
    assert (await world.call(ada, f"{contacts(world)}/{robot.contact_id}", method="PATCH", json=edited)).is_success
    for contact_id, rule in ((wim.contacts["alder"], "P4"), (robot.contact_id, "S8")):
        told = (await explained(world, ada, f"?contact_id={contact_id}&tool=directory")).json()
        assert (told["level"], told["checks"][-1]["rule"], told["checks"][-1]["outcome"]) == ("none", rule, "fails")
        assert told["change"]


async def test_who_raised_a_level_is_named_only_as_the_company_knows_them(world: World) -> None:
    """X4, P6: somebody who is in no directory here has no name here."""
    ada, wim = await managing(world), world.people["wim"].contacts["alder"]
    await world.add_contact("alder", "bea", directory="admin")
    bea = await managing(world, "bea")
    path = f"{contacts(world)}/{wim}/levels"
    assert (await world.call(bea, path, method="PUT", json={"budget": "standard"})).status_code == 200
    query = f"?contact_id={wim}&tool=budget"
    assert (await explained(world, ada, query)).json()["grant"]["by"] == "Bea Birch, through Crane Reports"
    gone = await world.call(ada, f"{contacts(world)}/{world.people['bea'].contacts['alder']}", method="DELETE")
    assert gone.status_code == 204
    answer = await explained(world, ada, query)
    assert answer.json()["grant"]["by"] == "somebody who has left the directory, through Crane Reports"
    assert "Bea" not in answer.text


async def test_explanations_are_for_directory_admins_with_the_scope(world: World) -> None:
    """M8: through the API; the pages ask for the level alone."""
    ada = await managing(world)
    error = await refused(world, await world.robot_token("robot"), contacts(world))
    wim = world.people["wim"].contacts["alder"]
    bare, max_ = (await world.tokens("ada", "plain")).access, await managing(world, "max")
    for query in (f"?contact_id={wim}&tool=directory", f"/{error['request_id']}"):
        assert (await explained(world, ada, query)).status_code == 200
        answers = [await explained(world, token, query) for token in (bare, max_)]
        assert [answer.json()["error"]["code"] for answer in answers] == [
            "scope_insufficient",
            "permission_insufficient",
        ]
    company = world.companies["alder"]
    for path in ("refusals", f"refusals/{error['request_id']}", f"directory/{wim}/explain"):
        assert (await (await world.signed_in("ada")).get(f"/companies/{company}/{path}")).status_code == 200
        for person in ("max", "wim"):  # admin: admin, and directory: read_only
            assert (await (await world.signed_in(person)).get(f"/companies/{company}/{path}")).status_code == 403


async def test_an_id_of_another_company_is_explained_like_none(world: World) -> None:
    """P6: contacts, projects and requests alike, to the letter."""
    ada = await managing(world)
    await world.add_contact("birch", "wim")
    error = await refused(world, await managing(world, "wim"), contacts(world, "birch"), company="birch")
    bea, wim = world.people["bea"].contacts["birch"], world.people["wim"].contacts["alder"]
    pairs = (
        (f"?contact_id={bea}&tool=directory", "?contact_id=987654321&tool=directory"),
        (
            f"?contact_id={wim}&tool=rfis&project_id={world.projects['mill']}",
            f"?contact_id={wim}&tool=rfis&project_id=9",
        ),
        (f"/{error['request_id']}", f"/{UNKNOWN}"),
    )
    for foreign, nowhere in pairs:
        answers = [await explained(world, ada, query) for query in (foreign, nowhere)]
        told = [{**answer.json()["error"], "request_id": ""} for answer in answers]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert told[0] == told[1]
    assert (await explained(world, ada, f"/{error['request_id']}", company="birch")).status_code == 200


@pytest.mark.parametrize(
    "query", ["", "?tool=directory", "?contact_id=5", "?contact_id=5&tool=", f"?contact_id=5&tool={'x' * 61}"]
)
async def test_a_question_without_its_parts_is_told_what_is_missing(world: World, query: str) -> None:
    """X4."""
    answer = await explained(world, await managing(world), query)
    assert answer.status_code == 422
    assert answer.json()["errors"]


async def test_a_project_that_is_no_id_is_explained_as_unknown(world: World) -> None:
    """X4, P6: a number that no project can have is a project all the same, and is not let through now either."""
    wim, company = (await world.tokens("wim", "plain")).access, world.companies["alder"]
    for project in (2**53, "abc"):
        query = {"company_id": str(company), "project_id": str(project), "tool": "rfis", "level": "standard"}
        answer = await world.client.get("/authz/forward", params=query, headers={"authorization": f"Bearer {wim}"})
        assert answer.headers["gatewright-code"] == "project_unknown"
        await world.app.state.counters.flush()
        request_id = answer.json()["error"]["request_id"]
        told = (await explained(world, await managing(world), f"/{request_id}")).json()
        assert (told["code"], told["now"]["code"], told["project"]) == ("project_unknown", "project_unknown", None)


async def test_a_repeated_question_is_refused(world: World) -> None:
    """A200."""
    wim = world.people["wim"].contacts["alder"]
    answer = await explained(world, await managing(world), f"?contact_id={wim}&tool=rfis&tool=directory")
    assert answer.status_code == 400


async def test_what_a_company_may_not_know_of_is_shown_to_none(world: World) -> None:
    """X4: a call that named it from outside, and one with a dead token."""
    ada, max_ = await managing(world), await managing(world, "max")
    unknown = await refused(world, max_, contacts(world, "birch"), company="birch", status=404)
    tokens = await world.tokens("max", "plain")
    assert (
        await world.client.post("/oauth/revoke", data={**world.apps["plain"].credentials, "token": tokens.access})
    ).status_code == 200
    dead = await refused(world, tokens.access, contacts(world), status=401)
    for error in (unknown, dead):
        for company in ("alder", "birch"):
            assert (await explained(world, ada, f"/{error['request_id']}", company=company)).status_code == 404
            page = await (await world.signed_in("ada")).get(f"/companies/{world.companies[company]}/refusals")
            assert error["request_id"] not in page.text
    own = await (await world.signed_in("dev")).get("/developer/refusals")
    for error in (unknown, dead):
        assert error["request_id"] in own.text


async def test_a_developer_is_shown_codes_and_sentences_and_nobody(world: World) -> None:
    """X4: no name, no id of a user, contact or company; no other developer's app."""
    await world.add_app("other", "Other Tools", owner="bea")
    error = await refused(
        world, await managing(world, "wim"), f"/rest/v1.0/companies/{world.companies['alder']}/installations"
    )
    mine = await (await world.signed_in("dev")).get("/developer/refusals")
    assert error["request_id"] in mine.text
    assert error["message"] in mine.text
    for name in ("Wim", "Alder", "wim@example.com", "Nightly"):
        assert name not in mine.text
    others = await (await world.signed_in("bea")).get("/developer/refusals")
    assert others.status_code == 200
    assert error["request_id"] not in others.text
    foreign = await (await world.signed_in("bea")).get(f"/developer/refusals?app_id={world.apps['crane'].id}")
    nowhere = await (await world.signed_in("bea")).get("/developer/refusals?app_id=987654321")
    assert (foreign.status_code, nowhere.status_code) == (404, 404)


async def test_refused_calls_are_listed_filtered_and_found_by_request_id(world: World) -> None:
    """X4: without a script."""
    robot, wim = await world.robot_token("robot"), await managing(world, "wim")
    company, ada = world.companies["alder"], await world.signed_in("ada")
    by_robot = await refused(world, robot, contacts(world))
    by_app = await refused(world, wim, f"/rest/v1.0/companies/{company}/explain/{UNKNOWN}")
    unscoped = await refused(
        world, (await world.tokens("ada", "plain")).access, f"/rest/v1.0/companies/{company}/installations"
    )

    async def listed(query: str) -> set[str]:
        page = await ada.get(f"/companies/{company}/refusals{query}")
        assert page.status_code == 200
        return {error["request_id"] for error in (by_robot, by_app, unscoped) if error["request_id"] in page.text}

    assert len(await listed("")) == 3
    assert await listed("?code=scope_insufficient") == {unscoped["request_id"]}
    assert await listed(f"?app_id={world.apps['crane'].id}") == {by_app["request_id"]}
    assert await listed("?day=2020-01-01") == set()
    assert len(await listed("?day=nonsense&app_id=-1")) == 3
    found = await ada.get(f"/companies/{company}/refusals?request_id={by_app['request_id'].upper()}")
    assert found.headers["location"] == f"/companies/{company}/refusals/{by_app['request_id']}"
    shown = await ada.get(found.headers["location"])
    assert "Wim Weide" in shown.text
    assert by_app["message"] in shown.text
    missed = await ada.get(f"/companies/{company}/refusals?request_id={UNKNOWN}")
    assert "No refused call of this company" in missed.text


@pytest.mark.parametrize("day", ["9999-12-31", "9999-12-30", "0001-01-01", "2026-02-30", "yesterday"])
async def test_any_day_can_be_asked_for(world: World, day: str) -> None:
    """X4: one that no list can end at is left out, like what is no day."""
    ada = await world.signed_in("ada")
    for path in (f"/companies/{world.companies['alder']}/refusals", "/developer/refusals"):
        assert (await ada.get(f"{path}?day={day}")).status_code == 200, path


async def test_the_page_of_a_contact_explains_the_tool_that_is_chosen(world: World) -> None:
    """X4: a form that is got, so it can be linked to."""
    ada, wim = await world.signed_in("ada"), world.people["wim"].contacts["alder"]
    address = f"/companies/{world.companies['alder']}/directory/{wim}/explain"
    assert {"tool", "project_id"} <= set(Page(await ada.get(address)).form(field="tool").fields)
    page = await ada.get(f"{address}?tool=rfis&project_id={world.projects['bridge']}")
    assert "Wim Weide may work with RFIs on Bridge" in page.text
    assert "Standard was set by hand" in page.text
    assert (await ada.get(f"{address}?tool=rfis&project_id=")).status_code == 200
    assert (await ada.get(f"{address}?tool=rfis&project_id={world.projects['mill']}")).status_code == 404


async def test_lists_and_explanations_cost_the_same_however_much_there_is(world: World) -> None:
    """X4: a constant number of statements."""
    ada, wim = await world.signed_in("ada"), world.people["wim"].contacts["alder"]
    dev, robot = await world.signed_in("dev"), await world.robot_token("robot")
    crane = await managing(world, "wim")
    company = world.companies["alder"]

    async def costs() -> list[int]:
        error = await refused(world, robot, contacts(world))
        await refused(world, crane, f"/rest/v1.0/companies/{company}/installations")
        paths = (
            (ada, f"/companies/{company}/refusals"),
            (ada, f"/companies/{company}/refusals/{error['request_id']}"),
            (ada, f"/companies/{company}/directory/{wim}/explain?tool=rfis&project_id={world.projects['bridge']}"),
            (dev, "/developer/refusals"),
        )
        told = []
        for browser, path in paths:
            with counted(world.house.database) as seen:
                assert (await browser.get(path)).status_code == 200
            told.append(len(seen.statements))
        return told

    await costs()
    before = await costs()
    for number in range(20):
        await world.add_project(f"more{number}", "alder", f"More {number}")
        await world.add_member("alder", f"more{number}", wim, rfis="standard")
        await refused(world, robot, contacts(world))
    assert await costs() == before


async def test_the_company_has_to_be_tellable_even_where_none_is_needed(world: World) -> None:
    """X3: two that differ are refused, whatever is asked."""
    token = (await world.tokens("ada", "crane")).access
    for path in ("/rest/v1.0/me", "/rest/v1.0/companies"):
        answer = await world.call(token, f"{path}?company_id=1", company=2)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "company_ambiguous")
        assert (await world.call(token, path, company=987654321)).status_code == 200
