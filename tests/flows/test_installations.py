"""App Management over the API: listed, disconnected, let back in."""

import asyncio

import pytest

from tests.support.world import World

PROJECTS = "/rest/v1.0/projects"


def at(world: World, app: str = "", act: str = "", *, company: str = "alder") -> str:
    """Return the address of a company's installations, of one, or of an act on one."""
    path = f"/rest/v1.0/companies/{world.companies[company]}/installations"
    path += f"/{world.apps[app].id}" if app else ""
    return path + (f"/{act}" if act else "")


@pytest.fixture
async def manager(world: World) -> str:
    """Return an access token of Ada's with `company.manage`, by an app of nobody's developer here."""
    await world.add_app("oak", "Oak Tools", owner="ada", scopes=("company.manage",))
    return (await world.tokens("ada", "oak", scope="company.manage")).access


async def test_a_disconnected_app_stops_in_one_company_and_goes_on_in_another(world: World, manager: str) -> None:
    """I3, I4, I5: with the same token all along."""
    token = (await world.tokens("ada", "plain")).access
    assert (await world.call(token, PROJECTS, company="alder")).status_code == 200
    answer = await world.call(manager, at(world, "plain", "disconnect"), method="POST")
    assert answer.status_code == 200
    assert answer.json()["status"] == "disconnected"
    refused = await world.call(token, PROJECTS, company="alder")
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "app_not_connected"
    assert refused.json()["error"]["message"] == "App is not connected to this company"
    assert refused.json()["errors"] == ["App is not connected to this company"]
    assert (await world.call(token, PROJECTS, company="birch")).status_code == 200
    assert (await world.call(token, PROJECTS, company="alder")).status_code == 403
    back = await world.call(manager, at(world, "plain", "reconnect"), method="POST")
    assert back.json()["status"] == "connected"
    assert (await world.call(token, PROJECTS, company="alder")).status_code == 200


async def test_every_user_of_the_app_is_stopped_at_once(world: World, manager: str) -> None:
    """I3: for all users."""
    tokens = [(await world.tokens(person, "plain")).access for person in ("ada", "wim", "max")]
    for token in tokens:
        assert (await world.call(token, PROJECTS, company="alder")).status_code == 200
    await world.call(manager, at(world, "plain", "disconnect"), method="POST")
    answers = [await world.call(token, PROJECTS, company="alder") for token in tokens]
    assert {answer.json()["error"]["code"] for answer in answers} == {"app_not_connected"}


async def test_a_dry_run_says_what_would_stop_and_stops_nothing(world: World, manager: str) -> None:
    """I6: the numbers, and no change."""
    token = (await world.tokens("wim", "plain")).access
    await world.call(token, PROJECTS, company="alder")
    await world.app.state.counters.flush()
    answer = await world.call(manager, at(world, "plain", "disconnect") + "?dry_run=true", method="POST")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "connected"
    assert (body["stops"]["users"], body["stops"]["calls_24h"]) == (1, 1)
    assert body["stops"]["last_call_at"].endswith("Z")
    assert (await world.call(token, PROJECTS, company="alder")).status_code == 200
    unseen = await world.call(manager, at(world, "pocket", "disconnect") + "?dry_run=true", method="POST")
    assert unseen.json() == {"status": None, "stops": {"users": 0, "calls_24h": 0, "last_call_at": None}}
    for bad in ("?dry_run=yes", "?dry_run=1", "?dry_run=TRUE"):
        refused = await world.call(manager, at(world, "plain", "disconnect") + bad, method="POST")
        assert refused.status_code == 422
    for bad in ("?dry_run=true&dry_run=true", "?dry_run=false&dry_run=true"):
        twice = await world.call(manager, at(world, "plain", "disconnect") + bad, method="POST")
        assert twice.json()["error"]["code"] == "invalid_fields"
    assert (await world.call(token, PROJECTS, company="alder")).status_code == 200


async def test_of_an_app_never_seen_a_dry_run_tells_nothing(world: World, manager: str) -> None:
    """P6, I6: whether the company's people use it elsewhere is no concern of its admins."""
    await world.tokens("wim", "plain")
    path = at(world, "plain", "disconnect")
    foreseen = await world.call(manager, f"{path}?dry_run=true", method="POST")
    nothing = {"users": 0, "calls_24h": 0, "last_call_at": None}
    assert foreseen.json() == {"status": None, "stops": nothing}
    assert (await world.call(manager, path, method="POST")).json()["stops"] == nothing


async def test_disconnecting_twice_and_at_once_answers_alike(world: World, manager: str) -> None:
    """I3, T12: idempotent, in parallel too."""
    token = (await world.tokens("ada", "plain")).access
    await world.call(token, PROJECTS, company="alder")
    path = at(world, "plain", "disconnect")
    answers = await asyncio.gather(*(world.call(manager, path, method="POST") for _ in range(8)))
    assert {(answer.status_code, answer.json()["status"]) for answer in answers} == {(200, "disconnected")}
    assert (await world.call(token, PROJECTS, company="alder")).status_code == 403


async def test_an_app_never_seen_is_blocked_beforehand(world: World, manager: str) -> None:
    """I3: and an app that there is not is unknown."""
    assert (await world.call(manager, at(world, "plain"))).status_code == 404
    assert (await world.call(manager, at(world, "plain", "reconnect"), method="POST")).status_code == 404
    assert (await world.call(manager, at(world, "plain", "disconnect"), method="POST")).status_code == 200
    token = (await world.tokens("ada", "plain")).access
    assert (await world.call(token, PROJECTS, company="alder")).json()["error"]["code"] == "app_not_connected"
    for app_id in ("999", "0", "01", "x", "-1", str(2**53), "9" * 40, "%00"):
        for act in ("disconnect", "reconnect"):
            answer = await world.call(manager, f"{at(world)}/{app_id}/{act}", method="POST")
            assert answer.status_code == 404, (app_id, act)
            assert answer.json()["error"]["code"] == "app_unknown"


async def test_approval_is_asked_for_once_and_decided_by_an_admin(world: World, manager: str) -> None:
    """I2: refused until approved; declined stays refused."""
    company = f"/rest/v1.0/companies/{world.companies['birch']}"
    changed = await world.call(manager, company, method="PATCH", json={"app_access": "approval"})
    assert changed.status_code == 200, changed.text
    token = (await world.tokens("ada", "plain")).access
    for _ in range(2):
        refused = await world.call(token, PROJECTS, company="birch")
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "app_approval_required")
    shown = await world.call(manager, at(world, "plain", company="birch"))
    assert (shown.json()["status"], shown.json()["connected_by"]) == ("requested", None)
    await world.call(manager, at(world, "plain", "reconnect", company="birch"), method="POST")
    assert (await world.call(token, PROJECTS, company="birch")).status_code == 200
    await world.call(manager, at(world, "plain", "disconnect", company="birch"), method="POST")
    assert (await world.call(token, PROJECTS, company="birch")).json()["error"]["code"] == "app_not_connected"


async def test_the_list_shows_who_connected_what(world: World, manager: str) -> None:
    """I1: of this company alone, in pages."""
    token = (await world.tokens("wim", "plain")).access
    await world.call(token, PROJECTS, company="alder")
    await world.app.state.counters.flush()
    answer = await world.call(manager, at(world))
    assert answer.headers["cache-control"] == "no-store"
    entries = {entry["name"]: entry for entry in answer.json()}
    plain = entries["Plain Viewer"]
    assert (plain["status"], plain["connected_by"], plain["developer"]) == ("connected", "Wim Weide", "Dev Dorn")
    assert (plain["app_id"], plain["users"]) == (world.apps["plain"].id, 1)
    assert [(day["allowed"], day["refused"]) for day in plain["calls"]] == [(1, 0)]
    assert plain == (await world.call(manager, at(world, "plain"))).json()
    assert answer.headers["total"] == str(len(entries))
    second = await world.call(manager, at(world) + "?per_page=1&page=2")
    assert [entry["app_id"] for entry in second.json()] == [answer.json()[1]["app_id"]]
    # P6
    birch = await world.call(manager, at(world, company="birch"))
    assert "Plain Viewer" not in birch.text


async def test_an_app_lets_in_neither_itself_nor_its_siblings(world: World, manager: str) -> None:
    """M8: though its user may, on the page or through another app."""
    crane = (await world.tokens("ada", "crane", scope="company.manage")).access
    await world.call(crane, PROJECTS, company="alder")
    plain = (await world.tokens("ada", "plain")).access
    await world.call(plain, PROJECTS, company="alder")
    assert (await world.call(crane, at(world, "plain", "disconnect"), method="POST")).status_code == 200
    for app in ("plain", "crane"):  # the same developer's
        refused = await world.call(crane, at(world, app, "reconnect"), method="POST")
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "own_app")
    assert (await world.call(plain, PROJECTS, company="alder")).status_code == 403
    assert (await world.call(manager, at(world, "plain", "reconnect"), method="POST")).status_code == 200
    assert (await world.call(crane, at(world, "crane", "disconnect"), method="POST")).status_code == 200
    refused = await world.call(crane, at(world, "crane", "reconnect"), method="POST")
    assert refused.json()["error"]["code"] == "app_not_connected"


async def test_only_the_scope_and_the_level_together_open_app_management(world: World, manager: str) -> None:
    """M8, X2: neither alone is enough, and a service account never gets the scope."""
    without_scope = (await world.tokens("ada", "plain")).access
    without_level = (await world.tokens("wim", "oak", scope="company.manage")).access
    stranger = (await world.tokens("bea", "oak", scope="company.manage")).access
    await world.set_levels("alder", world.robots["robot"].contact_id, directory="read_only", admin="admin")
    robot = await world.robot_token("robot")
    for path, method in ((at(world), "GET"), (at(world, "plain"), "GET"), (at(world, "plain", "disconnect"), "POST")):
        assert (await world.call(without_scope, path, method=method)).json()["error"]["code"] == "scope_insufficient"
        refused = await world.call(without_level, path, method=method)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "permission_insufficient")
        assert (await world.call(robot, path, method=method)).json()["error"]["code"] == "scope_insufficient"
        refused = await world.call(stranger, path, method=method)
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "company_unknown")
        assert (await world.call(None, path, method=method)).status_code == 401


async def test_a_body_that_says_more_than_the_address_is_refused(world: World, manager: str) -> None:
    """P6: no company or role is taken from a body (A195)."""
    for act in ("disconnect", "reconnect"):
        bad: tuple[object, ...] = ({"company_id": world.companies["birch"]}, {"role": "admin"}, [], "x", 7)
        for body in bad:
            answer = await world.call(manager, at(world, "plain", act), method="POST", json=body)
            assert answer.status_code == 422, (act, body)
    assert (await world.call(manager, at(world, "plain"))).status_code == 404  # nothing happened
    assert (await world.call(manager, at(world, "plain", "disconnect"), method="POST", json={})).status_code == 200
