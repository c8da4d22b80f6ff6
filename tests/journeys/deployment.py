"""A running server with a small world for each way of looking at it, so that journeys leave each other alone."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import yaml

from tests.support.forms import Page
from tests.support.server import command, running_server

PASSWORD = "only for development"
OOB = "urn:ietf:wg:oauth:2.0:oob"
WAYS = ("wide", "bare", "touch", "keys")


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the server is, and what it was given."""

    url: str
    made: dict[str, Any]

    def company(self, way: str) -> str:
        """Return the address of that world's company."""
        return f"/companies/{self.made['companies'][f'Alder {way}']['id']}"

    def asks(self, app: str) -> str:
        """Return the path that asks for an authorization whose code is shown on a page."""
        client_id = self.made["apps"][app]["client_id"]
        asked = {"response_type": "code", "client_id": client_id, "redirect_uri": OOB}
        return f"/oauth/authorize?{urlencode(asked)}"

    def let_work(self, email: str, app: str, way: str) -> int:
        """Return what an app is answered that somebody allowed and that names their company."""
        with httpx.Client(base_url=self.url, trust_env=False, follow_redirects=True, timeout=30) as browser:
            form = Page(browser.get(f"/login?{urlencode({'next': self.asks(app)})}")).form(field="password")
            asked = browser.post("/login", data={**form.fields, "email": email, "password": PASSWORD})
            form = Page(asked).form(field="decision")
            code = Page(browser.post(str(asked.url), data={**form.fields, "decision": "allow"})).codes[0]
            given = {"grant_type": "authorization_code", "code": code, "redirect_uri": OOB}
            tokens = browser.post("/oauth/token", data={**given, **_credentials(self.made["apps"][app])}).json()
            headers = {"authorization": f"Bearer {tokens['access_token']}"}
            headers["gatewright-company-id"] = str(self.made["companies"][f"Alder {way}"]["id"])
            return browser.get("/rest/v1.0/projects", headers=headers).status_code


def _credentials(made: dict[str, Any]) -> dict[str, str]:
    return {"client_id": made["client_id"], "client_secret": made["client_secret"]}


@contextmanager
def deployed(folder: Path) -> Iterator[Deployment]:
    """Lend a server with all the worlds in it."""
    data_dir, world, made = folder / "data", folder / "world.yaml", folder / "made.json"
    world.write_text(yaml.safe_dump(_world()))
    done = command("apply", str(world), "--credentials", str(made), data_dir=data_dir)
    assert done.returncode == 0, done.stderr
    with running_server(data_dir=data_dir) as server:
        yield Deployment(server.base_url, json.loads(made.read_text()))


def _world() -> dict[str, Any]:
    people = ("ada", "uma", "tim", "dev")
    users = [_user(f"{name}-{way}", f"{name.title()} {way}") for way in WAYS for name in people]
    return {
        "terms": {"version": "2026-11", "text": "An app acts for the person who authorized it."},
        "users": [{**_user("oda", "Oda Oak"), "operator": True}, _user("own", "Owen Oak"), *users],
        "companies": [_company(way) for way in WAYS],
        "apps": [_app(f"{name} {way}") for way in WAYS for name in ("Crane", "Lift", "Hoist")],
    }


def _user(key: str, name: str) -> dict[str, Any]:
    return {"email": f"{key}@example.com", "name": name, "password": PASSWORD}


def _company(way: str) -> dict[str, Any]:
    return {
        "name": f"Alder {way}",
        "app_access": "approval",
        "projects": [{"name": "Bridge", "number": "B-1"}],
        "contacts": [
            {"user": f"ada-{way}@example.com", "levels": {"directory": "admin", "admin": "admin"}},
            {"user": f"uma-{way}@example.com", "projects": {"Bridge": {"rfis": "standard"}}},
        ],
    }


def _app(name: str) -> dict[str, Any]:
    return {"name": name, "owner": "own@example.com", "type": "confidential", "redirect_uris": [OOB]}
