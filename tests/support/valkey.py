"""A Valkey or Redis server of this machine's on a free loopback port; what speaks the protocol will do."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import valkey

from tests.support.binaries import find_valkey
from tests.support.postgres import free_port

_READY_SECONDS = 10.0


@pytest.fixture
def valkey_url(tmp_path: Path) -> Iterator[str]:
    """Lend the address of an empty server; skips, loudly, where none is to be had."""
    executable = find_valkey()
    if executable is None:
        pytest.skip("neither valkey-server nor redis-server is installed")
    port = free_port()
    command = [str(executable), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_ready(port)
        yield f"valkey://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    with valkey.Valkey(port=port) as client:
        while time.monotonic() < deadline:
            try:
                client.ping()
            except valkey.ConnectionError:
                time.sleep(0.05)
            else:
                return
    raise AssertionError(f"not ready within {_READY_SECONDS} s")
