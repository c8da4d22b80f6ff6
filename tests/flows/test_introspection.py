"""Introspection over HTTP (RFC 7662): who may ask, what they are told, and what everybody else is told."""

import base64
import json
from typing import Any

import httpx
import pytest

from gatewright.apps.service import block_app
from gatewright.base import clock
from gatewright.base.ids import AppId
from gatewright.directory import service as directory
from gatewright.events.catalogue import SYSTEM
from tests.support.databases import DIALECTS
from tests.support.statements import counted
from tests.support.world import BASE_URL, World

PATH = "/oauth/introspect"
ME = "/rest/v1.0/me"
DEAD = {"active": False}
JSON = {"content-type": "application/json"}


async def introspect(world: World, app: str, token: str, **more: str) -> httpx.Response:
    """Return the answer to an app that asks about a token."""
    return await world.client.post(PATH, data={**world.apps[app].credentials, "token": token, **more})


async def told(world: World, app: str, token: str) -> dict[str, Any]:
    """Return what an app is told, which must be a 200 that nobody stores."""
    answer = await introspect(world, app, token)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    body: dict[str, Any] = answer.json()
    return body


def robot_credentials(world: World) -> dict[str, str]:
    """Return the client authentication of the world's service account."""
    return {"client_id": world.robots["robot"].client_id, "client_secret": world.robots["robot"].secret}


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_resource_server_learns_of_every_live_access_token(world: World, flow_dialect: str) -> None:
    """T11: a user's and a service account's, with what RFC 7662 §2.2 names."""
    tokens = await world.tokens("ada", "crane", scope="company.manage")
    found = await told(world, "gate", tokens.access)
    claims = claims_of(tokens.access)
    assert found == {
        "active": True,
        "scope": "company.manage",
        "client_id": world.apps["crane"].client_id,
        "username": "ada@example.com",
        "token_type": "Bearer",
        "exp": claims["exp"],
        "iat": claims["iat"],
        "sub": str(world.people["ada"].id),
        "aud": BASE_URL,
        "iss": BASE_URL,
        "jti": claims["jti"],
    }
    robot = await told(world, "gate", await world.robot_token("robot"))
    assert (robot["sub"], robot["company_id"]) == (str(world.robots["robot"].id), world.companies["alder"])
    assert "username" not in robot  # S2: its address is for its company's admins and for itself
    assert robot["scope"] == ""


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a token, unverified."""
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


async def test_a_client_learns_of_its_own_tokens_alone(world: World) -> None:
    """T7, T11: another client's live token is told of as no token at all is."""
    mine, foreign = await world.tokens("ada", "crane"), await world.tokens("ada", "plain")
    assert (await told(world, "crane", mine.access))["active"] is True
    assert (await told(world, "crane", mine.refresh))["active"] is True
    robot = await world.robot_token("robot")
    for token in (foreign.access, foreign.refresh, robot, "nothing", "gwr_", "a.b.c", f"{mine.access}x", "🔑"):
        answer = await introspect(world, "crane", token)
        assert (answer.status_code, answer.content) == (200, b'{"active":false}'), token
    own = await world.client.post(PATH, data={**robot_credentials(world), "token": robot})
    assert own.json()["active"] is True
    for token in (mine.access, mine.refresh):
        other = await world.client.post(PATH, data={**robot_credentials(world), "token": token})
        assert other.json() == DEAD


async def test_a_refresh_token_is_told_of_to_its_own_client_alone(world: World) -> None:
    """T7: not even to a resource server; and it is not consumed."""
    tokens = await world.tokens("ada", "crane")
    own = await told(world, "crane", tokens.refresh)
    assert "token_type" not in own
    assert own["client_id"] == world.apps["crane"].client_id
    assert await told(world, "gate", tokens.refresh) == DEAD
    assert (await world.refresh("crane", tokens.refresh)).status_code == 200
    assert await told(world, "crane", tokens.refresh) == DEAD, "a consumed one is dead, retry window or not"


async def test_foreign_tokens_take_the_same_work_dead_or_alive(world: World) -> None:
    """T7: not one statement tells them apart, and nothing is confirmed."""
    live, dead = await world.tokens("ada", "plain"), await world.tokens("bea", "plain")
    revoked = {**world.apps["plain"].credentials, "token": dead.refresh}
    await world.client.post("/oauth/revoke", data=revoked)
    work = []
    for token in (live.access, dead.access, live.refresh, dead.refresh):
        await introspect(world, "crane", token)
        with counted(world.house.database) as seen:
            assert (await introspect(world, "crane", token)).json() == DEAD
        work.append(seen.statements)
    assert work[0] == work[1] == []
    assert work[2] == work[3]
    assert not [statement for statement in work[2] if statement.startswith("UPDATE")]


async def test_whatever_ended_is_inactive(world: World) -> None:
    """T11: revoked, user deactivated, app blocked."""
    house, now = world.house, clock.now()
    revoked, deactivated, blocked = [
        await world.tokens(person, app) for person, app in (("ada", "crane"), ("wim", "crane"), ("ada", "plain"))
    ]
    data = {**world.apps["crane"].credentials, "token": revoked.access}
    assert (await world.client.post("/oauth/revoke", data=data)).status_code == 200
    await directory.deactivate_user(house.database, user_id=world.people["wim"].id, origin=SYSTEM, now=now)
    await block_app(house.database, app_id=AppId(world.apps["plain"].id), origin=SYSTEM, now=now)
    for tokens in (revoked, deactivated, blocked):
        assert await told(world, "gate", tokens.access) == DEAD
    for tokens in (revoked, deactivated):
        assert await told(world, "crane", tokens.access) == DEAD
        assert await told(world, "crane", tokens.refresh) == DEAD


async def test_an_access_token_shown_here_ends_the_retry(world: World) -> None:
    """T6: introspection is a presentation."""
    first = await world.tokens("ada", "crane")
    second = (await world.refresh("crane", first.refresh)).json()
    assert (await told(world, "gate", second["access_token"]))["active"] is True
    late = await world.refresh("crane", first.refresh)
    assert (late.status_code, late.json()["reason"]) == (400, "superseded")


@pytest.mark.parametrize("shown_to", ["crane", "gate"])
async def test_a_refresh_token_shown_here_ends_the_retry(world: World, shown_to: str) -> None:
    """T6: by its own client or by a resource server that it was sent to."""
    first = await world.tokens("ada", "crane")
    second = (await world.refresh("crane", first.refresh)).json()
    await told(world, shown_to, second["refresh_token"])
    late = await world.refresh("crane", first.refresh)
    assert (late.status_code, late.json()["reason"]) == (400, "superseded")


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_another_client_ends_no_retry(world: World, kind: str) -> None:
    """T7: what it found it can neither use nor confirm."""
    first = await world.tokens("ada", "crane")
    second = (await world.refresh("crane", first.refresh)).json()
    assert await told(world, "plain", second[kind]) == DEAD
    again = await world.refresh("crane", first.refresh)
    assert again.json()["refresh_token"] == second["refresh_token"]


async def test_without_authentication_nothing_is_told(world: World) -> None:
    """A156: no client, a wrong secret, a public client, a bearer token."""
    tokens, pocket = await world.tokens("ada", "crane"), world.apps["pocket"]
    of_pocket = await world.tokens("ada", "pocket")
    gate = world.apps["gate"].client_id
    for credentials, token in (
        ({}, tokens.access),
        ({"client_id": gate}, tokens.access),
        ({"client_id": gate, "client_secret": "gws_wrong"}, tokens.access),
        ({"client_id": "unknown", "client_secret": "gws_wrong"}, tokens.access),
        (pocket.credentials, of_pocket.access),
        ({**pocket.credentials, "client_secret": "gws_wrong"}, of_pocket.access),
    ):
        answer = await world.client.post(PATH, data={**credentials, "token": token})
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), credentials
        assert answer.headers["www-authenticate"].startswith("Basic ")
        assert answer.headers["cache-control"] == "no-store"
    bearer = {"authorization": f"Bearer {tokens.access}"}
    assert (await world.client.post(PATH, data={"token": tokens.access}, headers=bearer)).status_code == 401


async def test_the_input_is_read_as_strictly_as_at_the_token_endpoint(world: World) -> None:
    """A72, A116, A119, A122: form, multipart and JSON; nothing repeated, nothing in the query."""
    tokens, gate = await world.tokens("ada", "crane"), world.apps["gate"]
    given = {**gate.credentials, "token": tokens.access, "token_type_hint": "refresh_token"}
    parts = [(name, (None, value)) for name, value in given.items()]
    basic = httpx.BasicAuth(gate.client_id, gate.secret or "")
    for good in (
        await world.client.post(PATH, json=given),
        await world.client.post(PATH, files=parts),
        await world.client.post(PATH, data={"token": tokens.access}, auth=basic),
    ):
        assert (good.status_code, good.json().get("active")) == (200, True), good.text
    for bad in (
        await world.client.post(PATH, data=gate.credentials),
        await world.client.post(PATH, data={**gate.credentials, "token": ""}),
        await world.client.post(PATH, data={**given, "token": [tokens.access, tokens.access]}),
        await world.client.post(PATH, data={**given, "token": "a\0b"}),
        await world.client.post(PATH, json={**given, "token": 7}),
        await world.client.post(
            PATH, content=b'{"token": "a", "token": "b"}', headers={"content-type": "application/json"}
        ),
        await world.client.post(f"{PATH}?token=x", data=given),
    ):
        assert (bad.status_code, bad.json()["error"]) == (400, "invalid_request"), bad.text
        assert tokens.access not in bad.text
    large = await world.client.post(PATH, data={**given, "token": "x" * 70_000})
    assert large.status_code == 413
    assert (await world.client.get(PATH)).status_code == 405
    assert (await told(world, "gate", "x" * 60_000)) == DEAD


async def test_no_web_page_may_read_the_answer(world: World) -> None:
    """A165: introspection has no CORS header, and answers no preflight."""
    data = {**world.apps["gate"].credentials, "token": "x"}
    answer = await world.client.post(PATH, data=data, headers={"origin": "https://crane.example"})
    assert "access-control-allow-origin" not in answer.headers
    assert (await world.client.options(PATH, headers={"origin": "https://crane.example"})).status_code == 405


async def test_the_metadata_names_it(world: World) -> None:
    """A156: with the methods that prove who a client is, `none` not among them."""
    metadata = (await world.client.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["introspection_endpoint"] == f"{BASE_URL}{PATH}"
    assert metadata["introspection_endpoint_auth_methods_supported"] == ["client_secret_basic", "client_secret_post"]


async def test_with_the_facts_in_memory_introspection_makes_no_statement(world: World) -> None:
    """X5: of a user's token, a service account's, a dead and a foreign one."""
    tokens, robot = await world.tokens("ada", "crane"), await world.robot_token("robot")
    asked = [
        ("gate", tokens.access),
        ("crane", tokens.access),
        ("gate", robot),
        ("plain", tokens.access),
        ("gate", "x"),
    ]
    for app, token in asked * 2:  # the first confirms the generation (T6), which is written
        await introspect(world, app, token)
    with counted(world.house.database) as seen:
        answers = [await told(world, app, token) for app, token in asked]
    assert seen.statements == []
    assert [answer["active"] for answer in answers] == [True, True, True, False, False]
