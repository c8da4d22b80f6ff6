"""Clients that other people wrote, told nothing but our addresses."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client
from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from gatewright.settings import Settings
from tests.support.server import Server, start_server
from tests.support.world import BASE_URL, World


def authlib_client(world: World, app: str, method: str) -> AsyncOAuth2Client:
    """Return Authlib's client of an app, on the application without a network."""
    registered = world.apps[app]
    return AsyncOAuth2Client(
        registered.client_id,
        registered.secret,
        redirect_uri=registered.redirect_uri,
        token_endpoint=f"{BASE_URL}/oauth/token",
        token_endpoint_auth_method=method,
        code_challenge_method="S256",
        transport=httpx.ASGITransport(world.app),
    )


@pytest.mark.parametrize(
    ("who", "method"), [("crane", "client_secret_basic"), ("crane", "client_secret_post"), ("pocket", "none")]
)
async def test_authlib_authorizes_refreshes_and_revokes(world: World, who: str, method: str) -> None:
    # T2, T4, T9: every way of authenticating that the metadata lists
    async with authlib_client(world, who, method) as client:
        verifier = "v" * 64
        address, state = client.create_authorization_url(f"{BASE_URL}/oauth/authorize", code_verifier=verifier)
        query = dict(httpx.URL(address).params)
        query.pop("client_id")
        asked = await world.authorize("ada", who, **query)
        token = await client.fetch_token(
            authorization_response=asked.headers["location"], state=state, code_verifier=verifier
        )
        assert (token["token_type"], token["expires_in"]) == ("Bearer", 7200)
        me = await client.get(f"{BASE_URL}/rest/v1.0/me")
        assert me.json()["login"] == "ada@example.com"
        renewed = await client.refresh_token()
        assert renewed["refresh_token"] != token["refresh_token"]
        revoked = await client.revoke_token(f"{BASE_URL}/oauth/revoke", token=renewed["refresh_token"])
        assert (revoked.status_code, revoked.json()) == (200, {})
        dead = await world.call(renewed["access_token"], "/oauth/token/info")
        assert dead.status_code == 401


@pytest.fixture
def server(world: World, settings: Settings, tmp_path: Path) -> Iterator[Server]:
    """Lend a server of the world's deployment, for clients that need a network."""
    given = {
        "ISSUER": settings.issuer,
        "DATABASE_URL": settings.database_url,
        "SECRET_KEYS": ",".join(settings.secret_keys),
    }
    started = start_server(data_dir=tmp_path, settings=given)
    yield started
    started.kill()


@pytest.fixture
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let oauthlib speak to a loopback address without TLS."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.mark.usefixtures("plain_http")
async def test_requests_oauthlib_exchanges_and_refreshes(world: World, server: Server) -> None:
    # T2, T4: credentials by Basic, and again in the body when it refreshes
    crane = world.apps["crane"]
    asked = await world.authorize("ada", "crane")

    def speak() -> tuple[str, int]:
        session = OAuth2Session(crane.client_id, redirect_uri=crane.redirect_uri, state="xyz")
        session.trust_env = False
        address = f"{server.base_url}/oauth/token"
        token = session.fetch_token(
            address, authorization_response=asked.headers["location"], client_secret=crane.secret
        )
        renewed = session.refresh_token(address, client_id=crane.client_id, client_secret=crane.secret)
        assert renewed["refresh_token"] != token["refresh_token"]
        answer = session.get(f"{server.base_url}/rest/v1.0/me")
        return answer.json()["login"], answer.status_code

    assert await asyncio.to_thread(speak) == ("ada@example.com", 200)


@pytest.mark.usefixtures("plain_http")
async def test_oauthlib_gets_a_service_accounts_token(world: World, server: Server) -> None:
    # S4
    robot = world.robots["robot"]

    def speak() -> int:
        session = OAuth2Session(client=BackendApplicationClient(robot.client_id))
        session.trust_env = False
        session.fetch_token(f"{server.base_url}/oauth/token", auth=HTTPBasicAuth(robot.client_id, robot.secret))
        answer = session.get(f"{server.base_url}/rest/v1.0/me")
        return int(answer.json()["id"])

    assert await asyncio.to_thread(speak) == robot.id
