"""The quickstart of an app's page: what is shown is what runs, taken out of the page of a running server."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.forms import Page
from tests.support.postgres import free_port
from tests.support.server import Server, command, environment, running_server

EMAIL, PASSWORD = "dev@quickstart.example", "quickstart-password-7261"
OOB = "urn:ietf:wg:oauth:2.0:oob"
HOSTILE = "http://127.0.0.1/cb?a=$(touch$IFS'x')&b='"  # D5 lets a redirect URI hold all of this
WEB = "https://web.example/cb"
APPS = {"Web": ("confidential", WEB), "Pocket": ("public", HOSTILE), "Paste": ("confidential", OOB)}
WORLD = f"""
users:
  - {{email: {EMAIL}, name: Dev Dorn, password: {PASSWORD}}}
companies:
  - name: Quick Works
    contacts: [{{user: {EMAIL}, levels: {{directory: admin}}}}]
apps:
  - {{name: Gate, owner: {EMAIL}, type: confidential, homepage: "https://gate.example", resource_server: true}}
""" + "".join(
    f'  - {{name: {name}, owner: {EMAIL}, type: {kind}, homepage: "https://a.example", redirect_uris: ["{uri}"]}}\n'
    for name, (kind, uri) in APPS.items()
)


class _Shown(HTMLParser):
    """The text of one element, as a browser copies it."""

    def __init__(self, identity: str) -> None:
        super().__init__()
        self._identity, self._depth, self.text = identity, 0, ""

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._depth += self._depth > 0 or ("id", self._identity) in attrs

    def handle_endtag(self, _tag: str) -> None:
        self._depth -= self._depth > 0

    def handle_data(self, data: str) -> None:
        self.text += data if self._depth else ""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A running server, its one user's browser and the credentials of the apps."""

    server: Server
    browser: httpx.Client
    apps: Mapping[str, Mapping[str, str]]

    def shown(self, app: str, language: str) -> str:
        """Return the program that the app's page shows, as `Copy` copies it."""
        before = self.browser.get("/developer/apps").text.partition(f"<bdi>{app}</bdi>")[0]
        address = f"/developer/apps/{before.rpartition('/developer/apps/')[2].partition(chr(34))[0]}"
        shown = _Shown(f"code-{language}")
        shown.feed(self.browser.get(address).text)
        assert shown.text, (app, language)
        return shown.text.strip() + "\n"

    def allow(self, url: str) -> str:
        """Return what the user has in hand once they allowed what the program asks for: an address, or a code."""
        answer = self.browser.get(url)
        if answer.status_code == 200:  # T1: who allowed it before is not asked again
            form = Page(answer).form(field="decision")
            answer = self.browser.post(str(answer.request.url), data={**form.fields, "decision": "allow"})
        assert answer.status_code == 303, answer.text
        to = answer.headers["location"]
        return Page(self.browser.get(to)).codes[0] if to.startswith("/oauth/authorize/native") else to

    def run(self, program: list[str], app: str, folder: Path, *, back: str = "", **told: str) -> tuple[int, list[str]]:
        """Return exit status and lines of a program that asks a user; `back` is answered instead of the truth."""
        environs = environment({}) | {"CLIENT_SECRET": self.apps[app].get("client_secret", ""), **told}
        with subprocess.Popen(
            program, env=environs, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as running:
            assert running.stdin is not None
            assert running.stdout is not None
            asked = running.stdout.readline().strip()
            said, _ = running.communicate(f"{back or self.allow(asked)}\n", timeout=60)
        return running.returncode, said.splitlines()


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Lend the server of a world with an app of every kind, its developer signed in."""
    folder = tmp_path_factory.mktemp("quickstart")
    world, out, data_dir = folder / "world.yaml", folder / "out.json", folder / "var"
    world.write_text(WORLD)
    applied = command("apply", str(world), "--credentials", str(out), data_dir=data_dir)
    assert applied.returncode == 0, applied.stderr
    with (
        running_server(data_dir=data_dir) as server,
        httpx.Client(base_url=server.base_url, trust_env=False, timeout=30) as browser,
    ):
        fields = Page(browser.get("/login")).form(field="password").fields
        signed_in = browser.post("/login", data={**fields, "email": EMAIL, "password": PASSWORD})
        assert signed_in.status_code == 303
        yield Deployed(server, browser, json.loads(out.read_text())["apps"])


@pytest.fixture(params=["curl", "python"])
def language(request: pytest.FixtureRequest) -> str:
    """Return the language of a quickstart that the tests run; `make test` provides what it needs."""
    if request.param == "curl" and not (shutil.which("curl") and shutil.which("openssl")):
        pytest.skip("curl and openssl are needed; `make test` installs them")
    return str(request.param)


def saved(text: str, language: str, folder: Path) -> list[str]:
    """Return the command that runs the program once it was pasted into a file."""
    file = folder / ("quickstart.sh" if language == "curl" else "quickstart.py")
    file.write_text(text)
    return ["sh" if language == "curl" else sys.executable, str(file)]


@pytest.mark.parametrize("app", APPS)
def test_the_quickstart_runs_as_it_is_shown(deployed: Deployed, language: str, app: str, tmp_path: Path) -> None:
    """T2, T4, D2, D5: authorized, exchanged, called, refreshed and called; whatever stands in the redirect URI."""
    program = saved(deployed.shown(app, language), language, tmp_path)
    status, said = deployed.run(program, app, tmp_path)
    assert (status, sum(EMAIL in line for line in said)) == (0, 2), said
    assert {file.name for file in tmp_path.iterdir()} == {Path(program[1]).name}  # nothing of the URI was run


def test_the_quickstart_stops_at_another_state(deployed: Deployed, language: str, tmp_path: Path) -> None:
    """T7: an answer that the program did not ask for is not traded."""
    program = saved(deployed.shown("Web", language), language, tmp_path)
    status, said = deployed.run(program, "Web", tmp_path, back=f"{WEB}?code=c&state=other")
    assert status == 1
    assert not any(EMAIL in line for line in said)


def access_token(deployed: Deployed) -> str:
    """Return an access token of the one user."""
    web = deployed.apps["Web"]
    query = {"response_type": "code", "client_id": web["client_id"], "redirect_uri": WEB}
    back = deployed.allow(f"/oauth/authorize?{httpx.QueryParams({**query, 'prompt': 'consent'})}")
    given = {"grant_type": "authorization_code", "code": httpx.URL(back).params["code"], **query}
    answer = deployed.browser.post("/oauth/token", data={**given, "client_secret": web["client_secret"]})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def test_a_resource_server_asks_with_curl_as_it_is_shown(deployed: Deployed, tmp_path: Path) -> None:
    """X1: the question goes through, and is answered."""
    if shutil.which("curl") is None:
        pytest.skip("curl is needed; `make test` installs it")
    told = {"ACCESS_TOKEN": access_token(deployed), "CLIENT_SECRET": deployed.apps["Gate"]["client_secret"]}
    program = saved(deployed.shown("Gate", "curl"), "curl", tmp_path)
    done = subprocess.run(program, env=environment({}) | told, capture_output=True, text=True, timeout=60, check=True)
    (answer,) = json.loads(done.stdout)["answers"]
    assert (answer["allow"], answer["code"]) == (False, "project_unknown")


def test_a_resource_server_guards_with_python_as_it_is_shown(deployed: Deployed, tmp_path: Path) -> None:
    """X1: the API starts, lets nobody in without a token, and asks for whoever has one."""
    (tmp_path / "main.py").write_text(deployed.shown("Gate", "python"))
    told, port = {"CLIENT_SECRET": deployed.apps["Gate"]["client_secret"]}, free_port()
    serve = [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port)]
    with subprocess.Popen(serve, env=environment({}) | told, cwd=tmp_path) as running:
        try:
            path, headers = "/projects/1/rfis", {"gatewright-company-id": "1"}
            assert asked(f"http://127.0.0.1:{port}{path}", headers).status_code == 401
            headers |= {"authorization": f"Bearer {access_token(deployed)}"}
            refused: dict[str, Any] = asked(f"http://127.0.0.1:{port}{path}", headers).json()
            assert refused["error"]["code"] == "project_unknown"
        finally:
            running.terminate()


def asked(url: str, headers: Mapping[str, str]) -> httpx.Response:
    """Return the answer of a program that has just been started."""
    transport = httpx.HTTPTransport(retries=8)  # with pauses that double, up to a minute in all
    with httpx.Client(transport=transport, trust_env=False, timeout=30) as client:
        return client.get(url, headers=dict(headers))
