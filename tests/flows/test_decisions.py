"""The decision over HTTP: who may, where, and what is said to those who may not."""

import asyncio
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from gatewright.apps.installation_service import disconnect, reconnect
from gatewright.base import clock
from gatewright.base.ids import AppId
from gatewright.db.schema import events
from gatewright.directory import service as directory
from gatewright.directory.model import Tool
from gatewright.events.catalogue import SYSTEM
from tests.support.databases import DIALECTS
from tests.support.world import EVERY_LEVEL, World

PROJECTS = "/rest/v1.0/projects"
ME = "/rest/v1.0/me"


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, str]:
    """Return the error of a refusal, which must have the API's one shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert set(body) == {"error", "errors"}
    assert set(body["error"]) == {"code", "message", "help", "request_id"}
    assert body["error"]["code"] == code
    assert body["errors"] == [body["error"]["message"]]
    assert UUID(body["error"]["request_id"]) == UUID(answer.headers["x-request-id"])
    assert body["error"]["help"]
    return dict(body["error"])


# --- naming the company (X3) and the bearer ------------------------------------------------------


async def test_the_company_is_named_by_either_header_the_path_or_the_query(world: World) -> None:
    """X3: and by all of them at once, where they agree."""
    token, alder = (await world.tokens("ada", "crane")).access, world.companies["alder"]
    bearer = {"authorization": f"Bearer {token}"}
    for headers, path in (
        ({"gatewright-company-id": str(alder)}, PROJECTS),
        ({"procore-company-id": str(alder)}, PROJECTS),
        ({}, f"{PROJECTS}?company_id={alder}"),
        ({}, f"/rest/v1.1/projects?company_id={alder}"),
        ({}, f"/rest/v1.0/companies/{alder}/projects"),
        (
            {"gatewright-company-id": str(alder), "procore-company-id": str(alder)},
            f"/rest/v1.0/companies/{alder}/projects?company_id={alder}",
        ),
    ):
        answer = await world.client.get(path, headers={**bearer, **headers})
        assert [project["name"] for project in answer.json()] == ["Bridge", "Tower"], (headers, path)


async def test_a_company_that_is_named_twice_or_unclearly_is_ambiguous(world: World) -> None:
    """X3."""
    token = (await world.tokens("ada", "crane")).access
    alder, birch = world.companies["alder"], world.companies["birch"]
    for headers, path in (
        ([("gatewright-company-id", str(alder)), ("procore-company-id", str(birch))], PROJECTS),
        ([("gatewright-company-id", str(alder)), ("gatewright-company-id", str(alder))], PROJECTS),
        ([("gatewright-company-id", str(birch))], f"/rest/v1.0/companies/{alder}/projects"),
        ([], f"{PROJECTS}?company_id={alder}&company_id={alder}"),
        ([], f"{PROJECTS}?company_id=0{alder}"),
        ([], f"{PROJECTS}?company_id=%2B{alder}"),
        ([], f"{PROJECTS}?company_id="),
        ([], f"{PROJECTS}?company_id=%00"),
        ([], f"{PROJECTS}?company_id=%D9%A1"),
        ([("gatewright-company-id", f"{alder},{alder}")], PROJECTS),
    ):
        answer = await world.client.get(path, headers=[("authorization", f"Bearer {token}"), *headers])
        refused(answer, 400, "company_ambiguous")


async def test_a_call_that_needs_a_company_and_names_none_is_told_so(world: World) -> None:
    """X2."""
    tokens = await world.tokens("ada", "crane")
    refused(await world.call(tokens.access, PROJECTS), 400, "company_required")


async def test_who_is_asking_is_judged_before_where(world: World) -> None:
    """X2: an ambiguous, a missing and an unknown company come after the token."""
    for path in (f"{PROJECTS}?company_id=1&company_id=2", PROJECTS, "/rest/v1.0/companies/999/projects"):
        refused(await world.call(None, path), 401, "token_missing")
        refused(await world.call("nonsense", path), 401, "token_invalid")


async def test_a_missing_token_is_challenged_without_an_error_and_a_dead_one_with(world: World) -> None:
    """X2: RFC 6750 §3."""
    missing = await world.call(None, ME)
    assert missing.headers["www-authenticate"].startswith('Bearer realm="gatewright", error="invalid_token", ')
    dead = await world.call("nonsense", ME)
    assert dead.headers["www-authenticate"].startswith('Bearer realm="gatewright", error="invalid_token", ')


@pytest.mark.parametrize(
    "path",
    [
        f"{ME}?access_token={{token}}",
        f"{ME}?token={{token}}",
    ],
)
async def test_a_token_in_the_query_is_not_read_and_not_logged(
    world: World, capfd: pytest.CaptureFixture[str], path: str
) -> None:
    """A144, T13."""
    token = (await world.tokens("ada", "crane")).access
    capfd.readouterr()
    refused(await world.client.get(path.format(token=token)), 401, "token_missing")
    said = capfd.readouterr()
    assert token not in said.out + said.err


async def test_a_repeated_authorization_header_is_refused(world: World) -> None:
    """X3: a proxy may have read the other one."""
    token = (await world.tokens("ada", "crane")).access
    twice = [("authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}")]
    refused(await world.client.get(ME, headers=twice), 400, "invalid_request")


async def test_the_api_ignores_cookies(world: World) -> None:
    """M6: a browser's session is nobody's token."""
    browser = await world.signed_in("ada")
    refused(await browser.get(ME), 401, "token_missing")


async def test_a_refresh_token_and_a_code_are_no_access_tokens(world: World) -> None:
    """A97."""
    tokens = await world.tokens("ada", "crane")
    refused(await world.call(tokens.refresh, ME), 401, "token_invalid")
    refused(await world.call(await world.code("ada", "crane"), ME), 401, "token_invalid")


# --- reach (P4 to P6, S1, S3) --------------------------------------------------------------------


async def test_a_company_outside_the_reach_answers_like_none(world: World) -> None:
    """P6: another company, no company, and a number that no id can be."""
    token, robot = (await world.tokens("wim", "crane")).access, await world.robot_token("robot")
    birch = world.companies["birch"]
    for caller in (token, robot):
        answers = [await world.call(caller, PROJECTS, company=each) for each in (birch, 424242, 2**53, 10**30)]
        errors = [refused(answer, 404, "company_unknown") for answer in answers]
        assert len({(error["message"], error["help"]) for error in errors}) == 1


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_removed_contact_loses_that_company_alone(world: World) -> None:
    """P5, A93, A198: with the token already issued, for every app."""
    first, second = await world.tokens("ada", "crane"), await world.tokens("ada", "pocket")
    await world.add_contact("birch", "wim")
    await world.set_levels("birch", world.people["bea"].contacts["birch"], directory="admin")
    for tokens in (first, second):
        assert (await world.call(tokens.access, PROJECTS, company="birch")).status_code == 200
    await directory.remove_contact(
        world.house.database,
        company_id=world.companies["birch"],
        contact_id=world.people["ada"].contacts["birch"],
        granted_by=None,
        origin=SYSTEM,
        now=clock.now(),
    )
    for tokens in (first, second):
        refused(await world.call(tokens.access, PROJECTS, company="birch"), 404, "company_unknown")
        assert (await world.call(tokens.access, PROJECTS, company="alder")).status_code == 200
        assert (await world.call(tokens.access, ME)).status_code == 200


async def test_a_deactivated_user_is_nobody_anywhere(world: World) -> None:
    """P4: and their app's tokens stay dead after the reactivation (T11)."""
    tokens = await world.tokens("wim", "crane")
    user, database = world.people["wim"].id, world.house.database
    await directory.deactivate_user(database, user_id=user, origin=SYSTEM, now=clock.now())
    refused(await world.call(tokens.access, ME), 401, "principal_inactive")
    refused(await world.call(tokens.access, PROJECTS, company="alder"), 401, "principal_inactive")
    await directory.reactivate_user(database, user_id=user, origin=SYSTEM, now=clock.now())
    assert (await world.call(tokens.access, ME)).status_code == 401


async def test_a_service_account_begins_with_none_and_then_holds_what_is_granted(world: World) -> None:
    """S3, S5: `me` and `companies` answer from the start."""
    token, robot = await world.robot_token("robot"), world.robots["robot"]
    me = (await world.call(token, ME)).json()
    assert me == {"id": robot.id, "login": robot.address, "name": "Nightly export"}
    companies = (await world.call(token, "/rest/v1.0/companies")).json()
    assert [company["id"] for company in companies] == [world.companies["alder"]]
    error = refused(await world.call(token, PROJECTS, company="alder"), 403, "permission_insufficient")
    assert "holds None" in error["message"]
    await world.set_levels("alder", robot.contact_id, directory="read_only")
    assert (await world.call(token, PROJECTS, company="alder")).json() == []
    await world.add_member("alder", "tower", robot.contact_id)
    assert [p["name"] for p in (await world.call(token, PROJECTS, company="alder")).json()] == ["Tower"]


# --- levels and scope (M4, M7, M8) ---------------------------------------------------------------


async def test_company_admins_see_every_project_and_others_those_they_are_on(world: World) -> None:
    """M4, P3, A200: `admin: admin` is no company admin."""
    seen = {}
    for person in ("ada", "max", "wim"):
        tokens = await world.tokens(person, "crane")
        answer = await world.call(tokens.access, PROJECTS, company="alder")
        seen[person] = (answer.headers["total"], [project["name"] for project in answer.json()])
    assert seen == {"ada": ("2", ["Bridge", "Tower"]), "max": ("0", []), "wim": ("1", ["Bridge"])}


async def test_lists_and_their_totals_hold_only_ones_own(world: World) -> None:
    """A200."""
    tokens = await world.tokens("bea", "crane")
    answer = await world.call(tokens.access, "/rest/v1.0/companies")
    assert (answer.headers["total"], [company["name"] for company in answer.json()]) == ("1", ["Birch Works"])
    answer = await world.call(tokens.access, PROJECTS, company="birch")
    assert (answer.headers["total"], answer.json()) == ("0", [])


async def test_a_contact_without_level_or_membership_cannot_list_projects(world: World) -> None:
    """M2."""
    await world.add_person("zoe", "Zoe Zeder")
    await world.add_contact("alder", "zoe")
    tokens = await world.tokens("zoe", "crane")
    refused(await world.call(tokens.access, PROJECTS, company="alder"), 403, "permission_insufficient")


async def test_security_objects_need_the_scope_and_the_users_own_level(world: World) -> None:
    """M8: the scope adds nothing to the level, the level nothing to the scope."""
    path = f"/rest/v1.0/companies/{world.companies['alder']}/service_accounts"
    bare, scoped = await world.tokens("max", "crane"), await world.tokens("max", "crane", scope="company.manage")
    refused(await world.call(bare.access, path), 403, "scope_insufficient")
    assert (await world.call(scoped.access, path)).status_code == 200
    lowly = await world.tokens("wim", "crane", scope="company.manage")
    refused(await world.call(lowly.access, path), 403, "permission_insufficient")


async def test_a_service_account_manages_nothing_whatever_it_holds(world: World) -> None:
    """M8."""
    await directory.set_levels(
        world.house.database,
        company_id=world.companies["alder"],
        contact_id=world.robots["robot"].contact_id,
        levels={"directory": "admin"},
        granted_by=None,
        confirmed=True,
        origin=SYSTEM,
        now=clock.now(),
    )
    path = f"/rest/v1.0/companies/{world.companies['alder']}/service_accounts"
    refused(await world.call(await world.robot_token("robot"), path), 403, "scope_insufficient")


async def test_a_level_that_is_lowered_is_lowered_at_the_next_call(world: World) -> None:
    """M2, T12."""
    path = f"/rest/v1.0/companies/{world.companies['alder']}/contacts"
    token, contact = (await world.tokens("wim", "crane")).access, world.people["wim"].contacts["alder"]
    assert (await world.call(token, path)).status_code == 200
    await world.set_levels("alder", contact)
    refused(await world.call(token, path), 403, "permission_insufficient")
    await world.set_levels("alder", contact, directory="read_only")
    assert (await world.call(token, path)).status_code == 200


async def test_a_tool_declared_later_is_none_for_every_contact(world: World) -> None:
    """M7: for people and service accounts alike; company admins hold admin on it (M4)."""
    tool = Tool("company", "scheduling", "Scheduling", EVERY_LEVEL)
    await directory.declare_tool(world.house.database, tool=tool, origin=SYSTEM, now=clock.now())
    token = (await world.tokens("ada", "crane", scope="company.manage")).access
    answer = await world.call(token, f"/rest/v1.0/companies/{world.companies['alder']}/contacts")
    levels = {contact["name"]: contact["levels"]["scheduling"] for contact in answer.json()}
    assert set(levels) >= {"Max Moss", "Wim Weide", "Nightly export"}
    assert {levels[name] for name in ("Max Moss", "Wim Weide", "Nightly export")} == {"none"}


async def test_what_an_app_may_is_what_its_user_may_on_the_pages(world: World) -> None:
    """M6: the same answer for the page and for the call, for each person and each tool's door."""
    alder = world.companies["alder"]
    doors = (
        (f"/companies/{alder}/directory", f"/rest/v1.0/companies/{alder}/contacts"),
        (f"/companies/{alder}/apps", f"/rest/v1.0/companies/{alder}/installations"),
        (f"/companies/{alder}/service-accounts", f"/rest/v1.0/companies/{alder}/service_accounts"),
    )
    for person in ("ada", "max", "wim", "bea"):
        browser, tokens = await world.signed_in(person), await world.tokens(person, "crane", scope="company.manage")
        for page, api in doors:
            statuses = ((await browser.get(page)).status_code, (await world.call(tokens.access, api)).status_code)
            assert statuses[0] == statuses[1], (person, page, statuses)


# --- installations (I2 to I5) --------------------------------------------------------------------


async def test_the_first_call_that_names_an_open_company_connects_the_app(world: World) -> None:
    """I2: and no call that names none."""
    token = (await world.tokens("wim", "crane")).access
    assert (await world.call(token, ME)).status_code == 200
    assert await installations(world) == []
    assert (await world.call(token, PROJECTS, company="alder")).status_code == 200
    assert await installations(world) == [("Crane Reports", "connected")]
    events = await recorded(world, "installation.connected")
    assert [(event["by_kind"], event["by_id"]) for event in events] == [("user", world.people["wim"].id)]
    assert all(event["ip"] and event["request_id"] for event in events)


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_two_first_calls_at_once_connect_once(world: World) -> None:
    """I2, R1."""
    token = (await world.tokens("wim", "crane")).access
    answers = await asyncio.gather(*(world.call(token, PROJECTS, company="alder") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await recorded(world, "installation.connected")) == 1


async def test_a_call_by_nobody_of_the_company_connects_nothing(world: World) -> None:
    """I2: it must be a contact of the company who makes it (P6)."""
    token = (await world.tokens("bea", "crane")).access
    refused(await world.call(token, PROJECTS, company="alder"), 404, "company_unknown")
    assert await installations(world) == []


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_where_apps_need_approval_the_first_call_asks_for_it_once(world: World) -> None:
    """I2: and stays refused until an admin approves."""
    alder, app_id = world.companies["alder"], AppId(world.apps["crane"].id)
    await directory.change_company(
        world.house.database, company_id=alder, app_access="approval", origin=SYSTEM, now=clock.now()
    )
    token = (await world.tokens("wim", "crane")).access
    for _ in range(3):
        refused(await world.call(token, PROJECTS, company="alder"), 403, "app_approval_required")
    assert await installations(world) == [("Crane Reports", "requested")]
    assert len(await recorded(world, "installation.requested")) == 1
    await reconnect(world.house.database, company_id=alder, app_id=app_id, origin=SYSTEM, now=clock.now())
    assert (await world.call(token, PROJECTS, company="alder")).status_code == 200


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_disconnected_app_is_out_of_that_company_alone_until_an_admin_reconnects_it(world: World) -> None:
    """I3, I4, I5: with the same tokens; its companies list leaves that company out."""
    ada, max_ = await world.tokens("ada", "crane"), await world.tokens("max", "crane")
    alder, app_id = world.companies["alder"], AppId(world.apps["crane"].id)
    for tokens in (ada, max_):
        assert (await world.call(tokens.access, PROJECTS, company="alder")).status_code == 200
    await disconnect(world.house.database, company_id=alder, app_id=app_id, origin=SYSTEM, now=clock.now())
    for _ in range(3):
        for tokens in (ada, max_):
            error = refused(await world.call(tokens.access, PROJECTS, company="alder"), 403, "app_not_connected")
            assert error["message"] == "App is not connected to this company"
    assert (await world.call(ada.access, PROJECTS, company="birch")).status_code == 200
    companies = await world.call(ada.access, "/rest/v1.0/companies")
    assert [company["name"] for company in companies.json()] == ["Birch Works"]
    assert (await world.refresh("crane", max_.refresh)).status_code == 200
    await reconnect(world.house.database, company_id=alder, app_id=app_id, origin=SYSTEM, now=clock.now())
    assert (await world.call(ada.access, PROJECTS, company="alder")).status_code == 200


async def test_an_app_that_was_blocked_beforehand_never_connects(world: World) -> None:
    """I3, I5."""
    alder, app_id = world.companies["alder"], AppId(world.apps["crane"].id)
    await disconnect(world.house.database, company_id=alder, app_id=app_id, origin=SYSTEM, now=clock.now())
    token = (await world.tokens("ada", "crane")).access
    refused(await world.call(token, PROJECTS, company="alder"), 403, "app_not_connected")
    assert await installations(world) == [("Crane Reports", "disconnected")]


async def installations(world: World) -> list[tuple[str, str]]:
    """Return what App Management of alder lists, seen by its manager through another app."""
    manager = await world.tokens("max", "overseer", scope="company.manage")
    path = f"/rest/v1.0/companies/{world.companies['alder']}/installations"
    answer = await world.call(manager.access, path)
    return [(each["name"], each["status"]) for each in answer.json() if each["name"] != "Overseer"]


async def recorded(world: World, kind: str) -> list[dict[str, object]]:
    """Return the events of a kind about the app Crane Reports."""
    async with world.house.database.read() as reader:
        rows = (await reader.execute(select(events).where(events.c.kind == kind))).mappings().all()
    return [dict(row) for row in rows if row["about"]["app_id"] == world.apps["crane"].id]


@pytest.fixture(autouse=True)
async def _overseer(world: World) -> None:
    """Give the world an app through which its manager looks at the others."""
    await world.add_app("overseer", "Overseer", scopes=("company.manage",))
    assert await installations(world) == []


@pytest.mark.parametrize("project", ["999", "0", "abc"])
async def test_an_unknown_project_is_told_before_scope_and_level(world: World, project: str) -> None:
    """X2: project_unknown stands before scope_insufficient and permission_insufficient."""
    contact = world.people["wim"].contacts["alder"]
    company = f"/rest/v1.0/companies/{world.companies['alder']}"
    without_scope = (await world.tokens("ada", "crane")).access
    without_level = (await world.tokens("wim", "crane", scope="company.manage")).access
    for token, method, path in (
        (without_scope, "PUT", f"{company}/contacts/{contact}/projects/{project}"),
        (without_scope, "DELETE", f"{company}/contacts/{contact}/projects/{project}"),
        (without_scope, "PATCH", f"{company}/projects/{project}"),
        (without_level, "PATCH", f"{company}/projects/{project}"),
        (without_level, "PUT", f"{company}/contacts/{contact}/projects/{project}"),
    ):
        answer = await world.call(token, path, method=method, json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "project_unknown"), (method, path)


async def test_a_known_project_needs_the_scope_and_then_the_company_level(world: World) -> None:
    """X2, M2, M8: the level that counts for a project itself is the company's."""
    path = f"/rest/v1.0/companies/{world.companies['alder']}/projects/{world.projects['bridge']}"
    without_scope = (await world.tokens("ada", "crane")).access
    without_level = (await world.tokens("wim", "crane", scope="company.manage")).access
    for token, code in ((without_scope, "scope_insufficient"), (without_level, "permission_insufficient")):
        answer = await world.call(token, path, method="PATCH", json={"name": "Bridge B"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, code)
    allowed = (await world.tokens("ada", "crane", scope="company.manage")).access
    assert (await world.call(allowed, path, method="PATCH", json={"name": "Bridge B"})).status_code == 200
