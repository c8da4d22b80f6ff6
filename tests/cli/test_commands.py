"""The commands, as an operator runs them: what fails is told in one sentence, with exit 1 and nothing half-done."""

import asyncio
import json
import re
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from gatewright.base.secrets import mint_server_key
from gatewright.db.engine import Database
from tests.support.postgres import Cluster, free_port
from tests.support.server import command

TABLES = ("signing_keys", "tools", "server_keys")
WORLD = """
users:
  - {email: ada@a.example, name: Ada, password: only for development}
companies:
  - {name: Northwind, projects: [{name: Pier 9}], contacts: [{user: ada@a.example, levels: {directory: admin}}]}
apps:
  - {name: Sync, owner: ada@a.example, type: confidential}
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Return where the embedded database would be; it is not there yet."""
    return tmp_path / "var"


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Return a good world file."""
    path = tmp_path / "world.yaml"
    path.write_text(WORLD)
    return path


def _refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    """Require one sentence, exit 1, and no traceback."""
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stdout == ""
    for words in said:
        assert words in done.stderr


def test_migrate_makes_what_is_absent_and_is_safe_to_run_twice(data_dir: Path) -> None:
    assert "now" in command("migrate", data_dir=data_dir).stdout
    assert data_dir.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in data_dir.iterdir()} == {
        "gatewright.db": 0o600,
        "secret_keys": 0o600,
    }
    key = (data_dir / "secret_keys").read_text()
    assert "already" in command("migrate", data_dir=data_dir).stdout
    assert (data_dir / "secret_keys").read_text() == key


def test_migrate_makes_the_built_in_tools_and_a_signing_key(data_dir: Path) -> None:
    # M1
    command("migrate", data_dir=data_dir)
    database = sqlite3.connect(data_dir / "gatewright.db")
    assert database.execute("SELECT scope, key FROM tools ORDER BY key").fetchall() == [
        ("company", "admin"),
        ("company", "directory"),
    ]
    assert database.execute("SELECT count(*) FROM signing_keys").fetchone() == (1,)
    database.close()


def test_apply_makes_the_database_and_a_second_run_changes_nothing(data_dir: Path, world: Path) -> None:
    out = data_dir.parent / "out.json"
    first = command("apply", str(world), "--credentials", str(out), data_dir=data_dir)
    assert first.returncode == 0, first.stderr
    assert "+ company Northwind" in first.stdout
    assert re.search(r"Applied: \d+ created, 0 changed\.", first.stdout)
    made = json.loads(out.read_text())
    assert made["apps"]["Sync"]["client_secret"].startswith("gws_")
    assert out.stat().st_mode & 0o777 == 0o600
    second = command("apply", str(world), data_dir=data_dir)
    assert second.stdout == f"Nothing to change: the database holds what {world} says.\n"


def test_apply_says_when_secrets_were_made_and_not_kept(data_dir: Path, world: Path) -> None:
    assert "1 client secrets were made and not kept" in command("apply", str(world), data_dir=data_dir).stdout


def test_a_dry_run_shows_the_plan_and_changes_nothing(data_dir: Path, world: Path) -> None:
    done = command("apply", str(world), "--dry-run", data_dir=data_dir)
    assert done.returncode == 0, done.stderr
    assert "+ user ada@a.example" in done.stdout
    assert "Nothing was changed." in done.stdout
    assert not data_dir.exists()
    command("apply", str(world), data_dir=data_dir)
    world.write_text(WORLD.replace("directory: admin", "directory: none"))
    before = (data_dir / "gatewright.db").read_bytes()
    assert (
        "~ Northwind: ada@a.example: levels none" in command("apply", str(world), "--dry-run", data_dir=data_dir).stdout
    )
    assert (data_dir / "gatewright.db").read_bytes() == before


@pytest.mark.parametrize(
    "text", ["apps: [{name: Api, owner: you@a.example, type: public}]", "users: [{email: a@a.example}]"]
)
def test_who_is_not_there_is_told_with_the_database_that_was_asked(data_dir: Path, world: Path, text: str) -> None:
    """From another folder it is another database, and an empty one."""
    world.write_text(text)
    absent = command("apply", str(world), data_dir=data_dir).stderr.splitlines()
    assert absent[1].startswith(f"The database asked is {data_dir / 'gatewright.db'}, which is not there yet;")
    assert absent[2:] == ["Nothing was changed."]
    command("migrate", data_dir=data_dir)
    there = command("apply", str(world), "--dry-run", data_dir=data_dir).stderr.splitlines()
    assert there[1].startswith(f"The database asked is {data_dir / 'gatewright.db'}; GATEWRIGHT_DATA_DIR")
    world.write_text("users: [{email: no address, name: A}]")
    assert "The database" not in command("apply", str(world), data_dir=data_dir).stderr


def test_a_bad_world_names_every_line_and_changes_nothing(data_dir: Path, world: Path) -> None:
    world.write_text(WORLD.replace("Pier 9", "").replace("type: confidential", "type: secret"))
    done = command("apply", str(world), "--credentials", str(data_dir.parent / "out.json"), data_dir=data_dir)
    assert done.returncode == 1
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == [
        f"{world}:5",
        f"{world}:7",
        "Nothing was changed.",
    ]
    assert not data_dir.exists()
    assert not (data_dir.parent / "out.json").exists()


def test_a_world_that_cannot_be_read_is_named(data_dir: Path, world: Path) -> None:
    done = command("apply", "none.yaml", data_dir=data_dir)
    _refused(done, "none.yaml cannot be read: No such file or directory")
    world.write_bytes(b"users: \xff\xfe")
    _refused(command("apply", str(world), data_dir=data_dir), "is no UTF-8 text")
    assert not data_dir.exists()


def test_credentials_that_cannot_be_written_change_nothing(data_dir: Path, world: Path) -> None:
    nowhere = str(data_dir.parent / "none" / "out.json")
    _refused(command("apply", str(world), "--credentials", nowhere, data_dir=data_dir), "cannot be written")
    folder = str(data_dir.parent)
    _refused(command("apply", str(world), "--credentials", folder, data_dir=data_dir), "is a folder")
    assert not data_dir.exists()


def test_an_operator_is_made_by_a_one_time_link(data_dir: Path) -> None:
    # P7
    done = command(
        "operator", "create", "olive@a.example", data_dir=data_dir, settings={"ISSUER": "https://id.example"}
    )
    assert re.fullmatch(r"https://id\.example/invitation/gwi_[A-Za-z0-9_-]{43}\n", done.stdout)
    _refused(command("operator", "create", "olive", data_dir=data_dir), "'olive' is no e-mail address")


def test_a_second_operator_is_not_made_by_a_link(data_dir: Path, world: Path) -> None:
    # P7
    world.write_text(WORLD.replace("name: Ada,", "name: Ada, operator: true,"))
    assert command("apply", str(world), data_dir=data_dir).returncode == 0
    _refused(command("operator", "create", "olive@a.example", data_dir=data_dir), "There is an operator already")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("serve", "--port", "x"), "--port"),
        (("serve", "--port", "99999"), "--port"),
        (("operator", "create"), "EMAIL"),
        (("serve", "--nope"), "--nope"),
        (("serv",), "serv"),
    ],
)
def test_what_was_typed_wrong_is_told_in_a_sentence(data_dir: Path, arguments: tuple[str, ...], said: str) -> None:
    _refused(command(*arguments, data_dir=data_dir), said)
    assert not data_dir.exists()


def test_settings_are_shown_with_their_source_and_meaning(data_dir: Path) -> None:
    done = command("settings", data_dir=data_dir, settings={"WORKERS": "2"})
    assert "GATEWRIGHT_WORKERS = 2  (the environment)\n    Processes that serve." in done.stdout
    assert not data_dir.exists()


@pytest.mark.parametrize("arguments", [("serve",), ("migrate",), ("settings",), ("doctor",), ("apply", "world.yaml")])
def test_an_unknown_setting_stops_every_command(data_dir: Path, arguments: tuple[str, ...]) -> None:
    _refused(command(*arguments, data_dir=data_dir, settings={"ISUER": "x"}), "GATEWRIGHT_ISUER")
    assert not data_dir.exists()


def test_an_issuer_in_the_clear_is_refused_unless_it_is_this_computer(data_dir: Path) -> None:
    told = {"ISSUER": "http://id.example.com"}
    _refused(command("serve", data_dir=data_dir, settings=told), "GATEWRIGHT_ISSUER", "https://")
    assert not data_dir.exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"DATABASE_URL": "postgresql://gate:hunter2@127.0.0.1:1/gate"}, "Set GATEWRIGHT_SECRET_KEYS"),
        ({"DATABASE_URL": "sqlite:////proc/none/gatewright.db"}, "/proc/none/gatewright.db"),
        ({"SECRET_KEYS": "short"}, "GATEWRIGHT_SECRET_KEYS: a server key"),
        ({"DATA_DIR": "/proc/none"}, "/proc/none cannot be used"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence(data_dir: Path, settings: dict[str, str], said: str) -> None:
    for arguments in (("migrate",), ("serve", "--port", str(free_port())), ("operator", "create", "a@a.example")):
        done = command(*arguments, data_dir=data_dir, settings=settings)
        _refused(done, said)
        assert "hunter2" not in done.stderr


def test_a_database_that_cannot_be_reached_is_named_without_its_password(data_dir: Path) -> None:
    # T13
    settings = {"DATABASE_URL": "postgresql://gate:hunter2@127.0.0.1:1/gate", "SECRET_KEYS": mint_server_key()}
    for arguments in (("migrate",), ("serve", "--port", str(free_port())), ("operator", "create", "a@a.example")):
        done = command(*arguments, data_dir=data_dir, settings=settings)
        _refused(done, "postgresql://gate:***@127.0.0.1:1/gate cannot be reached")


def test_a_file_that_is_no_database_is_left_alone(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "gatewright.db").write_text("somebody's diary" * 100)
    _refused(command("migrate", data_dir=data_dir), "is no SQLite database")
    assert (data_dir / "gatewright.db").read_text().startswith("somebody's diary")


def test_a_lost_server_key_is_named_with_what_hangs_from_it(data_dir: Path) -> None:
    command("migrate", data_dir=data_dir)
    (data_dir / "secret_keys").write_text(mint_server_key() + "\n")
    for arguments in (("migrate",), ("serve", "--port", str(free_port()))):
        _refused(command(*arguments, data_dir=data_dir), "server keys", "signing keys")


def test_a_lost_key_file_is_not_made_anew(data_dir: Path, world: Path) -> None:
    assert command("apply", str(world), data_dir=data_dir).returncode == 0
    keys = data_dir / "secret_keys"
    kept = keys.rename(data_dir.parent / "kept")
    before = sorted(path.name for path in data_dir.iterdir())
    for arguments in (
        ("migrate",),
        ("serve", "--port", str(free_port())),
        ("apply", str(world)),
        ("apply", str(world), "--dry-run"),
        ("operator", "create", "a@a.example"),
    ):
        _refused(command(*arguments, data_dir=data_dir), f"{keys} is missing", "Restore that file")
        assert sorted(path.name for path in data_dir.iterdir()) == before
    assert f"{keys} is missing" in command("doctor", data_dir=data_dir).stdout
    assert not keys.exists()
    kept.rename(keys)
    assert command("apply", str(world), data_dir=data_dir).returncode == 0


def test_a_newer_database_is_left_alone(data_dir: Path, world: Path) -> None:
    command("migrate", data_dir=data_dir)
    database = sqlite3.connect(data_dir / "gatewright.db")
    database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.commit()
    database.close()
    for arguments in (("migrate",), ("serve", "--port", str(free_port())), ("apply", str(world), "--dry-run")):
        _refused(command(*arguments, data_dir=data_dir), "newer version")


def test_postgresql_must_have_been_migrated(data_dir: Path, world: Path, empty_postgresql_url: str) -> None:
    settings = {"DATABASE_URL": empty_postgresql_url, "SECRET_KEYS": mint_server_key()}
    for arguments in (
        ("serve", "--port", str(free_port())),
        ("apply", str(world)),
        ("operator", "create", "a@a.example"),
    ):
        _refused(command(*arguments, data_dir=data_dir, settings=settings), "run: gatewright migrate")
    assert command("migrate", data_dir=data_dir, settings=settings).returncode == 0
    assert command("apply", str(world), data_dir=data_dir, settings=settings).returncode == 0
    assert command("doctor", data_dir=data_dir, settings=settings).returncode == 0
    assert not data_dir.exists()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_several_that_migrate_at_once_make_one_of_each(
    request: pytest.FixtureRequest, data_dir: Path, dialect: str
) -> None:
    settings = {}
    if dialect == "postgresql":
        settings = {
            "DATABASE_URL": request.getfixturevalue("empty_postgresql_url"),
            "SECRET_KEYS": mint_server_key(),
        }
    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(lambda _: command("migrate", data_dir=data_dir, settings=settings), range(4)))
    assert [one.returncode for one in done] == [0] * 4, done
    database = Database.open(settings.get("DATABASE_URL") or f"sqlite:///{data_dir / 'gatewright.db'}")

    async def count() -> list[int]:
        async with database.read() as reader:
            counts = [(await reader.execute(text(f"SELECT count(*) FROM {t}"))).scalar_one() for t in TABLES]
        await database.close()
        return counts

    assert asyncio.run(count()) == [1, 2, 1]


def test_a_database_that_is_not_there_is_named(data_dir: Path, cluster: Cluster) -> None:
    settings = {"DATABASE_URL": cluster.url("nowhere"), "SECRET_KEYS": mint_server_key()}
    _refused(command("migrate", data_dir=data_dir, settings=settings), "has no such database")


def test_doctor_says_what_to_do(data_dir: Path) -> None:
    done = command("doctor", data_dir=data_dir)
    assert done.returncode == 1
    assert "run: gatewright migrate" in done.stdout
    command("migrate", data_dir=data_dir)
    done = command("doctor", data_dir=data_dir)
    assert done.returncode == 0, done.stdout
    data_dir.chmod(0o755)
    done = command("doctor", data_dir=data_dir)
    assert done.returncode == 1
    assert f"chmod 700 {data_dir}" in done.stdout
    data_dir.chmod(0o700)
    done = command("doctor", data_dir=data_dir, settings={"ISSUER": "https://id.example.invalid"})
    assert done.returncode == 1
    assert "GATEWRIGHT_TRUSTED_PROXIES" in done.stdout


def test_doctor_notices_a_clock_that_went_back(data_dir: Path) -> None:
    command("migrate", data_dir=data_dir)
    database = sqlite3.connect(data_dir / "gatewright.db")
    database.execute("UPDATE events SET at = '2999-01-01 00:00:00.000000'")
    database.commit()
    database.close()
    done = command("doctor", data_dir=data_dir)
    assert done.returncode == 1
    assert "clock" in done.stdout


def test_no_command_loads_the_server_before_it_serves() -> None:
    """Each command starts in the time it needs itself: loading the application takes longer than most of them run."""
    loaded = "import sys, gatewright.cli.commands, gatewright.cli.failures; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    names = set(done.stdout.split())
    assert "gatewright.cli.failures" in names
    assert {"gatewright.app", "gatewright.cli.serving", "uvicorn", "fastapi"} & names == set()
