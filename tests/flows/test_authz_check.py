"""`POST /authz/check`: a resource server asks many questions at once."""

import asyncio
import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from gatewright.apps.installation_service import connect_on_first_call
from gatewright.base import clock
from gatewright.base.ids import AppId
from gatewright.db.engine import Database, Transaction
from gatewright.directory import service as directory
from gatewright.events import keys
from gatewright.events.catalogue import SYSTEM, Origin
from gatewright.settings import Settings
from tests.support.authz import CHECK, about, check, forward, named, post_check
from tests.support.databases import DIALECTS, somebody_waits_for_a_lock
from tests.support.statements import counted
from tests.support.world import World


def codes(answers: list[dict[str, Any]]) -> list[tuple[str | None, int]]:
    """Return what the answers say: code and status."""
    return [(answer["code"], answer["status"]) for answer in answers]


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_answers_come_in_the_order_of_their_questions(world: World, flow_dialect: str) -> None:
    """X1, S2: by token and by contact; who is allowed is told by ids alone."""
    tokens, wim = await world.tokens("wim", "crane"), world.people["wim"]
    company, project = world.companies["alder"], world.projects["bridge"]
    answers = await check(
        world,
        about(world, token=tokens.access, project_id=project, tool="rfis"),
        about(world, contact_id=wim.contacts["alder"], level="admin"),
        about(world, contact_id=wim.contacts["alder"]),
    )
    assert codes(answers) == [(None, 200), ("permission_insufficient", 403), (None, 200)]
    assert [answer["allow"] for answer in answers] == [True, False, True]
    who = {"kind": "user", "id": wim.id, "company_id": company, "contact_id": wim.contacts["alder"]}
    through = {"client_id": world.apps["crane"].client_id, "scopes": []}
    assert answers[0]["principal"] == {**who, "level": "standard", **through}
    assert answers[2]["principal"] == {**who, "level": "read_only", "client_id": None, "scopes": []}
    assert "principal" not in answers[1]


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_contact_is_judged_without_an_app(world: World, flow_dialect: str) -> None:
    """M6, P2, P6: a user's, a service account's, an entry that is nobody's, and those out of reach."""
    nobody = await directory.add_contact(
        world.house.database,
        company_id=world.companies["alder"],
        email="paper@example.com",
        name="Paper",
        levels={"directory": "admin"},
        user_id=None,
        granted_by=None,
        origin=SYSTEM,
        now=clock.now(),
    )
    robot, bea = world.robots["robot"].contact_id, world.people["bea"].contacts["birch"]
    await world.set_levels("alder", robot, directory="read_only")
    asked = [about(world, contact_id=contact) for contact in (robot, nobody, bea, 424242)]
    assert codes(await check(world, *asked)) == [
        (None, 200),
        ("principal_inactive", 401),
        ("company_unknown", 404),
        ("company_unknown", 404),
    ]
    unknown = (await check(world, asked[3]))[0]
    assert unknown["message"] == "There is no contact with this id in a company with this id."
    told = (await check(world, asked[0]))[0]
    assert told["principal"]["kind"] == "service_account"
    assert world.robots["robot"].address not in json.dumps(told)  # S2


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_an_ending_is_felt_by_the_next_question_about_a_contact(world: World, flow_dialect: str) -> None:
    """T12, P4, P5, S8, M2: levels, membership, contact, user and service account."""
    wim, ada, robot = world.people["wim"], world.people["ada"], world.robots["robot"]
    database, project = world.house.database, world.projects["bridge"]
    await world.set_levels("alder", robot.contact_id, directory="read_only")
    at_project = about(world, contact_id=wim.contacts["alder"], tool="rfis", project_id=project)
    asked = [at_project, about(world, contact_id=robot.contact_id), about(world, contact_id=wim.contacts["alder"])]
    in_birch = about(world, contact_id=ada.contacts["birch"], company="birch")
    assert codes(await check(world, *asked, in_birch)) == [(None, 200)] * 4
    await world.add_member("alder", "bridge", wim.contacts["alder"], rfis="none")
    assert codes(await check(world, asked[0])) == [("permission_insufficient", 403)]
    await world.add_contact("birch", "wim")
    await world.set_levels("birch", world.people["bea"].contacts["birch"], directory="admin")
    await directory.add_contact(
        database,
        company_id=world.companies["birch"],
        email=robot.address,
        name="R",
        levels={},
        granted_by=None,
        origin=SYSTEM,
        now=clock.now(),
    )
    assert codes(await check(world, asked[1])) == [("service_account_disabled", 401)]
    await directory.deactivate_user(database, user_id=wim.id, origin=SYSTEM, now=clock.now())
    assert codes(await check(world, asked[2])) == [("principal_inactive", 401)]
    await directory.remove_contact(
        database,
        company_id=world.companies["birch"],
        contact_id=ada.contacts["birch"],
        granted_by=None,
        origin=SYSTEM,
        now=clock.now(),
    )
    assert codes(await check(world, in_birch)) == [("company_unknown", 404)]


async def test_each_question_fails_for_its_own_reason(world: World) -> None:
    """X2: one refusal of a hundred leaves the others as they are."""
    tokens = await world.tokens("wim", "crane")
    token = tokens.access
    asked = [
        about(world, token="nonsense"),
        about(world, token=tokens.refresh),
        {"token": token, "tool": "directory", "level": "read_only"},
        {"token": token, "company_id": None, "tool": "directory", "level": "read_only"},
        about(world, token=token, company="birch"),
        about(world, token=token, project_id=world.projects["tower"]),
        about(world, token=token, level="admin"),
        about(world, token=token, tool="nobody_declared", project_id=world.projects["bridge"]),
        about(world, token=token),
    ]
    answers = await check(world, *asked)
    assert codes(answers) == [
        ("token_invalid", 401),
        ("token_invalid", 401),
        ("company_required", 400),
        ("company_required", 400),
        ("company_unknown", 404),
        ("project_unknown", 404),
        ("permission_insufficient", 403),
        ("permission_insufficient", 403),
        (None, 200),
    ]
    assert all(answer["message"] and answer["help"] for answer in answers[:-1])


async def test_an_answer_names_the_facts_that_it_hangs_from(world: World) -> None:
    """X5: by opaque names, the same that the feed gives; what must not be kept names none."""
    token, wim = (await world.tokens("wim", "crane")).access, world.people["wim"]
    alder, bridge = world.companies["alder"], world.projects["bridge"]
    allowed, refused, by_contact, dead = await check(
        world,
        about(world, token=token, tool="rfis", project_id=bridge),
        about(world, token=token, level="admin"),
        about(world, contact_id=wim.contacts["alder"]),
        about(world, token="nonsense"),
    )
    client = world.apps["crane"].client_id
    for key in (
        keys.user(wim.id),
        keys.client(client),
        keys.company(alder),
        keys.contact(alder, wim.id),
        keys.installation(alder, world.apps["crane"].id),
        keys.project(alder, bridge),
        keys.membership(alder, bridge, wim.contacts["alder"]),
        keys.tools(),
        keys.signing_keys(),
    ):
        assert keys.tag(key) in allowed["tags"], key
    assert keys.tag(keys.contact(alder, wim.id)) in refused["tags"]
    assert keys.tag(keys.project(alder, bridge)) not in refused["tags"]
    assert keys.tag(keys.entry(alder, wim.contacts["alder"])) in by_contact["tags"]
    assert dead["tags"] == []
    assert not any(":" in tag for answer in (allowed, refused, by_contact) for tag in answer["tags"])


async def test_questions_spend_no_budget_and_are_counted(world: World) -> None:
    """R3: the app did not choose how many questions its one call is worth."""
    token = (await world.tokens("wim", "crane")).access
    before = int((await forward(world, token, named(world))).headers["x-rate-limit-remaining"])
    await check(world, *[about(world, token=token)] * 5)
    assert int((await forward(world, token, named(world))).headers["x-rate-limit-remaining"]) == before - 1
    await world.app.state.counters.flush()
    overseer = (await world.tokens("ada", "crane", scope="company.manage")).access
    path = f"/rest/v1.0/companies/{world.companies['alder']}/installations/{world.apps['crane'].id}"
    assert [day["allowed"] for day in (await world.call(overseer, path)).json()["calls"]] == [7]


async def test_each_refusal_is_explained_under_its_own_id(world: World) -> None:
    """X4: with the route that the API named, or this one."""
    token = (await world.tokens("wim", "crane")).access
    route = "POST /rest/v1.0/projects/{project_id}/rfis"
    answers = await check(
        world, about(world, token=token, level="admin", route=route), about(world, token=token, level="admin")
    )
    assert len({UUID(answer["request_id"]) for answer in answers}) == 2
    await world.app.state.counters.flush()
    overseer = (await world.tokens("ada", "crane", scope="company.manage")).access
    for answer in answers:
        path = f"/rest/v1.0/companies/{world.companies['alder']}/explain/{answer['request_id']}"
        explained = await world.call(overseer, path)
        assert (explained.status_code, explained.json()["code"]) == (200, "permission_insufficient")


async def test_only_resource_servers_may_ask(world: World) -> None:
    """X1: 401 for who proved nothing, 403 for another client; credentials stand in one place."""
    body = {"questions": [about(world, contact_id=1)]}
    gate = world.apps["gate"]
    inside = {**body, "client_id": gate.client_id, "client_secret": gate.secret}
    assert (await world.client.post(CHECK, json=inside)).status_code == 200
    for answer, status in (
        (await world.client.post(CHECK, json=body), 401),
        (await world.client.post(CHECK, json=body, auth=(gate.client_id, "wrong")), 401),
        (await world.client.post(CHECK, json=body, auth=("nobody", "wrong")), 401),
        (await world.client.post(CHECK, json={**inside, "client_secret": "wrong"}), 401),
        (await world.client.post(CHECK, json=body, headers={"authorization": "Basic !"}), 401),
        (await world.client.post(CHECK, json=inside, auth=(gate.client_id, gate.secret or "")), 400),
        (await world.client.post(CHECK, json={**body, "client_id": 1}), 400),
        (await post_check(world, body, app="crane"), 403),
        (await world.client.post(CHECK, json={**body, "client_id": world.apps["pocket"].client_id}), 403),
    ):
        assert answer.status_code == status, answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert ("www-authenticate" in answer.headers) == (status == 401)
        if status == 401:
            assert answer.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_the_questions_of_a_batch_read_each_row_once(world: World, flow_dialect: str) -> None:
    """X5: else a hundred of them take longer on PostgreSQL than whoever asks waits."""
    token = (await world.tokens("wim", "crane")).access
    asked = about(world, token=token)
    await check(world, asked)  # connects the app, and is seen in use
    numbers = []
    for many in (1, 100):
        with counted(world.house.database) as seen:
            assert {code for code, _ in codes(await check(world, *[asked] * many))} == {None}
        numbers.append(len([one for one in seen.statements if one.startswith("SELECT")]))
    assert numbers[1] <= numbers[0]  # SQLite's memory has them all by then


@pytest.mark.parametrize("flow_dialect", ["postgresql"])
async def test_a_first_call_that_another_process_was_faster_with_finds_what_that_one_made(
    world: World, settings: Settings, flow_dialect: str
) -> None:
    """I2, I5: though the questions of a batch share what they read, and nothing was committed here."""
    token, company, wim = (await world.tokens("wim", "crane")).access, world.companies["alder"], world.people["wim"].id
    elsewhere = Database.open(settings.database_url)
    app_id = AppId(world.apps["crane"].id)

    async def be_faster(tx: Transaction) -> None:
        origin = Origin("user", wim, via_app_id=app_id)
        now = clock.now()
        await connect_on_first_call(tx, company_id=company, app_id=app_id, user_id=wim, origin=origin, now=now)
        answers.append(asyncio.create_task(check(world, about(world, token=token))))
        await somebody_waits_for_a_lock(world.house.database)

    answers: list[asyncio.Task[list[dict[str, Any]]]] = []
    await elsewhere.write(be_faster)
    await elsewhere.close()
    assert codes(await answers[0]) == [(None, 200)]


async def test_one_and_a_hundred_questions_are_answered_none_and_more_are_not(world: World) -> None:
    """X1: the bounds."""
    asked = about(world, contact_id=world.people["wim"].contacts["alder"])
    for number, status in ((0, 400), (1, 200), (100, 200), (101, 400)):
        answer = await post_check(world, {"questions": [asked] * number})
        assert answer.status_code == status
        assert len(answer.json().get("answers", [])) == (number if status == 200 else 0)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"token": None, "contact_id": None}, "questions[1] "),
        ({"contact_id": 1}, "questions[1] must not have both"),
        ({"token": ""}, "questions[1].token"),
        ({"token": 5}, "questions[1].token"),
        ({"token": None, "contact_id": "1"}, "questions[1].contact_id"),
        ({"token": None, "contact_id": 0}, "questions[1].contact_id"),
        ({"company_id": True}, "questions[1].company_id"),
        ({"company_id": 1.0}, "questions[1].company_id"),
        ({"company_id": 2**53}, "questions[1].company_id"),
        ({"project_id": -1}, "questions[1].project_id"),
        ({"project_id": []}, "questions[1].project_id"),
        ({"tool": None}, "questions[1].tool"),
        ({"tool": "Directory"}, "questions[1].tool"),
        ({"tool": "a" * 61}, "questions[1].tool"),
        ({"level": "none"}, "questions[1].level"),
        ({"level": ["admin"]}, "questions[1].level"),
        ({"level": 3}, "questions[1].level"),
        ({"route": "x" * 201}, "questions[1].route"),
        ({"route": "GET /\n"}, "questions[1].route"),
        ({"scope": "company.manage"}, "questions[1].'scope'"),
    ],
)
async def test_a_question_out_of_shape_is_named_and_nothing_is_answered(
    world: World, change: dict[str, Any], place: str
) -> None:
    """X1."""
    good = about(world, token="x")
    answer = await post_check(world, {"questions": [good, {**good, **change}]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
    assert answer.json()["error"]["message"].startswith(place), answer.text


async def test_a_body_out_of_shape_is_refused(world: World) -> None:
    """X1: never a 500, and nothing that two readers would read differently."""
    gate = world.apps["gate"]
    good = json.dumps({"questions": [about(world, token="x")]})

    async def post(content: bytes, type_: str = "application/json") -> httpx.Response:
        auth = (gate.client_id, gate.secret or "")
        return await world.client.post(CHECK, content=content, headers={"content-type": type_}, auth=auth)

    deep = b'{"questions": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    for content in (
        *(
            b"",
            b"[]",
            b"null",
            b"{",
            b"\xff",
            b'{"questions": {}}',
            b'{"questions": [[]]}',
            b'{"questions": [1]}',
            deep,
        ),
        good.replace('"level"', '"tool": "rfis", "level"').encode(),
        good.replace('"read_only"', "NaN").encode(),
        good.replace('"x"', '"a\\u0000b"').encode(),
        good.replace('"x"', '"\\ud800"').encode(),
        good.replace('{"questions"', '{"more": 1, "questions"').encode(),
    ):
        answer = await post(content)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request"), content[:80]
    assert (await post(good.encode(), "text/plain")).status_code == 415
    assert (await post(good.encode() + b" " * 256 * 1024)).status_code == 413
    for method in ("GET", "HEAD", "PUT"):
        assert (await world.client.request(method, CHECK)).status_code == 405


async def test_garbage_in_a_token_is_an_invalid_token(world: World) -> None:
    """X2, A131: whatever letters it has, and however many."""
    tokens = ["x" * 10_000, "…", "a.b.c", "..", " ", "\x7f", "gwr_", "gwr_" + "x" * 200]
    answers = await check(world, *[about(world, token=token) for token in tokens])
    assert codes(answers) == [("token_invalid", 401)] * len(tokens)


async def test_without_its_rows_a_question_is_unavailable_and_names_no_fact(world: World) -> None:
    """X2, X5: 503 in the answer, never a yes, and nothing to keep."""
    token = (await world.tokens("wim", "crane")).access
    async with world.house.database.writer.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE contacts RENAME TO gone")
    (answer,) = await check(world, about(world, token=token))
    assert (answer["code"], answer["status"], answer["tags"]) == ("temporarily_unavailable", 503, [])


async def test_from_memory_it_makes_no_statement(world: World) -> None:
    """X5."""
    token, wim = (await world.tokens("wim", "crane")).access, world.people["wim"]
    asked = [about(world, token=token), about(world, contact_id=wim.contacts["alder"])]
    for _ in range(2):  # the first confirms the generation (T6), which is written
        await check(world, *asked)
    with counted(world.house.database) as seen:
        assert codes(await check(world, *asked)) == [(None, 200), (None, 200)]
    assert seen.statements == []
