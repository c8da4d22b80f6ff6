"""Codes, refreshes, token info and revocation, as an unmodified client meets them."""

import asyncio
import base64
import json
from collections import Counter

import httpx
import pytest
from sqlalchemy import text

from gatewright.base import clock
from gatewright.directory.service import change_contact, deactivate_user
from gatewright.events.catalogue import SYSTEM
from gatewright.service_accounts.service import delete_service_account, regenerate_secret
from tests.support.databases import DIALECTS
from tests.support.world import Tokens, World, tokens_of

on_both = pytest.mark.parametrize("flow_dialect", DIALECTS)


async def state(world: World, token: str) -> str:
    """Return `live`, or what token info says of a dead token."""
    answer = await world.call(token, "/oauth/token/info")
    if answer.status_code == 200:
        return "live"
    assert answer.status_code == 401
    body = answer.json()
    assert body.keys() == {"error", "error_description", "state"}
    assert (body["error"], body["state"]) == ("invalid_token", "unauthorized")
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith('Bearer realm="gatewright", error="invalid_token", error_description="')
    said, _, help_ = str(body["error_description"]).partition(". ")
    assert help_.endswith(".")  # X1: who can mend it
    return f"{said}."


def assert_grant_refused(answer: httpx.Response, reason: str) -> None:
    """Assert that a confidential client was refused for this reason."""
    assert answer.status_code == 400, answer.text
    assert (answer.json()["error"], answer.json()["reason"]) == ("invalid_grant", reason)


# --- codes -------------------------------------------------------------------------------------------


async def test_a_code_works_once_and_a_second_use_stops_the_tokens_of_the_first(world: World) -> None:
    # T2: case A60
    code = await world.code("ada", "crane")
    first = tokens_of(await world.exchange("crane", code))
    assert_grant_refused(await world.exchange("crane", code), "code_used")
    assert await state(world, first.access) == "The access token was revoked."
    assert_grant_refused(await world.refresh("crane", first.refresh), "code_reused")


@on_both
async def test_of_64_exchanges_at_once_exactly_one_is_answered(world: World) -> None:
    # T2: case A62
    code = await world.code("ada", "crane")
    answers = await asyncio.gather(*(world.exchange("crane", code) for _ in range(64)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 63}


async def test_a_code_is_its_clients_alone_and_another_redirect_uri_leaves_it(world: World) -> None:
    # T2, T7: cases A63, A64
    code = await world.code("ada", "crane")
    for thief in ("plain", "gate", "pocket"):
        answer = await world.exchange(thief, code, redirect_uri=world.apps["crane"].redirect_uri)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    for wrong in ("https://crane.example/callback/", "https://crane.example/callback?x", "https://evil.example/", ""):
        assert_grant_refused(await world.exchange("crane", code, redirect_uri=wrong), "redirect_uri_mismatch")
    assert (await world.exchange("crane", code)).status_code == 200


async def test_a_code_sent_with_a_verifier_nobody_asked_for_is_refused(world: World) -> None:
    # T2: RFC 9700 §2.1.1
    code = await world.code("ada", "crane")
    assert_grant_refused(await world.exchange("crane", code, code_verifier="v" * 43), "code_verifier_unexpected")


# --- refreshing ----------------------------------------------------------------------------------------


@on_both
async def test_64_refreshes_at_once_give_one_successor(world: World) -> None:
    # T5: case A87
    first = await world.tokens("ada", "crane")
    answers = await asyncio.gather(*(world.refresh("crane", first.refresh) for _ in range(64)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert await state(world, answers[0].json()["access_token"]) == "live"


async def test_a_lost_answer_is_asked_for_again(world: World) -> None:
    # T5, T6: case A100; once its access token was used, the old token is superseded
    first = await world.tokens("ada", "crane")
    lost = tokens_of(await world.refresh("crane", first.refresh))
    retried = tokens_of(await world.refresh("crane", first.refresh))
    assert retried.refresh == lost.refresh
    assert (await world.call(retried.access, "/rest/v1.0/me")).status_code == 200
    assert_grant_refused(await world.refresh("crane", first.refresh), "superseded")
    assert await state(world, retried.access) == "live"


async def test_a_replay_ends_the_family(world: World) -> None:
    # T6: case A86
    first = await world.tokens("ada", "crane")
    second = tokens_of(await world.refresh("crane", first.refresh))
    third = tokens_of(await world.refresh("crane", second.refresh))
    assert_grant_refused(await world.refresh("crane", first.refresh), "replayed")
    for tokens in (first, second, third):
        assert await state(world, tokens.access) == "The access token was revoked."
    assert_grant_refused(await world.refresh("crane", third.refresh), "replayed")


async def test_another_clients_refresh_is_refused_and_changes_nothing(world: World) -> None:
    # T7: case A89
    first = await world.tokens("ada", "crane")
    second = tokens_of(await world.refresh("crane", first.refresh))
    for thief in ("plain", "gate", "pocket"):
        for token in (first.refresh, second.refresh):
            answer = await world.refresh(thief, token)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert await state(world, second.access) == "live"
    assert (await world.refresh("crane", second.refresh)).status_code == 200


async def test_scopes_narrow_and_never_widen(world: World) -> None:
    # T8: cases A90, A91
    wide = await world.tokens("ada", "crane", scope="company.manage")
    narrow = await world.tokens("max", "crane")
    for tokens, scope in ((narrow, "company.manage"), (wide, "company.manage other"), (wide, "other")):
        answer = await world.refresh("crane", tokens.refresh, scope=scope)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    again = tokens_of(await world.refresh("crane", wide.refresh, scope="company.manage"))
    info = (await world.call(again.access, "/oauth/token/info")).json()
    assert info["scope"] == info["scopes"] == ["company.manage"]


async def test_what_is_no_refresh_token_is_refused(world: World) -> None:
    # T7: case A96
    tokens = await world.tokens("ada", "crane")
    for wrong in (tokens.access, "x", "gwr_", "gwr_" + "A" * 80, tokens.refresh + "A", " " + tokens.refresh):
        assert_grant_refused(await world.refresh("crane", wrong), "refresh_token_unknown")
    assert (await world.refresh("crane", tokens.refresh)).status_code == 200


async def test_a_redirect_uri_beside_a_refresh_is_tolerated(world: World) -> None:
    # T4: clients out there send it
    tokens = await world.tokens("ada", "crane")
    assert (await world.refresh("crane", tokens.refresh, redirect_uri="https://x.example")).status_code == 200


async def test_a_deactivated_user_has_no_tokens(world: World) -> None:
    # T11, P4: case A92
    tokens = await world.tokens("wim", "crane")
    await deactivate_user(world.house.database, user_id=world.people["wim"].id, origin=SYSTEM, now=clock.now())
    assert_grant_refused(await world.refresh("crane", tokens.refresh), "user_inactive")
    dead = await world.call(tokens.access, "/rest/v1.0/me")
    assert (dead.status_code, dead.json()["error"]["code"]) == (401, "principal_inactive")


# --- client credentials ----------------------------------------------------------------------------------


async def test_only_service_accounts_get_tokens_by_client_credentials(world: World) -> None:
    # S4: case A101, confidential and public apps alike
    for app in ("crane", "pocket", "gate"):
        asked = {**world.apps[app].credentials, "grant_type": "client_credentials"}
        answer = await world.client.post("/oauth/token", data=asked)
        assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    robot = world.robots["robot"]
    credentials = {"client_id": robot.client_id, "client_secret": robot.secret}
    for grant in (
        {"grant_type": "refresh_token", "refresh_token": "x"},
        {"grant_type": "authorization_code", "code": "x"},
    ):
        answer = await world.client.post("/oauth/token", data={**credentials, **grant})
        assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    for scope in ("company.manage", "any"):
        asked = {**credentials, "grant_type": "client_credentials", "scope": scope}
        answer = await world.client.post("/oauth/token", data=asked)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")  # A103, M8


async def test_a_regenerated_or_deleted_account_stops_with_its_tokens(world: World) -> None:
    # S7, S9: case A105
    robot, company_id = world.robots["robot"], world.companies["alder"]
    token = await world.robot_token("robot")
    assert await state(world, token) == "live"
    await regenerate_secret(
        world.house.database,
        company_id=company_id,
        service_account_id=robot.id,
        domain="service.example",
        keys=world.house.keys,
        origin=SYSTEM,
        now=clock.now(),
    )
    assert await state(world, token) == "The access token was revoked."
    asked = {"grant_type": "client_credentials", "client_id": robot.client_id, "client_secret": robot.secret}
    answer = await world.client.post("/oauth/token", data=asked)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    other = await world.add_robot("other", "alder", "Other export")
    token = await world.robot_token("other")
    await delete_service_account(
        world.house.database, company_id=company_id, service_account_id=other.id, origin=SYSTEM, now=clock.now()
    )
    assert await state(world, token) == "The access token was revoked."
    asked = {"grant_type": "client_credentials", "client_id": other.client_id, "client_secret": other.secret}
    assert (await world.client.post("/oauth/token", data=asked)).status_code == 401


async def test_an_account_whose_address_was_edited_stops_and_is_told_why_once_it_proved_itself(world: World) -> None:
    # S8: case A105; who does not hold the secret learns nothing
    robot = world.robots["robot"]
    token = await world.robot_token("robot")
    await change_contact(
        world.house.database,
        company_id=world.companies["alder"],
        contact_id=robot.contact_id,
        email="ada@example.org",
        origin=SYSTEM,
        now=clock.now(),
    )
    assert await state(world, token) == "The service account is disabled."
    asked = {"grant_type": "client_credentials", "client_id": robot.client_id, "client_secret": robot.secret}
    answer = await world.client.post("/oauth/token", data=asked)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.json()["reason"] == "service_account_disabled"
    stranger = await world.client.post("/oauth/token", data={**asked, "client_secret": "x"})
    assert (stranger.status_code, "reason" in stranger.json()) == (401, False)


# --- token info --------------------------------------------------------------------------------------------


async def test_token_info_tells_the_bearer_of_its_own_token(world: World) -> None:
    # T3
    tokens = await world.tokens("ada", "crane", scope="company.manage")
    answer = await world.call(tokens.access, "/oauth/token/info")
    body = answer.json()
    assert body.keys() == {
        "resource_owner_id", "scope", "scopes", "expires_in", "expires_in_seconds", "application", "created_at"
    }  # fmt: skip
    assert body["resource_owner_id"] == world.people["ada"].id
    assert body["application"] == {"uid": world.apps["crane"].client_id}
    assert body["created_at"] == tokens.body["created_at"]
    assert 7190 < body["expires_in"] == body["expires_in_seconds"] <= 7200
    assert answer.headers["cache-control"] == "no-store"
    robot = (await world.call(await world.robot_token("robot"), "/oauth/token/info")).json()
    assert (robot["resource_owner_id"], robot["scope"]) == (world.robots["robot"].id, [])


async def test_token_info_tells_missing_invalid_and_revoked_apart(world: World) -> None:
    # T11: case A97, a refresh token is no access token
    missing = await world.call(None, "/oauth/token/info")
    assert missing.status_code == 401
    assert missing.headers["www-authenticate"].startswith('Bearer realm="gatewright", error="invalid_token", ')
    assert missing.json()["state"] == "unauthorized"
    tokens = await world.tokens("ada", "crane")
    for wrong in ("x", tokens.refresh, tokens.access + "x", "a" * 5000):
        assert await state(world, wrong) == "The access token is invalid."
    await revoke(world, "crane", tokens.access)
    assert await state(world, tokens.access) == "The access token was revoked."


async def test_a_token_in_the_query_is_not_read(world: World) -> None:
    # T13: case A144
    tokens = await world.tokens("ada", "crane")
    answer = await world.client.get("/oauth/token/info", params={"access_token": tokens.access})
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/oauth/token/info", "/rest/v1.0/me"])
async def test_forged_tokens_are_refused_at_every_door(world: World, path: str) -> None:
    # T11: cases A97, A129, A131, A136
    tokens = await world.tokens("ada", "crane")
    _, body, signature = tokens.access.split(".")

    def head(**changes: object) -> str:
        text = json.dumps({"alg": "ES256", "typ": "at+jwt", **changes})
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    for forged in (
        f"{head(alg='none')}.{body}.",
        f"{head(alg='nOnE')}.{body}.{signature}",
        f"{head(jwk={'kty': 'EC'})}.{body}.{signature}",
        f"{head(typ='JWT')}.{body}.{signature}",
        tokens.refresh,
        "x" * 20_000,
    ):
        assert (await world.call(forged, path)).status_code == 401
    too_long = await world.call("x" * 500_000, path)
    assert too_long.status_code in {413, 431}


# --- revoking ----------------------------------------------------------------------------------------------


async def revoke(world: World, app: str, token: str) -> httpx.Response:
    """Return the answer to an app's revocation."""
    return await world.client.post("/oauth/revoke", data={**world.apps[app].credentials, "token": token})


async def _pair(world: World) -> tuple[Tokens, Tokens]:
    first = await world.tokens("ada", "crane")
    return first, tokens_of(await world.refresh("crane", first.refresh))


async def test_revoking_either_token_stops_both(world: World) -> None:
    # T9: case A161, a consumed refresh token too
    for choose in (0, 1, 2):
        first, second = await _pair(world)
        answer = await revoke(world, "crane", (second.access, second.refresh, first.refresh)[choose])
        assert (answer.status_code, answer.json()) == (200, {})
        assert answer.headers["cache-control"] == "no-store"
        for tokens in (first, second):
            assert await state(world, tokens.access) == "The access token was revoked."
        assert_grant_refused(await world.refresh("crane", second.refresh), "revoked")
        again = await revoke(world, "crane", second.refresh)
        assert (again.status_code, again.json()) == (200, {})


async def test_an_unknown_token_is_revoked_without_a_word(world: World) -> None:
    # T9: case A162
    for unknown in ("x", "gwr_" + "A" * 80, "a.b.c"):
        answer = await revoke(world, "crane", unknown)
        assert (answer.status_code, answer.json()) == (200, {})


async def test_another_clients_token_is_not_revoked(world: World) -> None:
    # T7, T9: case A160; a service account's neither
    _, tokens = await _pair(world)
    for thief in ("plain", "pocket"):
        for token in (tokens.access, tokens.refresh, await world.robot_token("robot")):
            answer = await revoke(world, thief, token)
            assert (answer.status_code, answer.json()["error"]) == (403, "unauthorized_client")
    assert await state(world, tokens.access) == "live"
    assert (await world.refresh("crane", tokens.refresh)).status_code == 200


async def test_a_service_accounts_token_is_revoked_alone(world: World) -> None:
    # T9
    robot = world.robots["robot"]
    one, other = await world.robot_token("robot"), await world.robot_token("robot")
    asked = {"client_id": robot.client_id, "client_secret": robot.secret, "token": one, "token_type_hint": "x"}
    assert (await world.client.post("/oauth/revoke", data=asked)).status_code == 200
    assert await state(world, one) == "The access token was revoked."
    assert await state(world, other) == "live"


async def test_revoking_needs_client_and_token(world: World) -> None:
    # T9
    tokens = await world.tokens("ada", "crane")
    nobody = await world.client.post("/oauth/revoke", data={"token": tokens.refresh})
    assert (nobody.status_code, nobody.json()["error"]) == (401, "invalid_client")
    no_token = await world.client.post("/oauth/revoke", data=world.apps["crane"].credentials)
    assert (no_token.status_code, no_token.json()["error"]) == (400, "invalid_request")
    in_query = await world.client.post(
        "/oauth/revoke", params={"token": tokens.refresh}, data=world.apps["crane"].credentials
    )
    assert in_query.status_code == 400
    assert await state(world, tokens.access) == "live"


async def test_a_storage_failure_is_never_told_as_revoked(world: World) -> None:
    # T9, T12
    tokens = await world.tokens("ada", "crane")
    await world.house.database.write(lambda tx: tx.execute(text("ALTER TABLE token_families RENAME TO unreachable")))
    answer = await revoke(world, "crane", tokens.refresh)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"]
    assert answer.headers["cache-control"] == "no-store"
