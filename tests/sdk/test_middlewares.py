"""A platform's API behind each middleware answers as Gatewright's own API does, at the real server."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from urllib.parse import quote_from_bytes

import httpx
import pytest
import pytest_asyncio
from sdk.tests.callers import FRAMEWORKS, app_in

from gatewright_sdk import AsyncGatewright, Gatewright
from tests.support.postgres import free_port
from tests.support.served import ServedWorld, served_world

Headers = Sequence[tuple[str, str]]
HERE, THERE = "Gatewright-Company-Id", "Procore-Company-Id"


@dataclass(slots=True)
class Both:
    """The small API in every framework, and Gatewright's own beside it."""

    world: ServedWorld
    apps: dict[str, httpx.AsyncClient]
    tokens: dict[str, str] = field(default_factory=dict)

    def headers(self, token: str, *more: tuple[str, str]) -> Headers:
        """Return headers with a token of the table; `alder` and `birch` stand for the companies' ids."""
        ids = {name: str(number) for name, number in self.world.companies.items()}
        sent = [(name, ids.get(value, value)) for name, value in more]
        return [("Authorization", f"Bearer {self.tokens[token]}"), *sent] if token else sent

    def path(self, text: str) -> str:
        """Return a path with the companies' and projects' ids in it."""
        return text.format(**self.world.companies, **{f"p_{key}": one for key, one in self.world.projects.items()})


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Both]:
    """Lend both, with tokens: good ones, and dead ones of every kind."""
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(served_world(tmp_path_factory.mktemp("served"), workers=1))
        apps = await guarded_apps(stack, world, address=str(world.workers[0].base_url).rstrip("/"), seconds=5.0)
        yield Both(world, apps, await tokens_of_all_kinds(world))


async def guarded_apps(
    stack: AsyncExitStack, world: ServedWorld, *, address: str, seconds: float
) -> dict[str, httpx.AsyncClient]:
    """Return a client of the small API in each framework; all ask the server at `address`, and wait so long."""
    issuer, gate = world.house.settings.issuer, world.apps["gate"]
    secret = gate.secret or ""
    guard = stack.enter_context(
        Gatewright(issuer, client_id=gate.client_id, client_secret=secret, address=address, timeout=seconds)
    )
    awaited = await stack.enter_async_context(
        AsyncGatewright(issuer, client_id=gate.client_id, client_secret=secret, address=address, timeout=seconds)
    )
    lent = [app_in(name, guard=guard, awaited=awaited) for name in FRAMEWORKS]
    return {name: await stack.enter_async_context(app) for name, app in zip(FRAMEWORKS, lent, strict=True)}


async def tokens_of_all_kinds(world: ServedWorld) -> dict[str, str]:
    """Return tokens by what is the matter with them."""
    good = {key: (await world.tokens(key, "crane")).access for key in ("wim", "max", "bea")}
    revoked = await world.tokens("wim", "plain")
    answer = await world.client.post(
        "/oauth/revoke", data={**world.apps["plain"].credentials, "token": revoked.refresh}
    )
    assert answer.status_code == 200
    head, payload, signature = good["wim"].split(".")
    forged = f"{head}.{payload}.{signature[:-4]}{'AAAA' if signature[-4:] != 'AAAA' else 'BBBB'}"
    robot = await world.robot_token("robot")
    broken = {"forged": forged, "malformed": "one.two", "long": "a" * 4000, "revoked": revoked.access}
    return {**good, **broken, "robot": robot}


def shown(answer: httpx.Response) -> tuple[int, object, str | None]:
    """Return status, body without its request's id, and the challenge."""
    body = answer.json()
    if answer.status_code != 200:
        assert len(body["error"].pop("request_id")) == 36
    return answer.status_code, body if answer.status_code != 200 else None, answer.headers.get("www-authenticate")


CONTACTS = "/rest/v1.0/companies/{alder}/contacts"
SITUATIONS: Mapping[str, tuple[str, str, Headers, int]] = {
    "no token": (CONTACTS, "", [], 401),
    "malformed": (CONTACTS, "malformed", [], 401),
    "forged": (CONTACTS, "forged", [], 401),
    "long": (CONTACTS, "long", [], 401),
    "revoked": (CONTACTS, "revoked", [], 401),
    "revoked, and no company": ("/rest/v1.0/contacts", "revoked", [], 401),
    "allowed": (CONTACTS, "wim", [], 200),
    "allowed, named thrice": (CONTACTS + "?company_id={alder}", "wim", [(HERE, "alder"), (THERE, "alder")], 200),
    "not allowed": (CONTACTS, "max", [], 403),
    "a service account without levels": (CONTACTS, "robot", [], 403),
    "a service account elsewhere": ("/rest/v1.0/companies/{birch}/contacts", "robot", [], 404),
    "not of this company": (CONTACTS, "bea", [], 404),
    "no such company": ("/rest/v1.0/companies/424242/contacts", "wim", [], 404),
    "a number no company has": ("/rest/v1.0/companies/99999999999999999999/contacts", "wim", [], 404),
    "no company": ("/rest/v1.0/contacts", "wim", [], 400),
    "path and header": (CONTACTS, "wim", [(HERE, "birch")], 400),
    "path and query": (CONTACTS + "?company_id={birch}", "wim", [], 400),
    "two headers": ("/rest/v1.0/contacts", "wim", [(HERE, "alder"), (THERE, "birch")], 400),
    "twice in the query": ("/rest/v1.0/contacts?company_id={alder}&company_id={alder}", "wim", [], 400),
    "no digits": ("/rest/v1.0/contacts", "wim", [(HERE, "+1")], 400),
    "the same header twice": ("/rest/v1.0/contacts", "wim", [(HERE, "alder"), (HERE, "alder")], 400),
    "a token in the query too": (CONTACTS + "?access_token=x", "wim", [], 400),
    "two tokens": (CONTACTS, "wim", [("Authorization", "Bearer x")], 400),
    "a proxy's identity": (CONTACTS, "", [("Gatewright-Auth-User-Id", "1"), ("Gatewright-Auth-Assertion", "x")], 401),
}


async def test_each_situation_is_answered_as_by_the_own_api(both: Both) -> None:
    # M6, X2, X3
    for name, (path, token, more, status) in SITUATIONS.items():
        headers = both.headers(token, *more)
        # The own API has no contacts of a company that only a header names; its projects ask for the company alike.
        own = both.path(path).replace("/v1.0/contacts", "/v1.0/projects")
        expected = shown(await both.world.client.get(own, headers=headers))
        assert expected[0] == status, (name, expected)
        for framework, app in both.apps.items():
            assert shown(await app.get(both.path(path), headers=headers)) == expected, (name, framework)


@pytest.mark.parametrize(
    ("token", "project", "status"),
    [
        ("wim", "p_bridge", 200),
        ("wim", "p_tower", 404),
        ("wim", "p_mill", 404),
        ("max", "p_bridge", 404),
        ("robot", "p_bridge", 404),
        ("bea", "p_bridge", 404),
        ("", "p_bridge", 401),
        ("revoked", "p_bridge", 401),
    ],
)
async def test_a_project_is_answered_as_by_forward(both: Both, token: str, project: str, status: int) -> None:
    # X2, P6
    headers = both.headers(token, (HERE, "alder"))
    query = both.path(f"?project_id={{{project}}}&tool=rfis&level=standard")
    forwarded = await both.world.client.get(f"/authz/forward{query}", headers=headers)
    assert int(forwarded.headers.get("gatewright-status", forwarded.status_code)) == status
    for framework, app in both.apps.items():
        answer = await app.post(both.path(f"/rest/v1.0/projects/{{{project}}}/rfis"), headers=headers)
        assert answer.status_code == status, framework
        if status != 200:
            assert shown(answer)[1:] == shown(forwarded)[1:], framework


NASTY = (
    b"\xff\xfe",
    b"a" * 100_000,
    b"..",
    b"e30.e30.e30",
    b"%00",
    b"' OR 1=1 --",
    b"{{7*7}}",
    b"\t\t",
    b"\x7f",
    b"\xc3\xa9",
)


async def test_malformed_headers_are_400_or_401_and_never_more(both: Both) -> None:
    # X2, X3
    good = b"Bearer " + both.tokens["wim"].encode()
    for framework, app in both.apps.items():
        for nasty in NASTY:
            for name, authorization, company, expected in (
                ("token", b"Bearer " + nasty, b"1", {401}),
                ("scheme", nasty, b"1", {401}),
                ("company", good, nasty, {400}),
            ):
                headers = [(b"Authorization", authorization), (HERE.encode(), company)]
                answer = await app.get("/rest/v1.0/contacts", headers=headers)
                assert answer.status_code in expected, (framework, name, nasty[:20], answer.text)
                assert answer.json()["error"]["help"]
            query = "/rest/v1.0/contacts?company_id=" + quote_from_bytes(nasty[:1000])
            answer = await app.get(query, headers=[(b"Authorization", good)])
            assert answer.status_code == 400, (framework, query[:60], answer.text)


async def test_the_view_is_told_who_it_is(both: Both) -> None:
    # X1
    wim, alder = both.world.people["wim"], both.world.companies["alder"]
    for app in both.apps.values():
        answer = await app.get(both.path(CONTACTS), headers=both.headers("wim"))
        assert answer.json() == {"id": wim.id, "kind": "user", "level": "read_only", "company": alder}


async def test_what_ends_is_felt_behind_every_middleware(both: Both) -> None:
    # T12, I3, P5: within the lease; `forget` comes much sooner, and here nothing waits for it
    for app in both.apps.values():
        assert (await app.get(both.path(CONTACTS), headers=both.headers("wim"))).status_code == 200
    await installation(both.world, "disconnect")
    for framework, app in both.apps.items():
        answer = await until(app, both.path(CONTACTS), both.headers("wim"), status=403)
        assert answer.json()["error"]["code"] == "app_not_connected", framework
    await installation(both.world, "reconnect")


async def installation(world: ServedWorld, change: str) -> None:
    """Disconnect the app in alder, or reconnect it."""
    path = f"/rest/v1.0/companies/{world.companies['alder']}/installations/{world.apps['crane'].id}/{change}"
    token = world.manager["authorization"].removeprefix("Bearer ")
    assert (await world.call(token, path, method="POST")).status_code == 200


async def until(app: httpx.AsyncClient, path: str, headers: Headers, *, status: int) -> httpx.Response:
    """Return the first answer with this status; before it nothing but 200 may come."""
    for _ in range(1000):
        answer = await app.get(path, headers=headers)
        if answer.status_code == status:
            return answer
        assert answer.status_code == 200, answer.text
        await asyncio.sleep(0.01)
    raise AssertionError("what ended was never felt")


async def test_without_the_server_nobody_is_let_in(both: Both) -> None:
    # X1: fails closed
    async with AsyncExitStack() as stack:
        nobody_listens = f"http://127.0.0.1:{free_port()}"
        for framework, app in (await guarded_apps(stack, both.world, address=nobody_listens, seconds=0.5)).items():
            answer = await app.get(both.path(CONTACTS), headers=both.headers("wim"))
            code = answer.json()["error"]["code"]
            assert (answer.status_code, code) == (503, "temporarily_unavailable"), framework
