"""What every middleware does alike: the same small API in each framework, and one table of who may."""

from collections.abc import AsyncIterator

import httpx
import pytest
from sdk.tests.callers import FRAMEWORKS, app_in
from sdk.tests.table import AwaitedTable, Table

from gatewright_sdk.requests import NOBODYS

GOOD = ("Authorization", "Bearer good")
COMPANY = ("Gatewright-Company-Id", "1")
CALLER = {"id": 42, "kind": "user", "company": 1}
RFIS = "/rest/v1.0/projects/7/rfis"


@pytest.fixture
def table() -> Table:
    """Return who may."""
    return Table()


@pytest.fixture(params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest) -> str:
    """Return each framework's name."""
    return str(request.param)


@pytest.fixture(params=["as it is", "awaited"])
async def client(request: pytest.FixtureRequest, framework: str, table: Table) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a client of the small API. The frameworks that take a guard of either kind get both in turn."""
    if request.param == "awaited" and framework not in {"fastapi", "starlette"}:
        table.company_headers = ("X-Tenant", *table.company_headers)  # a setting of another platform instead
    awaited = AwaitedTable(table) if request.param == "awaited" else table
    async with app_in(framework, guard=table, awaited=awaited) as lent:
        yield lent


def code(answer: httpx.Response) -> str:
    """Return the code of a refusal, whose body has to be the API's."""
    body = answer.json()
    assert sorted(body) == ["error", "errors"]
    assert sorted(body["error"]) == ["code", "help", "message", "request_id"]
    assert body["errors"] == [body["error"]["message"]]
    assert len(body["error"]["request_id"]) == 36
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    return f"{answer.status_code} {body['error']['code']}"


async def test_who_may_reaches_the_view_which_is_told_who_it_is(client: httpx.AsyncClient, table: Table) -> None:
    # X1
    answer = await client.post(RFIS, headers=[GOOD, COMPANY])
    assert (answer.status_code, answer.json()) == (200, CALLER | {"level": "standard"})
    (asked,) = table.asked
    assert (asked.token, asked.company_id, asked.project_id) == ("good", 1, 7)
    assert (asked.tool, asked.level) == ("rfis", "standard")
    assert asked.route == "POST /rest/v1.0/projects/{project_id}/rfis"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/rest/v1.0/companies/1/contacts", []),
        ("/rest/v1.0/companies/1/contacts", [COMPANY, ("Procore-Company-Id", "1")]),
        ("/rest/v1.0/companies/1/contacts?company_id=1", []),
        ("/rest/v1.0/contacts?company_id=1", []),
        ("/rest/v1.0/contacts", [COMPANY]),
        ("/rest/v1.0/contacts", [("procore-company-id", "1")]),
    ],
)
async def test_the_company_is_named_by_path_query_or_header(
    client: httpx.AsyncClient, table: Table, path: str, headers: list[tuple[str, str]]
) -> None:
    # X3
    answer = await client.get(path, headers=[GOOD, *headers])
    assert (answer.status_code, answer.json()) == (200, CALLER | {"level": "admin"})
    (asked,) = table.asked
    assert (asked.company_id, asked.project_id) == (1, None)
    assert asked.route.removeprefix("GET /rest/v1.0") in {"/companies/{company_id}/contacts", "/contacts"}


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/rest/v1.0/companies/1/contacts", [("Gatewright-Company-Id", "2")]),
        ("/rest/v1.0/companies/1/contacts?company_id=2", []),
        ("/rest/v1.0/contacts?company_id=1&company_id=1", []),
        ("/rest/v1.0/contacts", [COMPANY, COMPANY]),
        ("/rest/v1.0/contacts", [COMPANY, ("Procore-Company-Id", "2")]),
        ("/rest/v1.0/contacts?company_id=01", []),
        ("/rest/v1.0/contacts?company_id=%2B1", []),
        ("/rest/v1.0/contacts?company_id=", []),
        ("/rest/v1.0/contacts?company_id=%D9%A1", []),
        ("/rest/v1.0/contacts?company_id=%00", []),
        ("/rest/v1.0/contacts?company_id=%FF", []),
        ("/rest/v1.0/companies/x/contacts", []),
    ],
)
async def test_a_company_that_cannot_be_told_is_refused(
    client: httpx.AsyncClient, path: str, headers: list[tuple[str, str]]
) -> None:
    # X3: after the token was found good (X2)
    assert code(await client.get(path, headers=[GOOD, *headers])) == "400 company_ambiguous"
    assert code(await client.get(path, headers=[("Authorization", "Bearer bad"), *headers])) == "401 token_invalid"


@pytest.mark.parametrize("project", ["8", "07", "+7", "7.0", "abc", str(2**53), "9" * 40, "%D9%A7", "7%20"])
async def test_a_project_that_is_not_there_is_unknown_however_it_is_written(
    client: httpx.AsyncClient, table: Table, project: str
) -> None:
    # P6
    answer = await client.post(f"/rest/v1.0/projects/{project}/rfis", headers=[GOOD, COMPANY])
    assert code(answer) == "404 project_unknown"
    assert table.asked[-1].project_id == (8 if project == "8" else NOBODYS)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], "401 token_missing"),
        ([("Authorization", "Bearer")], "401 token_missing"),
        ([("Authorization", "Bearer ")], "401 token_missing"),
        ([("Authorization", "Basic Z29vZDpnb29k")], "401 token_missing"),
        ([("Authorization", "Bearer bad")], "401 token_invalid"),
        ([("Authorization", "Bearer \u00ff\u00fe")], "401 token_invalid"),
        ([("Authorization", "Bearer good good")], "401 token_invalid"),
        ([GOOD, GOOD], "400 invalid_request"),
        ([GOOD, ("Authorization", "Bearer bad")], "400 invalid_request"),
        ([("Authorization", "Bearer little")], "403 permission_insufficient"),
        ([("authorization", "bearer good")], "200"),
    ],
)
async def test_the_token_is_in_one_header_alone(
    client: httpx.AsyncClient, headers: list[tuple[str, str]], expected: str
) -> None:
    # X2
    sent = [(name.encode(), value.encode("latin-1")) for name, value in [*headers, COMPANY]]
    answer = await client.post(RFIS, headers=sent)
    assert (str(answer.status_code) if answer.status_code == 200 else code(answer)) == expected
    assert ("www-authenticate" in answer.headers) is expected.startswith("401")


async def test_a_401_says_how_to_authenticate(client: httpx.AsyncClient) -> None:
    answer = await client.post(RFIS, headers=[("Authorization", "Bearer bad"), COMPANY])
    told = 'Bearer realm="gatewright", error="invalid_token", error_description="The access token is invalid."'
    assert answer.headers["www-authenticate"] == told


async def test_a_token_in_the_query_is_refused_or_not_seen(client: httpx.AsyncClient) -> None:
    # T13: case A144
    both = await client.post(f"{RFIS}?access_token=good", headers=[GOOD, COMPANY])
    assert code(both) == "400 invalid_request"
    alone = await client.post(f"{RFIS}?access_token=good", headers=[COMPANY])
    assert code(alone) == "401 token_missing"


async def test_what_a_proxy_would_have_said_counts_for_nothing(client: httpx.AsyncClient) -> None:
    # X1
    told = [("Gatewright-Auth-User-Id", "42"), ("Gatewright-Auth-Level", "admin"), ("Gatewright-Auth-Company-Id", "1")]
    assert code(await client.post(RFIS, headers=[*told, COMPANY])) == "401 token_missing"


async def test_a_company_tool_of_a_route_that_names_a_project(client: httpx.AsyncClient, table: Table) -> None:
    answer = await client.patch("/rest/v1.0/projects/7", headers=[GOOD, COMPANY])
    assert (answer.status_code, answer.json()) == (200, {"changed": 7})
    assert (table.asked[0].tool, table.asked[0].project_id) == ("directory", None)
    little = await client.patch("/rest/v1.0/projects/7", headers=[("Authorization", "Bearer little"), COMPANY])
    assert code(little) == "403 permission_insufficient"


async def test_a_guard_that_fails_lets_nobody_in(
    client: httpx.AsyncClient, table: Table, caplog: pytest.LogCaptureFixture
) -> None:
    # X1: fails closed
    table.fails_with = ZeroDivisionError("good")
    for ask in (client.post(RFIS, headers=[GOOD, COMPANY]), client.patch(RFIS[:-5], headers=[GOOD, COMPANY])):
        answer = await ask
        assert code(answer) == "503 temporarily_unavailable"
        assert int(answer.headers["retry-after"]) > 0
    assert "ZeroDivisionError" in caplog.text


async def test_an_unguarded_route_asks_nobody(client: httpx.AsyncClient, table: Table) -> None:
    assert ((await client.get("/open")).json(), table.asked) == ({}, [])


async def test_a_refusal_is_in_the_log_with_its_id_and_without_the_token(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    # T13
    caplog.set_level("INFO")
    answer = await client.post(RFIS, headers=[("Authorization", "Bearer secret-token-value"), COMPANY])
    assert answer.json()["error"]["request_id"] in caplog.text
    assert "secret-token-value" not in caplog.text


@pytest.mark.parametrize("path", [RFIS, "/rest/v1.0/contacts?company_id=1", "/rest/v1.0/projects/7"])
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "BREW", "x" * 300])
async def test_other_methods_reach_no_view_without_a_token(
    client: httpx.AsyncClient, framework: str, method: str, path: str
) -> None:
    # X1: a HEAD is answered by the view of a GET, and says by its status alone what became of it
    answer = await client.request(method, path)
    if (method, framework) == ("OPTIONS", "flask"):
        assert (answer.status_code, answer.content) == (200, b""), "Flask answers, and no view"
    else:
        assert answer.status_code in {400, 401, 404, 405, 501}


async def test_a_head_is_judged_as_a_get(client: httpx.AsyncClient, framework: str, table: Table) -> None:
    # X1
    path = "/rest/v1.0/contacts?company_id=1"
    if framework == "fastapi":  # which answers HEAD only where it is said
        assert (await client.head(path, headers=[GOOD])).status_code == 405
        return
    assert (await client.head(path)).status_code == 401
    assert (await client.head(path, headers=[("Authorization", "Bearer bad")])).status_code == 401
    assert (await client.head(path, headers=[GOOD])).status_code == 200
    assert table.asked[-1].route == "HEAD /rest/v1.0/contacts"
