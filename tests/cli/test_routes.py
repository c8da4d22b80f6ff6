"""`gatewright routes`, and a server that is told of a route map: a bad one stops it before it starts."""

import json
import os
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.support.postgres import free_port
from tests.support.server import Server, command, running_server

MAP = """\
unknown_routes: refuse
routes:
  GET /v1/projects/{project_id}/rfis: {tool: rfis, level: read_only}
  POST /v1/companies/{company_id}/reports: {tool: reports, level: standard}
  PATCH /v1/projects/{project_id}: {tool: admin, level: admin, of: company, scope: company.manage}
  GET /v1/ping: public
  GET /v1/whoami: token
  GET /v1/projects: member
"""
BAD = """\
routes:
  get /v1/ping: public
  GET /v1/projects/{id}: {tool: rfis, level: none}
"""
TOLD = (
    ":2: routes.get /v1/ping: has its method in small letters; write GET",
    ":3: routes.GET /v1/projects/{id}.level: cannot be none, which nobody lacks; write member, token or public instead",
)
WORLD = """\
tools:
  - {key: rfis, name: RFIs, scope: project}
  - {key: reports, name: Reports, scope: company}
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Return where the embedded database would be; it is not there yet."""
    return tmp_path / "var"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """Return a good route map."""
    return _written(tmp_path / "good.yaml", MAP)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """Return a bad one."""
    return _written(tmp_path / "bad.yaml", BAD)


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _explained(data_dir: Path, method: str, uri: str, good: Path) -> subprocess.CompletedProcess[str]:
    return command("routes", "explain", method, uri, "--file", str(good), data_dir=data_dir)


def test_a_good_map_is_shown_as_a_table(data_dir: Path, good: Path) -> None:
    done = command("routes", "check", str(good), data_dir=data_dir)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["METHOD", "PATH", "NEEDS", "COMPANY", "FROM", "PROJECT", "FROM"]
    assert lines[1][:3] == ["GET", "/v1/projects/{project_id}/rfis", "rfis:"]
    assert [" ".join(line[2:]) for line in lines[1:7]] == [
        "rfis: read_only of the project header or query path",
        "reports: standard of the company path",
        "admin: admin of the company, company.manage header or query path",
        "nothing",
        "a live token",
        "any level or membership header or query",
    ]
    assert done.stdout.endswith("6 routes; whatever else is asked for is refused.\n")
    good.write_text("unknown_routes: allow\nroutes: {GET /a: public}")
    done = command("routes", "check", str(good), data_dir=data_dir, settings={"ISUER": "none of its business"})
    assert done.stdout.endswith("1 route; whatever else is asked for is let through where nothing here is like it.\n")
    assert not data_dir.exists()


def test_a_guard_that_leaves_its_own_beginning_open_is_warned_of(data_dir: Path, good: Path) -> None:
    """X2: `/open/**` covers /open/admin, which `/open/admin/**` does not."""
    good.write_text("routes:\n  GET /open/**: public\n  GET /open/admin/**: {tool: admin, level: admin}\n")
    done = command("routes", "check", str(good), data_dir=data_dir)
    assert done.returncode == 0
    assert done.stdout.endswith("2 routes; whatever else is asked for is refused.\n")
    assert done.stderr == (
        f"{good}:3: warning: GET /open/admin/** guards what is below /open/admin; /open/admin itself is open by "
        "line 2, GET /open/**. Add a line for GET /open/admin that says what it needs.\n"
    )
    good.write_text("unknown_routes: allow\nroutes: {GET /admin/**: token}\n")
    done = command("routes", "check", str(good), data_dir=data_dir)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert "/admin itself is open by unknown_routes: allow. Add a line for GET /admin" in done.stderr


def test_every_fault_of_a_bad_map_is_told_with_its_line(data_dir: Path, bad: Path) -> None:
    done = command("routes", "check", str(bad), data_dir=data_dir)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [f"{bad}{told}" for told in TOLD]


def test_a_map_that_cannot_be_read_is_named(data_dir: Path) -> None:
    done = command("routes", "check", "none.yaml", data_dir=data_dir)
    assert (done.returncode, done.stderr) == (1, "none.yaml cannot be read: No such file or directory.\n")
    done = command("routes", "check", str(data_dir.parent), data_dir=data_dir)
    assert (done.returncode, done.stderr) == (1, f"{data_dir.parent} cannot be read: Is a directory.\n")


@pytest.mark.parametrize(
    ("method", "uri", "said"),
    [
        ("GET", "/v1/ping", ["Line 6 of the map decides: GET /v1/ping", "needs nothing: anybody may"]),
        ("GET", "/v1/whoami", ["a live access token, of anybody; no company is asked about"]),
        ("HEAD", "/v1/projects", ["Line 8", "any level, or is on any project, in the company", "Procore-Company-Id"]),
        (
            "GET",
            "/v1/projects/%37/rfis?company_id=12",
            ["read_only or more on the tool rfis of project 7", "named by the query: 12", "named by the path: 7"],
        ),
        (
            "POST",
            "/v1/companies/12/reports",
            ["standard or more on the tool reports of the company", "by the path: 12"],
        ),
        ("PATCH", "/v1/projects/7", ["admin on the tool admin of the company", "the scope company.manage"]),
    ],
)
def test_the_route_that_decides_is_explained_in_sentences(
    data_dir: Path, good: Path, method: str, uri: str, said: list[str]
) -> None:
    # X4, X3
    done = _explained(data_dir, method, uri, good)
    assert (done.returncode, done.stderr) == (0, "")
    for words in said:
        assert words in done.stdout


@pytest.mark.parametrize(
    ("method", "uri", "said"),
    [
        ("GET", "/v1/nothing", "Refused, route_unknown: No route of the map has this path."),
        ("PUT", "/v1/ping", "Refused, route_unknown: The map has this path with GET, and not with PUT."),
        (
            "GET",
            "/v1/%2e%2e/ping",
            "Refused, path_unclear: the path can be read in more than one way. A segment is made of",
        ),
        ("GET", "/v1/PING", "The route is GET /v1/ping, on line 6."),
        ("GET", "/v1/caf\u00e9", "a character beyond ASCII"),
        ("get", "/v1/ping", "Refused, path_unclear"),
        (
            "GET",
            "/v1/projects?company_id=1&company_id=1",
            "Refused, company_ambiguous: The query names the company twice.",
        ),
        ("GET", "/v1/projects?Company_Id=1", "Refused, company_ambiguous: The query has a name that some servers read"),
        ("POST", "/v1/companies/1/reports?company_id=2", "the path and the query name different companies"),
        ("POST", "/v1/companies/01/reports", "'01' names no company"),
        ("GET", "/v1/projects/%1b/rfis", "Refused, path_unclear"),
        ("GET", "/v1/projects/%c3%a9/rfis", "Refused, project_unknown: '\\xe9' is no project's id."),
        ("GET", "/v1/projects/0/rfis", "Refused, project_unknown"),
    ],
)
def test_a_request_that_nobody_may_make_is_explained_with_exit_1(
    data_dir: Path, good: Path, method: str, uri: str, said: str
) -> None:
    # X4
    done = _explained(data_dir, method, uri, good)
    assert (done.returncode, done.stderr) == (1, "")
    assert said in done.stdout


def test_the_map_of_the_settings_is_asked_where_no_file_is_named(data_dir: Path, good: Path, bad: Path) -> None:
    # X4
    done = command("routes", "explain", "GET", "/v1/ping", data_dir=data_dir, settings={"ROUTES": str(good)})
    assert (done.returncode, done.stderr) == (0, "")
    done = command("routes", "explain", "GET", "/v1/ping", data_dir=data_dir)
    assert done.returncode == 1
    assert "name one with --file, or set GATEWRIGHT_ROUTES" in done.stderr
    good.write_text("unknown_routes: allow\nroutes: {GET /a: public}")
    done = command("routes", "explain", "GET", "/b", data_dir=data_dir, settings={"ROUTES": str(good)})
    assert done.returncode == 0
    assert "the map lets such a request through" in done.stdout


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_does_not_start_with_a_bad_map_and_changes_nothing(data_dir: Path, bad: Path, workers: str) -> None:
    # X2
    serve = ("serve", "--port", str(free_port()), "--workers", workers)
    done = command(*serve, data_dir=data_dir, settings={"ROUTES": str(bad)})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [f"gatewright: {bad}{told}" for told in TOLD]
    done = command(*serve, data_dir=data_dir, settings={"ROUTES": "none.yaml"})
    assert done.returncode == 1
    told = "gatewright: GATEWRIGHT_ROUTES names none.yaml, which cannot be read: No such file or directory.\n"
    assert done.stderr == told
    assert not data_dir.exists()


def test_a_worker_that_is_replaced_serves_the_map_of_the_others(data_dir: Path, good: Path) -> None:
    # X2: both are replaced, one after the file was edited and one while somebody is at it.
    settings = {"ROUTES": str(good), "TRUSTED_PROXIES": "127.0.0.1"}
    with running_server(data_dir=data_dir, settings=settings, workers=2) as server:
        first = server.ready_pids(2)
        for begun, says_now in ((3, "routes: {GET /v1/pong: public}"), (4, "routes:\n  GET /v1/pi")):
            good.write_text(says_now)
            os.kill(first.pop(), signal.SIGKILL)
            server.ready_pids(begun)
        assert [_asked(server, "/v1/ping") for _ in range(12)] == [200] * 12
        assert [_asked(server, "/v1/pong") for _ in range(12)] == [401] * 12
    assert server.process.returncode == 0


def _asked(server: Server, path: str) -> int:
    """Return what a proxy is told about a request, on a connection of its own."""
    headers = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": path}
    return httpx.get(f"{server.base_url}/authz/forward", headers=headers, trust_env=False).status_code


def test_doctor_and_the_servers_log_name_the_tools_that_nobody_declared(data_dir: Path, good: Path) -> None:
    # M7
    settings = {"ROUTES": str(good)}
    world = _written(good.with_name("world.yaml"), WORLD.rpartition("  - ")[0])
    command("apply", str(world), data_dir=data_dir)
    with running_server(data_dir=data_dir, settings=settings, workers=2) as server:
        told = [json.loads(line) for line in server.said().splitlines()]
    warned = [line["tools"] for line in told if "nobody declared" in line["event"]]
    assert warned == [["reports (of the company)"]]
    done = command("doctor", data_dir=data_dir, settings=settings)
    assert done.returncode == 1
    assert "nobody declared and refuse everybody: reports (of the company); declare them" in done.stdout
    world.write_text(WORLD)
    command("apply", str(world), data_dir=data_dir)
    with running_server(data_dir=data_dir, settings=settings) as server:
        assert "nobody declared" not in server.said()
    done = command("doctor", data_dir=data_dir, settings=settings)
    assert "routes: every tool that the route map asks about is declared" in done.stdout


def test_doctor_tells_the_faults_of_a_bad_map(data_dir: Path, bad: Path) -> None:
    command("migrate", data_dir=data_dir)
    assert "routes: no route map is set" in command("doctor", data_dir=data_dir).stdout
    done = command("doctor", data_dir=data_dir, settings={"ROUTES": str(bad)})
    assert done.returncode == 1
    for told in TOLD:
        assert f"PROBLEM routes: {bad}{told}" in done.stdout
