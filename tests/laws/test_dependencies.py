"""`make setup` installs what both packages declare: they themselves are installed without looking for it."""

import re
import tomllib
from collections.abc import Iterator

import pytest

from tests.laws.source import ROOT

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


def _names(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if found := _NAME.match(line):
            yield re.sub(r"[._-]+", "-", found[0]).lower()


def _declared(project: str) -> set[str]:
    told = tomllib.loads((ROOT / project / "pyproject.toml").read_text())["project"]
    return set(_names(told["dependencies"]))


@pytest.mark.parametrize("file", ["runtime.in", "runtime.txt"])
@pytest.mark.parametrize("project", [".", "sdk"])
def test_what_a_package_declares_is_among_what_runs(project: str, file: str) -> None:
    listed = set(_names((ROOT / "requirements" / file).read_text().splitlines()))
    assert len(listed) > 20
    assert len(_declared(project)) >= 2
    assert _declared(project) - listed == set()


@pytest.mark.parametrize("file", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda file: file.name)
def test_a_locked_file_holds_hashes_and_no_address(file: object) -> None:
    text = (ROOT / "requirements" / str(file)).read_text()
    assert "--hash=sha256:" in text
    assert "://" not in text
