"""What is in the package that others install: licence, lower bounds, and a description that leads nowhere else."""

import re
import subprocess
import sys
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest

SDK = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """Return the wheel, built."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=SDK, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return ZipFile(built)


def told(wheel: ZipFile) -> Message:
    """Return what the wheel says of itself."""
    (path,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return message_from_bytes(wheel.read(path))


def test_the_package_holds_the_text_of_its_licence(wheel: ZipFile) -> None:
    (path,) = (name for name in wheel.namelist() if name.endswith("/licenses/LICENSE"))
    assert wheel.read(path) == (SDK.parent / "LICENSE").read_bytes()
    assert told(wheel)["License-Expression"] == "Apache-2.0"


def test_whatever_the_package_needs_has_a_lower_bound(wheel: ZipFile) -> None:
    needs = told(wheel).get_all("Requires-Dist", [])
    assert len(needs) == 7
    assert [one for one in needs if ">=" not in one] == []


def test_the_description_leads_to_no_file_that_is_not_there(wheel: ZipFile) -> None:
    links = re.findall(r"\]\(([^)]*)\)", str(told(wheel).get_payload()))
    assert links
    assert [link for link in links if not link.startswith(("#", "https://"))] == []
