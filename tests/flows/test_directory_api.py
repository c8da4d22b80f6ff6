"""The directory over the API: contacts, levels, memberships, projects, settings."""

import asyncio
from typing import Any

import pytest

from tests.support.databases import DIALECTS
from tests.support.world import World

MANAGE = "company.manage"


async def manager(world: World, person: str = "ada") -> str:
    """Return a token of the app that may manage companies, in that person's name."""
    return (await world.tokens(person, "crane", scope=MANAGE)).access


def at(world: World, path: str = "", *, company: str = "alder") -> str:
    """Return a management path of a company."""
    return f"/rest/v1.0/companies/{world.companies[company]}{path}"


def contact_id(world: World, person: str, company: str = "alder") -> int:
    """Return the contact of a person."""
    return int(world.people[person].contacts[company])


# reading -------------------------------------------------------------------------------------


async def test_contacts_are_listed_by_id_with_levels_only_under_the_scope(world: World) -> None:
    """M8: template, levels and projects need company.manage; the scope adds no permission."""
    plain = (await world.tokens("wim", "plain")).access
    listed = await world.call(plain, at(world, "/contacts"))
    assert listed.status_code == 200
    assert listed.headers["total"] == str(len(listed.json())) == "4"
    assert [c["id"] for c in listed.json()] == sorted(c["id"] for c in listed.json())
    ada, robot = listed.json()[0], listed.json()[3]
    assert ada == {
        "id": contact_id(world, "ada"),
        "name": "Ada Alder",
        "email": "ada@example.com",
        "kind": "user",
        "user_id": world.people["ada"].id,
    }
    assert (robot["kind"], robot["service_account_id"], robot["email"]) == (
        "service_account",
        world.robots["robot"].id,
        None,
    )
    managed = await world.call(await manager(world, "wim"), at(world, f"/contacts/{contact_id(world, 'wim')}"))
    assert managed.json()["levels"] == {"directory": "read_only", "admin": "none", "budget": "none"}  # M2
    assert managed.json()["projects"] == [
        {"id": world.projects["bridge"], "levels": {"rfis": "standard", "drawings": "none"}}
    ]
    assert managed.json()["template_id"] is None
    assert (await world.call(await manager(world, "max"), at(world, "/contacts"))).status_code == 403


async def test_a_reader_of_the_directory_learns_of_their_own_projects_alone(world: World) -> None:
    """P6: another contact's memberships are shown where the reader is a member too, or company admin."""
    ada, tower, bridge = world.people["ada"].contacts["alder"], world.projects["tower"], world.projects["bridge"]
    await world.add_member("alder", "tower", ada, rfis="admin")
    await world.add_member("alder", "bridge", ada)
    readers = await manager(world, "wim")
    [listed] = [c for c in (await world.call(readers, at(world, "/contacts"))).json() if c["id"] == ada]
    shown = (await world.call(readers, at(world, f"/contacts/{ada}"))).json()
    assert [project["id"] for project in shown["projects"]] == [bridge]
    assert listed["projects"] == shown["projects"]
    admins = (await world.call(await manager(world), at(world, f"/contacts/{ada}"))).json()
    assert [project["id"] for project in admins["projects"]] == [bridge, tower]


async def test_a_service_accounts_address_shows_to_admins_and_itself_alone(world: World) -> None:
    """S2: nobody else reads it, with or without the scope."""
    robot = world.robots["robot"]
    path = at(world, f"/contacts/{robot.contact_id}")
    assert (await world.call(await manager(world), path)).json()["email"] == robot.address
    assert (await world.call(await manager(world, "wim"), path)).json()["email"] is None
    await world.set_levels("alder", world.people["max"].contacts["alder"], admin="admin", directory="read_only")
    assert (await world.call((await world.tokens("max", "plain")).access, path)).json()["email"] == robot.address
    await world.set_levels("alder", robot.contact_id, directory="read_only")
    other = await world.add_robot("other", "alder", "Other")
    own = await world.robot_token("robot")
    assert (await world.call(own, path)).json()["email"] == robot.address
    assert (await world.call(own, at(world, f"/contacts/{other.contact_id}"))).json()["email"] is None


async def test_pages_of_the_list_link_to_the_next_and_the_last(world: World) -> None:
    token = await manager(world)
    first = await world.call(token, at(world, "/contacts?per_page=3"))
    assert (first.headers["total"], first.headers["per-page"], len(first.json())) == ("4", "3", 3)
    assert 'rel="next"' in first.headers["link"]
    rest = await world.call(token, at(world, "/contacts?per_page=3&page=2"))
    assert len(rest.json()) == 1
    assert 'rel="next"' not in rest.headers["link"]
    for query in ("per_page=0", "per_page=301", "page=0", "page=x"):
        assert (await world.call(token, at(world, f"/contacts?{query}"))).status_code == 422


# contacts ------------------------------------------------------------------------------------


async def test_adding_an_address_tells_nothing_about_whose_it_is(world: World) -> None:
    """P2: a user's address, nobody's, and another company's service account's answer alike (S8)."""
    token = await manager(world, "ada")
    robot = await world.add_robot("far", "birch", "Far away")
    answers = []
    for email in (world.people["bea"].email, "nobody@example.com", robot.address):
        added = await world.call(token, at(world, "/contacts"), method="POST", json={"email": email, "name": "New"})
        assert added.status_code == 201
        answers.append({key: value for key, value in added.json().items() if key not in {"id", "email"}})
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["kind"] == "none"
    # P2: the user whose address it is has no access by it.
    beas = (await world.tokens("bea", "plain")).access
    assert (await world.call(beas, at(world, "/contacts"))).json()["error"]["code"] == "company_unknown"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"email", "name"}),
        ({"email": "x", "name": ""}, {"email", "name"}),
        ({"email": 5, "name": None}, {"email", "name"}),
        ({"email": "a@b.example", "name": "A", "user_id": 1}, {"user_id"}),
        ({"email": "a@b.example", "name": "A", "company_id": 2}, {"company_id"}),
        (
            {"email": "a@b.example", "name": "A", "levels": {"budget": "owner", "ghost": "none"}},
            {"levels.budget", "levels.ghost"},
        ),
        ({"email": "a@b.example", "name": "A", "levels": {"budget": 3}}, {"levels.budget"}),
        ({"email": "a@b.example", "name": "A", "levels": []}, {"levels"}),
        ({"email": "ada@example.com", "name": "A"}, {"email"}),
        ({"email": "ADA@EXAMPLE.COM", "name": "A"}, {"email"}),
        ([], {"body"}),
    ],
)
async def test_a_bad_contact_is_refused_field_by_field(world: World, body: Any, fields: set[str]) -> None:
    """M1, P1: what cannot be is named, and nothing is added."""
    token = await manager(world)
    refused = await world.call(token, at(world, "/contacts"), method="POST", json=body)
    assert refused.status_code == 422, refused.text
    assert {sentence.partition(":")[0] for sentence in refused.json()["errors"]} == fields
    assert len(refused.json()["errors"]) == len(fields)
    assert (await world.call(token, at(world, "/contacts"))).headers["total"] == "4"


async def test_a_contacts_label_is_changed_and_re_joins_nobody(world: World) -> None:
    """P9: the address is the company's own label; the user keeps theirs."""
    token, path = await manager(world), at(world, f"/contacts/{contact_id(world, 'wim')}")
    changed = await world.call(token, path, method="PATCH", json={"email": "bea@example.com"})
    assert (changed.status_code, changed.json()["email"]) == (200, "bea@example.com")
    assert changed.json()["user_id"] == world.people["wim"].id
    assert changed.json()["name"] == "Wim Weide"
    assert (await world.call(token, path, method="PATCH", json={})).status_code == 200
    for body in ({"name": None}, {"email": "ada@example.com"}, {"kind": "user"}, {"user_id": 1}):
        assert (await world.call(token, path, method="PATCH", json=body)).status_code == 422
    me = await world.call((await world.tokens("wim", "plain")).access, "/rest/v1.0/me")
    assert me.json()["login"] == "wim@example.com"


async def test_a_removed_contact_loses_this_company_at_once_and_no_other(world: World) -> None:
    """P5, P3: with tokens already issued; the memberships go too. A198."""
    token, wims = await manager(world), (await world.tokens("wim", "plain")).access
    await world.add_contact("birch", "wim", directory="read_only")
    path = at(world, f"/contacts/{contact_id(world, 'wim')}")
    assert (await world.call(wims, at(world, "/contacts"))).status_code == 200
    assert (await world.call(token, path, method="DELETE")).status_code == 204
    gone = await world.call(wims, at(world, "/contacts"))
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "company_unknown")
    assert (await world.call(wims, at(world, "/contacts", company="birch"))).status_code == 200
    assert (await world.call(token, path, method="DELETE")).status_code == 404
    again = await world.call(
        token, at(world, "/contacts"), method="POST", json={"email": "wim@example.com", "name": "Wim Weide"}
    )
    assert again.json()["projects"] == []


# levels --------------------------------------------------------------------------------------


async def test_levels_are_replaced_and_count_from_the_next_call_on(world: World) -> None:
    """M2, T12: a lowered level ends what it allowed, with the token already issued."""
    token, wims = await manager(world), (await world.tokens("wim", "plain")).access
    path = at(world, f"/contacts/{contact_id(world, 'wim')}/levels")
    assert (await world.call(wims, at(world, "/contacts"))).status_code == 200
    changed = await world.call(token, path, method="PUT", json={"budget": "standard"})
    assert changed.status_code == 200
    assert changed.json()["levels"] == {"directory": "none", "admin": "none", "budget": "standard"}
    refused = await world.call(wims, at(world, "/contacts"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "permission_insufficient")
    assert (await world.call(token, path, method="PUT", json={"directory": "read_only"})).status_code == 200
    assert (await world.call(wims, at(world, "/contacts"))).status_code == 200


async def test_bad_levels_are_named_and_change_nothing(world: World) -> None:
    """M1: one entry per field."""
    token = await manager(world)
    path = at(world, f"/contacts/{contact_id(world, 'wim')}/levels")
    for body, fields in (
        ({"rfis": "admin", "admin": "standard", "budget": "none"}, {"rfis", "admin"}),
        ({"budget": None}, {"budget"}),
        ({"confirm": "yes"}, {"confirm"}),
        (["budget"], {"body"}),
    ):
        refused = await world.call(token, path, method="PUT", json=body)
        assert refused.status_code == 422, refused.text
        assert {sentence.partition(":")[0] for sentence in refused.json()["errors"]} == fields
    shown = await world.call(token, at(world, f"/contacts/{contact_id(world, 'wim')}"))
    assert shown.json()["levels"]["directory"] == "read_only"


async def test_the_last_admin_keeps_the_level_and_the_contact(world: World) -> None:
    """M5: 409 `last_admin`, by either road."""
    token, path = await manager(world), at(world, f"/contacts/{contact_id(world, 'ada')}")
    for method, end, body in (("PUT", "/levels", {"directory": "standard"}), ("DELETE", "", None)):
        refused = await world.call(token, path + end, method=method, json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "last_admin")
        assert "another user" in refused.json()["error"]["help"]
    assert (await world.call(token, path)).json()["levels"]["directory"] == "admin"


async def test_a_service_account_becomes_company_admin_only_with_the_confirmation(world: World) -> None:
    """S10: 409 says how to confirm; confirmed, it holds."""
    token, path = await manager(world), at(world, f"/contacts/{world.robots['robot'].contact_id}/levels")
    refused = await world.call(token, path, method="PUT", json={"directory": "admin"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "confirmation_required")
    assert '"confirm": "directory-admin"' in refused.json()["error"]["help"]
    confirmed = await world.call(token, path, method="PUT", json={"directory": "admin", "confirm": "directory-admin"})
    assert (confirmed.status_code, confirmed.json()["levels"]["directory"]) == (200, "admin")


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_two_admins_at_once_never_leave_none(world: World) -> None:
    """M5: over HTTP, on both databases."""
    await world.set_levels("alder", world.people["max"].contacts["alder"], directory="admin")
    tokens = {"ada": await manager(world, "ada"), "max": await manager(world, "max")}
    answers = await asyncio.gather(
        *(
            world.call(tokens[me], at(world, f"/contacts/{contact_id(world, other)}"), method="DELETE")
            for me, other in (("ada", "max"), ("max", "ada"))
        )
    )
    won, lost = sorted(answer.status_code for answer in answers)
    assert won == 204
    assert lost in {403, 404, 409}


# memberships ---------------------------------------------------------------------------------


async def test_a_membership_is_set_replaced_and_ended(world: World) -> None:
    """P3: of that project alone."""
    token, wim = await manager(world), contact_id(world, "wim")
    path = at(world, f"/contacts/{wim}/projects/{world.projects['tower']}")
    put = await world.call(token, path, method="PUT", json={"drawings": "admin"})
    assert (put.status_code, put.json()) == (
        200,
        {"id": world.projects["tower"], "levels": {"rfis": "none", "drawings": "admin"}, "template_id": None},
    )
    wims = (await world.tokens("wim", "plain")).access
    listed = await world.call(wims, at(world, "/projects"))
    assert {project["id"] for project in listed.json()} == {world.projects["bridge"], world.projects["tower"]}
    assert (await world.call(token, path, method="PUT", json={"budget": "admin"})).status_code == 422
    assert (await world.call(token, path, method="DELETE")).status_code == 204
    assert (await world.call(token, path, method="DELETE")).status_code == 404
    assert [p["id"] for p in (await world.call(wims, at(world, "/projects"))).json()] == [world.projects["bridge"]]


# projects and settings -----------------------------------------------------------------------


async def test_projects_are_made_and_changed_by_admin_admin(world: World) -> None:
    """M8: `admin: admin`, which `directory: admin` includes (M4)."""
    token = await manager(world, "max")
    made = await world.call(
        token, at(world, "/projects"), method="POST", json={"name": "Quay", "project_number": "Q-1"}
    )
    assert made.status_code == 201
    project = made.json()
    assert set(project) == {
        "id",
        "name",
        "display_name",
        "project_number",
        "active",
        "created_at",
        "updated_at",
        "company",
    }
    assert (project["display_name"], project["active"]) == ("Q-1 - Quay", True)
    assert project["company"] == {"id": world.companies["alder"], "name": "Alder Works"}
    world.projects["quay"] = project["id"]
    await world.add_member("alder", "quay", world.people["max"].contacts["alder"])  # P6: made without members
    path = at(world, f"/projects/{project['id']}")
    changed = await world.call(token, path, method="PATCH", json={"project_number": None, "active": False})
    assert (changed.status_code, changed.json()["display_name"], changed.json()["active"]) == (200, "Quay", False)
    assert (await world.call(token, path, method="PATCH", json={"name": "Bridge"})).status_code == 422
    assert (await world.call(token, path, method="PATCH", json={"name": "Quay 2"})).json()["project_number"] is None
    for body in ({}, {"name": ""}, {"name": "Bridge"}, {"name": "A", "active": "yes"}, {"name": "A", "id": 1}):
        refused = await world.call(token, at(world, "/projects"), method="POST", json=body)
        assert refused.status_code == 422, body
    listed = await world.call(await manager(world, "ada"), at(world, "/projects"))
    assert project["id"] in {entry["id"] for entry in listed.json()}
    assert (
        await world.call(await manager(world, "wim"), at(world, "/projects"), method="POST", json={"name": "No"})
    ).status_code == 403


async def test_a_project_of_strangers_is_changed_by_company_admins_and_its_members_alone(world: World) -> None:
    """P6: `admin: admin` without a membership gets the answer of an unknown id, and nothing changes."""
    token, tower = await manager(world, "max"), world.projects["tower"]
    for body in ({"name": "Mine"}, {}, {"name": ""}):
        answers = [
            await world.call(token, at(world, f"/projects/{project}"), method="PATCH", json=body)
            for project in (tower, 999_999)
        ]
        errors = [{**answer.json()["error"], "request_id": ""} for answer in answers]
        assert ([answer.status_code for answer in answers], errors[0]["code"]) == ([404, 404], "project_unknown")
        assert errors[0] == errors[1]
    path = at(world, f"/projects/{tower}")
    shown = await world.call(await manager(world, "ada"), path, method="PATCH", json={})
    assert (shown.status_code, shown.json()["name"]) == (200, "Tower")
    await world.add_member("alder", "tower", world.people["max"].contacts["alder"])
    changed = await world.call(token, path, method="PATCH", json={"name": "Spire"})
    assert (changed.status_code, changed.json()["name"]) == (200, "Spire")


async def test_app_access_is_set_and_obeyed_at_the_next_first_call(world: World) -> None:
    """I2: with `approval` an app that was never seen here is refused."""
    token = await manager(world, "max")
    changed = await world.call(token, at(world), method="PATCH", json={"app_access": "approval"})
    assert (changed.status_code, changed.json()["app_access"]) == (200, "approval")
    for body in ({"app_access": "closed"}, {"app_access": None}, {"name": "Mine"}, {"app_access": "open", "id": 1}):
        assert (await world.call(token, at(world), method="PATCH", json=body)).status_code == 422, body
    refused = await world.call((await world.tokens("wim", "plain")).access, at(world, "/contacts"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "app_approval_required")


# what nobody may -----------------------------------------------------------------------------

ROUTES = [
    ("PATCH", "", {"app_access": "open"}),
    ("POST", "/contacts", {"email": "new@example.com", "name": "New"}),
    ("PATCH", "/contacts/{contact}", {"name": "New"}),
    ("DELETE", "/contacts/{contact}", None),
    ("PUT", "/contacts/{contact}/levels", {"budget": "admin"}),
    ("PUT", "/contacts/{contact}/projects/{project}", {"rfis": "admin"}),
    ("DELETE", "/contacts/{contact}/projects/{project}", None),
    ("POST", "/projects", {"name": "New"}),
    ("PATCH", "/projects/{project}", {"name": "New"}),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_every_change_needs_the_scope_and_the_level(
    world: World, method: str, path: str, body: dict[str, str] | None
) -> None:
    """M8: without the scope 403 `scope_insufficient`; the scope adds no permission."""
    path = path.format(contact=contact_id(world, "wim"), project=world.projects["bridge"])
    for token, status, code in (
        (None, 401, "token_missing"),
        ((await world.tokens("ada", "plain")).access, 403, "scope_insufficient"),
        (await manager(world, "wim"), 403, "permission_insufficient"),
    ):
        refused = await world.call(token, at(world, path), method=method, json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    await world.set_levels("alder", world.robots["robot"].contact_id, admin="admin", directory="standard")
    await world.add_member("alder", "bridge", world.robots["robot"].contact_id)
    robots = await world.call(await world.robot_token("robot"), at(world, path), method=method, json=body)
    assert robots.json()["error"]["code"] == "scope_insufficient"


@pytest.mark.parametrize(
    ("method", "path", "body"), [*ROUTES, ("GET", "/contacts", None), ("GET", "/contacts/{contact}", None)]
)
async def test_another_companys_ids_answer_like_unknown_ones(
    world: World, method: str, path: str, body: dict[str, str] | None
) -> None:
    """P6: the same status and body, but for the request's own id. A194."""
    token = await manager(world, "max")  # in alder alone
    answers = []
    far = {"contact": contact_id(world, "bea", "birch"), "project": world.projects["mill"]}
    for company, ids in ((world.companies["birch"], far), (999_999, {"contact": 999_998, "project": 999_997})):
        answer = await world.call(
            token, f"/rest/v1.0/companies/{company}{path.format(**ids)}", method=method, json=body
        )
        answers.append((answer.status_code, {**answer.json()["error"], "request_id": ""}))
    assert answers[0] == answers[1]
    assert (answers[0][0], answers[0][1]["code"]) == (404, "company_unknown")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [route for route in ROUTES if "{" in route[1]] + [("GET", "/contacts/{contact}", None)],
)
async def test_foreign_contacts_and_projects_of_ones_own_company_answer_like_unknown_ones(
    world: World, method: str, path: str, body: dict[str, str] | None
) -> None:
    """P6: ada manages both companies; in alder's paths birch's ids do not exist. A194."""
    token = await manager(world)
    own = {"contact": contact_id(world, "wim"), "project": world.projects["bridge"]}
    far = {"contact": contact_id(world, "bea", "birch"), "project": world.projects["mill"]}
    unknown: dict[str, object] = {"contact": 999_999, "project": 999_999}
    shapeless = {"contact": "0x1", "project": "-1"}
    for part in (name for name in own if f"{{{name}}}" in path):
        answers = []
        for ids in (far, unknown, shapeless):
            named = path.format(**{**own, part: ids[part]})
            answer = await world.call(token, at(world, named), method=method, json=body)
            answers.append((answer.status_code, {**answer.json()["error"], "request_id": ""}))
        assert answers[0] == answers[1] == answers[2]
        assert answers[0][0] == 404


@pytest.mark.parametrize("path", ["/contacts", "/contacts/{contact}/levels"])
@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b'{"name": "\\ud800"}', b'{"budget": NaN}', b"null"])
async def test_malformed_bodies_are_refused_without_a_failure(world: World, path: str, body: bytes) -> None:
    token, named = await manager(world), path.format(contact=contact_id(world, "wim"))
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    method = "PUT" if path.endswith("levels") else "POST"
    answer = await world.client.request(method, at(world, named), content=body, headers=headers)
    assert answer.status_code in {400, 422}
    assert answer.json()["error"]["request_id"] == answer.headers["x-request-id"]
