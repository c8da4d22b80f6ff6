"""Stores of tokens: whole or not at all, for their owner alone, one renewal at a time."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gatewright_sdk.tokens import FileStore, MemoryStore, Store, StoreBusy, StoreFailed, Tokens


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


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_what_is_no_file_is_refused_at_once_and_the_link_named(tmp_path: Path, kind: str) -> None:
    # T13
    place = tmp_path / "tokens.json"
    if kind == "folder":
        place.mkdir(mode=0o700)
    elif kind == "pipe":
        os.mkfifo(place, 0o600)
    else:
        place.symlink_to(tmp_path / "other.json")
    with pytest.raises(StoreFailed) as refused:
        FileStore(place).load("one")
    assert str(place) in str(refused.value)
    assert ("symbolic link" in str(refused.value)) == (kind == "link")


def test_one_lock_for_each_account(store: Store) -> None:
    # T5
    inside, order = threading.Event(), []

    def second() -> None:
        inside.wait()
        with store.lock("one", seconds=60):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with store.lock("one", seconds=0), store.lock("two", seconds=0):
        inside.set()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


@pytest.mark.parametrize("seconds", [0.0, 0.2])
def test_a_lock_is_waited_for_so_long_and_no_longer(store: Store, seconds: float) -> None:
    with store.lock("one", seconds=0):
        began = time.monotonic()
        with pytest.raises(StoreBusy), store.lock("one", seconds=seconds):
            raise AssertionError("two held it")
        assert seconds <= time.monotonic() - began < seconds + 5
    with store.lock("one", seconds=0):
        pass


def test_a_lock_is_given_back_when_its_holder_fails(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), store.lock("one", seconds=0):
        raise KeyboardInterrupt
    with store.lock("one", seconds=0):
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


def test_a_file_of_another_users_is_refused(tmp_path: Path) -> None:
    # T13: who owns a file can read it and let others read it, whatever its mode is now
    store, me = FileStore(tmp_path / "tokens.json"), os.geteuid()
    store._refuse_shared(os.stat_result((0o100600, 1, 1, 1, me, 1, 1, 1, 1, 1)))
    with pytest.raises(StoreFailed, match="this user's"):
        store._refuse_shared(os.stat_result((0o100600, 1, 1, 1, me + 1, 1, 1, 1, 1, 1)))


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


def test_a_link_in_the_place_of_a_lock_is_refused(tmp_path: Path) -> None:
    # T13: else whoever puts it there has this user make or lock a file elsewhere
    store, elsewhere = FileStore(tmp_path / "tokens.json"), tmp_path / "elsewhere"
    (tmp_path / "tokens.json.lock").symlink_to(elsewhere)
    with pytest.raises(StoreFailed):
        store.save("one", tokens())
    assert not elsewhere.exists()


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


def test_what_is_saved_is_on_the_disk_before_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # T5: a power cut leaves the old file or the new one
    store, synced, fsync = FileStore(tmp_path / "tokens.json"), list[tuple[bool, str]](), os.fsync
    store.save("one", tokens(1))

    def noted(handle: int) -> None:
        at_its_place = store.load("one")
        assert at_its_place is not None
        synced.append((stat.S_ISDIR(os.fstat(handle).st_mode), at_its_place.access_token))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    store.save("one", tokens(2))
    assert synced == [(False, "access 1"), (True, "access 2")]


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
        with pytest.raises(StoreBusy, match="locked"), FileStore(path).lock("one", seconds=0.1):
            raise AssertionError("two held it")
        with FileStore(path).lock("two", seconds=0.1):
            process.send_signal(signal.SIGKILL)
    with FileStore(path).lock("one", seconds=0.1):
        assert FileStore(path).load("one") is None


_FORKED = """
import os, sys, time
from gatewright_sdk.tokens import FileStore
with FileStore(sys.argv[1]).lock("one"):
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    print(child, flush=True)
    time.sleep(60)
"""


def test_a_lock_ends_with_its_holder_though_its_child_lives(tmp_path: Path) -> None:
    # T5
    command = [sys.executable, "-c", _FORKED, str(tmp_path / "tokens.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            process.send_signal(signal.SIGKILL)
            process.wait()
            with FileStore(tmp_path / "tokens.json").lock("one", seconds=10):
                os.kill(child, 0)  # it lives
        finally:
            os.kill(child, signal.SIGKILL)


_FORKED_INSIDE = """
import os, sys
from gatewright_sdk.tokens import FileStore, StoreBusy
store = FileStore(sys.argv[1])
def is_free():
    try:
        with FileStore(sys.argv[1]).lock("one", seconds=0):
            return True
    except StoreBusy:
        return False
over, tell = os.pipe()
with store.lock("one"):
    child = os.fork()
    if child != 0:
        os.read(over, 1)  # the child has left the block
        assert not is_free()
if child == 0:
    took = is_free()
    os.write(tell, b"1")
    os._exit(1 if took else 7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert is_free()
"""


def test_a_child_gives_back_no_lock_of_its_parents(tmp_path: Path) -> None:
    # T5
    subprocess.run([sys.executable, "-c", _FORKED_INSIDE, tmp_path / "tokens.json"], check=True, timeout=60)


_FORKED_MEMORY = """
import os
from gatewright_sdk.tokens import MemoryStore, StoreFailed, Tokens
store = MemoryStore()
store.save("one", Tokens(access_token="a", refresh_token="b", obtained_at=1.0, expires_at=2.0))
def refuses(use):
    try:
        use()
    except StoreFailed as error:
        return str(error).startswith("MemoryStore serves one process")
uses = (lambda: store.load("one"), lambda: store.save("one", None), lambda: store.lock("one").__enter__())
with store.lock("one"):
    child = os.fork()
    if child == 0:
        os._exit(7 if [refuses(use) for use in uses] == [True] * 3 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert store.load("one")
"""


def test_memory_serves_one_process() -> None:
    # T6: two processes with one refresh token each would show it twice, which is a replay
    subprocess.run([sys.executable, "-c", _FORKED_MEMORY], check=True, timeout=60)


def test_a_store_shows_where_it_is_and_nothing_else(tmp_path: Path) -> None:
    # T13
    store = FileStore(tmp_path / "tokens.json")
    store.save("one", tokens())
    assert repr(store) == f"FileStore({str(tmp_path / 'tokens.json')!r})"
    assert "access 1" not in repr(MemoryStore())
