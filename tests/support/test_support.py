"""What the tests stand on does what it says."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from gatewright.db.engine import Database
from gatewright.db.schema import users
from tests.support.browser import DESKTOP, PHONE, OpenPage
from tests.support.postgres import RUN_FOLDER, Cluster

ROOT = Path(__file__).resolve().parents[2]
SKIPPING = """
import pytest

def test_runs():
    pass

def test_cannot_run():
    pytest.skip("nothing to run it on")
"""


@pytest.fixture
def skipping(tmp_path: Path) -> Path:
    """Return a folder with one test that runs and one that skips."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ("tests.support.skips",)\n')
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def run(program: list[str], *, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, *program],
        cwd=cwd,
        env=kept | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_skip_is_loud_and_fails_the_run_in_ci(skipping: Path, workers: str) -> None:
    command = ["-m", "pytest", "-n", workers, "-p", "no:cacheprovider"]
    alone, in_ci = run(command, cwd=skipping), run(command, cwd=skipping, CI="true")
    assert alone.returncode == 0
    assert "1 SKIPPED: this was not a whole run" in alone.stdout
    assert in_ci.returncode == 1
    assert "1 SKIPPED: CI=true: this fails the run" in in_ci.stdout
    whole = run([*command, "-k", "runs"], cwd=skipping, CI="true")
    assert whole.returncode == 0
    assert "SKIPPED" not in whole.stdout


async def test_database_is_migrated_and_empty(database: Database) -> None:
    async with database.read() as reader:
        assert (await reader.execute(select(func.count()).select_from(users))).scalar_one() == 0


def test_databases_are_apart(cluster: Cluster) -> None:
    one, other = cluster.create_database(), cluster.create_database()
    assert one != other
    cluster.drop_database(one)
    with pytest.raises(Exception, match="does not exist"):
        cluster.execute(f'ALTER DATABASE "{one}" RENAME TO "{one}x"')
    cluster.drop_database(other)


CLAIM_AND_START = """
import sys
from pathlib import Path
from tests.support.postgres import claim_run_folder, remove_run_folder, running_cluster
folder = claim_run_folder()
print(folder, flush=True)
print(running_cluster().port, flush=True)
if sys.argv[1] == "leave":
    remove_run_folder(folder)
"""
JOIN = "from tests.support.postgres import running_cluster; print(running_cluster().port)"


def test_workers_share_one_cluster(cluster: Cluster) -> None:
    with ThreadPoolExecutor(2) as threads:
        folder = os.environ[RUN_FOLDER]
        asked = [threads.submit(run, ["-c", JOIN], cwd=ROOT, **{RUN_FOLDER: folder}) for _ in range(2)]
    assert {done.result().stdout.strip() for done in asked} == {str(cluster.port)}


def test_a_run_that_died_is_cleared_away_by_the_next(cluster: Cluster) -> None:
    died = run(["-c", CLAIM_AND_START, "die"], cwd=ROOT)
    folder, port = died.stdout.split()
    assert Path(folder).exists()
    cleared = run(["-c", CLAIM_AND_START, "leave"], cwd=ROOT)
    assert cleared.returncode == 0, cleared.stderr
    assert not Path(folder).exists()
    assert not Path(cleared.stdout.split()[0]).exists()
    assert port != str(cluster.port)


def test_pages_are_as_wide_as_a_desk_and_a_hand(open_page: OpenPage) -> None:
    for viewport in (DESKTOP, PHONE):
        page = open_page(viewport)
        page.set_content("<p>wide</p>")
        assert page.evaluate("innerWidth") == viewport["width"]
    plain = open_page(javascript=False)
    plain.set_content("<noscript><p>complete without</p></noscript>")
    assert plain.inner_text("p") == "complete without"


def test_what_the_browser_complains_about_fails_the_test(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ("tests.support.browser",)\n')
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_page.py").write_text(
        "def test_page(desktop):\n    desktop.set_content('<script>console.error(\"refused\")</script>')\n"
    )
    done = run(["-m", "pytest", "-p", "no:cacheprovider"], cwd=tmp_path)
    assert done.returncode == 1
    assert "the browser complained: ['refused']" in done.stdout
