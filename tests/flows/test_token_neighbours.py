"""What stands beside the ordinary uses of a token: other spellings, other places, after its end."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from gatewright.base.secrets import mint_server_key
from gatewright.settings import Settings
from tests.support.world import BASE_URL, World

SHORT = timedelta(seconds=1)


@pytest.fixture
def settings(sqlite_url: str, tmp_path: Path) -> Settings:
    """Return the settings of a deployment whose access tokens live for a second."""
    return Settings(
        issuer=BASE_URL,
        data_dir=tmp_path,
        database_url=sqlite_url,
        secret_keys=(mint_server_key(),),
        access_token_lifetime=SHORT,
    )


async def test_a_successor_shown_at_the_api_ends_the_retry(world: World) -> None:
    """T6: the refresh token itself counts as presented, though the API refuses it (A97)."""
    first = (await world.tokens("wim", "crane")).refresh
    successor = (await world.refresh("crane", first)).json()["refresh_token"]
    assert (await world.refresh("crane", first)).json()["refresh_token"] == successor
    assert (await world.call(successor, "/rest/v1.0/me")).json()["error"]["code"] == "token_invalid"
    assert (await world.refresh("crane", first)).json()["reason"] == "superseded"
    assert (await world.refresh("crane", successor)).status_code == 200


async def test_a_forged_successor_confirms_nothing(world: World) -> None:
    """T6, T7: only what we derived counts, else a stranger could end a client's retry."""
    first = (await world.tokens("wim", "crane")).refresh
    successor = (await world.refresh("crane", first)).json()["refresh_token"]
    forged = successor[:-1] + ("A" if successor[-1] != "A" else "B")
    assert (await world.call(forged, "/rest/v1.0/me")).status_code == 401
    assert (await world.refresh("crane", first)).json()["refresh_token"] == successor


@pytest.mark.parametrize("tail", ["=", "==", "====", " ", "\n"])
async def test_a_refresh_token_has_one_spelling(world: World, tail: str) -> None:
    """A96: values are never trimmed, and base64 forgives nothing."""
    token = (await world.tokens("wim", "crane")).refresh
    assert (await world.refresh("crane", token + tail)).json()["error"] == "invalid_grant"
    other = token[:4] + token[4:].replace("-", "+").replace("_", "/")
    if other != token:
        assert (await world.refresh("crane", other)).json()["error"] == "invalid_grant"
    assert (await world.refresh("crane", token)).status_code == 200


async def test_revoking_an_expired_access_token_ends_its_family(world: World) -> None:
    """T9: the family lives on by its refresh token, so its end is what was asked for."""
    tokens = await world.tokens("wim", "crane")
    await asyncio.sleep(SHORT.total_seconds() + 0.1)
    assert (await world.call(tokens.access, "/rest/v1.0/me")).json()["error"]["code"] == "token_expired"
    credentials = world.apps["crane"].credentials
    revoked = await world.client.post("/oauth/revoke", data={"token": tokens.access, **credentials})
    assert (revoked.status_code, revoked.json()) == (200, {})
    assert (await world.refresh("crane", tokens.refresh)).json()["reason"] == "revoked"


async def test_an_authenticated_client_is_told_the_reason_of_each_refusal(world: World) -> None:
    """S4, T7, T8: `reason` is a stable machine code beside the RFC's error."""
    crane, robot = world.apps["crane"].credentials, world.robots["robot"]
    account = {"client_id": robot.client_id, "client_secret": robot.secret}
    tokens = await world.tokens("wim", "crane")
    expected = {
        "grant_for_service_accounts": {**crane, "grant_type": "client_credentials"},
        "grant_for_apps": {**account, "grant_type": "refresh_token", "refresh_token": tokens.refresh},
        "scope_not_granted": {**account, "grant_type": "client_credentials", "scope": "company.manage"},
        "parameter_missing": {**crane, "grant_type": "refresh_token"},
    }
    for reason, body in expected.items():
        assert (await world.client.post("/oauth/token", data=body)).json()["reason"] == reason
    foreign = await world.client.post(
        "/oauth/revoke", data={**world.apps["plain"].credentials, "token": tokens.refresh}
    )
    assert (foreign.status_code, foreign.json()["reason"]) == (403, "token_of_another_client")
