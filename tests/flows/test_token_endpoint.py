"""What `POST /oauth/token` reads, how it tells who is asking, and the exact shape of what it answers."""

import base64
import json
import random
from collections.abc import Mapping
from urllib.parse import urlencode

import httpx
import pytest

from tests.support.statements import counted
from tests.support.world import World, pkce

FORM = "application/x-www-form-urlencoded"
NEVER_STORED = {"cache-control": "no-store", "pragma": "no-cache", "content-type": "application/json; charset=utf-8"}
REFRESH = "grant_type=refresh_token&refresh_token=x"


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


async def raw(
    world: World,
    body: bytes | str,
    *,
    content_type: str = FORM,
    headers: Mapping[str, str] | None = None,
    query: str = "",
) -> httpx.Response:
    given = {"content-type": content_type, **(headers or {})}
    return await world.client.post(f"/oauth/token{query}", content=body, headers=given)


def assert_refused(answer: httpx.Response, error: str, *, status: int = 400) -> None:
    """Assert the exact shape of a refusal (RFC 6749 §5.2)."""
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.json().keys() <= {"error", "error_description", "reason"}
    description = answer.json()["error_description"]
    assert description
    assert description.isascii()
    assert {name: answer.headers[name] for name in NEVER_STORED} == NEVER_STORED
    assert ("www-authenticate" in answer.headers) == (status == 401)


# --- bodies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/token/"])
async def test_form_multipart_and_json_are_read_alike(world: World, path: str) -> None:
    # S4: curl -d, curl -F and a JSON body, with and without the slash
    robot = world.robots["robot"]
    asked = {"grant_type": "client_credentials", "client_id": robot.client_id, "client_secret": robot.secret}
    answers = [
        await world.client.post(path, data=asked),
        await world.client.post(path, files={name: (None, value) for name, value in asked.items()}),
        await world.client.post(path, json=asked),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert answer.json().keys() == {"access_token", "token_type", "expires_in", "created_at"}
        assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 7200)
        assert isinstance(answer.json()["created_at"], int)
        assert {name: answer.headers[name] for name in NEVER_STORED} == NEVER_STORED
        assert "x-request-id" in answer.headers


def _multipart(*pairs: tuple[str, str], extra: str = "") -> str:
    parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n{value}\r\n' for name, value in pairs]
    return "".join(parts) + "--b--\r\n"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("grant_type=refresh_token&grant_type=refresh_token", FORM),  # A116
        (_multipart(("grant_type", "refresh_token"), ("grant_type", "x")), "multipart/form-data; boundary=b"),
        ('{"grant_type": "refresh_token", "grant_type": "refresh_token"}', "application/json"),  # A122
        (f"{REFRESH}&scope=a&scope=b", FORM),
        (f"{REFRESH}&other=1&other=2", FORM),
        ("grant_type=refresh_token&refresh_token=%00", FORM),  # A119
        ("grant_type=refresh_token%00&refresh_token=x", FORM),
        ('{"grant_type": "refresh_token\\u0000"}', "application/json"),
        (_multipart(("grant_type", "refresh_token\0")), "multipart/form-data; boundary=b"),
        (b"grant_type=refresh_token&refresh_token=%ff", FORM),  # A120
        (b"grant_type=\xff", FORM),
        (b'{"grant_type": "\xff"}', "application/json"),
        ('{"grant_type": "\\ud800"}', "application/json"),
        ('{"grant_type": NaN}', "application/json"),  # A124
        ('{"grant_type": 1e999}', "application/json"),
        ('{"grant_type": ' + "9" * 5000 + "}", "application/json"),
        ('{"grant_type": null}', "application/json"),
        ('{"grant_type": ["refresh_token"]}', "application/json"),
        ('{"grant_type": {"a": "b"}}', "application/json"),
        ("[" * 20_000, "application/json"),
        ("[]", "application/json"),
        ('"grant_type"', "application/json"),
        ("", "application/json"),
        ("{", "application/json"),
        ("grant_type=refresh_token", "text/plain"),
        ("grant_type=refresh_token", "application/xml"),
        ("grant_type=refresh_token", ""),
        (_multipart(("grant_type", "refresh_token"), extra='; filename="x"'), "multipart/form-data; boundary=b"),
        ("--b\r\nnothing", "multipart/form-data; boundary=b"),
        ("grant_type=refresh_token", "multipart/form-data"),
        ("", FORM),
        ("grant_type=", FORM),
        ("GRANT_TYPE=refresh_token", FORM),
    ],
)
async def test_a_body_that_cannot_be_read_in_one_way_is_an_invalid_request(
    world: World, body: str | bytes, content_type: str
) -> None:
    # T13: and what it held is not repeated in the answer
    assert_refused(await raw(world, body, content_type=content_type), "invalid_request")


async def test_odd_headers_of_a_body_are_refused(world: World) -> None:
    # T13: Content-Encoding and a repeated Content-Type
    assert_refused(await raw(world, REFRESH, headers={"content-encoding": "gzip"}), "invalid_request")
    twice = [("content-type", FORM), ("content-type", "application/json")]
    assert_refused(await world.client.post("/oauth/token", content=REFRESH, headers=twice), "invalid_request")
    authorization = [("authorization", "Basic YTpi"), ("authorization", "Basic YTpi"), ("content-type", FORM)]
    assert_refused(await world.client.post("/oauth/token", content=REFRESH, headers=authorization), "invalid_request")


async def test_a_body_above_64_kib_is_too_large_declared_or_not(world: World) -> None:
    # T13: case A117
    fitting = REFRESH + "&pad=" + "a" * (64 * 1024 - len(REFRESH) - 5)
    assert_refused(await raw(world, fitting), "invalid_client", status=401)
    assert_refused(await raw(world, fitting + "a"), "invalid_request", status=413)
    assert_refused(await raw(world, "a" * 1_000_000), "invalid_request", status=413)

    async def undeclared() -> object:
        for _ in range(100):
            yield b"a" * 10_000

    answer = await world.client.post("/oauth/token", content=undeclared(), headers={"content-type": FORM})  # type: ignore[arg-type]
    assert_refused(answer, "invalid_request", status=413)


async def test_only_post_is_answered(world: World) -> None:
    # T13: case A115
    for path, allowed in (("/oauth/token", "POST"), ("/oauth/revoke", "POST"), ("/oauth/token/info", "GET")):
        for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "POST", "QUERY"):
            if method == allowed or (allowed, method) == ("GET", "HEAD"):
                continue
            answer = await world.client.request(method, path)
            assert (answer.status_code, answer.headers["allow"]) == (405, allowed), (method, path)
            assert answer.headers["cache-control"] == "no-store"
            assert method == "HEAD" or answer.json()["error"] == "invalid_request"


async def test_oauth_parameters_in_the_query_are_refused(world: World) -> None:
    # T13: case A72; logs and histories keep queries
    crane = world.apps["crane"]
    tokens = await world.tokens("ada", "crane")
    body = {"grant_type": "refresh_token", "refresh_token": tokens.refresh}
    in_query = await world.client.post("/oauth/token", params=crane.credentials, data=body)
    assert_refused(in_query, "invalid_client", status=401)
    secret_alone = {"client_secret": crane.secret or ""}
    assert_refused(
        await world.client.post("/oauth/token", params=secret_alone, data={**crane.credentials, **body}),
        "invalid_client",
        status=401,
    )
    for name in ("grant_type", "refresh_token", "scope", "code", "redirect_uri", "code_verifier"):
        answer = await world.client.post("/oauth/token", params={name: "x"}, data={**crane.credentials, **body})
        assert_refused(answer, "invalid_request")
    unknown = await world.client.post("/oauth/token?utm=1", data={**crane.credentials, **body})
    assert unknown.status_code == 200, "unknown parameters are ignored, there too"


@pytest.mark.parametrize("grant_type", ["password", "implicit", "refresh-token", " refresh_token", "Refresh_Token"])
async def test_another_grant_type_is_unsupported(world: World, grant_type: str) -> None:
    # S4: cases A125, A126; nothing is trimmed or folded
    asked = {**world.apps["crane"].credentials, "grant_type": grant_type, "username": "ada", "password": "p"}
    assert_refused(await world.client.post("/oauth/token", data=asked), "unsupported_grant_type")


async def test_refusals_never_repeat_what_was_sent(world: World) -> None:
    # T13: cases A127, A128
    marked = "C4N4RY<é>"
    crane = world.apps["crane"].credentials
    for asked in (
        {"grant_type": marked},
        {**crane, "grant_type": "refresh_token", "refresh_token": marked},
        {**crane, "grant_type": "authorization_code", "code": marked, "redirect_uri": marked},
        {**crane, "grant_type": "refresh_token", "refresh_token": marked, "scope": marked},
        {"client_id": marked, "client_secret": marked, "grant_type": "refresh_token", "refresh_token": marked},
        {**crane, "client_secret": marked, "grant_type": "refresh_token", "refresh_token": marked},
        {"grant_type": "refresh_token", marked: marked},
    ):
        answer = await world.client.post("/oauth/token", data=asked)
        assert answer.status_code in {400, 401}
        assert "C4N4RY" not in answer.text + str(answer.headers)
        assert answer.json()["error_description"].isascii()
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("grant_type", "missing"),
    [("authorization_code", "code"), ("refresh_token", "refresh_token")],
)
async def test_a_missing_parameter_is_named(world: World, grant_type: str, missing: str) -> None:
    # T2, T4: an empty value counts as none
    for value in ({}, {missing: ""}):
        asked = {**world.apps["crane"].credentials, "grant_type": grant_type, **value}
        answer = await world.client.post("/oauth/token", data=asked)
        assert_refused(answer, "invalid_request")
        assert missing in answer.json()["error_description"]


# --- client authentication ---------------------------------------------------------------------------


async def test_basic_and_body_credentials_are_equal(world: World) -> None:
    # T4: RFC 6749 §2.3.1, each half form-encoded
    crane = world.apps["crane"]
    assert crane.secret
    tokens = await world.tokens("ada", "crane")
    encoded = "".join(f"%{byte:02X}" for byte in crane.secret.encode())
    for headers, extra in (
        (basic(crane.client_id, crane.secret), {}),
        (basic(crane.client_id, encoded), {}),
        (basic(crane.client_id, crane.secret), {"client_id": crane.client_id}),
        ({"authorization": "Bearer stray"}, crane.credentials),
        ({"authorization": "basic " + basic(crane.client_id, crane.secret)["authorization"][6:]}, {}),
    ):
        asked = {"grant_type": "refresh_token", "refresh_token": tokens.refresh, **extra}
        answer = await world.client.post("/oauth/token", data=asked, headers=headers)
        assert answer.status_code == 200, answer.text


async def test_credentials_in_two_places_are_an_invalid_request(world: World) -> None:
    # T7: cases A70, A71, even when they agree
    crane, plain = world.apps["crane"], world.apps["plain"]
    asked = {"grant_type": "refresh_token", "refresh_token": "x"}
    headers = basic(crane.client_id, crane.secret or "")
    for extra in (crane.credentials, {"client_secret": crane.secret or ""}, {"client_id": plain.client_id}):
        assert_refused(
            await world.client.post("/oauth/token", data={**asked, **extra}, headers=headers), "invalid_request"
        )


async def test_a_client_that_does_not_prove_itself_is_refused_alike(world: World) -> None:
    # T7: cases A74, A75; unknown and known clients are told the same
    crane, pocket = world.apps["crane"], world.apps["pocket"]
    answers = []
    for credentials in (
        {"client_id": "app_unknown", "client_secret": "x"},
        {"client_id": crane.client_id, "client_secret": "x"},
        {"client_id": crane.client_id, "client_secret": (crane.secret or "") + " "},
        {"client_id": crane.client_id, "client_secret": world.apps["plain"].secret or ""},
        {"client_id": crane.client_id.upper(), "client_secret": crane.secret or ""},
        {"client_id": crane.client_id},
        {"client_id": pocket.client_id, "client_secret": "x"},
        {"client_id": "a" * 5000, "client_secret": "x"},
        {"client_secret": crane.secret or ""},
        {},
    ):
        asked = {"grant_type": "refresh_token", "refresh_token": "x", **credentials}
        answers.append(await world.client.post("/oauth/token", data=asked))
    for answer in answers:
        assert_refused(answer, "invalid_client", status=401)
        assert answer.headers["www-authenticate"].startswith("Basic ")
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("value", ["Basic", "Basic ", "Basic !!!", "Basic YWJj", "Basic /w==", "Basic YToAYg=="])
async def test_malformed_basic_is_an_invalid_client(world: World, value: str) -> None:
    # T7: case A78
    answer = await raw(world, REFRESH, headers={"authorization": value})
    assert_refused(answer, "invalid_client", status=401)


async def test_the_reason_is_for_authenticated_clients_alone(world: World) -> None:
    # T7: a public client is only named
    for app, told in (("crane", True), ("pocket", False)):
        answer = await world.refresh(app, "gwr_unknown")
        assert_refused(answer, "invalid_grant")
        assert ("reason" in answer.json()) == told
    crane = await world.refresh("crane", "gwr_unknown")
    assert crane.json()["reason"] == "refresh_token_unknown"


# --- who may read the answer ---------------------------------------------------------------------------


async def test_only_pages_of_a_public_client_may_read_its_answers(world: World) -> None:
    # D5: case A165; an origin is where a redirect URI of a public client lives
    await world.add_app("page", "Page Viewer", redirect_uris=("https://page.example:8443/cb",), is_confidential=False)
    home = {"origin": "https://page.example:8443"}
    asked = {"client_id": world.apps["page"].client_id, "grant_type": "refresh_token", "refresh_token": "x"}
    read = await world.client.post("/oauth/token", data=asked, headers=home)
    assert (read.status_code, read.headers["access-control-allow-origin"]) == (400, home["origin"])
    assert read.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in read.headers
    preflight = await world.client.options("/oauth/token", headers={**home, "access-control-request-method": "POST"})
    assert preflight.headers["access-control-allow-origin"] == home["origin"]
    assert "access-control-allow-credentials" not in preflight.headers
    for origin in ("https://page.example", "https://evil.example", "null", "https://crane.example", "*", "%", ""):
        read = await world.client.post("/oauth/token", data=asked, headers={"origin": origin})
        preflight = await world.client.options("/oauth/token", headers={"origin": origin})
        assert not [name for name in (*read.headers, *preflight.headers) if name.startswith("access-control")], origin
    confidential = {**world.apps["crane"].credentials, "grant_type": "refresh_token", "refresh_token": "x"}
    read = await world.client.post("/oauth/token", data=confidential, headers={"origin": "https://crane.example"})
    assert "access-control-allow-origin" not in read.headers


async def test_a_preflight_from_no_origin_asks_the_database_nothing(world: World) -> None:
    """D5, A165: what no browser sends as an origin is not looked for in every app's redirect URIs."""
    await world.add_app("page", "Page Viewer", redirect_uris=("https://page.example/cb",), is_confidential=False)
    with counted(world.house.database) as seen:
        for origin in (
            "null",
            "e",
            "/",
            "%",
            "https://",
            "page.example",
            "//page.example",
            "https://page.example/",
            "https://page.example/cb",
            "https://page.example:",
            "https://page.example?",
            "https://a b",
            "ftp://a.example",
            "https://u@page.example",
            "https://page.example https://page.example",
        ):
            assert (await world.client.options("/oauth/token", headers={"origin": origin})).status_code < 500
    assert seen.statements == []


async def test_no_other_address_carries_cors_headers(world: World) -> None:
    # D5: case A164
    await world.add_app("page", "Page Viewer", redirect_uris=("https://page.example/cb",), is_confidential=False)
    for path in ("/oauth/authorize", "/oauth/revoke", "/oauth/token/info", "/oauth/jwks", "/login"):
        for method in ("GET", "POST", "OPTIONS"):
            answer = await world.client.request(method, path, headers={"origin": "https://page.example"})
            assert not [name for name in answer.headers if name.startswith("access-control")], (method, path)


# --- metadata and keys -----------------------------------------------------------------------------------


async def test_metadata_lists_what_works_and_nothing_else(world: World) -> None:
    # D7: RFC 8414; every address it names answers
    answer = await world.client.get("/.well-known/oauth-authorization-server", headers={"host": "evil.example"})
    body = answer.json()
    assert body["issuer"] == "http://127.0.0.1:8400"
    named = {name: value for name, value in body.items() if name.endswith(("_endpoint", "_uri"))}
    endpoints = {f"{what}_endpoint" for what in ("authorization", "token", "revocation", "introspection")}
    assert named.keys() == {*endpoints, "jwks_uri"}
    for address in named.values():
        assert address.startswith(body["issuer"] + "/")
        assert (await world.client.get(address)).status_code != 404
    assert body["grant_types_supported"] == ["authorization_code", "refresh_token", "client_credentials"]
    assert body["response_types_supported"] == ["code"]
    assert body["code_challenge_methods_supported"] == ["S256"]
    assert body["scopes_supported"] == ["company.manage"]
    assert body["authorization_response_iss_parameter_supported"] is True
    methods = {"client_secret_basic", "client_secret_post", "none"}
    assert set(body["token_endpoint_auth_methods_supported"]) == methods


async def test_the_key_set_verifies_tokens_and_holds_no_private_half(world: World) -> None:
    # T13: RFC 7517, RFC 9068
    from joserfc import jwt
    from joserfc.jwk import KeySet

    published = (await world.client.get("/oauth/jwks")).json()
    assert [key.keys() for key in published["keys"]] == [{"kty", "crv", "x", "y", "kid", "use", "alg"}]
    token = await world.robot_token("robot")
    verified = jwt.decode(token, KeySet.import_key_set(published), algorithms=["ES256"])
    assert verified.claims["client_id"] == world.robots["robot"].client_id
    assert json.dumps(published).count('"d"') == 0


async def test_a_code_is_exchanged_by_a_public_client_with_its_verifier(world: World) -> None:
    # T2, D2: and without it the code is used up
    verifier, challenge = pkce()
    asked = {"code_challenge": challenge, "code_challenge_method": "S256"}
    answer = await world.exchange("pocket", await world.code("ada", "pocket", **asked), code_verifier=verifier)
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"access_token", "token_type", "expires_in", "refresh_token", "created_at"}
    code = await world.code("ada", "pocket", **asked)
    assert_refused(await world.exchange("pocket", code, code_verifier=""), "invalid_grant")  # A59
    assert_refused(await world.exchange("pocket", code, code_verifier=verifier), "invalid_grant")


async def test_no_body_and_no_header_however_odd_is_a_server_error(world: World) -> None:
    # T13: whole requests with bytes changed, seeded; each is refused in the endpoint's own shape
    chosen = random.Random(6749)
    crane, tokens = world.apps["crane"], await world.tokens("ada", "crane")
    form = urlencode({**crane.credentials, "grant_type": "refresh_token", "refresh_token": tokens.access})
    part = _multipart(("grant_type", "refresh_token"), ("client_id", crane.client_id), ("refresh_token", "x"))
    whole = [
        (form.encode(), FORM),
        (
            json.dumps({**crane.credentials, "grant_type": "authorization_code", "code": "x"}).encode(),
            "application/json",
        ),
        (part.encode(), "multipart/form-data; boundary=b"),
    ]
    for _ in range(400):
        body, content_type = chosen.choice(whole)
        headers = [
            (b"content-type", _changed(content_type.encode(), chosen)),
            (b"authorization", _changed(b"Basic YTpi", chosen)),
        ]
        path = chosen.choice(("/oauth/token", "/oauth/token/", "/oauth/revoke"))
        answer = await world.client.post(path, content=_changed(body, chosen), headers=headers)
        assert answer.status_code in {400, 401}, (answer.status_code, body, headers)
        assert answer.json().keys() <= {"error", "error_description", "reason"}


def _changed(text: bytes, chosen: random.Random) -> bytes:
    """Return the bytes with none to three of them replaced, doubled or left out."""
    changed = bytearray(text)
    for _ in range(chosen.randrange(4)):
        place = chosen.randrange(len(changed))
        match chosen.randrange(3):
            case 0:
                changed[place] = chosen.choice(b'\x00\x7f\x80\xff%&=+;:"\\{}[]\r\n-aZ0') if text[:1] != b"B" else 0x3D
            case 1:
                changed[place:place] = changed[place : place + chosen.randrange(1, 9)]
            case _:
                del changed[place]
    return bytes(changed)
