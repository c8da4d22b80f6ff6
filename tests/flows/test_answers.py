"""What answers whatever is asked for: unknown paths, wrong methods, other content types, odd requests."""

import json
from uuid import UUID

import httpx
import pytest
from starlette.types import Message

from gatewright.web.html import static
from tests.support.databases import DIALECTS
from tests.support.world import World

ODD_IDS = ("0", "-1", "01", "1e3", "abc", "9007199254740992", "9" * 400, "%00", "%2e%2e", "1%0a", "١", "null", "1;2")

PROGRAMS_ASK = (
    ("/rest/v9/nowhere", "text/html"),
    ("/nowhere", "application/json"),
    ("/oauth/no", "*/*"),
    ("/nowhere", "*/*"),
    ("/api/v2/companies", ""),
)

BODIES = (
    (b'{"email": "x@example.com"', "application/json", 400),
    (b'{"email": "a@example.com", "email": "b@example.com", "name": "B"}', "application/json", 400),
    (b'{"email": "a@example.com", "name": NaN}', "application/json", 400),
    (b'{"email": "a@example.com", "name": "\\u0000"}', "application/json", 400),
    (b'{"email": "a@example.com", "name": "\\ud800"}', "application/json", 400),
    (b'{"email": "a@example.com", "name": "\xff"}', "application/json", 400),
    (b"[" * 100_000, "application/json", 400),
    (b'{"name": ' + b"9" * 10_000 + b"}", "application/json", 400),
    (b'"just text"', "application/json", 422),
    (b"[]", "application/json", 422),
    (b"", "application/json", 422),
    (b'{"email": 7, "name": ["B"]}', "application/json", 422),
    (b'{"email": "a@example.com", "name": "B", "company_id": 2}', "application/json", 422),
    (b'{"email": "a@example.com", "name": "B"}', "text/plain", 415),
    (b'{"email": "a@example.com", "name": "B"}', "", 415),
    (b"email=a%40example.com&name=B", "application/x-www-form-urlencoded", 415),
    (b"\x1f\x8b", "application/octet-stream", 415),
)


async def test_an_unknown_path_is_told_in_the_shape_that_was_asked_for(client: httpx.AsyncClient) -> None:
    """X1: a program is told in JSON, a person on a page, whoever asks by its path."""
    page = await client.get("/nowhere", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert page.headers["x-request-id"] in page.text
    for path, accept in PROGRAMS_ASK:
        answer = await client.get(path, headers={"accept": accept})
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"
        UUID(answer.json()["error"]["request_id"])
    for path in ("/invitation/gwi_unknown", "/login?a=1&a=2"):
        page = await client.get(path, headers={"accept": "*/*"})
        assert (page.is_error, page.headers["content-type"]) == (True, "text/html; charset=utf-8"), path


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/rest/v1.0/me", "GET, HEAD"),
        ("DELETE", "/rest/v1.0/companies", "GET, HEAD"),
        ("PUT", "/rest/v1.0/companies/1/contacts", "GET, HEAD, POST"),
        ("POST", "/rest/v1.0/companies/1/contacts/1", "DELETE, GET, HEAD, PATCH"),
        ("OPTIONS", "/rest/v1.0/me", "GET, HEAD"),
        ("PUT", "/login", "GET, HEAD, POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("TRACE", "/", "GET, HEAD"),
        ("BREW", "/rest/v1.0/me", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_names_the_right_ones(
    client: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    """A47: over all routes of the path (RFC 9110 §15.5.6)."""
    answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_head_answers_as_get_does_without_a_body(world: World) -> None:
    """X1: RFC 9110 §9.3.2."""
    token = (await world.tokens("ada", "crane")).access
    for path in ("/login", "/rest/v1.0/me", "/healthz", static("favicon.svg")):
        got = await world.client.get(path, headers={"authorization": f"Bearer {token}"})
        head = await world.client.head(path, headers={"authorization": f"Bearer {token}"})
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["content-type"] == got.headers["content-type"]
        assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize("path", ["/rest/v1.0/me", "/", "/login"])
async def test_headers_of_half_a_megabyte_are_refused(client: httpx.AsyncClient, path: str) -> None:
    """A136."""
    answer = await client.get(path, headers={"authorization": f"Bearer {'x' * 500_000}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (431, "headers_too_large")


async def test_no_id_however_odd_is_a_server_error(world: World) -> None:
    """P6: what cannot be an id is refused, or unknown like any other."""
    token, alder = (await world.tokens("ada", "crane", scope="company.manage")).access, world.companies["alder"]
    browser = await world.signed_in("ada")
    for text in ODD_IDS:
        for path in (
            f"/rest/v1.0/companies/{text}/contacts",
            f"/rest/v1.0/companies/{alder}/contacts/{text}",
            f"/rest/v1.0/companies/{alder}/installations/{text}",
            f"/rest/v1.0/companies/{alder}/service_accounts/{text}",
        ):
            answer = await world.call(token, path)
            assert answer.status_code in {400, 404}, (path, answer.text)
            assert answer.headers["content-type"] == "application/json"
        for path in (f"/companies/{text}", f"/companies/{alder}/directory/{text}", f"/companies/{alder}/apps/{text}"):
            answer = await browser.get(path)
            assert answer.status_code == 404, (path, answer.text)


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_path_with_nul_names_nothing_on_any_database(world: World) -> None:
    """P6: PostgreSQL cannot look a NUL up; a text in a path answers like one that is unknown."""
    alder, unknown = world.companies["alder"], "0" * 32
    token = (await world.tokens("ada", "crane", scope="company.manage")).access
    ada, operator = await world.signed_in("ada"), await world.signed_in("oda")
    for text in ("%00", f"{unknown[1:]}%00", unknown):
        asked = await world.call(token, f"/rest/v1.0/companies/{alder}/explain/{text}")
        assert (asked.status_code, asked.json()["error"]["code"]) == (404, "refusal_unknown"), text
        assert (await ada.get(f"/companies/{alder}/refusals/{text}")).status_code == 404, text
        ended = await world.submit(ada, f"/account/sessions/{text}/end", at="/account/sessions")
        assert ended.status_code == 404, text
        for form in ({}, {"compromised": "on"}):
            retired = await world.submit(operator, f"/operator/keys/{text}/retire", form, at="/operator/keys")
            assert retired.status_code == 404, text


async def test_a_body_is_read_in_one_way_or_refused(world: World) -> None:
    """A122, A124, A195: at the API as at the token endpoint; nothing is made of it."""
    token = (await world.tokens("ada", "crane", scope="company.manage")).access
    path = f"/rest/v1.0/companies/{world.companies['alder']}/contacts"
    for body, content_type, status in BODIES:
        headers = {"authorization": f"Bearer {token}"} | ({"content-type": content_type} if content_type else {})
        answer = await world.client.post(path, content=body, headers=headers)
        assert answer.status_code == status, (body[:80], answer.text)
        assert answer.json()["error"]["help"]
    listed = (await world.call(token, path)).json()
    assert "a@example.com" not in {contact["email"] for contact in listed}


@pytest.mark.parametrize("charset", ["punycode", "undefined", "unicode_escape", "utf-7"])
async def test_a_body_in_another_charset_is_refused_everywhere(world: World, charset: str) -> None:
    """A120: at the token endpoint, on pages and at the API; never a failure of ours."""
    part = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    body = (part.format("grant_type", r"\ud800 +2AA- \xff") + part.format("email", r"\udfff") + "--x--\r\n").encode()
    multipart = {"content-type": f"multipart/form-data; boundary=x; charset={charset}"}
    for path in ("/oauth/token", "/login", "/oauth/authorize"):
        answer = await world.client.post(path, content=body, headers=multipart)
        assert answer.status_code == 400, (path, answer.text)
    token = (await world.tokens("ada", "crane", scope="company.manage")).access
    json_type = {"content-type": f"application/json; charset={charset}", "authorization": f"Bearer {token}"}
    path = f"/rest/v1.0/companies/{world.companies['alder']}/contacts"
    assert (await world.client.post(path, content=b"{}", headers=json_type)).status_code == 415


async def test_an_encoded_body_is_refused(world: World) -> None:
    """A122: nothing is unpacked, so nothing can swell."""
    token = (await world.tokens("ada", "crane", scope="company.manage")).access
    path = f"/rest/v1.0/companies/{world.companies['alder']}/contacts"
    headers = {
        "authorization": f"Bearer {token}",
        "content-type": "application/json",
        "content-encoding": "gzip",
    }
    assert (await world.client.post(path, content=b"{}", headers=headers)).status_code == 415


async def test_a_body_above_a_mebibyte_is_refused_before_it_is_read(world: World) -> None:
    """A117."""
    client = world.client

    async def endless() -> object:
        for _ in range(100):
            yield b" " * 65536
        raise AssertionError("read on though it was too large")

    token = (await world.tokens("ada", "crane", scope="company.manage")).access
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    path = f"/rest/v1.0/companies/{world.companies['alder']}/contacts"
    answer = await client.post(path, content=endless(), headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 413
    sized = {**headers, "content-length": "9" * 5000}
    assert (await client.post(path, content=b"{}", headers=sized)).status_code in {400, 413}


@pytest.mark.parametrize("body", [b"{", b'{"name": 1, "name": 2}', b"x" * (1024 * 1024 + 1), b"\xff"])
async def test_the_caller_is_judged_before_the_body(world: World, body: bytes) -> None:
    """X2, P6: what is wrong with a body is told to nobody who may not send one."""
    company, foreign = world.companies["alder"], 999_999
    may = (await world.tokens("ada", "crane", scope="company.manage")).access
    may_not = (await world.tokens("wim", "crane", scope="company.manage")).access
    for token, at, status in ((None, company, 401), (may, foreign, 404), (may_not, company, 403), (may, company, None)):
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        answer = await world.client.post(f"/rest/v1.0/companies/{at}/service_accounts", content=body, headers=headers)
        assert answer.status_code == (status or (413 if len(body) > 100 else 400)), (at, answer.text)


async def test_validation_answers_one_entry_per_field(world: World) -> None:
    """A195: every wrong field is told, in one answer."""
    token = (await world.tokens("ada", "crane", scope="company.manage")).access
    path = f"/rest/v1.0/companies/{world.companies['alder']}/contacts"
    answer = await world.call(token, path, method="POST", json={"email": 7, "role": "admin", "id": 5})
    assert answer.status_code == 422
    body = answer.json()
    assert body["error"]["code"] == "invalid_fields"
    assert set(body["error"]) == {"code", "message", "help", "request_id"}
    assert {sentence.partition(":")[0] for sentence in body["errors"]} == {"email", "name", "role", "id"}
    assert len(body["errors"]) == 4


async def test_a_page_that_cannot_be_is_refused(world: World) -> None:
    """A200."""
    token = (await world.tokens("ada", "crane")).access
    for query in ("page=0", "page=-1", "page=x", "page=1&page=2", "per_page=0", "per_page=301", "per_page=1e2"):
        answer = await world.call(token, f"/rest/v1.0/companies?{query}")
        assert answer.status_code in {400, 422}, answer.text


async def test_lists_come_in_pages_with_their_total_and_links(world: World) -> None:
    """A200: in the order of ids; a page beyond the last is empty."""
    for number in range(7):
        await world.add_project(f"p{number}", "alder", f"Project {number}")
    token = (await world.tokens("ada", "crane")).access
    path, collected = f"/rest/v1.0/projects?company_id={world.companies['alder']}&per_page=4", list[int]()
    for page in (1, 2, 3, 4):
        answer = await world.call(token, f"{path}&page={page}")
        assert (answer.headers["total"], answer.headers["per-page"]) == ("9", "4")
        assert ('rel="next"' in answer.headers["link"]) is (page < 3)
        assert 'page=3&per_page=4>; rel="last"' in answer.headers["link"].replace(
            "per_page=4&page=3", "page=3&per_page=4"
        )
        collected.extend(project["id"] for project in answer.json())
    assert collected == sorted(collected)
    assert len(collected) == 9
    following = answer.headers["link"].partition("<")[2].partition(">")[0]
    assert following.startswith(world.house.settings.issuer)


async def test_a_project_is_listed_as_clients_know_it(world: World) -> None:
    """X1: names and types of the keys are fixed."""
    token = (await world.tokens("wim", "crane")).access
    (project,) = (await world.call(token, "/rest/v1.1/projects", company="alder")).json()
    assert project == {
        "id": world.projects["bridge"],
        "name": "Bridge",
        "display_name": "N-1 - Bridge",
        "project_number": "N-1",
        "active": True,
        "created_at": project["created_at"],
        "updated_at": project["updated_at"],
        "company": {"id": world.companies["alder"], "name": "Alder Works"},
    }
    assert project["created_at"].endswith("Z")
    (company,) = (await world.call(token, "/rest/v1.0/companies")).json()
    assert company == {
        "id": world.companies["alder"],
        "name": "Alder Works",
        "is_active": True,
        "logo_url": None,
        "my_company": True,
    }


async def test_a_host_of_somebody_elses_is_in_no_answer(world: World) -> None:
    """X1: links, redirects and metadata are made of the issuer."""
    token = (await world.tokens("ada", "crane")).access
    for host in ("evil.example", "[", "127.0.0.1:99999", "a b", "evil.example:8400@x"):
        for path in ("/rest/v1.0/companies", "/login", "/rest/v1.0/companies/", "/nowhere", "/account/apps"):
            answer = await world.client.get(path, headers={"host": host, "authorization": f"Bearer {token}"})
            assert answer.status_code < 500, (host, path, answer.text)
            assert "evil.example" not in answer.text + str(dict(answer.headers)), (host, path)


@pytest.mark.parametrize("raw", [b"page=\xff", b"\xff\xfe", "ünï".encode()])
async def test_a_query_of_raw_bytes_is_refused(world: World, raw: bytes) -> None:
    """X1: sent by hand, for no client library would."""
    for path in ("/rest/v1.0/companies", "/login", "/nowhere", "/oauth/authorize"):
        statuses: list[int] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message, statuses: list[int] = statuses) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": raw,
            "headers": [(b"host", b"127.0.0.1:8400")],
            "scheme": "http",
            "server": ("127.0.0.1", 8400),
            "client": ("127.0.0.1", 1),
        }
        await world.app(scope, receive, send)
        assert statuses == [400], path


async def test_somebody_signed_out_is_sent_to_sign_in_and_back(client: httpx.AsyncClient) -> None:
    """A179: back to a path of ours; what was posted cannot be asked for again."""
    answer = await client.get("/companies/1/directory?q=a%26b")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/login?next=/companies/1/directory%3Fq%3Da%2526b",
    )


async def test_static_files_are_kept_for_good_under_their_own_address(client: httpx.AsyncClient) -> None:
    """A177: with their right types, and nothing else is served from there."""
    for path, kind in (("gatewright.css", "text/css; charset=utf-8"), ("favicon.svg", "image/svg+xml")):
        answer = await client.get(static(path))
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        for other in (f"/static/{path}", f"/static/{path}?v=0"):
            assert (await client.get(other)).headers["cache-control"] == "public, max-age=0, must-revalidate"
    for path in ("../html.py", "%2e%2e/html.py", "..%2f..%2fapp.py", "", "vendor", "nothing.css", "a%00.css"):
        answer = await client.get(f"/static/{path}")
        assert answer.status_code in {404, 405}, (path, answer.status_code)


async def test_static_texts_are_compressed_for_whom_takes_it(client: httpx.AsyncClient) -> None:
    """A177: kept alike, told apart by caches; a part and a refusal of gzip get the file itself."""
    path = static("vendor/tabler.min.css")
    plain = await client.get(path, headers={"accept-encoding": "gzip;q=0, br"})
    packed = await client.get(path, headers={"accept-encoding": "br, gzip;q=0.8"})
    assert packed.content == plain.content
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) * 5 < int(plain.headers["content-length"])
    for answer in (plain, packed):
        assert (answer.headers["vary"], answer.headers["content-type"]) == (
            "Accept-Encoding",
            "text/css; charset=utf-8",
        )
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    again = await client.get(path, headers={"accept-encoding": "gzip", "if-none-match": packed.headers["etag"]})
    assert (again.status_code, again.headers["vary"]) == (304, "Accept-Encoding")
    part = await client.get(path, headers={"accept-encoding": "gzip", "range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, plain.content[:10])


async def test_a_page_and_a_font_are_not_compressed(client: httpx.AsyncClient) -> None:
    """A175: the length of a page would tell of the form's token, letter by letter (BREACH)."""
    for path in ("/login", static("vendor/inter-latin-wght-normal.woff2")):
        answer = await client.get(path, headers={"accept-encoding": "gzip"})
        assert (answer.status_code, answer.headers.get("content-encoding")) == (200, None)


async def test_the_api_describes_itself(client: httpx.AsyncClient) -> None:
    """X2: every operation names how to sign its calls and what its refusals look like."""
    described = (await client.get("/openapi.json")).json()
    assert described["openapi"].startswith("3.")
    assert {"token", "oauth"} == set(described["components"]["securitySchemes"])
    tags = {tag["name"] for tag in described["tags"]}
    seen = 0
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            seen += 1
            assert set(operation["tags"]) <= tags, (path, method)
            assert operation["security"]
            assert operation["summary"]
            shape = operation["responses"]["403"]["content"]["application/json"]["schema"]
            assert shape == {"$ref": "#/components/schemas/Refusal"}
    assert seen >= 20
    assert "$defs" not in json.dumps(described)


async def test_health_is_one_thing_and_readiness_another(world: World) -> None:
    """X1: ready while the database answers with this version's schema, else 503 with the reason."""
    assert (await world.client.get("/healthz")).status_code == 200
    ready = await world.client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "reason": None})
    async with world.house.database.writer.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'from_the_future'")
    ready = await world.client.get("/readyz")
    assert ready.status_code == 503
    assert "newer version" in ready.json()["reason"]
    assert (await world.client.get("/healthz")).status_code == 200


async def test_without_a_database_the_answer_is_unavailable_and_says_nothing_of_it(world: World) -> None:
    """X2: 503, never 500 and never a yes; pages and programs alike (fail closed)."""
    token = (await world.tokens("ada", "crane")).access
    await world.signed_in("ada")
    async with world.house.database.writer.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE contacts RENAME TO gone")
        await connection.exec_driver_sql("ALTER TABLE sessions RENAME TO gone_too")
    answer = await world.call(token, "/rest/v1.0/projects", company="alder")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"]
    page = await (await world.signed_in("ada")).get("/account/apps")
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    for told in (answer.text, page.text):
        assert "contacts" not in told
        assert "sqlite" not in told.lower()
