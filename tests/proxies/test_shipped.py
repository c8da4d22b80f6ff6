"""The file that is shipped, as nginx itself judges it."""

import subprocess
from pathlib import Path

from tests.support.nginx import needed_nginx, shipped


def test_the_shipped_file_is_one_that_nginx_takes_without_a_warning(tmp_path: Path) -> None:
    """X1: with nothing around it but what every nginx.conf has."""
    (tmp_path / "gatewright.conf").write_text(shipped(port=1, gatewright=2, api=3))
    around = "pid x.pid;\nevents {}\nhttp { access_log off; include gatewright.conf; }\n"
    (tmp_path / "nginx.conf").write_text(around)
    command = [str(needed_nginx()), "-t", "-q", "-p", f"{tmp_path}/", "-c", "nginx.conf"]
    said = subprocess.run(command, capture_output=True, check=False)
    assert said.returncode == 0, said.stderr
    assert b"[warn]" not in said.stderr, said.stderr
