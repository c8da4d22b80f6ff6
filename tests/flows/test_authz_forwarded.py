"""`/authz/forward` about a request that a proxy holds back, decided by the route map; and what is no question."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gatewright.app import create_app
from gatewright.settings import Settings
from tests.support.authz import FORWARD, forward, identity, named, refused
from tests.support.world import World, browser_on, fill

ROUTES = """
routes:
  GET /projects/{project_id}/rfis: {tool: rfis, level: read_only}
  POST /projects/{project_id}/rfis: {tool: rfis, level: standard}
  DELETE /companies/{company_id}/budget: {tool: budget, level: admin}
  PATCH /projects/{project_id}: {tool: directory, level: read_only, of: company, scope: company.manage}
  GET /ping: public
  GET /whoami: token
  GET /projects: member
"""
PROXY = "127.0.0.1"  # where the test's client comes from


async def behind_proxy(settings: Settings, text: str) -> AsyncIterator[World]:
    """Lend a filled world whose proxy is trusted, with this route map."""
    file = Path(settings.data_dir) / "routes.yaml"
    file.write_text(text)
    made = create_app(settings.model_copy(update={"trusted_proxies": (PROXY,), "routes": file}))
    async with made.router.lifespan_context(made), browser_on(made) as client:
        world = World(made, made.state.house, client)
        await fill(world)
        yield world
        await world.close()


@pytest.fixture
async def proxied(settings: Settings) -> AsyncIterator[World]:
    """Lend a world with the route map above."""
    async for world in behind_proxy(settings, ROUTES):
        yield world


@pytest.fixture
async def lenient(settings: Settings) -> AsyncIterator[World]:
    """Lend a world whose map lets unknown routes through."""
    async for world in behind_proxy(settings, "unknown_routes: allow" + ROUTES):
        yield world


async def held(world: World, token: str | None, method: str, uri: str, *more: tuple[str, str]) -> httpx.Response:
    """Return the answer about a request that the proxy holds back."""
    return await forward(world, token, "", ("x-forwarded-method", method), ("x-forwarded-uri", uri), *more)


# --- the route map ---------------------------------------------------------------------------------


async def test_the_route_says_which_tool_and_level_a_request_needs(proxied: World) -> None:
    """X1: the project is the path's, the company the header's; HEAD needs what GET needs."""
    token, company = (await proxied.tokens("wim", "crane")).access, ("procore-company-id", "1")
    rfis = f"/projects/{proxied.projects['bridge']}/rfis"
    assert company[1] == str(proxied.companies["alder"])
    for method in ("GET", "HEAD", "POST"):
        assert identity(await held(proxied, token, method, f"{rfis}?page=2", company))["level"] == "standard"
    elsewhere = f"/projects/{proxied.projects['tower']}/rfis"
    assert refused(await held(proxied, token, "GET", elsewhere, company)) == (403, "project_unknown", "404")
    assert refused(await held(proxied, token, "GET", rfis)) == (403, "company_required", "400")
    answer = await held(proxied, token, "GET", rfis, ("procore-company-id", "2"))
    assert refused(answer) == (403, "company_unknown", "404")
    assert refused(await held(proxied, None, "GET", rfis, company)) == (401, "token_missing", "401")


async def test_path_query_and_headers_have_to_name_the_same_company(proxied: World) -> None:
    """X3."""
    token, alder = (await proxied.tokens("ada", "crane")).access, proxied.companies["alder"]
    birch, path = proxied.companies["birch"], f"/companies/{alder}/budget"
    assert identity(await held(proxied, token, "DELETE", f"{path}?company_id={alder}"))["company-id"] == str(alder)
    for uri, headers in (
        (f"{path}?company_id={birch}", []),
        (f"{path}?company_id={alder}&company_id={alder}", []),
        (path, [("gatewright-company-id", str(birch))]),
        (f"/companies/0{alder}/budget", []),
        (f"/whoami?company_id={alder}&company_id={birch}", []),
    ):
        method = "GET" if "whoami" in uri else "DELETE"
        assert refused(await held(proxied, token, method, uri, *headers)) == (403, "company_ambiguous", "400"), uri


async def test_a_route_may_ask_for_a_scope_and_for_a_companys_tool_on_a_project(proxied: World) -> None:
    """M8, X2: the project has to be in reach, the token to carry company.manage."""
    company, path = ("procore-company-id", "1"), f"/projects/{proxied.projects['bridge']}"
    bare, scoped = await proxied.tokens("wim", "plain"), await proxied.tokens("wim", "crane", scope="company.manage")
    assert refused(await held(proxied, bare.access, "PATCH", path, company)) == (403, "scope_insufficient", "403")
    assert identity(await held(proxied, scoped.access, "PATCH", path, company))["level"] == "read_only"
    elsewhere = f"/projects/{proxied.projects['tower']}"
    assert refused(await held(proxied, scoped.access, "PATCH", elsewhere, company)) == (403, "project_unknown", "404")


async def test_a_public_route_looks_at_no_token(proxied: World) -> None:
    """X1: whatever is sent; the answer tells of nobody, signed all the same."""
    for token in (None, "nonsense", (await proxied.tokens("wim", "crane")).access):
        answer = await held(proxied, token, "GET", "/ping")
        assert set(identity(answer).values()) == {""}
        assert answer.headers["gatewright-auth-assertion"]


async def test_a_token_route_needs_a_live_token_and_no_company(proxied: World) -> None:
    """X1: company and level are empty, though a company is named."""
    token = (await proxied.tokens("dev", "crane")).access
    told = identity(await held(proxied, token, "GET", "/whoami", ("procore-company-id", "1")))
    assert (told["user-id"], told["company-id"], told["level"]) == (str(proxied.people["dev"].id), "", "")
    assert refused(await held(proxied, "nonsense", "GET", "/whoami")) == (401, "token_invalid", "401")


async def test_a_member_route_needs_any_level_or_membership(proxied: World) -> None:
    """X2: as `projects` of the API does."""
    company = ("procore-company-id", "1")
    token = (await proxied.tokens("wim", "crane")).access
    assert identity(await held(proxied, token, "GET", "/projects", company))["level"] == ""
    robot = await proxied.robot_token("robot")
    answer = await held(proxied, robot, "GET", "/projects", company)
    assert refused(answer) == (403, "permission_insufficient", "403")
    await proxied.add_member("alder", "tower", proxied.robots["robot"].contact_id)
    assert (await held(proxied, robot, "GET", "/projects", company)).status_code == 200


async def test_what_no_route_decides_is_refused_once_the_bearer_is_known(proxied: World) -> None:
    """X2: a missing or dead token goes first."""
    token = (await proxied.tokens("wim", "crane")).access
    for method, uri, code, status in (
        ("GET", "/nothing", "route_unknown", "404"),
        ("PUT", "/projects", "route_unknown", "404"),
        ("TRACE", "/ping", "route_unknown", "404"),
        ("GET", "/projects/1/../../ping", "path_unclear", "400"),
        ("GET", "/ping%2f", "path_unclear", "400"),
        ("GET", "//ping", "path_unclear", "400"),
        ("GET", "http://elsewhere/ping", "path_unclear", "400"),
    ):
        assert refused(await held(proxied, token, method, uri)) == (403, code, status), uri
        assert refused(await held(proxied, None, method, uri)) == (401, "token_missing", "401"), uri
        assert refused(await held(proxied, "x", method, uri)) == (401, "token_invalid", "401"), uri


async def test_unknown_routes_may_be_let_through_but_never_with_a_dead_token(lenient: World) -> None:
    """X1: without a token nobody is told, with a live one who it is, without a company."""
    assert set(identity(await held(lenient, None, "GET", "/elsewhere")).values()) == {""}
    token = (await lenient.tokens("wim", "crane")).access
    told = identity(await held(lenient, token, "GET", "/elsewhere", ("procore-company-id", "1")))
    assert (told["user-id"], told["company-id"]) == (str(lenient.people["wim"].id), "")
    assert refused(await held(lenient, "nonsense", "GET", "/elsewhere")) == (401, "token_invalid", "401")
    for method, uri in (("PUT", "/ping"), ("GET", "/PING"), ("GET", "/ping/")):
        assert (await held(lenient, token, method, uri)).status_code == 403, uri


async def test_a_request_may_be_appended_to_the_path(proxied: World) -> None:
    """X1: as Envoy asks, with the client's own method."""
    token, headers = (await proxied.tokens("wim", "crane")).access, {"procore-company-id": "1"}
    headers["authorization"] = f"Bearer {token}"
    rfis = f"{FORWARD}/projects/{proxied.projects['bridge']}/rfis"
    for method, path in (("GET", rfis), ("POST", rfis), ("GET", f"{rfis}?page=2"), ("HEAD", rfis)):
        assert identity(await proxied.client.request(method, path, headers=headers))["level"] == "standard"
    assert (await proxied.client.get(f"{FORWARD}/ping")).status_code == 200
    unclear = await proxied.client.get(f"{FORWARD}/projects/1%2f2/rfis", headers=headers)
    assert refused(unclear) == (403, "path_unclear", "400")
    unknown = await proxied.client.get(f"{FORWARD}/", headers=headers)
    assert refused(unknown) == (403, "route_unknown", "404")


async def test_a_request_is_named_once_and_whole(proxied: World) -> None:
    """X1: two forms, halves and repeats are 400."""
    method, uri = ("x-forwarded-method", "GET"), ("x-forwarded-uri", "/ping")
    for headers in ([method], [uri], [method, uri, uri], [method, method, uri], [("x-forwarded-method", ""), uri]):
        assert refused(await forward(proxied, None, "", *headers)) == (400, "invalid_request", "400"), headers
    dashed = [method, uri, ("x_forwarded_uri", "/whoami")]
    assert refused(await forward(proxied, None, "", *dashed)) == (400, "invalid_request", "400")
    for header in (method, uri):
        beside = await forward(proxied, None, named(proxied), header)
        assert refused(beside) == (400, "invalid_request", "400")
        appended = await proxied.client.get(f"{FORWARD}/ping", headers=[header])
        assert refused(appended) == (400, "invalid_request", "400")
    override = await held(proxied, None, "GET", "/ping", ("x-http-method-override", "DELETE"))
    assert refused(override) == (400, "invalid_request", "400")
    spelled = await proxied.client.get("/authz/forwar%64/ping")
    assert refused(spelled) == (400, "invalid_request", "400")


@pytest.mark.parametrize("query", ["access_token=x", "a=1&access%5ftoken=x", "a=1;access_token"])
async def test_a_second_token_in_the_forwarded_query_is_400(proxied: World, query: str) -> None:
    """X1 (RFC 6750 §2): the API behind the proxy may act for the other one."""
    token = (await proxied.tokens("wim", "crane")).access
    assert refused(await held(proxied, token, "GET", f"/whoami?{query}")) == (400, "invalid_request", "400")


async def test_without_a_route_map_a_forwarded_request_is_400_and_says_so(settings: Settings) -> None:
    """X1."""
    made = create_app(settings.model_copy(update={"trusted_proxies": (PROXY,)}))
    async with made.router.lifespan_context(made), browser_on(made) as client:
        answer = await held(World(made, made.state.house, client), None, "GET", "/ping")
        assert refused(answer) == (400, "invalid_request", "400")
        assert "GATEWRIGHT_ROUTES" in answer.json()["error"]["message"]


async def test_a_forwarded_request_counts_from_trusted_addresses_alone(settings: Settings) -> None:
    """X1: with a map, and a proxy elsewhere."""
    file = Path(settings.data_dir) / "routes.yaml"
    file.write_text(ROUTES)
    made = create_app(settings.model_copy(update={"trusted_proxies": ("192.0.2.0/24",), "routes": file}))
    async with made.router.lifespan_context(made), browser_on(made) as client:
        world = World(made, made.state.house, client)
        assert refused(await held(world, None, "GET", "/ping")) == (400, "invalid_request", "400")
        appended = await client.get(f"{FORWARD}/ping")
        assert refused(appended) == (400, "invalid_request", "400")


# --- what is no question ---------------------------------------------------------------------------


async def test_a_query_that_is_no_question_is_400_and_says_why(world: World) -> None:
    """X1: the proxy's configuration has to be mended, so no token is looked at."""
    for query, told in (
        ("", "GATEWRIGHT_TRUSTED_PROXIES"),
        ("tool=directory", "level is needed"),
        ("level=admin", "tool is needed"),
        ("tool=directory&level=none", "level is needed"),
        ("tool=directory&level=boss", "level is needed"),
        ("tool=directory&level=admin&level=admin", "repeated"),
        ("tool=directory&level=admin&company_id=1&company_id=1", "repeated"),
        ("tool=directory&level=admin&access_token=x", "names something else"),
        ("tool=directory&level=admin&=", "names something else"),
        ("tool=Directory&level=admin", "tool is needed"),
        ("tool=%00&level=admin", "tool is needed"),
        ("tool=%ff&level=admin", "percent-encoded"),
        ("tool=a&level=admin&" + "x=1&" * 30, "percent-encoded"),
    ):
        answer = await forward(world, "nonsense", query)
        assert refused(answer) == (400, "invalid_request", "400"), query
        assert told in answer.json()["error"]["message"], query


async def test_headers_that_can_be_read_in_two_ways_are_400(world: World) -> None:
    """X1: whatever the API behind the proxy would make of them."""
    token = (await world.tokens("wim", "crane")).access
    for header in (
        ("authorization", f"Bearer {token}"),
        ("x-http-method-override", "DELETE"),
        ("x-http-method", "GET"),
        ("x_method_override", ""),
        ("x.http_method-override", "DELETE"),
    ):
        assert refused(await forward(world, token, named(world), header)) == (400, "invalid_request", "400"), header
    dotted = await forward(world, token, named(world), ("gatewright.company.id", "424242"))
    assert refused(dotted) == (403, "company_ambiguous", "400")  # PHP reads it as the company's header


async def test_a_forwarded_request_from_anybody_is_not_looked_at(world: World) -> None:
    """X1: nobody is trusted unless the operator says so."""
    token = (await world.tokens("wim", "crane")).access
    held = [("x-forwarded-method", "DELETE"), ("x-forwarded-uri", "/everything")]
    assert identity(await forward(world, token, named(world), *held))["level"] == "read_only"
    answer = await forward(world, token, "", *held)
    assert refused(answer) == (400, "invalid_request", "400")
    assert "GATEWRIGHT_TRUSTED_PROXIES" in answer.json()["error"]["message"]
    appended = await world.client.get(f"{FORWARD}/rest/v1.0/me", headers={"authorization": f"Bearer {token}"})
    assert refused(appended) == (400, "invalid_request", "400")


async def test_other_methods_are_refused(world: World) -> None:
    """X1: with the question in the query the request's own method means nothing."""
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = await forward(world, None, named(world), method=method)
        assert refused(answer) == (405, "method_not_allowed", "405")
        assert answer.headers["allow"] == "GET, HEAD"


async def test_garbage_never_breaks_it(world: World) -> None:
    """T13, X2: in the token, in the company, in any header; what is too large is refused before it is read."""
    for value, status in (
        (b"Bearer " + b"x" * 20_000, 401),
        (b"Bearer " + b"\xff" * 50, 401),
        (b"Bearer a\0b", 401),
        (b"Bearer .." + b"." * 100, 401),
        (b"Bearer", 401),
        (b"Basic eDp5", 401),
        (b"\xff\xfe", 401),
        (b"Bearer " + b"x" * 500_000, 431),
    ):
        answer = await world.client.get(f"{FORWARD}?{named(world)}", headers=[(b"authorization", value)])
        assert answer.status_code == status, value[:40]
    token = (await world.tokens("wim", "crane")).access
    for value in (b"\xff", b"\0", b"1" * 5000, "²".encode("latin-1")):
        headers = [(b"authorization", f"Bearer {token}".encode()), (b"gatewright-company-id", value)]
        answer = await world.client.get(f"{FORWARD}?tool=directory&level=admin", headers=headers)
        assert answer.status_code == 403, value
