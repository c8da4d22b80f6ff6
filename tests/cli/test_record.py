"""`gatewright events`: exported, verified and erased as an operator does it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import command

WORLD = """
users:
  - {email: ada@a.example, name: Ada, password: only for development}
  - {email: wim@a.example, name: Wim Weide, active: false, password: only for development}
companies:
  - {name: Northwind, contacts: [{user: ada@a.example, levels: {directory: admin}}, {user: wim@a.example}]}
"""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory with a company that has a record."""
    folder = tmp_path_factory.mktemp("record")
    world = folder / "world.yaml"
    world.write_text(WORLD)
    done = command("apply", str(world), data_dir=folder / "var")
    assert done.returncode == 0, done
    return folder / "var"


def events(*arguments: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    return command("events", *arguments, data_dir=data_dir)


def verified(file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Return what `verify` says where there is nothing but the file: no settings that could be read, no database."""
    program = [str(Path(sys.executable).with_name("gatewright")), "events", "verify", str(file), *arguments]
    bare = {"PATH": os.environ["PATH"], "GATEWRIGHT_NONSENSE": "1"}
    return subprocess.run(program, capture_output=True, text=True, env=bare, cwd=file.parent, timeout=60, check=False)


def test_a_record_is_exported_and_verified_without_server_database_and_settings(data_dir: Path, tmp_path: Path) -> None:
    # R2
    file = tmp_path / "record.jsonl"
    exported = events("export", "--company", "1", str(file), data_dir=data_dir)
    assert exported.returncode == 0, exported
    assert file.stat().st_mode & 0o777 == 0o600
    fingerprint = events("fingerprint", data_dir=data_dir).stdout.strip()
    assert fingerprint in exported.stdout
    entries = len(file.read_bytes().splitlines()) - 2
    told = verified(file, "--fingerprint", fingerprint)
    assert told.returncode == 0, told
    head = f"{entries} entries, unbroken, head signed by {fingerprint}"
    assert told.stdout.splitlines()[0] == f"{head} (fingerprint matches)"
    assert "unproven" not in told.stdout
    unproven = verified(file)
    assert unproven.returncode == 0
    assert unproven.stdout.splitlines()[0] == head
    assert "Origin unproven" in unproven.stdout
    other = verified(file, "--fingerprint", "-x")
    assert other.returncode == 1
    assert f"{file}:{entries + 2}: " in other.stderr
    assert fingerprint in other.stderr


def test_the_line_that_was_changed_is_named(data_dir: Path, tmp_path: Path) -> None:
    # R2
    file = tmp_path / "deployment.jsonl"
    assert events("export", "--deployment", str(file), data_dir=data_dir).returncode == 0
    lines = file.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"kind":"', b'"kind":"x', 1)
    file.write_bytes(b"".join(lines))
    told = verified(file)
    assert told.returncode == 1
    assert told.stdout == ""
    assert told.stderr.startswith(f"{file}:3: This line was changed")
    assert verified(tmp_path / "nowhere").returncode == 1
    assert "cannot be read" in verified(tmp_path).stderr


def test_a_person_is_erased_and_the_record_verified_as_before(data_dir: Path, tmp_path: Path) -> None:
    # R4
    file = tmp_path / "record.jsonl"
    for wrong in (
        (),
        ("--user", "wim@a.example", "--company", "1"),
        ("--company", "1"),
        ("--user", "nobody@a.example"),
        ("--user", "ada@a.example"),
        ("--user", "x" * 300),
    ):
        refused = events("erase", *wrong, data_dir=data_dir)
        assert (refused.returncode, len(refused.stderr.strip().splitlines())) == (1, 1), refused
    for beyond in (("--company", str(2**53), "--contact", "1"), ("--company", "1", "--contact", str(2**70))):
        refused = events("erase", *beyond, data_dir=data_dir)
        assert (refused.returncode, "Invalid value" in refused.stderr) == (1, True), refused
    done = events("erase", "--user", "Wim@A.example", data_dir=data_dir)
    assert (done.returncode, done.stdout.startswith("Erased from 2 entries.")) == (0, True), done
    assert "no personal data" in events("erase", "--user", "wim@a.example", data_dir=data_dir).stdout
    assert events("export", "--company", "1", str(file), data_dir=data_dir).returncode == 0
    assert "Wim" not in file.read_text()
    told = verified(file)
    assert (told.returncode, "Personal data is erased from 1 of them." in told.stdout) == (0, True), told


def test_what_names_no_record_is_told_in_a_sentence(data_dir: Path, tmp_path: Path) -> None:
    # R2
    file = str(tmp_path / "x.jsonl")
    for wrong in (
        ("export", file),
        ("export", "--company", "1", "--deployment", file),
        ("export", "--company", "99", file),
        ("export", "--company", "1", str(tmp_path / "no" / "x.jsonl")),
    ):
        refused = events(*wrong, data_dir=data_dir)
        assert (refused.returncode, len(refused.stderr.strip().splitlines())) == (1, 1), refused
    absent = events("fingerprint", data_dir=tmp_path / "absent")
    assert (absent.returncode, "no database" in absent.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []
