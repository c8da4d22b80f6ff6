"""`examples/integrator.py` by itself: how it takes the code. tests/cli tries it against the demo."""

import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

INTEGRATOR = Path(__file__).resolve().parents[2] / "examples" / "integrator.py"


def test_a_connection_that_is_never_used_keeps_the_code_from_nobody(tmp_path: Path) -> None:
    # T2: browsers open connections that they may not need
    places = ["--server=http://127.0.0.1:9", "--client-id=any", f"--tokens={tmp_path / 'tokens.json'}"]
    command = [sys.executable, str(INTEGRATOR), *places, "login", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            (redirect_uri,) = parse_qs(urlsplit(process.stdout.readline().strip()).query)["redirect_uri"]
            to = urlsplit(redirect_uri)
            with socket.create_connection((to.hostname, to.port)), httpx.Client(trust_env=False, timeout=10) as browser:
                assert browser.get(f"http://{to.netloc}/favicon.ico").status_code == 404
                assert browser.get(redirect_uri, params={"code": "any", "state": "another"}).status_code == 200
                _, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, "state differs" in err) == (1, True)
