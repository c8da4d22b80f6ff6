"""What reaches the API through nginx: who is asking, as Gatewright says it and nobody else."""

import base64
import itertools
import json
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from gatewright.oauth.signing import ALGORITHM
from tests.proxies.guarded import RFIS, Answered, Guarded, Header
from tests.support.upstream import folded

pytestmark = pytest.mark.asyncio(loop_scope="module")

ISSUED = (
    "User-Id",
    "Service-Account-Id",
    "Client-Id",
    "Company-Id",
    "Contact-Id",
    "Level",
    "Scope",
    "Assertion",
)
OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
# What frameworks take another path, method, host or address from.
REWRITERS = (
    "X-Forwarded-Method",
    "X-Forwarded-Uri",
    "X-Forwarded-Prefix",
    "X-Original-URI",
    "X-Original-URL",
    "X-Original-Method",
    "X-Rewrite-URL",
    "Forwarded",
)


async def claims_of(guarded: Guarded, assertion: str) -> dict[str, Any]:
    """Return what an assertion says, verified by the published key set."""
    keys = KeySet.import_key_set((await guarded.world.client.get("/oauth/jwks")).json())
    token = jwt.decode(assertion, keys, algorithms=[ALGORITHM])
    assert token.header["typ"] == "gatewright-auth+jwt"
    return token.claims


async def test_an_allowed_call_arrives_with_who_is_asking(guarded: Guarded) -> None:
    """X1: a user through an app, with the level that the tool of this project gives."""
    answer = guarded.call("GET", guarded.path(RFIS), token=await guarded.token("wim"), headers=[guarded.company()])
    assert answer.status == 200, answer
    world, identity = guarded.world, answer.only.identity()
    assertion = identity.pop("assertion")
    assert identity == {
        "user-id": str(world.people["wim"].id),
        "client-id": world.apps["crane"].client_id,
        "company-id": str(world.companies["alder"]),
        "contact-id": str(world.people["wim"].contacts["alder"]),
        "level": "standard",
    }
    claims = await claims_of(guarded, assertion)
    assert claims["user_id"] == world.people["wim"].id
    assert claims["service_account_id"] is None
    assert claims["company_id"] == world.companies["alder"]
    assert claims["level"] == "standard"
    assert claims["exp"] - claims["iat"] == 60


async def test_a_service_account_arrives_as_itself(guarded: Guarded) -> None:
    """S5: no user's id is beside it."""
    robot, alder = guarded.world.robots["robot"], guarded.world.companies["alder"]
    await guarded.world.set_levels("alder", robot.contact_id, directory="read_only")
    token = await guarded.world.robot_token("robot")
    answer = guarded.call("GET", f"/rest/v1.0/companies/{alder}/contacts", token=token)
    identity = answer.only.identity()
    assert identity["service-account-id"] == str(robot.id)
    assert identity["contact-id"] == str(robot.contact_id)
    assert "user-id" not in identity


async def test_scopes_arrive(guarded: Guarded) -> None:
    """M8: the API may need one."""
    token = await guarded.token("ada", scope="company.manage")
    answer = guarded.call("GET", guarded.path("/rest/v1.0/companies/{alder}/budget"), token=token)
    assert answer.only.identity()["scope"] == "company.manage"
    assert (await claims_of(guarded, answer.only.identity()["assertion"]))["scope"] == "company.manage"


def spellings(name: str) -> list[str]:
    """Return the ways to write a header's name that some framework takes for it."""
    parts = f"Gatewright-Auth-{name}".split("-")
    written = [parts, [part.lower() for part in parts], [part.upper() for part in parts]]
    joints = itertools.product("-_.", repeat=len(parts) - 1)
    return [
        "".join(itertools.chain.from_iterable(zip(words, (*joint, ""), strict=True)))
        for joint in joints
        for words in (written if "." not in joint else written[:1])
    ]


def strangers(answer: Answered, planted: str) -> list[Header]:
    """Return the headers through which something planted reached the API."""
    return [(name, value) for name, value in answer.only.headers if planted in value]


@pytest.mark.parametrize("name", ISSUED)
async def test_identity_from_outside_never_arrives(guarded: Guarded, name: str) -> None:
    """X1: not by any spelling, not repeated, not where Gatewright has nothing to say, not where nobody is asked."""
    token, company = await guarded.token("wim"), guarded.company()
    for target, asked in ((guarded.path(RFIS), token), ("/rest/v1.0/me", token), ("/rest/v1.0/ping", None)):
        honest = guarded.call("GET", target, token=asked, headers=[company]).only.identity()
        for written in spellings(name):
            for planted in ([(written, "planted")], [(written, "planted")] * 3, [(written, ""), (written, "planted")]):
                answer = guarded.call("GET", target, token=asked, headers=[company, *planted])
                assert answer.status == 200, (written, answer)
                assert strangers(answer, "planted") == [], (target, written)
                arrived = answer.only.identity()
                assert without_assertion(arrived) == without_assertion(honest), (target, written)


def without_assertion(identity: dict[str, str]) -> dict[str, str]:
    """Return the identity headers but for the one that is another at each call."""
    return {name: value for name, value in identity.items() if name != "assertion"}


async def test_names_that_are_no_header_names_are_dropped(guarded: Guarded) -> None:
    """X1: dots, spaces and the like; some servers fold them into dashes."""
    token, company = await guarded.token("wim"), guarded.company()
    for written in (
        "Gatewright.Auth.Level",
        "Gatewright Auth-Level",
        "Gatewright-Auth-Level ",
        "Gatewright~Auth-Level",
    ):
        answer = guarded.call("GET", guarded.path(RFIS), token=token, headers=[company, (written, "planted")])
        assert answer.status in {200, 400}, (written, answer)
        assert not answer.is_passed_on or strangers(answer, "planted") == [], (written, answer)


async def test_a_public_route_tells_of_nobody(guarded: Guarded) -> None:
    """X1: with a good token, a dead one and none: no token is looked at."""
    for token in (await guarded.token("wim"), "dead", None):
        identity = guarded.call("GET", "/rest/v1.0/ping", token=token).only.identity()
        assert without_assertion(identity) == {}


@pytest.mark.parametrize("name", REWRITERS)
async def test_what_rewrites_a_request_never_arrives(guarded: Guarded, name: str) -> None:
    """X1: what was decided on is what the API carries out; the proxy's own words replace the client's."""
    token, company = await guarded.token("wim"), guarded.company()
    for written in (name, name.lower(), name.replace("-", "_"), name.replace("-", ".")):
        planted = [(written, "/rest/v1.0/planted")] * 2
        answer = guarded.call("GET", guarded.path(RFIS), token=token, headers=[company, *planted])
        assert answer.status == 200, (written, answer)
        assert strangers(answer, "planted") == [], written
        denied = guarded.call("DELETE", guarded.path(RFIS), token=token, headers=[company, (written, "GET"), *planted])
        assert denied.code == "permission_insufficient", (written, denied)
        assert not denied.is_passed_on


async def test_the_clients_address_is_the_proxys_word(guarded: Guarded) -> None:
    """R1: a forged X-Forwarded-For is replaced, not appended to (A186)."""
    forged = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "203.0.113.10"), ("X-Real-IP", "203.0.113.9")]
    answer = guarded.call("GET", "/rest/v1.0/ping", headers=forged)
    assert answer.only.values("X-Forwarded-For") == ["127.0.0.1"]
    assert answer.only.values("X-Real-IP") == ["127.0.0.1"]


@pytest.mark.parametrize("name", OVERRIDES)
async def test_a_second_method_is_refused_before_anybody_is_asked(guarded: Guarded, name: str) -> None:
    """X1: a GET that the API would carry out as DELETE was never decided on."""
    token, company = await guarded.token("wim"), guarded.company()
    for written in (name, name.lower(), name.upper()):
        answer = guarded.call("GET", guarded.path(RFIS), token=token, headers=[company, (written, "DELETE")])
        assert (answer.status, answer.told["error"]["code"]) == (400, "invalid_request"), (written, answer)
        assert answer.header("gatewright-code") is None, "nginx said it"
        assert not answer.is_passed_on
    for joint in "_.":
        spelt = [company, (name.replace("-", joint), "DELETE")]
        answer = guarded.call("GET", guarded.path(RFIS), token=token, headers=spelt)
        assert answer.status == 200
        assert strangers(answer, "DELETE") == [], "nginx drops it"
    empty = guarded.call("GET", guarded.path(RFIS), token=token, headers=[company, (name, "")])
    assert not any(received.values(name) for received in empty.arrived)


async def test_a_body_goes_to_the_api_untouched_and_to_nobody_else(guarded: Guarded) -> None:
    """X1: small, large, and in chunks; Gatewright is asked without it."""
    token, company = await guarded.token("wim"), guarded.company()
    for body in (b"", b'{"subject": "Beam"}', bytes(range(256)) * 4, b"\0\xff" * (4 * 1024 * 1024)):
        answer = guarded.call("POST", guarded.path(RFIS), token=token, headers=[company], body=body)
        assert answer.status == 200, (len(body), answer.status)
        assert answer.only.method == "POST"
        assert answer.only.body == body
    head = f"POST {guarded.path(RFIS)} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n"
    head += f"{company[0]}: {company[1]}\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = guarded.send(head.encode() + b"6\r\nHammer\r\n0\r\n\r\n")
    assert answer.only.body == b"Hammer"


async def test_the_apis_own_refusals_reach_the_client_as_they_are(guarded: Guarded) -> None:
    """X1: a 401, 403, 404 or 500 of the API is not taken for Gatewright's."""
    token, company = await guarded.token("wim"), guarded.company()
    for status in (201, 400, 401, 403, 404, 409, 500, 502, 503):
        asked = [company, ("X-Answer-Status", str(status))]
        answer = guarded.call("GET", guarded.path(RFIS), token=token, headers=asked)
        assert answer.status == status
        assert answer.header("x-upstream") == "here"
        assert base64.b64decode(json.loads(answer.body)["body"]) == b""


async def test_no_connection_is_upgraded(guarded: Guarded) -> None:
    """X1: on a line that nginx no longer reads nothing is decided."""
    token, company = await guarded.token("wim"), guarded.company()
    for protocol in ("h2c", "websocket", "TLS/1.2"):
        asked = [company, ("Upgrade", protocol), ("HTTP2-Settings", "AAMAAABkAAQAAP__")]
        answer = guarded.call("GET", guarded.path(RFIS), token=token, headers=asked)
        assert answer.status == 200
        assert answer.only.values("Upgrade") == []
        assert [folded(value) for value in answer.only.values("Connection")] in ([], ["close"])


async def test_the_place_where_nginx_asks_is_not_open_to_clients(guarded: Guarded) -> None:
    """P6: nobody asks Gatewright past the route map, through this host."""
    for target in ("/gatewright-forward", "/gatewright-malformed", "/gatewright%2dforward", "//gatewright-forward"):
        for method in ("GET", "POST"):
            answer = guarded.call(method, target, token=await guarded.token("wim"))
            assert answer.status in {400, 401, 404}, (target, answer)
            assert not answer.is_passed_on


async def test_gatewright_counts_what_came_through_nginx_as_calls(guarded: Guarded) -> None:
    """I1: the company's admins see that the app calls."""
    token, company = await guarded.token("ada"), guarded.company()
    answer = guarded.call("GET", guarded.path(RFIS), token=token, headers=[company])
    assert answer.status == 200
    shown = await guarded.world.call(
        guarded.world.manager["authorization"].removeprefix("Bearer "),
        f"/rest/v1.0/companies/{guarded.world.companies['alder']}/installations",
    )
    assert shown.status_code == httpx.codes.OK
    assert guarded.world.apps["crane"].id in {entry["app_id"] for entry in shown.json()}
