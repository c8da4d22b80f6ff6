"""Where an app's tokens are kept: in memory, in a file that only its owner reads, or in a store of your own."""

import errno
import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from gatewright_sdk.token_errors import StoreBusy, StoreFailed
from gatewright_sdk.token_locks import LockedFile, locked_now
from gatewright_sdk.token_rules import Tokens

LOCK_SECONDS = 60.0  # what a renewal may take with a source's usual patience; a source says how long it waits
_SAVE_SECONDS = 60.0  # for others who save, each for a moment
_LOOK_AGAIN_SECONDS = 0.02
_FORMAT = 1


class Store(Protocol):
    """What a token source needs of a store. `account` is a text that names one set of tokens.

    `save` must be whole or not at all, and lasting when it returns: the server forgets a
    refresh token's predecessor once its successor is used. `lock` is held around one renewal, by
    one thread of one process at a time; whoever shares the store shares the lock.
    """

    def load(self, account: str) -> Tokens | None:
        """Return what is kept, or None."""
        ...

    def save(self, account: str, tokens: Tokens | None) -> None:
        """Keep these instead of what was kept; None: forget."""
        ...

    def lock(self, account: str, *, seconds: float) -> AbstractContextManager[None]:
        """Wait for the right to renew this account's tokens, and give it back at the end.

        StoreBusy when nobody gives it back in so many seconds; 0: now or not at all.
        """
        ...


class MemoryStore:
    """A store for one process: when it ends, the tokens are lost and the user has to authorize again.

    In a process forked from that one everything is StoreFailed: two of them with one refresh token would be a replay.
    """

    def __init__(self) -> None:
        self._process = os.getpid()
        self._kept: dict[str, Tokens] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def load(self, account: str) -> Tokens | None:
        """Return what is kept, or None."""
        self._refuse_another_process()
        return self._kept.get(account)

    def save(self, account: str, tokens: Tokens | None) -> None:
        """Keep these instead of what was kept; None: forget."""
        self._refuse_another_process()
        if tokens is None:
            self._kept.pop(account, None)
        else:
            self._kept[account] = tokens

    @contextmanager
    def lock(self, account: str, *, seconds: float = LOCK_SECONDS) -> Iterator[None]:
        """Wait for the right to renew this account's tokens; StoreBusy when nobody gives it back in time."""
        self._refuse_another_process()
        with self._guard:
            lock = self._locks.setdefault(account, threading.Lock())
        if not lock.acquire(timeout=seconds):
            raise StoreBusy(f"The tokens have been locked for {seconds:.0f} s by another thread.")
        try:
            yield
        finally:
            lock.release()

    def _refuse_another_process(self) -> None:
        if os.getpid() != self._process:
            told = "and this is another one, forked from it. Make the store there, or take a FileStore for both."
            raise StoreFailed(f"MemoryStore serves one process, {told}")


class FileStore:
    """A file for the tokens of any number of accounts, shared by the threads and processes of one user. POSIX.

    The file has mode 0600 and is replaced whole. Beside it lie empty lock files, which stay. The folder must be
    on a local disk: locks of network file systems cannot be relied on.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path).expanduser().absolute()

    def __repr__(self) -> str:
        return f"FileStore({str(self._path)!r})"

    def load(self, account: str) -> Tokens | None:
        """Return what is kept, or None; StoreFailed when the file is damaged or others could read it."""
        return self._read().get(account)

    def save(self, account: str, tokens: Tokens | None) -> None:
        """Keep these instead of what was kept; StoreFailed when that did not happen, and then nothing changed."""
        with self._locked(".lock", seconds=_SAVE_SECONDS):
            kept = self._read()
            if tokens is None:
                kept.pop(account, None)
            else:
                kept[account] = tokens
            self._write(kept)

    @contextmanager
    def lock(self, account: str, *, seconds: float = LOCK_SECONDS) -> Iterator[None]:
        """Wait for the right to renew this account's tokens; StoreBusy when nobody gives it back in time."""
        with self._locked(f".{sha256(account.encode()).hexdigest()[:16]}.lock", seconds=seconds):
            yield

    def _read(self) -> dict[str, Tokens]:
        try:
            # Without waiting: a pipe would be opened for as long as nobody writes into it.
            handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._failed(error) from None
        try:
            self._refuse_shared(os.fstat(handle))
            with os.fdopen(handle, "rb", closefd=False) as file:
                text = file.read()
        finally:
            os.close(handle)
        try:
            return _parsed(text)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise StoreFailed(f"{self._path} is damaged. Move it away and authorize again.") from None

    def _refuse_shared(self, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            told = "must be a file of this user's that nobody else can read or write; run: chmod 600"
            raise StoreFailed(f"{self._path} {told} {self._path}")

    def _write(self, kept: dict[str, Tokens]) -> None:
        fresh = self._path.with_name(f"{self._path.name}.new")
        text = json.dumps({"format": _FORMAT, "accounts": {name: asdict(one) for name, one in kept.items()}}, indent=1)
        try:
            fresh.unlink(missing_ok=True)  # of a process that died here; the lock says that none lives here
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(handle)
            fresh.replace(self._path)
            self._fsync_folder()
        except OSError as error:
            raise self._failed(error) from None

    def _fsync_folder(self) -> None:
        """Make the new name outlast a power cut."""
        handle = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    @contextmanager
    def _locked(self, ending: str, *, seconds: float) -> Iterator[None]:
        path = self._path.with_name(self._path.name + ending)
        try:
            self._check_folder()
            held = _wait_for(path, seconds=seconds)
        except OSError as error:
            raise self._failed(error) from None
        try:
            yield
        finally:
            held.give_back()

    def _check_folder(self) -> None:
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = folder.stat().st_mode
        if mode & 0o022 and not mode & stat.S_ISVTX:
            raise StoreFailed(f"{folder} can be written by others, who could replace {self._path.name} in it.")

    def _failed(self, error: OSError) -> StoreFailed:
        if error.errno == errno.ELOOP:
            return StoreFailed(f"{self._path} or its lock is a symbolic link. None is followed: name the file itself.")
        return StoreFailed(f"{self._path}: {error.strerror or type(error).__name__}")


def _wait_for(path: Path, *, seconds: float) -> LockedFile:
    over_at = time.monotonic() + seconds
    while (held := locked_now(path)) is None:
        if time.monotonic() >= over_at:
            raise StoreBusy(f"{path} has been locked for {seconds:.0f} s by another process.")
        time.sleep(_LOOK_AGAIN_SECONDS)
    return held


def _parsed(text: bytes) -> dict[str, Tokens]:
    """Return the accounts of a file; one of the errors that `_read` names when it is damaged."""
    said = json.loads(text)
    if said["format"] != _FORMAT:
        raise ValueError("another format")
    return {str(name): _checked(Tokens(**one)) for name, one in said["accounts"].items()}


def _checked(tokens: Tokens) -> Tokens:
    texts = (tokens.access_token, tokens.refresh_token, tokens.scope, tokens.ended)
    instants = (tokens.obtained_at, tokens.expires_at)
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(at, int | float) for at in instants):
        raise TypeError("not tokens")
    return tokens
