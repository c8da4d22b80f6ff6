"""`gatewright keys` beside a running server, which obeys at once (T12), and SECRET_KEYS rotated in its file (T13)."""

import re
from pathlib import Path

import httpx

from gatewright.base.secrets import mint_server_key
from tests.support.server import command, running_server

KID = re.compile(r"[0-9a-f]{32}")


def said(data_dir: Path, *arguments: str) -> str:
    """Return what `gatewright keys …` said; it must succeed."""
    done = command("keys", *arguments, data_dir=data_dir)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(data_dir: Path, *arguments: str) -> str:
    """Return the sentence with which `gatewright keys …` refused."""
    done = command("keys", *arguments, data_dir=data_dir)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    return done.stderr


def states(data_dir: Path) -> dict[str, str]:
    """Return the state of each signing key."""
    lines = [line.split() for line in said(data_dir, "list").splitlines()]
    return {line[0]: line[1] for line in lines if len(line) > 1 and KID.fullmatch(line[0])}


def published(base_url: str) -> set[str]:
    """Return the kids of the key set that a server publishes."""
    answer = httpx.get(f"{base_url}/oauth/jwks", trust_env=False)
    return {key["kid"] for key in answer.json()["keys"]}


def test_a_running_server_obeys_at_once(tmp_path: Path) -> None:
    """T12: rotated, rotated at once, compromised; and what cannot be done is told in a sentence."""
    data_dir = tmp_path / "data"
    with running_server(data_dir=data_dir) as server:
        (old,) = states(data_dir)
        assert "is published, and signs from" in said(data_dir, "rotate")
        assert set(states(data_dir).values()) == {"current", "next"}
        assert published(server.base_url) == set(states(data_dir))
        assert "becomes current at" in refused(data_dir, "rotate")
        assert "signs from now on" in said(data_dir, "rotate", "--now")
        assert sorted(states(data_dir).values()) == ["current", "retiring"]
        (current,) = (kid for kid, state in states(data_dir).items() if state == "current")
        assert "nothing would sign" in refused(data_dir, "retire", current)
        assert "no such signing key" in refused(data_dir, "retire", "0" * 32, "--compromised")
        assert "signs from now on" in said(data_dir, "retire", current, "--compromised")
        assert states(data_dir)[current] == "compromised"
        assert current not in published(server.base_url)
        assert old in published(server.base_url)


def test_server_keys_are_listed_with_what_hangs_from_them(tmp_path: Path) -> None:
    """T13: a key put in front takes over what is sealed, and the older one may go."""
    data_dir = tmp_path / "data"
    assert command("migrate", data_dir=data_dir).returncode == 0
    assert "1 signing keys" in said(data_dir, "list")
    file = data_dir / "secret_keys"
    file.write_text(f"{mint_server_key()}\n{file.read_text()}")
    listed = said(data_dir, "list").partition("Server keys")[2]
    assert listed.count("1 signing keys") == 1
    assert "nothing hangs from it, so it may be taken out of SECRET_KEYS" in listed
    file.write_text(file.read_text().splitlines()[0] + "\n")
    assert ": gone" in said(data_dir, "list")


def test_a_server_key_that_something_hangs_from_is_missed(tmp_path: Path) -> None:
    """T13: refused, and what hangs from it is named."""
    data_dir = tmp_path / "data"
    assert command("migrate", data_dir=data_dir).returncode == 0
    (data_dir / "secret_keys").write_text(mint_server_key() + "\n")
    assert "(signing keys)" in refused(data_dir, "list")
