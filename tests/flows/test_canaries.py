"""T13: no token, code, password or secret is kept or logged in clear, by a real server on a real disk."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.forms import Page
from tests.support.server import command, running_server
from tests.support.world import pkce

PASSWORD = "canary-password-7261"
WRONG = "canary-wrong-password-3310"
WORLD = f"""
users:
  - {{email: ada@canary.example, name: Ada Canary, password: {PASSWORD}}}
companies:
  - name: Canary Works
    contacts: [{{user: ada@canary.example, levels: {{directory: admin}}}}]
apps:
  - {{name: Canary, owner: ada@canary.example, type: confidential, homepage: "https://canary.example",
     redirect_uris: ["https://canary.example/cb"], scopes: [company.manage]}}
"""


@dataclass(slots=True)
class Canaries:
    """Every secret that was seen while the flow ran, and every error answer."""

    secrets: dict[str, str] = field(default_factory=dict)
    refused: list[httpx.Response] = field(default_factory=list)

    def release(self, name: str, secret: str) -> str:
        """Note a secret and return it."""
        assert len(secret) >= 16, name
        self.secrets[name] = secret
        return secret

    def refuse(self, answer: httpx.Response) -> None:
        """Note an answer that must be a refusal."""
        assert answer.status_code >= 400, answer.text
        self.refused.append(answer)

    def found_in(self, data: bytes) -> list[str]:
        """Return the names of the secrets that stand in the data, as they are or encoded."""
        return [name for name, secret in self.secrets.items() if any(form in data for form in _forms(secret))]


def _forms(secret: str) -> Iterator[bytes]:
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    yield base64.b64encode(raw).rstrip(b"=")[:-2]
    # The part behind our prefix alone, as bytes, would be as good as the whole.
    if (match := re.fullmatch(r"gw._([A-Za-z0-9_-]{43,})", secret)) is not None:
        yield base64.urlsafe_b64decode(match[1][:43] + "=")


@pytest.fixture
def deployment(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """Return the data directory of an applied world and its credentials."""
    world, out, data_dir = tmp_path / "world.yaml", tmp_path / "out.json", tmp_path / "var"
    world.write_text(WORLD)
    applied = command("apply", str(world), "--credentials", str(out), data_dir=data_dir)
    assert applied.returncode == 0, applied.stderr
    return data_dir, json.loads(out.read_text())["apps"]["Canary"]


def test_no_secret_is_in_database_files_logs_or_error_pages(
    deployment: tuple[Path, dict[str, str]],
) -> None:
    """T13: searched for in the database with its WAL, in the log, and in every refusal."""
    data_dir, app = deployment
    canaries = Canaries()
    canaries.release("password", PASSWORD)
    canaries.release("wrong password", WRONG)
    canaries.release("client secret", app["client_secret"])
    with running_server(data_dir=data_dir) as server:
        with httpx.Client(base_url=server.base_url, trust_env=False) as browser:
            code, verifier = _authorize(browser, app, canaries)
            access_token = _use(browser, app, code, verifier, canaries)
            _manage(browser, access_token, canaries)
            _misuse(browser, app, canaries)
        on_disk = _files(data_dir)  # while it runs, so that the WAL is there
        logged = server.said().encode()
    assert "gatewright.db-wal" in on_disk
    assert b"/oauth/token" in logged
    for name, data in [*on_disk.items(), *_files(data_dir).items()]:
        assert canaries.found_in(data) == [], name
    assert canaries.found_in(logged) == []
    assert len(canaries.refused) > 10
    for answer in canaries.refused:
        assert canaries.found_in(answer.content) == [], answer.url
    assert len(canaries.secrets) >= 12


def test_the_search_finds_a_secret_that_is_there() -> None:
    """T13: the check can fail."""
    canaries = Canaries()
    secret = canaries.release("a secret", "gwr_" + base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("="))
    assert canaries.found_in(b"log " + secret.encode() + b" line") == ["a secret"]
    assert canaries.found_in(bytes(range(32))) == ["a secret"]
    assert canaries.found_in(secret.encode().hex().encode()) == ["a secret"]
    assert canaries.found_in(b"nothing") == []


def _files(data_dir: Path) -> dict[str, bytes]:
    # The server keys' own file holds nothing but them; all else is searched.
    files = [path for path in data_dir.rglob("*") if path.is_file() and path.name != "secret_keys"]
    return {path.name: path.read_bytes() for path in files}


def _authorize(browser: httpx.Client, app: dict[str, str], canaries: Canaries) -> tuple[str, str]:
    form = Page(browser.get("/login")).form(field="password").fields
    canaries.refuse(browser.post("/login", data={**form, "email": "ada@canary.example", "password": WRONG}))
    signed_in = browser.post("/login", data={**form, "email": "ada@canary.example", "password": PASSWORD})
    assert signed_in.status_code == 303
    canaries.release("session cookie", browser.cookies["gw_session"])
    verifier, challenge = pkce()
    canaries.release("code verifier", verifier)
    query = {
        "response_type": "code",
        "client_id": app["client_id"],
        "redirect_uri": "https://canary.example/cb",
        "state": canaries.release("state", "canary-state-55019283"),
        "scope": "company.manage",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    consent = browser.get("/oauth/authorize", params=query)
    fields = Page(consent).form(field="decision").fields
    canaries.refuse(browser.post("/oauth/authorize", data={**fields, "csrf_token": "0" * 64, "decision": "allow"}))
    answer = browser.post(str(consent.url), data={**fields, "decision": "allow"})
    assert answer.status_code == 303, answer.text
    return canaries.release("code", parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]), verifier


def _use(browser: httpx.Client, app: dict[str, str], code: str, verifier: str, canaries: Canaries) -> str:
    auth = (app["client_id"], app["client_secret"])
    exchange = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": "https://canary.example/cb",
        "code_verifier": verifier,
    }
    canaries.refuse(browser.post("/oauth/token", data=exchange, auth=(auth[0], auth[1] + "x")))
    first = browser.post("/oauth/token", data=exchange, auth=auth).json()
    canaries.release("first access token", first["access_token"])
    canaries.release("first refresh token", first["refresh_token"])
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = browser.post("/oauth/token", data=refresh, auth=auth).json()
    canaries.release("second access token", second["access_token"])
    canaries.release("second refresh token", second["refresh_token"])
    called = browser.get("/rest/v1.0/me", headers={"authorization": f"Bearer {second['access_token']}"})
    assert called.status_code == 200, called.text
    canaries.refuse(browser.post("/oauth/token", data=refresh, auth=auth))
    return str(second["access_token"])


def _manage(browser: httpx.Client, access_token: str, canaries: Canaries) -> None:
    bearer = {"authorization": f"Bearer {access_token}"}
    at = "/rest/v1.0/companies/1/service_accounts"
    made = browser.post(at, json={"name": "Canary export"}, headers=bearer)
    assert made.status_code == 201, made.text
    canaries.release("service account secret", made.json()["client_secret"])
    again = browser.post(f"{at}/{made.json()['id']}/regenerate_secret", headers=bearer)
    assert again.status_code == 200, again.text
    canaries.release("regenerated secret", again.json()["client_secret"])
    robot = {"client_id": made.json()["client_id"], "client_secret": again.json()["client_secret"]}
    token = browser.post("/oauth/token", data={"grant_type": "client_credentials", **robot}).json()["access_token"]
    canaries.release("service account token", token)
    canaries.refuse(browser.get("/rest/v1.0/companies/1/contacts", headers={"authorization": f"Bearer {token}"}))


def _misuse(browser: httpx.Client, app: dict[str, str], canaries: Canaries) -> None:
    """Put every secret wherever a client might put it by mistake."""
    for secret in list(canaries.secrets.values()):
        body = {"grant_type": "refresh_token", "refresh_token": secret, "client_id": secret, "client_secret": secret}
        canaries.refuse(browser.post("/oauth/token", data=body))
        canaries.refuse(browser.post("/oauth/token", json={"grant_type": secret}))
        canaries.refuse(browser.post("/oauth/token", params={"client_secret": secret}, data={"grant_type": "x"}))
        canaries.refuse(browser.get("/rest/v1.0/me", headers={"authorization": f"Bearer x{secret}"}))
        canaries.refuse(browser.get("/rest/v1.0/me", params={"access_token": secret}))
        canaries.refuse(browser.get("/oauth/authorize", params={"client_id": secret, "state": secret}))
        # The page shows the redirect URI that was sent, so that its developer finds the slip; all else stays unsaid.
        query = {"client_id": app["client_id"], "redirect_uri": "https://evil.example", "code_challenge": secret}
        canaries.refuse(browser.get("/oauth/authorize", params={**query, "scope": secret, "state": secret}))
        canaries.refuse(browser.post("/oauth/revoke", data={"token": secret}, auth=(secret, secret)))
