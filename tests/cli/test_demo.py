"""`make run` and `examples/integrator.py`, as somebody new would use them."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.jobsite import served_beside
from tests.support.forms import Page
from tests.support.postgres import free_port
from tests.support.server import environment

ROOT = Path(__file__).resolve().parents[2]
INTEGRATOR = ROOT / "examples" / "integrator.py"
LINE = re.compile(r"Sign in as (\S+), password (\S+)")
FIELD = re.compile(r'name="(csrf_token|request)" value="([^"]*)"')
PATIENCE = 60.0


@dataclass(slots=True)
class Demo:
    """A running demo: where it answers, whom it told, and its process."""

    base_url: str
    jobsite_url: str
    data_dir: Path
    people: dict[str, str]
    said: str
    process: subprocess.Popen[str]


def _start(data_dir: Path, port: int, *, jobsite_port: int | None = None) -> Demo:
    base_url, jobsite_port = f"http://127.0.0.1:{port}", jobsite_port or free_port()
    log = data_dir.parent / f"demo-{time.monotonic_ns()}.log"
    with log.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "demo.run"],
            cwd=ROOT,
            env=environment({"ISSUER": base_url, "DATA_DIR": str(data_dir), "LOG_FORMAT": "json"})
            | {"JOBSITE_PORT": str(jobsite_port)},
            stdout=sink,
            stderr=subprocess.STDOUT,
            text=True,
        )
    said = _said_before_ready(log, process)
    jobsite_url = f"http://127.0.0.1:{jobsite_port}"
    return Demo(base_url, jobsite_url, data_dir, dict(LINE.findall(said)), said, process)


def _said_before_ready(log: Path, process: subprocess.Popen[str]) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None and '"ready"' not in log.read_text():
        time.sleep(0.05)
    return log.read_text().partition('"ready"')[0]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Lend the demo, loaded and serving."""
    demo = _start(tmp_path_factory.mktemp("demo") / "var", free_port())
    yield demo
    demo.process.send_signal(signal.SIGTERM)
    assert demo.process.wait(15) == 0


@contextmanager
def _browser(demo: Demo, email: str) -> Iterator[httpx.Client]:
    """Lend a browser that is signed in."""
    with httpx.Client(base_url=demo.base_url, trust_env=False) as browser:
        fields = dict(FIELD.findall(browser.get("/login").text)) | {"email": email, "password": demo.people[email]}
        assert browser.post("/login", data=fields).status_code == 303
        yield browser


def _integrate(demo: Demo, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(demo, *arguments), capture_output=True, text=True, timeout=60, check=False)


def _command(demo: Demo, *arguments: str) -> list[str]:
    places = [f"--demo={demo.data_dir / 'demo.json'}", f"--tokens={demo.data_dir.parent / 'tokens.json'}"]
    servers = [f"--server={demo.base_url}", f"--api={demo.jobsite_url}"]
    return [sys.executable, str(INTEGRATOR), *servers, *places, *arguments]


def _log_in(demo: Demo, email: str) -> Any:
    """Return what `login` printed after somebody allowed the app in a browser."""
    with subprocess.Popen(
        _command(demo, "login", "--no-browser"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            _allow(demo, email, process.stdout.readline().strip())
            out, err = process.communicate(timeout=30)
            assert process.returncode == 0, err
            return json.loads(out)
        finally:
            process.kill()


def _allow(demo: Demo, email: str, address: str) -> None:
    with _browser(demo, email) as browser:
        page = browser.get(address)
        back = browser.post(address, data=dict(FIELD.findall(page.text)) | {"decision": "allow"})
        assert back.status_code == 303
        assert httpx.get(back.headers["location"], trust_env=False).status_code == 200


def test_the_demo_tells_whom_to_sign_in_as_before_it_is_ready(demo: Demo) -> None:
    assert demo.base_url in demo.said
    assert len(demo.people) == 9
    assert httpx.get(f"{demo.base_url}/readyz", trust_env=False).status_code == 200
    for email in demo.people:
        with _browser(demo, email) as browser:
            assert browser.get("/account/apps").status_code == 200


def test_the_demos_credentials_are_its_owners_alone(demo: Demo) -> None:
    made = demo.data_dir / "demo.json"
    assert made.stat().st_mode & 0o777 == 0o600
    assert demo.data_dir.stat().st_mode & 0o777 == 0o700
    assert set(json.loads(made.read_text())) == {"users", "companies", "apps"}


def test_a_taken_port_is_named(demo: Demo) -> None:
    port = demo.base_url.rpartition(":")[2]
    again = subprocess.run(
        [sys.executable, "-m", "demo.run"],
        cwd=ROOT,
        env=environment({"ISSUER": demo.base_url, "DATA_DIR": str(demo.data_dir.parent / "other")}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert again.returncode == 1
    assert port in again.stderr
    assert len(again.stderr.strip().splitlines()) == 1
    assert not (demo.data_dir.parent / "other").exists()


def test_the_integrator_runs_against_the_demo_with_no_edit(demo: Demo) -> None:
    # I3, I4: disconnected in one company, it goes on in the other, with the same tokens.
    assert _log_in(demo, "mara@surveyors.example")["login"] == "mara@surveyors.example"
    tokens = demo.data_dir.parent / "tokens.json"
    assert tokens.stat().st_mode & 0o777 == 0o600
    companies = {one["name"]: str(one["id"]) for one in json.loads(_integrate(demo, "companies").stdout)}
    assert set(companies) == {"Northwind Builders", "Harbor & Sons"}
    here, there = companies["Northwind Builders"], companies["Harbor & Sons"]
    assert [one["name"] for one in json.loads(_integrate(demo, "projects", here).stdout)] == ["Pier 9"]
    page = (
        f"/companies/{here}/apps/{json.loads((demo.data_dir / 'demo.json').read_text())['apps']['Site Pocket']['id']}"
    )
    with _browser(demo, "ada@northwind.example") as admin:

        def press(act: str) -> None:
            fields = dict(FIELD.findall(admin.get(page).text))
            assert admin.post(f"{page}/{act}", data=fields).status_code == 303

        press("disconnect")
        refused = _integrate(demo, "projects", here)
        assert refused.returncode == 1
        assert "app_not_connected" in refused.stderr
        assert _integrate(demo, "projects", there).returncode == 0
        press("reconnect")
    assert _integrate(demo, "projects", here).returncode == 0
    before = json.loads(tokens.read_text())["refresh_token"]
    assert _integrate(demo, "refresh").returncode == 0
    assert json.loads(tokens.read_text())["refresh_token"] != before
    assert _integrate(demo, "logout").returncode == 0
    assert "Run: integrator.py login" in _integrate(demo, "me").stderr


def test_the_platforms_own_api_is_guarded_and_feels_what_is_given_and_taken(demo: Demo) -> None:
    # M2, I3, T12: the next call after the answer on the page is answered anew.
    made = json.loads((demo.data_dir / "demo.json").read_text())
    here = made["companies"]["Northwind Builders"]
    pier = [str(here["projects"]["Pier 9"]["id"]), f"--company={here['id']}"]
    assert f"is at {demo.jobsite_url}" in demo.said
    _log_in(demo, "mara@surveyors.example")
    told = json.loads(_integrate(demo, "rfis", *pier).stdout)
    assert [(one["number"], one["status"]) for one in told] == [(1, "closed"), (2, "open")]
    writes = ["new-rfi", *pier, "--subject=Deck lies low at axis 3"]
    refused = _integrate(demo, *writes)
    assert refused.returncode == 1
    assert "403 permission_insufficient: This needs RFIs: Standard in this project." in refused.stderr
    assert "Someone who holds Directory: Admin in this company can raise it." in refused.stderr
    with _browser(demo, "ada@northwind.example") as admin:
        _raise_rfis(
            admin, f"/companies/{here['id']}/directory/{here['contacts']['mara@surveyors.example']['id']}", pier[0]
        )
        made_rfi = json.loads(_integrate(demo, *writes).stdout)
        assert (made_rfi["number"], made_rfi["created_by"]) == (
            3,
            f"user {made['users']['mara@surveyors.example']['id']}",
        )
        page = f"/companies/{here['id']}/apps/{made['apps']['Site Pocket']['id']}"
        for act, answered in (("disconnect", "403 app_not_connected"), ("reconnect", "")):
            assert admin.post(f"{page}/{act}", data=dict(FIELD.findall(admin.get(page).text))).status_code == 303
            assert answered in _integrate(demo, "rfis", *pier).stderr
        refusals = admin.get(f"/companies/{here['id']}/refusals").text.replace("<wbr>", "")
    assert "POST /rest/v1.0/projects/{project_id}/rfis" in refusals
    assert _integrate(demo, "rfis", *pier).returncode == 0


def _raise_rfis(admin: httpx.Client, page: str, project: str) -> None:
    """Give a contact the level Standard on RFIs of a project, as its page does: with every other level as it is."""
    form = Page(admin.get(page)).form(field=f"project.{project}.rfis")
    levels = form.fields | {f"project.{project}.rfis": "standard"}
    assert admin.post(form.action, data=levels).status_code == 303


def test_a_taken_port_of_the_jobsite_api_does_not_end_the_demo(demo: Demo, tmp_path: Path) -> None:
    port = int(demo.jobsite_url.rpartition(":")[2])
    other = _start(tmp_path / "var", free_port(), jobsite_port=port)
    assert f"The Jobsite API does not run: port {port} is taken." in other.said
    assert httpx.get(f"{other.base_url}/readyz", trust_env=False).status_code == 200
    other.process.send_signal(signal.SIGINT)
    assert other.process.wait(15) == 0
    assert httpx.get(f"{demo.jobsite_url}/rest/v1.0/ping", trust_env=False).status_code == 200


def test_a_jobsite_api_that_cannot_run_is_told_of_as_such(tmp_path: Path) -> None:
    port, nowhere = free_port(), tmp_path / "nowhere"
    own = {"client_id": "c", "client_secret": "gws_s"}
    with served_beside("http://127.0.0.1:1", own, nowhere, port=port) as where:
        assert where.startswith("The Jobsite API does not run: its process ended with status ")
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{port}/rest/v1.0/ping", trust_env=False)
    with served_beside("http://127.0.0.1:1", own, tmp_path, port=port) as where:
        assert where == f"The Jobsite API, guarded by the SDK, is at http://127.0.0.1:{port}"
        assert httpx.get(f"http://127.0.0.1:{port}/rest/v1.0/ping", trust_env=False).status_code == 200


def test_the_jobsite_api_ends_with_the_demo_and_keeps_its_data(tmp_path: Path) -> None:
    first = _start(tmp_path / "var", free_port())
    ping = f"{first.jobsite_url}/rest/v1.0/ping"
    assert httpx.get(ping, trust_env=False).json() == {"ping": "pong"}
    first.process.kill()
    first.process.wait(15)
    _wait_until_gone(ping)
    kept = _rfis_of(first)
    second = _start(tmp_path / "var", free_port())
    assert _rfis_of(second) == kept > 0
    second.process.send_signal(signal.SIGINT)
    assert second.process.wait(15) == 0
    _wait_until_gone(f"{second.jobsite_url}/rest/v1.0/ping")


def _wait_until_gone(address: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            httpx.get(address, trust_env=False)
        except httpx.TransportError:
            return
        time.sleep(0.05)
    raise AssertionError(f"{address} still answers")


def _rfis_of(demo: Demo) -> int:
    with closing(sqlite3.connect(demo.data_dir / "jobsite.db")) as database:
        count: int = database.execute("SELECT count(*) FROM rfis").fetchone()[0]
    return count


def test_a_second_run_keeps_the_data_and_starts_in_seconds(tmp_path: Path) -> None:
    port = free_port()
    first = _start(tmp_path / "var", port)
    first.process.send_signal(signal.SIGINT)
    assert first.process.wait(15) == 0
    kept = (tmp_path / "var" / "demo.json").read_text()
    began = time.monotonic()
    second = _start(tmp_path / "var", port)
    assert time.monotonic() - began < 15
    assert second.people == first.people
    assert (tmp_path / "var" / "demo.json").read_text() == kept
    os.kill(second.process.pid, signal.SIGTERM)
    assert second.process.wait(15) == 0
