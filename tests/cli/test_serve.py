"""`gatewright serve`: a real process, its bounds, its logs and its end."""

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from gatewright.base.secrets import mint_server_key
from gatewright.cli.protocol import MOST_HEAD_BYTES, BoundedProtocol
from tests.support.postgres import free_port
from tests.support.server import Server, command, running_server

WORLD = """
users:
  - {email: ada@a.example, name: Ada, password: only for development}
companies:
  - name: Northwind
    contacts: [{user: ada@a.example, levels: {directory: admin}}]
    service_accounts: [{name: Nightly, levels: {directory: read_only}}]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Lend a running server with two workers."""
    with running_server(data_dir=tmp_path_factory.mktemp("serve") / "var", workers=2) as server:
        yield server


def _raw(server: Server, request: bytes) -> bytes:
    port = int(server.base_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


def test_the_server_does_not_say_what_it_is_made_of(server: Server) -> None:
    answer = httpx.get(f"{server.base_url}/healthz", trust_env=False)
    assert answer.status_code == 200
    assert "server" not in answer.headers


def test_logs_are_json_lines_without_queries(server: Server) -> None:
    # T13
    httpx.get(f"{server.base_url}/healthz?code=hunter2", trust_env=False)
    lines = [json.loads(line) for line in server.await_said("/healthz").splitlines()]
    assert {"at", "event", "level"} <= set(lines[0])
    assert any(line["event"] == "ready" for line in lines)
    assert any(line.get("path") == "/healthz" and line["status"] == 200 for line in lines)
    assert "hunter2" not in server.said()


def test_a_head_that_is_too_large_is_refused_before_it_is_collected(server: Server) -> None:
    big = b"GET /healthz HTTP/1.1\r\nhost: a\r\nx-big: " + b"a" * (MOST_HEAD_BYTES + 70_000)
    assert _raw(server, big).startswith(b"HTTP/1.1 431 ")
    fits = b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-big: " + b"a" * 20_000 + b"\r\n\r\n"
    assert _raw(server, fits).startswith(b"HTTP/1.1 200 ")


def test_many_requests_at_once_are_not_taken_for_one_large_head(server: Server) -> None:
    one = b"GET /healthz HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 300
    many = (one + b"\r\n\r\n") * 300 + one + b"\r\nconnection: close\r\n\r\n"
    assert len(many) > MOST_HEAD_BYTES
    assert _raw(server, many).count(b"HTTP/1.1 200 ") == 301
    body = (
        b"POST /oauth/token HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 60000\r\n\r\n" + b"a" * 60_000
    )
    assert _raw(server, body).startswith(b"HTTP/1.1 400 ")


def _posted(server: Server, path: str, body: bytes, content_type: str) -> tuple[int, bytes]:
    """Return the answer to one request whose head and body leave in one piece."""
    port = int(server.base_url.rpartition(":")[2])
    head = f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        with HTTPResponse(connection, method="POST") as answer:
            answer.begin()
            assert answer.headers["x-request-id"]
            return answer.status, answer.read()


@pytest.mark.parametrize("size", [65_300, 65_450, 65_536, 65_537, 70_000, 100_000, 200_000])
def test_a_body_that_comes_with_its_head_is_the_applications_to_judge(server: Server, size: int) -> None:
    fields = b"grant_type=none&padding=".ljust(size, b"a")
    for _ in range(3):
        status, said = _posted(server, "/oauth/token", fields, "application/x-www-form-urlencoded")
        assert status == (400 if size <= 65_536 else 413)
        assert json.loads(said)["error"] == ("unsupported_grant_type" if size <= 65_536 else "invalid_request")
        status, said = _posted(server, "/login", fields, "application/x-www-form-urlencoded")
        assert status == 403
        assert b"<html" in said
        contact = b'{"name": "Ada"}'.ljust(size)
        status, said = _posted(server, "/rest/v1.0/companies/1/contacts", contact, "application/json")
        assert status == 401
        assert json.loads(said)["error"]["request_id"]


def test_a_body_above_one_mebibyte_is_refused_by_the_application(server: Server) -> None:
    body = b"{}".ljust(1024 * 1024 + 1)
    status, said = _posted(server, "/rest/v1.0/companies/1/contacts", body, "application/json")
    assert status in {401, 413}
    assert json.loads(said)["error"]["request_id"]


@pytest.mark.parametrize("before", [b"", b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"])
def test_a_head_in_many_packets_is_bounded_and_its_refusal_says_so(server: Server, before: bytes) -> None:
    port = int(server.base_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(before + b"GET /healthz HTTP/1.1\r\nhost: a\r\n")
        for number in range(90):
            connection.sendall(f"x-{number}: ".encode() + b"a" * 1_000 + b"\r\n")
            time.sleep(0.001)
        answers = b""
        while part := connection.recv(65_536):
            answers += part
    refusal = answers[answers.index(b"HTTP/1.1 431 ") :].decode()
    error = json.loads(refusal.partition("\r\n\r\n")[2])["error"]
    assert error["code"] == "headers_too_large"
    assert error["message"] == "The request's line and headers are larger than 64 KiB."
    assert f"x-request-id: {error['request_id']}\r\n" in refusal


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01 nonsense\r\n\r\n",
        b"POST /oauth/token HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /oauth/token HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcde",
        b"POST /oauth/token HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\nabc",
        b"GET /healthz HTTP/1.1\nhost: a\n\n",
        b"GET /healthz HTTP/1.1\r\nhost: a\r\nx: a\r\n b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost : a\r\n\r\n",
    ],
)
def test_what_two_programs_could_read_differently_is_refused_and_closed(server: Server, request_: bytes) -> None:
    answer = _raw(server, request_ + b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_taken_port_is_named_before_anything_is_touched(server: Server, tmp_path: Path) -> None:
    port = server.base_url.rpartition(":")[2]
    done = command("serve", "--port", port, data_dir=tmp_path / "var")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"port {port} on 127.0.0.1" in done.stderr
    assert not (tmp_path / "var").exists()


def test_an_address_that_is_not_ours_is_named(tmp_path: Path) -> None:
    done = command("serve", "--host", "192.0.2.1", "--port", str(free_port()), data_dir=tmp_path / "var")
    assert done.returncode == 1
    assert "192.0.2.1 is no address of this computer" in done.stderr
    assert not (tmp_path / "var").exists()


def test_a_worker_that_is_replaced_has_the_settings_of_the_others(tmp_path: Path) -> None:
    # T3: one dies while somebody edits the file; the others go on, and all judge tokens alike
    file = tmp_path / ".env"
    file.write_text("GATEWRIGHT_ACCESS_TOKEN_LIFETIME=1h\n")
    with running_server(data_dir=tmp_path / "data", workers=2) as server:
        first = server.ready_pids(2)
        file.write_text("GATEWRIGHT_ACCESS_TOKEN_LIFE=1h\n")  # no such setting
        os.kill(first[0], signal.SIGKILL)
        server.ready_pids(3)
        for _ in range(12):
            assert httpx.get(f"{server.base_url}/readyz", trust_env=False).status_code == 200
    assert server.process.returncode == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_lets_running_requests_end_within_ten_seconds(tmp_path: Path, workers: int) -> None:
    with running_server(data_dir=tmp_path / "var", workers=workers) as server:
        port = int(server.base_url.rpartition(":")[2])
        with (
            socket.create_connection(("127.0.0.1", port), timeout=20) as busy,
            socket.create_connection(("127.0.0.1", port), timeout=20) as idle,
        ):
            busy.sendall(b"POST /oauth/token HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\ngrant")
            time.sleep(0.3)
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            assert idle.recv(65536) == b""  # nothing runs on it: closed
            time.sleep(0.5)
            busy.sendall(b"_type")
            assert busy.recv(65536).startswith(b"HTTP/1.1 400 ")
            # Waited for, not told again: a second signal would meet an interpreter that is on its way out.
            assert server.process.wait(timeout=20) == 0
            assert time.monotonic() - began < 10
    assert "Traceback" not in server.said()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.base_url}/healthz", trust_env=False)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_running_server_obeys_a_world_at_once(request: pytest.FixtureRequest, tmp_path: Path, dialect: str) -> None:
    # T12: the command line writes from another process; two workers answer.
    world, out, data_dir = tmp_path / "world.yaml", tmp_path / "out.json", tmp_path / "var"
    world.write_text(WORLD)
    settings = {}
    if dialect == "postgresql":
        url = str(request.getfixturevalue("empty_postgresql_url"))
        settings = {"DATABASE_URL": url, "SECRET_KEYS": mint_server_key()}
        assert command("migrate", data_dir=data_dir, settings=settings).returncode == 0
    with running_server(data_dir=data_dir, settings=settings, workers=2) as server:
        # The address of service accounts is made from the issuer.
        settings |= {"ISSUER": server.base_url}
        first = command("apply", str(world), "--credentials", str(out), data_dir=data_dir, settings=settings)
        assert first.returncode == 0, first.stderr
        company = json.loads(out.read_text())["companies"]["Northwind"]
        contacts = f"{server.base_url}/rest/v1.0/companies/{company['id']}/contacts"
        headers = {"Authorization": f"Bearer {_token(server, company['service_accounts']['Nightly'])}"}
        for levels, expected in (("read_only", 200), ("none", 403), ("read_only", 200), ("none", 403)):
            world.write_text(WORLD.replace("{directory: read_only}", f"{{directory: {levels}}}"))
            assert command("apply", str(world), data_dir=data_dir, settings=settings).returncode == 0
            answers = [httpx.get(contacts, headers=headers, trust_env=False) for _ in range(20)]
            assert {answer.status_code for answer in answers} == {expected}


def _token(server: Server, account: dict[str, str]) -> str:
    client = {"client_id": account["client_id"], "client_secret": account["client_secret"]}
    fields = {"grant_type": "client_credentials", **client}
    answer = httpx.post(f"{server.base_url}/oauth/token", data=fields, trust_env=False)
    assert answer.status_code == 200
    return str(answer.json()["access_token"])


class Hasty(BoundedProtocol):
    """The same bounds, with less patience."""

    arrival_seconds = 0.3


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


async def _until_it_listens(server: uvicorn.Server) -> None:
    for _ in range(500):
        if server.started:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("does not listen")


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HTTP/1.1\r\nhost: a\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\n",
    ],
)
async def test_a_request_that_does_not_arrive_in_time_is_closed(begun: bytes) -> None:
    config = uvicorn.Config(_echo, http=Hasty, ws="none", lifespan="off", log_config=None, port=free_port())
    server = uvicorn.Server(config)
    serving = asyncio.get_running_loop().create_task(server._serve())
    await _until_it_listens(server)
    reader, writer = await asyncio.open_connection("127.0.0.1", config.port)
    writer.write(begun)
    answered = await asyncio.wait_for(reader.read(), timeout=5)
    refusal = answered[answered.index(b"HTTP/1.1 408 Request Timeout\r\n") :].decode()
    error = json.loads(refusal.partition("\r\n\r\n")[2])["error"]
    assert error["code"] == "request_timeout"
    assert f"x-request-id: {error['request_id']}\r\n" in refusal
    assert "connection: close\r\n" in refusal
    writer.close()
    server.should_exit = True
    await serving


async def test_the_end_of_a_body_does_not_count_as_the_next_head() -> None:
    config = uvicorn.Config(_echo, http=BoundedProtocol, ws="none", lifespan="off", log_config=None, port=free_port())
    server = uvicorn.Server(config)
    serving = asyncio.get_running_loop().create_task(server._serve())
    await _until_it_listens(server)
    reader, writer = await asyncio.open_connection("127.0.0.1", config.port)
    writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 90000\r\n\r\n")
    await asyncio.sleep(0.1)
    # The loop waits for this, so the server reads all of it at once.
    writer.write(b"a" * 90_000 + b"GET / HTTP/1.1\r\nhost: a\r\n")
    await asyncio.sleep(0.1)
    writer.write(b"connection: close\r\n\r\n")
    answered = await asyncio.wait_for(reader.read(), timeout=5)
    writer.close()
    server.should_exit = True
    await serving
    assert answered.count(b"HTTP/1.1 200 ") == 2, answered


async def test_a_request_that_arrives_in_time_may_take_its_time() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.6)
        await _echo(scope, receive, send)

    config = uvicorn.Config(slow, http=Hasty, ws="none", lifespan="off", log_config=None, port=free_port())
    server = uvicorn.Server(config)
    serving = asyncio.get_running_loop().create_task(server._serve())
    await _until_it_listens(server)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{config.port}", trust_env=False) as client:
        assert (await client.get("/")).status_code == 200
    server.should_exit = True
    await serving
