"""`make bench-decisions`: how fast decisions are answered from memory, on one core.

The server runs on core 0, the load on core 1. Saturation is wrk with 64 connections; half load is
`bench/load.py` at half of that rate. Each figure is the median of the repeats. The bare figure is the same
uvicorn with the same protocol, answering an empty 200: compare within one run only. The last two lines are
a Starlette API, open and guarded by the SDK: what the guard costs is their difference. A run with one answer
that is no 200 is void.
"""

import argparse
import asyncio
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import httpx

from bench.guarded_api import CLIENT_ID, CLIENT_SECRET, GUARDED, ISSUER, OPEN
from bench.load import steady
from gatewright.base.secrets import mint_server_key
from gatewright.db.migrate import migrate
from gatewright.house import open_house
from gatewright.settings import Settings
from tests.support.world import World, fill

SERVER_CORE, LOAD_CORE = "0", "1"
CONNECTIONS = 64
BARE = "bare"
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, the same each time."""

    name: str
    url: str
    method: str
    headers: dict[str, str]
    body: str = ""
    pid: int = 0  # of its server

    @property
    def raw(self) -> bytes:
        """Return it as it goes over the wire."""
        url = httpx.URL(self.url)
        lines = [f"{self.method} {url.raw_path.decode()} HTTP/1.1", f"Host: {url.netloc.decode()}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join((*lines, "", self.body)).encode()


@dataclass(frozen=True, slots=True)
class Figures:
    """Requests a second, and delays in milliseconds."""

    rate: float
    p50: float
    p99: float
    cpu: float  # microseconds of the server's core per request: what stays true beside busy neighbours


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="")
    chosen = parser.parse_args()
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as asked:
        print(f"{'':14}{'saturation':>44}{'half load':>44}")
        print(f"{'':14}" + f"{'requests/s':>14}{'p50 ms':>10}{'p99 ms':>10}{'cpu us':>10}" * 2)
        for one in asked:
            if chosen.only and chosen.only not in one.name:
                continue
            full, half = measured(one, seconds=chosen.seconds, repeats=chosen.repeats)
            print(
                f"{one.name:14}"
                + "".join(f"{f.rate:14,.0f}{f.p50:10.2f}{f.p99:10.2f}{f.cpu:10.1f}" for f in (full, half))
            )


def measured(asked: Asked, *, seconds: int, repeats: int) -> tuple[Figures, Figures]:
    """Return the medians at saturation and at half of it."""
    saturate(asked, seconds=1)  # the first one loads the facts
    full = _median([saturate(asked, seconds=seconds) for _ in range(repeats)])
    return full, _median([half_load(asked, rate=full.rate / 2, seconds=seconds) for _ in range(repeats)])


def half_load(asked: Asked, *, rate: float, seconds: int) -> Figures:
    """Return what came of a steady load."""
    before = cpu_seconds(asked.pid)
    came = steady(asked.url, asked.raw, rate=rate, seconds=seconds)
    if came.errors:
        _void(asked, f"{came.errors} answers were no 200 or never came")
    spent, ordered = cpu_seconds(asked.pid) - before, sorted(came.delays)
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000 for part in (0.5, 0.99)]
    return Figures(len(ordered) / seconds, at[0], at[1], spent / len(ordered) * 1e6)


def cpu_seconds(pid: int) -> float:
    """Return how long a process has had a core so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def saturate(asked: Asked, *, seconds: int) -> Figures:
    """Return what wrk says."""
    script = Path(tempfile.gettempdir()) / f"gatewright-bench-{os.getpid()}.lua"
    lines = [f"wrk.method = {json.dumps(asked.method)}", f"wrk.body = {json.dumps(asked.body)}"]
    lines += [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in asked.headers.items()]
    script.write_text("\n".join(lines))
    arguments = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script), asked.url]
    before = cpu_seconds(asked.pid)
    try:
        said = subprocess.run(
            ["taskset", "-c", LOAD_CORE, "wrk", *arguments], capture_output=True, text=True, check=True
        )
    finally:
        script.unlink()
    if wrong := re.findall(r"(?:Non-2xx|Socket errors).*", said.stdout):
        _void(asked, "; ".join(wrong))
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", said.stdout)
    halves = dict(re.findall(r"(50|99)%\s+([0-9.]+(?:us|ms|s))", said.stdout))
    number = re.search(r"(\d+) requests in", said.stdout)
    if rate is None or number is None:
        sys.exit(f"wrk said nothing that can be read:\n{said.stdout}")
    spent = (cpu_seconds(asked.pid) - before) / int(number[1]) * 1e6
    return Figures(float(rate[1]), _milliseconds(halves["50"]), _milliseconds(halves["99"]), spent)


def _void(asked: Asked, why: str) -> NoReturn:
    sys.exit(
        f"{asked.name}: void ({why}): a rate means nothing where some answers failed or came too late, as they do "
        f"when other programs use the two cores; end those and run this again, ARGS='--only {asked.name}' for it alone."
    )


@contextmanager
def serving(folder: Path) -> Iterator[list[Asked]]:
    """Lend the requests to be measured, their servers running."""
    port, bare_port, api_port = free_port(), free_port(), free_port()
    data = folder / "data"
    data.mkdir(mode=0o700)
    migrate(f"sqlite:///{data / 'gatewright.db'}")
    url, key = f"http://127.0.0.1:{port}", mint_server_key()
    chosen = {"ISSUER": url, "DATA_DIR": str(data), "SECRET_KEYS": key, "LOG_FORMAT": "json"}
    chosen |= {"RATE_LIMIT_SPIKE": str(10**9), "RATE_LIMIT_HOUR": str(10**9)}  # counted, never reached
    environment = {**os.environ, **{f"GATEWRIGHT_{name}": value for name, value in chosen.items()}}
    pinned = ["taskset", "-c", SERVER_CORE]
    gatewright = [
        str(Path(sys.executable).with_name("gatewright")),
        "serve",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with (folder / "server.log").open("wb") as log:
        served = subprocess.Popen([*pinned, *gatewright], env=environment, stdout=log, stderr=log, cwd=folder)
        bare = subprocess.Popen([*pinned, sys.executable, "-m", "bench.bare", str(bare_port)], stdout=log, stderr=log)
        running = [served, bare]
        try:
            await_port(port)
            await_port(bare_port)
            settings = Settings(issuer=url, data_dir=data, secret_keys=(key,))
            bench = asyncio.run(_questions(settings, api_port))
            api = [*pinned, sys.executable, "-m", "bench.guarded_api", str(api_port)]
            running.append(subprocess.Popen(api, env={**environment, **bench.told}, stdout=log, stderr=log))
            await_port(api_port)
            yield [
                Asked(BARE, f"http://127.0.0.1:{bare_port}/", "GET", {}, pid=bare.pid),
                *(replace(one, pid=served.pid) for one in bench.of_server),
                *(replace(one, pid=running[-1].pid) for one in bench.of_api),
            ]
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait()


@dataclass(frozen=True, slots=True)
class _Bench:
    """What is asked of the server and of the guarded API, and what that API is told."""

    of_server: list[Asked]
    of_api: list[Asked]
    told: dict[str, str]


async def _questions(settings: Settings, api_port: int) -> _Bench:
    async with (
        open_house(settings) as house,
        httpx.AsyncClient(base_url=settings.issuer, trust_env=False) as client,
    ):
        world = _BenchWorld(None, house, client)  # type: ignore[arg-type]  # the server is another process
        await fill(world)
        tokens = await world.tokens("wim", "crane")
        await world.close()
        company, project = world.companies["alder"], world.projects["bridge"]
        gate = world.apps["gate"]
    query = f"company_id={company}&project_id={project}&tool=rfis&level=standard"
    question = {"token": tokens.access, "company_id": company, "project_id": project}
    bearer = {"Authorization": f"Bearer {tokens.access}"}
    body = json.dumps({"questions": [{**question, "tool": "rfis", "level": "standard"}]})
    basic = {"Authorization": httpx.BasicAuth(gate.client_id, gate.secret or "")._auth_header}
    told = {ISSUER: settings.issuer, CLIENT_ID: gate.client_id, CLIENT_SECRET: gate.secret or ""}
    api, named = f"http://127.0.0.1:{api_port}", {**bearer, "Gatewright-Company-Id": str(company)}
    return _Bench(
        [
            Asked("forward", f"{settings.issuer}/authz/forward?{query}", "GET", bearer),
            Asked("check, 1", f"{settings.issuer}/authz/check", "POST", {**basic, **JSON}, body),
        ],
        [
            Asked("API, open", api + OPEN.format(project_id=project), "GET", named),
            Asked("API, SDK", api + GUARDED.format(project_id=project), "GET", named),
        ],
        told,
    )


class _BenchWorld(World):
    async def browser(self) -> httpx.AsyncClient:
        """Return a browser at the server."""
        client = httpx.AsyncClient(base_url=str(self.client.base_url), trust_env=False)
        return await self._browsers.enter_async_context(client)


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int) -> None:
    """Wait until somebody listens and answers there."""
    for _ in range(400):
        try:
            httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    sys.exit("A server did not start.")


def _median(figures: list[Figures]) -> Figures:
    columns = zip(*((f.rate, f.p50, f.p99, f.cpu) for f in figures), strict=True)
    return Figures(*map(statistics.median, columns))


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([0-9.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


if __name__ == "__main__":
    main()
