"""Stores of tokens: whole or not at all, for their owner alone, one renewal at a time."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gatewright_sdk.tokens import FileStore, MemoryStore, Store, StoreFailed, Tokens


def tokens(number: int = 1, *, ended: str = "") -> Tokens:
    """Return the tokens of one generation."""
    return Tokens(
        access_token=f"access {number}",
        refresh_token=f"refresh {number}",
        obtained_at=float(number),
        expires_at=number + 0.5,
        scope="a b",
        ended=ended,
    )


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Return an empty store of each kind."""
    return MemoryStore() if request.param == "memory" else FileStore(tmp_path / "folder" / "tokens.json")


def test_a_store_keeps_what_each_account_has(store: Store) -> None:
    assert store.load("one") is None
    store.save("one", tokens(1))
    store.save("two", tokens(2, ended="revoked"))
    store.save("one", tokens(3))
    assert (store.load("one"), store.load("two")) == (tokens(3), tokens(2, ended="revoked"))
    store.save("one", None)
    store.save("nobody", None)
    assert (store.load("one"), store.load("two")) == (None, tokens(2, ended="revoked"))


def test_one_lock_for_each_account(store: Store) -> None:
    # T5
    inside, order = threading.Event(), []

    def second() -> None:
        inside.wait()
        with store.lock("one"):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with store.lock("one"), store.lock("two"):
        inside.set()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_lock_is_given_back_when_its_holder_fails(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), store.lock("one"):
        raise KeyboardInterrupt
    with store.lock("one"):
        store.save("one", tokens())
    assert store.load("one") == tokens()


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    # T13
    path = tmp_path / "new" / "tokens.json"
    old = os.umask(0)
    try:
        FileStore(path).save("one", tokens())
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    left = sorted(file.name for file in path.parent.iterdir())
    assert left == ["tokens.json", "tokens.json.lock"]
    assert (path.parent / "tokens.json.lock").read_bytes() == b""


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602, 0o644])
def test_a_file_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    # T13
    store = FileStore(tmp_path / "tokens.json")
    store.save("one", tokens())
    (tmp_path / "tokens.json").chmod(mode)
    with pytest.raises(StoreFailed, match="chmod 600"):
        store.load("one")
    with pytest.raises(StoreFailed, match="chmod 600"):
        store.save("one", tokens(2))
    (tmp_path / "tokens.json").chmod(0o600)
    assert store.load("one") == tokens()


def test_a_folder_that_others_can_write_is_refused(tmp_path: Path) -> None:
    # T13: whoever can write the folder can put another file in the place of this one
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(StoreFailed, match="written by others"):
        FileStore(folder / "tokens.json").save("one", tokens())
    folder.chmod(0o1777)  # as /tmp: nobody can replace what is somebody else's
    FileStore(folder / "tokens.json").save("one", tokens())
    assert FileStore(folder / "tokens.json").load("one") == tokens()


def test_a_link_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    # T13
    FileStore(tmp_path / "other.json").save("one", tokens())
    (tmp_path / "tokens.json").symlink_to(tmp_path / "other.json")
    with pytest.raises(StoreFailed):
        FileStore(tmp_path / "tokens.json").load("one")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"7",
        b'{"format": 2, "accounts": {}}',
        b'{"format": 1, "accounts": []}',
        b'{"format": 1, "accounts": {"one": {}}}',
        b'{"format": 1, "accounts": {"one": {"access_token": 7, "obtained_at": 1, "expires_at": 2}}}',
        b'{"format": 1, "accounts": {"one": {"access_token": "a", "obtained_at": "1", "expires_at": 2}}}',
        b'{"format": 1, "accounts": {"one": {"access_token": "a", "obtained_at": 1, "expires_at": 2, "more": 3}}}',
    ],
)
def test_a_damaged_file_is_told_of_and_left_as_it_is(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "tokens.json"
    path.write_bytes(text)
    path.chmod(0o600)
    with pytest.raises(StoreFailed, match="damaged"):
        FileStore(path).load("one")
    with pytest.raises(StoreFailed, match="damaged"):
        FileStore(path).save("two", tokens())
    assert path.read_bytes() == text


def test_a_save_that_fails_changes_nothing(tmp_path: Path) -> None:
    # T5: the predecessor is still there to be presented again
    store = FileStore(tmp_path / "tokens.json")
    store.save("one", tokens(1))
    (tmp_path / "tokens.json.new").mkdir()  # stands for a disk on which nothing can be written
    with pytest.raises(StoreFailed):
        store.save("one", tokens(2))
    assert store.load("one") == tokens(1)


def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "tokens.json")
    (tmp_path / "tokens.json.new").write_text('{"half')
    store.save("one", tokens())
    assert store.load("one") == tokens()
    assert not (tmp_path / "tokens.json.new").exists()


_SAVING = """
import sys
from gatewright_sdk.tokens import FileStore, Tokens
store = FileStore(sys.argv[1])
number = 1
while True:
    text = str(number) * 5000
    store.save("one", Tokens(access_token=text, refresh_token=text, obtained_at=1.0, expires_at=2.0))
    if number == 1:
        print("saving", flush=True)
    number += 1
"""


def test_a_process_killed_while_it_saves_leaves_a_whole_file(tmp_path: Path) -> None:
    # T5
    path = tmp_path / "tokens.json"
    for round_ in range(10):
        with subprocess.Popen([sys.executable, "-c", _SAVING, path], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"saving\n"
            threading.Event().wait(0.003 * round_)
            process.send_signal(signal.SIGKILL)
        kept = FileStore(path).load("one")
        assert kept is not None
        assert kept.access_token == kept.refresh_token


_SAVING_ITS_OWN = """
import sys
from gatewright_sdk.tokens import FileStore, Tokens
path, account = sys.argv[1:]
for number in range(30):
    FileStore(path).save(account, Tokens(access_token=str(number), obtained_at=1.0, expires_at=2.0))
"""


def test_processes_that_save_for_different_accounts_lose_nothing_of_each_other(tmp_path: Path) -> None:
    # T5: the file is one, and each of them writes it whole
    path = tmp_path / "tokens.json"
    accounts = [f"account {number}" for number in range(8)]
    running = [subprocess.Popen([sys.executable, "-c", _SAVING_ITS_OWN, path, account]) for account in accounts]
    assert [process.wait(60) for process in running] == [0] * 8
    found = [FileStore(path).load(account) for account in accounts]
    assert [one.access_token for one in found if one] == ["29"] * 8


_LOCKING = """
import sys
from gatewright_sdk.tokens import FileStore
with FileStore(sys.argv[1]).lock("one"):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_the_lock_holds_between_processes_and_ends_with_its_holder(tmp_path: Path) -> None:
    # T5
    path = tmp_path / "tokens.json"
    with subprocess.Popen(
        [sys.executable, "-c", _LOCKING, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        with pytest.raises(StoreFailed, match="locked"), FileStore(path, lock_seconds=0.1).lock("one"):
            raise AssertionError("two held it")
        with FileStore(path, lock_seconds=0.1).lock("two"):
            process.send_signal(signal.SIGKILL)
    with FileStore(path, lock_seconds=0.1).lock("one"):
        assert FileStore(path).load("one") is None


def test_a_store_shows_where_it_is_and_nothing_else(tmp_path: Path) -> None:
    # T13
    store = FileStore(tmp_path / "tokens.json")
    store.save("one", tokens())
    assert repr(store) == f"FileStore({str(tmp_path / 'tokens.json')!r})"
    assert "access 1" not in repr(MemoryStore())
