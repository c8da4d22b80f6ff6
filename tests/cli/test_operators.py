"""`gatewright operator`: the first operator and lost passwords, on a real server with a real mail server beside it."""

import re
import sqlite3
import time
from pathlib import Path

import httpx
import pytest

from tests.support.forms import Page
from tests.support.mail import running_sink
from tests.support.postgres import free_port
from tests.support.server import command, running_server

SENTENCE = "a stork above seven chimneys"
EMAIL = "oda@example.com"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Return where the embedded database would be; it is not there yet."""
    return tmp_path / "var"


def link(*arguments: str, data_dir: Path) -> str:
    """Return the path of the link that a command printed, and nothing else."""
    said = command("operator", *arguments, data_dir=data_dir)
    assert said.returncode == 0, said.stderr
    assert said.stderr == ""
    found = re.fullmatch(r"http://127\.0\.0\.1:8400(/\S+)\n", said.stdout)
    assert found is not None, said.stdout
    return found[1]


def refused(*arguments: str, data_dir: Path) -> str:
    """Return the one sentence of a command that failed."""
    said = command("operator", *arguments, data_dir=data_dir)
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.count("\n") == 1
    return said.stderr


def accept(browser: httpx.Client, path: str, **values: str) -> httpx.Response:
    form = Page(browser.get(path)).form(field="password")
    return browser.post(path, data={**form.fields, **values})


def is_signed_in(browser: httpx.Client) -> bool:
    return browser.get("/account/apps").status_code == 200


def test_from_an_empty_database_to_an_operator_who_lost_the_password(data_dir: Path) -> None:
    """P7, P8: the newest link alone begins the account; the reset link ends its sessions; both work once."""
    first = link("create", EMAIL, data_dir=data_dir)
    second = link("create", EMAIL, data_dir=data_dir)
    with (
        running_server(data_dir=data_dir) as server,
        httpx.Client(base_url=server.base_url, trust_env=False) as browser,
    ):
        assert [browser.get(path).status_code for path in (first, second)] == [404, 200]
        assert accept(browser, second, name="Oda Oak", password=SENTENCE).status_code == 303
        assert "Operator" in browser.get("/").text
        assert "operator already" in refused("create", "other@example.com", data_dir=data_dir)
        assert "operator already" in refused("create", EMAIL, data_dir=data_dir)
        reset = link("reset-link", EMAIL.upper(), data_dir=data_dir)
        assert browser.get(reset).status_code == 200
        assert is_signed_in(browser)
        assert accept(browser, reset, password=f"{SENTENCE} twice").status_code == 303
        assert not is_signed_in(browser)
        assert browser.get(reset).status_code == 404
        logged = server.said()
    for path in (first, second, reset):
        assert path.rsplit("/", 1)[1] not in logged
        assert path.rsplit("/", 1)[1].encode() not in b"".join(
            file.read_bytes() for file in data_dir.glob("gatewright.db*")
        )


def test_a_reset_link_is_for_an_active_persons_account(data_dir: Path) -> None:
    """P8, S2: who else is asked for is told of in a sentence."""
    link("create", EMAIL, data_dir=data_dir)
    assert refused("reset-link", EMAIL, data_dir=data_dir) == (
        f"gatewright: There is no account with the address {EMAIL}. The database asked is "
        f"{data_dir / 'gatewright.db'}; GATEWRIGHT_DATA_DIR says where another one lies.\n"
    )
    assert "no account with the address" in refused("reset-link", "x@service.127.0.0.1", data_dir=data_dir)
    assert "no e-mail address" in refused("reset-link", "oda", data_dir=data_dir)
    assert "no e-mail address" in refused("create", "oda", data_dir=data_dir)
    world = data_dir.parent / "world.yaml"
    world.write_text(f"users: [{{email: {EMAIL}, name: Oda, password: {SENTENCE}, active: false}}]")
    assert command("apply", str(world), data_dir=data_dir).returncode == 0
    assert "deactivated" in refused("reset-link", EMAIL, data_dir=data_dir)
    assert "has an account already" in refused("create", EMAIL, data_dir=data_dir)


def test_mail_of_a_server_that_was_killed_is_sent_by_the_next_one(data_dir: Path) -> None:
    """P8: what was committed is sent once the mail server is there, whoever died in between."""
    world, port = data_dir.parent / "world.yaml", free_port()
    world.write_text(f"users: [{{email: {EMAIL}, name: Oda, password: {SENTENCE}}}]")
    assert command("apply", str(world), data_dir=data_dir).returncode == 0
    settings = {"SMTP_URL": f"smtp://127.0.0.1:{port}"}
    with running_server(data_dir=data_dir, settings=settings) as server:
        with httpx.Client(base_url=server.base_url, trust_env=False) as browser:
            form = Page(browser.get("/password/forgot")).form(field="email")
            answer = browser.post("/password/forgot", data={**form.fields, "email": EMAIL})
            assert answer.status_code == 200
        assert EMAIL not in server.await_said("mail_put_off")
        server.kill()
    with sqlite3.connect(data_dir / "gatewright.db") as database:
        assert database.execute("SELECT count(*) FROM mail_outbox").fetchone() == (1,)
    with (
        running_sink(port) as sink,
        running_server(
            data_dir=data_dir,
            settings=settings,
        ) as server,
    ):
        until = time.monotonic() + 30
        while not sink.letters and time.monotonic() < until:
            time.sleep(0.05)
        assert [letter.to for letter in sink.letters] == [[EMAIL]]
        with httpx.Client(base_url=server.base_url, trust_env=False) as browser:
            assert accept(browser, sink.letters[0].path, password=f"{SENTENCE} anew").status_code == 303
