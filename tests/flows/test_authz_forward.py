"""`/authz/forward` with the question in the query: what a proxy is told."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from gatewright.app import create_app
from gatewright.base import clock
from gatewright.directory import service as directory
from gatewright.events.catalogue import SYSTEM
from gatewright.settings import Settings
from tests.support.authz import forward, identity, named, refused
from tests.support.databases import DIALECTS
from tests.support.statements import counted
from tests.support.world import BASE_URL, World, browser_on, fill

NOWHERE = "Authorization, X-Forwarded-Method, X-Forwarded-Uri, Gatewright-Company-Id, Procore-Company-Id"


async def lent(settings: Settings) -> AsyncIterator[World]:
    """Lend a filled world of a deployment with these settings."""
    made = create_app(settings)
    async with made.router.lifespan_context(made), browser_on(made) as client:
        world = World(made, made.state.house, client)
        await fill(world)
        yield world
        await world.close()


@pytest.fixture
async def short(settings: Settings) -> AsyncIterator[World]:
    """Lend a world whose access tokens live for four seconds."""
    async for world in lent(settings.model_copy(update={"access_token_lifetime": timedelta(seconds=4)})):
        yield world


@pytest.fixture
async def narrow(settings: Settings) -> AsyncIterator[World]:
    """Lend a world in which an app has five calls an hour."""
    async for world in lent(settings.model_copy(update={"rate_limit_spike": 0, "rate_limit_hour": 5})):
        yield world


# --- yes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_user_is_told_to_the_api_by_ids_and_the_level_held(world: World, flow_dialect: str) -> None:
    """X1: the level is the one held, which may be more than was asked for."""
    tokens = await world.tokens("wim", "crane", scope="company.manage")
    wim, company = world.people["wim"], world.companies["alder"]
    query = f"company_id={company}&project_id={world.projects['bridge']}&tool=rfis&level=read_only"
    answer = await forward(world, tokens.access, query)
    assert identity(answer) == {
        "user-id": str(wim.id),
        "service-account-id": "",
        "client-id": world.apps["crane"].client_id,
        "company-id": str(company),
        "contact-id": str(wim.contacts["alder"]),
        "level": "standard",
        "scope": "company.manage",
    }
    assert answer.content == b""
    assert (answer.headers["cache-control"], answer.headers["vary"]) == ("no-store", NOWHERE)  # A216
    assert int(answer.headers["x-rate-limit-remaining"]) > 0


async def test_a_service_account_is_told_by_its_own_id(world: World) -> None:
    """S5: what is not applicable is there, and empty."""
    robot = world.robots["robot"]
    await world.set_levels("alder", robot.contact_id, directory="read_only")
    told = identity(await forward(world, await world.robot_token("robot"), named(world)))
    assert (told["user-id"], told["service-account-id"], told["scope"]) == ("", str(robot.id), "")
    assert (told["client-id"], told["contact-id"]) == (robot.client_id, str(robot.contact_id))


async def test_what_the_client_writes_into_identity_headers_is_not_told(world: World) -> None:
    """X1: with dash or underscore; the proxy overwrites them with what is answered."""
    token = (await world.tokens("wim", "crane")).access
    forged = [("gatewright-auth-user-id", "1"), ("gatewright_auth_level", "admin"), ("gatewright-auth-assertion", "x")]
    plain, answer = await forward(world, token, named(world)), await forward(world, token, named(world), *forged)
    assert identity(answer) == identity(plain)
    assert answer.headers["gatewright-auth-assertion"] == plain.headers["gatewright-auth-assertion"]


async def test_the_assertion_says_the_same_signed_for_a_minute(world: World) -> None:
    """X1: by a published key, for the API alone."""
    answer = await forward(world, (await world.tokens("wim", "crane")).access, named(world))
    keys = KeySet.import_key_set((await world.client.get("/oauth/jwks")).json())
    read = jwt.decode(answer.headers["gatewright-auth-assertion"], keys, algorithms=["ES256"])
    told = identity(answer)
    assert read.header["typ"] == "gatewright-auth+jwt"
    assert (read.claims["iss"], read.claims["aud"]) == (BASE_URL, f"{BASE_URL}/authz")
    assert read.claims["exp"] - read.claims["iat"] == 60
    assert read.claims["user_id"] == int(told["user-id"])
    assert read.claims["service_account_id"] is None
    for name in ("company_id", "contact_id"):
        assert read.claims[name] == int(told[name.replace("_", "-")])
    assert [read.claims[name] for name in ("client_id", "level", "scope")] == [
        told[name] for name in ("client-id", "level", "scope")
    ]


async def test_the_assertion_of_one_question_is_none_of_another(world: World) -> None:
    """X1: it says which tool on which project was decided, so that nobody takes it elsewhere."""
    token = (await world.tokens("ada", "crane")).access
    keys = KeySet.import_key_set((await world.client.get("/oauth/jwks")).json())
    seen = []
    for where in (f"project_id={world.projects['bridge']}&tool=rfis", "tool=directory"):
        query = f"company_id={world.companies['alder']}&{where}&level=read_only"
        text = (await forward(world, token, query)).headers["gatewright-auth-assertion"]
        claims = jwt.decode(text, keys, algorithms=["ES256"]).claims
        seen.append([claims[name] for name in ("tool", "project_id", "of_company", "level")])
    assert seen == [["rfis", world.projects["bridge"], False, "admin"], ["directory", None, False, "admin"]]


async def test_an_assertion_is_no_access_token_and_an_access_token_no_assertion(world: World) -> None:
    """X1, T11: each names its own type (RFC 8725 §3.11)."""
    token = (await world.tokens("wim", "crane")).access
    assertion = (await forward(world, token, named(world))).headers["gatewright-auth-assertion"]
    assert (await world.call(assertion, "/rest/v1.0/me")).json()["error"]["code"] == "token_invalid"
    assert refused(await forward(world, assertion, named(world)))[:2] == (401, "token_invalid")
    keys = KeySet.import_key_set((await world.client.get("/oauth/jwks")).json())
    read = jwt.decode(token, keys, algorithms=["ES256"])
    assert (read.header["typ"], read.claims["aud"]) == ("at+jwt", BASE_URL)
    with pytest.raises(JoseError):
        jwt.JWTClaimsRegistry(aud={"essential": True, "value": f"{BASE_URL}/authz"}).validate(read.claims)


async def test_head_is_answered_like_get_without_a_body(world: World) -> None:
    """X1: some proxies ask with HEAD."""
    token = (await world.tokens("wim", "crane")).access
    assert identity(await forward(world, token, named(world), method="HEAD"))["level"] == "read_only"
    answer = await forward(world, None, named(world), method="HEAD")
    assert (answer.status_code, answer.headers["gatewright-code"], answer.content) == (401, "token_missing", b"")


# --- no, in the order of X2 --------------------------------------------------------------------------


async def test_a_missing_and_an_invalid_token_are_401_with_a_challenge(world: World) -> None:
    """X2: before anything that the query names."""
    refresh = (await world.tokens("wim", "crane")).refresh
    for token, code in ((None, "token_missing"), ("x", "token_invalid"), (refresh, "token_invalid")):
        answer = await forward(world, token, "company_id=0&tool=nothing&level=admin")
        assert refused(answer) == (401, code, "401")
        assert answer.headers["www-authenticate"].startswith('Bearer realm="gatewright", error="invalid_token"')


async def test_an_expired_token_is_told_so(short: World) -> None:
    """X2, T3."""
    token = (await short.tokens("wim", "crane")).access
    for _ in range(2):  # the second from memory
        assert (await forward(short, token, named(short))).status_code == 200
    await asyncio.sleep(4.1)
    assert refused(await forward(short, token, named(short))) == (401, "token_expired", "401")


async def test_a_revoked_token_is_told_so(world: World) -> None:
    """X2, T9: on the very next call."""
    token = (await world.tokens("wim", "crane")).access
    assert (await forward(world, token, named(world))).status_code == 200
    await world.client.post("/oauth/revoke", data={"token": token, **world.apps["crane"].credentials})
    assert refused(await forward(world, token, named(world))) == (401, "token_revoked", "401")


async def test_a_deactivated_user_is_told_so(world: World) -> None:
    """X2, P4: on the very next call."""
    token = (await world.tokens("wim", "crane")).access
    assert (await forward(world, token, named(world))).status_code == 200
    user = world.people["wim"].id
    await directory.deactivate_user(world.house.database, user_id=user, origin=SYSTEM, now=clock.now())
    assert refused(await forward(world, token, named(world))) == (401, "principal_inactive", "401")


async def test_the_company_has_to_be_named_in_one_way(world: World) -> None:
    """X2, X3: by headers and query together, a header's `_` being as good as its `-`."""
    token, alder, birch = (await world.tokens("ada", "crane")).access, *map(str, world.companies.values())
    tool, header = "tool=directory&level=admin", "gatewright-company-id"
    agreed = ((header, alder), ("procore_company_id", alder))
    assert identity(await forward(world, token, f"{tool}&company_id={alder}", *agreed))["company-id"] == alder
    assert identity(await forward(world, token, tool, (header, alder)))["company-id"] == alder
    assert refused(await forward(world, token, tool)) == (403, "company_required", "400")
    for query, headers in (
        (f"{tool}&company_id={alder}", [(header, birch)]),
        (tool, [(header, alder), (header, alder)]),
        (tool, [(header, alder), ("gatewright_company_id", alder)]),
        (tool, [(header, alder), ("procore-company-id", birch)]),
        (f"{tool}&company_id=0{alder}", []),
        (f"{tool}&company_id=", []),
        (f"{tool}&company_id=%D9%A1", []),
        (tool, [(header, f"{alder},{alder}")]),
    ):
        assert refused(await forward(world, token, query, *headers)) == (403, "company_ambiguous", "400"), query


async def test_what_is_out_of_reach_answers_like_what_is_not_there(world: World) -> None:
    """X2, P6: companies and projects of others, of nobody, and numbers that no id can be."""
    token = (await world.tokens("wim", "crane")).access
    tool = "tool=rfis&level=read_only"
    told = set()
    for company in (world.companies["birch"], 424242, 2**53, 10**30):
        answer = await forward(world, token, f"{tool}&company_id={company}")
        assert refused(answer) == (403, "company_unknown", "404")
        told.add(answer.json()["error"]["message"])
    for project in (world.projects["tower"], world.projects["mill"], 424242, 2**53, "", "x", "01", "%00"):
        answer = await forward(world, token, f"{tool}&company_id={world.companies['alder']}&project_id={project}")
        assert refused(answer) == (403, "project_unknown", "404"), project
        told.add(answer.json()["error"]["message"])
    assert len(told) == 2


async def test_a_level_that_is_not_held_is_refused(world: World) -> None:
    """X2, M2, M7: of a company's tool, of a project's, and of one that nobody declared."""
    token = (await world.tokens("wim", "crane")).access
    project = f"&project_id={world.projects['bridge']}"
    for query in (
        named(world, level="standard"),
        named(world, "rfis") + "",
        named(world, "rfis", "admin") + project,
        named(world, "drawings") + project,
        named(world, "nobody_declared"),
    ):
        assert refused(await forward(world, token, query)) == (403, "permission_insufficient", "403"), query


async def test_an_app_beyond_its_budget_is_told_when_to_come_back(narrow: World) -> None:
    """X2: 429 in the header for the proxy to pass on; a question spends what a call spends."""
    token = (await narrow.tokens("wim", "crane")).access
    left = [(await forward(narrow, token, named(narrow))).headers["x-rate-limit-remaining"] for _ in range(5)]
    assert left == ["4", "3", "2", "1", "0"]
    answer = await forward(narrow, token, named(narrow))
    assert refused(answer) == (403, "rate_limited", "429")
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["x-rate-limit-remaining"] == "0"


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_without_its_rows_it_refuses(world: World, flow_dialect: str) -> None:
    """X2: 503 in the header, never a yes and never a 500."""
    token = (await world.tokens("wim", "crane")).access
    async with world.house.database.writer.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE contacts RENAME TO gone")
    answer = await forward(world, token, named(world))
    assert refused(answer) == (403, "temporarily_unavailable", "503")
    assert answer.headers["retry-after"]


# --- what it costs ---------------------------------------------------------------------------------


async def test_from_memory_it_makes_no_statement(world: World) -> None:
    """X5: allowed or refused, for a user's app and for a service account."""
    token, robot = (await world.tokens("wim", "crane")).access, await world.robot_token("robot")
    asked = [(token, named(world), 200), (token, named(world, level="admin"), 403), (robot, named(world), 403)]
    asked += [(token, named(world, "rfis") + f"&project_id={world.projects['bridge']}", 200), ("x", named(world), 401)]
    for one, query, _ in asked * 2:  # the first confirms the generation (T6), which is written
        await forward(world, one, query)
    with counted(world.house.database) as seen:
        for one, query, status in asked:
            assert (await forward(world, one, query)).status_code == status
    assert seen.statements == []


async def test_a_first_call_connects_the_app_and_counts(world: World) -> None:
    """I2, R3: a question is a call."""
    answer = await forward(world, (await world.tokens("wim", "plain")).access, named(world))
    assert answer.status_code == 200
    await world.app.state.counters.flush()
    manager = (await world.tokens("ada", "crane", scope="company.manage")).access
    path = f"/rest/v1.0/companies/{world.companies['alder']}/installations/{world.apps['plain'].id}"
    installation = (await world.call(manager, path)).json()
    assert installation["status"] == "connected"
    assert [day["allowed"] for day in installation["calls"]] == [1]


async def test_a_kept_refusal_is_explained_under_its_request_id(world: World) -> None:
    """X4: the id that the proxy passes on."""
    answer = await forward(world, (await world.tokens("wim", "plain")).access, named(world, level="admin"))
    assert refused(answer)[1] == "permission_insufficient"
    await world.app.state.counters.flush()
    manager = (await world.tokens("ada", "crane", scope="company.manage")).access
    path = f"/rest/v1.0/companies/{world.companies['alder']}/explain/{answer.headers['x-request-id']}"
    explained: httpx.Response = await world.call(manager, path)
    assert explained.status_code == 200, explained.text
    assert explained.json()["code"] == "permission_insufficient"
