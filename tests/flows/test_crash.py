"""A server that dies by SIGKILL: what was committed is answered the same after it came back (T5)."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from gatewright.base.secrets import mint_server_key
from gatewright.settings import Settings
from tests.support.postgres import free_port
from tests.support.server import environment, start_server
from tests.support.world import App, World

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30
KILLS = 10


def deployment(settings: Settings, *, newer_key: str = "") -> dict[str, str]:
    """Return the settings under which another process serves the same deployment."""
    keys = (*((newer_key,) if newer_key else ()), *settings.secret_keys)
    return {"ISSUER": settings.issuer, "DATABASE_URL": settings.database_url, "SECRET_KEYS": ",".join(keys)}


def refresh(base_url: str, app: App, token: str) -> httpx.Response:
    """Return the answer to a refresh; a transport error when the server died over it."""
    asked = {**app.credentials, "grant_type": "refresh_token", "refresh_token": token}
    with httpx.Client(base_url=base_url, timeout=SECONDS, trust_env=False) as client:
        return client.post("/oauth/token", data=asked)


def token_info(base_url: str, token: str) -> int:
    """Return the status that token info has for an access token."""
    with httpx.Client(base_url=base_url, timeout=SECONDS, trust_env=False) as client:
        return client.get("/oauth/token/info", headers={"authorization": f"Bearer {token}"}).status_code


def killed_at_the_barrier(settings: Mapping[str, str], folder: Path, app: App, token: str) -> None:
    """Refresh at a server that is killed when the refresh was committed and not answered."""
    port, marker = free_port(), folder / "at-the-barrier"
    marker.unlink(missing_ok=True)
    given = environment({"DATA_DIR": str(folder), **settings})
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.barrier_serve", str(port), str(marker)], env=given, cwd=ROOT
    )
    asking = None
    try:
        _wait_until_answering(port, process)
        asking = subprocess.Popen(
            [sys.executable, "-c", _ASK], env=given | _asked(port, app, token), stdout=subprocess.PIPE
        )
        deadline = time.monotonic() + SECONDS
        while not marker.exists():
            assert time.monotonic() < deadline, "no refresh reached the barrier"
            assert process.poll() is None, "the server ended by itself"
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    answer, _ = asking.communicate(timeout=SECONDS)
    assert answer == b"no answer\n"


_ASK = """
import os, httpx
try:
    with httpx.Client(trust_env=False, timeout=60) as client:
        asked = {name[4:].lower(): value for name, value in os.environ.items() if name.startswith("ASK_")}
        print(client.post(os.environ["ASKED_AT"], data=asked).status_code)
except httpx.TransportError:
    print("no answer")
"""


def _asked(port: int, app: App, token: str) -> dict[str, str]:
    asked = {**app.credentials, "grant_type": "refresh_token", "refresh_token": token}
    return {f"ASK_{name.upper()}": value for name, value in asked.items()} | {
        "ASKED_AT": f"http://127.0.0.1:{port}/oauth/token"
    }


def _wait_until_answering(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + SECONDS
    with httpx.Client(trust_env=False, timeout=2) as client:
        while time.monotonic() < deadline:
            assert process.poll() is None, "the server ended by itself"
            try:
                client.get(f"http://127.0.0.1:{port}/oauth/jwks")
                return
            except httpx.TransportError:
                time.sleep(0.05)
    raise AssertionError("the server did not answer in time")


@pytest.mark.parametrize("rotated", [False, True], ids=["same keys", "keys rotated"])
async def test_a_retry_after_a_kill_between_commit_and_answer_gets_the_same_successor(
    world: World, settings: Settings, tmp_path: Path, rotated: bool
) -> None:
    # T5: case A100b; with SECRET_KEYS rotated while it was down, a new key put first
    first, app = await world.tokens("ada", "crane"), world.apps["crane"]
    before, newer = deployment(settings), mint_server_key() if rotated else ""
    after = deployment(settings, newer_key=newer)
    # The second kill falls on a retry: had the first committed nothing, it would make the successor.
    await asyncio.to_thread(killed_at_the_barrier, before, tmp_path, app, first.refresh)
    await asyncio.to_thread(killed_at_the_barrier, after, tmp_path, app, first.refresh)
    server = await asyncio.to_thread(start_server, data_dir=tmp_path, settings=after)
    try:
        answers = [await asyncio.to_thread(refresh, server.base_url, app, first.refresh) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200] * 3, answers[0].text
        (successor,) = {answer.json()["refresh_token"] for answer in answers}
        access = answers[-1].json()["access_token"]
        assert await asyncio.to_thread(token_info, server.base_url, access) == 200
        last = await asyncio.to_thread(refresh, server.base_url, app, successor)
        assert last.status_code == 200
        assert last.json()["refresh_token"] not in {successor, first.refresh}
    finally:
        server.kill()
    assert await _recorded(world) == ["family.opened"] + ["family.repeated"] * 4


async def _recorded(world: World) -> list[str]:
    from sqlalchemy import select

    from gatewright.db.schema import events

    async with world.house.database.read() as reader:
        told = (await reader.execute(select(events.c.kind).order_by(events.c.id))).scalars()
    return [kind for kind in told if kind.startswith("family.")]


async def test_random_kills_never_give_a_token_two_successors(world: World, settings: Settings, tmp_path: Path) -> None:
    # T5: wherever the kill falls, the retry after it goes on with the one successor
    first, app = await world.tokens("ada", "crane"), world.apps["crane"]
    chosen = random.Random(20261123)
    successors: dict[str, set[str]] = {}
    token = first.refresh
    for _ in range(KILLS):
        token = await asyncio.to_thread(_live, deployment(settings), tmp_path, app, token, successors, chosen)
    assert all(len(made) == 1 for made in successors.values())
    assert len(successors) > KILLS, "the kills left no refresh its time"
    assert "family.ended" not in await _recorded(world)


def _live(
    settings: Mapping[str, str],
    folder: Path,
    app: App,
    token: str,
    successors: dict[str, set[str]],
    chosen: random.Random,
) -> str:
    """Refresh at a server until it is killed; return the token whose answer was lost, or the newest."""
    server = start_server(data_dir=folder, settings=settings)
    retried = refresh(server.base_url, app, token)
    assert retried.status_code == 200, retried.text
    killer = subprocess.Popen([sys.executable, "-c", _KILL, str(server.pid), str(chosen.uniform(0.1, 0.4))])
    try:
        while True:
            answer = refresh(server.base_url, app, token)
            assert answer.status_code == 200, answer.text
            successors.setdefault(token, set()).add(answer.json()["refresh_token"])
            if chosen.random() < 0.7:  # else: ask again for the same, as after a lost answer
                token = answer.json()["refresh_token"]
    except httpx.TransportError:
        return token
    finally:
        killer.wait()
        server.kill()


_KILL = f"""
import os, sys, time
time.sleep(float(sys.argv[2]))
os.killpg(int(sys.argv[1]), {int(signal.SIGKILL)})
"""
