"""Service accounts over the API: made, used, stopped, regenerated, deleted."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.support.databases import DIALECTS
from tests.support.world import OOB, World

PROJECTS = "/rest/v1.0/projects"
SCOPE = "company.manage"


def at(world: World, path: str = "", *, company: str = "alder") -> str:
    """Return the address of a company's service accounts, or of one."""
    return f"/rest/v1.0/companies/{world.companies[company]}/service_accounts{path}"


async def ask_token(world: World, client_id: str, secret: str, **more: str) -> httpx.Response:
    """Return the token endpoint's answer to client credentials."""
    given = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    return await world.client.post("/oauth/token", data={**given, **more})


@pytest.fixture
async def manager(world: World) -> str:
    """Return an access token of Ada's with `company.manage`."""
    return (await world.tokens("ada", "crane", scope=SCOPE)).access


async def make(world: World, manager: str, name: str = "Nightly sync") -> dict[str, Any]:
    """Return a new account as its creator got it."""
    answer = await world.call(manager, at(world), method="POST", json={"name": name})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_the_answer_that_makes_it_holds_its_secret_and_no_other_does(world: World, manager: str) -> None:
    """S6: neither a second GET, the list, nor any other answer (A109)."""
    answer = await world.call(manager, at(world), method="POST", json={"name": "Nightly sync"})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    secret = made.pop("client_secret")
    assert made["email"].endswith(f"@{world.house.settings.service_domain}")
    assert (made["name"], made["status"], made["status_reason"]) == ("Nightly sync", "active", None)
    assert (made["created_by"], made["last_used_at"]) == ("Ada Alder", None)
    assert await _shown(world, manager, made["id"]) == made
    for path in (at(world), at(world, f"/{made['id']}")):
        again = await world.call(manager, path)
        assert secret not in again.text
        assert "client_secret" not in again.text
    assert made in (await world.call(manager, at(world))).json()
    contact = await world.call(
        manager, f"/rest/v1.0/companies/{world.companies['alder']}/contacts/{made['contact_id']}"
    )
    assert (contact.json()["name"], contact.json()["service_account_id"]) == ("Nightly sync", made["id"])  # S2


async def test_it_starts_with_none_and_works_once_a_level_is_granted(world: World, manager: str) -> None:
    """S3, S4, S5: as its own contact, with exactly its levels."""
    made = await make(world, manager)
    answer = await ask_token(world, made["client_id"], made["client_secret"])
    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "token_type", "expires_in", "created_at"}  # A102
    assert answer.json()["expires_in"] == 7200
    token = answer.json()["access_token"]
    assert (await world.call(token, "/rest/v1.0/me")).json() == {
        "id": made["id"],
        "login": made["email"],
        "name": "Nightly sync",
    }
    companies = (await world.call(token, "/rest/v1.0/companies")).json()
    assert [company["name"] for company in companies] == ["Alder Works"]
    refused = await world.call(token, PROJECTS, company="alder")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "permission_insufficient")
    contacts = f"/rest/v1.0/companies/{world.companies['alder']}/contacts"
    levels = f"{contacts}/{made['contact_id']}/levels"
    assert (await world.call(token, contacts)).status_code == 403
    assert (await world.call(manager, levels, method="PUT", json={"directory": "read_only"})).status_code == 200
    assert (await world.call(token, contacts)).status_code == 200
    assert (await world.call(token, PROJECTS, company="alder")).status_code == 200


async def test_it_reaches_no_other_company(world: World, manager: str) -> None:
    """S1: whatever it holds at home (A106)."""
    made = await make(world, manager)
    await world.set_levels("alder", made["contact_id"], directory="read_only")
    token = (await ask_token(world, made["client_id"], made["client_secret"])).json()["access_token"]
    refused = await world.call(token, PROJECTS, company="birch")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "company_unknown")


async def test_only_service_accounts_get_client_credentials_tokens(world: World, manager: str) -> None:
    """S4: a confidential app: UC; a public client: UC (A101); a scope it may not have: IS (A103)."""
    crane, pocket = world.apps["crane"], world.apps["pocket"]
    assert crane.secret is not None
    refused = await ask_token(world, crane.client_id, crane.secret)
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")
    public = await world.client.post(
        "/oauth/token", data={"grant_type": "client_credentials", "client_id": pocket.client_id}
    )
    assert (public.status_code, public.json()["error"]) == (400, "unauthorized_client")
    made = await make(world, manager)
    wider = await ask_token(world, made["client_id"], made["client_secret"], scope=SCOPE)
    assert (wider.status_code, wider.json()["error"]) == (400, "invalid_scope")
    code = {"grant_type": "authorization_code", "code": "x", "redirect_uri": OOB}
    credentials = {"client_id": made["client_id"], "client_secret": made["client_secret"]}
    other = await world.client.post("/oauth/token", data={**code, **credentials})
    assert (other.status_code, other.json()["error"]) == (400, "unauthorized_client")


async def test_regenerating_stops_the_old_secret_its_tokens_and_every_level(world: World, manager: str) -> None:
    """S7: at once, for tokens of any age."""
    made = await make(world, manager)
    await world.set_levels("alder", made["contact_id"], directory="read_only")
    await world.add_member("alder", "bridge", made["contact_id"], rfis="admin")
    tokens = [(await ask_token(world, made["client_id"], made["client_secret"])).json()["access_token"] for _ in "ab"]
    answer = await world.call(manager, at(world, f"/{made['id']}/regenerate_secret"), method="POST")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    fresh = answer.json()
    assert fresh["client_secret"] != made["client_secret"]
    assert (fresh["client_id"], fresh["email"]) == (made["client_id"], made["email"])
    for token in tokens:
        dead = await world.call(token, "/rest/v1.0/me")
        assert (dead.status_code, dead.json()["error"]["code"]) == (401, "token_revoked")
    old = await ask_token(world, made["client_id"], made["client_secret"])
    assert (old.status_code, old.json()["error"]) == (401, "invalid_client")
    token = (await ask_token(world, fresh["client_id"], fresh["client_secret"])).json()["access_token"]
    refused = await world.call(token, PROJECTS, company="alder")
    assert refused.json()["error"]["code"] == "permission_insufficient"
    contact = await world.call(
        manager, f"/rest/v1.0/companies/{world.companies['alder']}/contacts/{made['contact_id']}"
    )
    assert set(contact.json()["levels"].values()) == {"none"}
    assert contact.json()["projects"] == []


async def test_a_changed_address_stops_it_until_its_secret_is_regenerated(world: World, manager: str) -> None:
    """S8: no token, and those issued before stop (A105, A107)."""
    made = await make(world, manager)
    token = (await ask_token(world, made["client_id"], made["client_secret"])).json()["access_token"]
    contact = f"/rest/v1.0/companies/{world.companies['alder']}/contacts/{made['contact_id']}"
    edited = await world.call(manager, contact, method="PATCH", json={"email": "human@example.com"})
    assert edited.status_code == 200
    dead = await world.call(token, "/rest/v1.0/me")
    assert (dead.status_code, dead.json()["error"]["code"]) == (401, "service_account_disabled")
    assert (await ask_token(world, made["client_id"], made["client_secret"])).json()["error"] == "invalid_client"
    shown = await _shown(world, manager, made["id"])
    assert (shown["status"], shown["status_reason"]) == ("disabled", "address_changed")
    await world.call(manager, contact, method="PATCH", json={"email": made["email"]})
    assert (await world.call(token, "/rest/v1.0/me")).status_code == 401  # it stays so
    answer = await world.call(manager, at(world, f"/{made['id']}/regenerate_secret"), method="POST")
    fresh = answer.json()
    assert (fresh["status"], fresh["status_reason"]) == ("active", None)
    assert fresh["email"] not in {made["email"], "human@example.com"}
    assert (await ask_token(world, fresh["client_id"], fresh["client_secret"])).status_code == 200
    assert (await world.call(token, "/rest/v1.0/me")).status_code == 401  # T11


async def test_its_address_in_another_companys_directory_stops_it(world: World, manager: str) -> None:
    """S8, P6: that company's answer is the same as for any address."""
    made = await make(world, manager)
    token = (await ask_token(world, made["client_id"], made["client_secret"])).json()["access_token"]
    contacts = f"/rest/v1.0/companies/{world.companies['birch']}/contacts"
    answers = [
        await world.call(manager, contacts, method="POST", json={"email": email, "name": "Somebody"})
        for email in (made["email"].upper(), "nobody@example.com")
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    theirs, any_other = ({k: v for k, v in a.json().items() if k not in {"id", "email"}} for a in answers)
    assert theirs == any_other
    dead = await world.call(token, "/rest/v1.0/me")
    assert dead.json()["error"]["code"] == "service_account_disabled"
    shown = await _shown(world, manager, made["id"])
    assert (shown["status"], shown["status_reason"]) == ("disabled", "address_elsewhere")


async def test_entering_many_accounts_addresses_is_refused_like_a_rate_limit(world: World, manager: str) -> None:
    """S8: the fourth of a day is 429, and stops no account."""
    made = [await make(world, manager, f"Export {n}") for n in range(4)]
    contacts = f"/rest/v1.0/companies/{world.companies['birch']}/contacts"
    answers = [
        await world.call(manager, contacts, method="POST", json={"email": one["email"], "name": "X"}) for one in made
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert answers[3].json()["error"]["code"] == "rate_limited"
    assert int(answers[3].headers["retry-after"]) > 0
    assert (await _shown(world, manager, made[3]["id"]))["status"] == "active"


async def test_deleting_ends_it_at_once_and_once(world: World, manager: str) -> None:
    """S9: in parallel too; afterwards it is unknown."""
    made = await make(world, manager)
    token = (await ask_token(world, made["client_id"], made["client_secret"])).json()["access_token"]
    path = at(world, f"/{made['id']}")
    answers = await asyncio.gather(*(world.call(manager, path, method="DELETE") for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [204] + [404] * 5
    assert (await world.call(token, "/rest/v1.0/me")).status_code == 401
    assert (await ask_token(world, made["client_id"], made["client_secret"])).json()["error"] == "invalid_client"
    for method, act in (("GET", ""), ("DELETE", ""), ("POST", "/regenerate_secret")):
        gone = await world.call(manager, path + act, method=method)
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "service_account_unknown")


async def test_nobody_signs_in_with_its_address(world: World, manager: str) -> None:
    """S2: refused like any unknown address, whatever is tried as a password (A108)."""
    made = await make(world, manager)
    browser = await world.browser()
    for password in (made["client_secret"], "", "x"):
        answer = await world.sign_in(browser, made["email"], password)
        unknown = await world.sign_in(browser, "nobody@service.127.0.0.1", password)
        assert answer.status_code == unknown.status_code == 422


async def test_another_companys_account_answers_like_one_there_is_not(world: World, manager: str) -> None:
    """P6: body for body, whatever is asked of it (A194)."""
    made = await make(world, manager)
    for method, act in (("GET", ""), ("DELETE", ""), ("POST", "/regenerate_secret")):
        bodies = []
        for account_id in (made["id"], 2**53 - 1, "0", "01", "x", "%00", 2**53, "9" * 30):
            answer = await world.call(manager, at(world, f"/{account_id}{act}", company="birch"), method=method)
            assert answer.status_code == 404, (method, account_id)
            body = answer.json()
            body["error"].pop("request_id")
            bodies.append(body)
        assert all(body == bodies[0] for body in bodies)
    assert (await _shown(world, manager, made["id"]))["status"] == "active"
    assert (await world.call(manager, at(world, company="birch"))).json() == []  # A200


async def test_only_the_scope_and_the_level_together_open_service_accounts(world: World, manager: str) -> None:
    """M8, S1: and a service account with admin: admin makes no other."""
    await world.set_levels("alder", world.robots["robot"].contact_id, admin="admin")
    asked: dict[str, list[str | None]] = {
        "scope_insufficient": [(await world.tokens("ada", "plain")).access, await world.robot_token("robot")],
        "permission_insufficient": [(await world.tokens("wim", "crane", scope=SCOPE)).access],
        "company_unknown": [(await world.tokens("bea", "crane", scope=SCOPE)).access],
        "token_missing": [None],
    }
    one = f"/{world.robots['robot'].id}"
    for code, tokens in asked.items():
        for token in tokens:
            for method, path in (("GET", ""), ("POST", ""), ("GET", one), ("DELETE", one)):
                body = {"name": "X"} if method == "POST" else None
                refused = await world.call(token, at(world, path), method=method, json=body)
                assert refused.json()["error"]["code"] == code, (method, path)
    allowed = await world.call((await world.tokens("max", "crane", scope=SCOPE)).access, at(world))
    assert allowed.status_code == 200


async def test_bad_bodies_make_nothing(world: World, manager: str) -> None:
    """S1: unknown keys, wrong types, names nobody can read (A195)."""
    bad: tuple[object, ...] = (
        {},
        {"name": ""},
        {"name": " x"},
        {"name": 7},
        {"name": None},
        {"name": ["x"]},
        {"name": "a\u202eb"},
        {"name": "x" * 121},
        {"name": "x", "company_id": 2},
        {"name": "x", "levels": {"admin": "admin"}},
        {"name": "x", "email": "a@b.example"},
        [],
        "x",
    )
    before = (await world.call(manager, at(world))).headers["total"]
    for body in bad:
        answer = await world.call(manager, at(world), method="POST", json=body)
        assert answer.status_code == 422, body
        assert answer.json()["error"]["code"] == "invalid_fields"
    for body in (
        b'{"name": "a\\u0000b"}',
        b'{"name": "\\ud800"}',
        b'{"name": "a", "name": "b"}',
        b"{",
        b'{"name": NaN}',
    ):
        headers = {"authorization": f"Bearer {manager}", "content-type": "application/json"}
        refused = await world.client.post(at(world), content=body, headers=headers)
        assert refused.status_code in {400, 422}, body
    assert (await world.call(manager, at(world))).headers["total"] == before


async def test_the_account_bears_the_app_it_was_made_through(world: World, manager: str) -> None:
    """M8: and that app's name is offered with it when the app is disconnected."""
    made = await make(world, manager)
    traces = await world.app.state.core.traces.of_app(world.apps["crane"].id, company_id=world.companies["alder"])
    assert [(trace.kind, trace.ticked) for trace in traces] == [("service_account.created", True)]
    assert made["name"] in traces[0].sentence


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_regenerating_at_once_leaves_one_secret_that_works(world: World, manager: str) -> None:
    """S7: of all that were answered, the last alone."""
    made = await make(world, manager)
    path = at(world, f"/{made['id']}/regenerate_secret")
    answers = await asyncio.gather(*(world.call(manager, path, method="POST") for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    secrets = [made["client_secret"], *(answer.json()["client_secret"] for answer in answers)]
    assert len(set(secrets)) == 7
    tried = [await ask_token(world, made["client_id"], secret) for secret in secrets]
    assert sorted(answer.status_code for answer in tried) == [200] + [401] * 6


async def _shown(world: World, manager: str, account_id: int) -> dict[str, Any]:
    answer = await world.call(manager, at(world, f"/{account_id}"))
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown
