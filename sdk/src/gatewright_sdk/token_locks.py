"""Files that one thread of one process has locked at a time. POSIX."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True, eq=False)
class LockedFile:
    """An open file, locked by this process until it is given back."""

    handle: int
    is_inherited: bool = False

    def give_back(self) -> None:
        """Unlock it, also where a program started by this one has the open file."""
        import fcntl

        with _forking:
            if self.is_inherited:
                return  # it belongs to the process that this one was forked from
            _held.discard(self)
            try:
                fcntl.flock(self.handle, fcntl.LOCK_UN)
            finally:
                os.close(self.handle)


def locked_now(path: Path) -> LockedFile | None:
    """Return the file at `path`, locked by nobody else; None when somebody has it. OSError when it cannot be opened."""
    import fcntl  # not there on Windows, where MemoryStore and stores of one's own work all the same

    with _forking:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException as error:
            os.close(handle)
            if isinstance(error, BlockingIOError):
                return None
            raise
        held = LockedFile(handle)
        _held.add(held)
        return held


_held: set[LockedFile] = set()
_forking = threading.RLock()  # between opening a file and noting it nobody forks


def _close_inherited() -> None:
    """Close what the forked process inherited: else the lock would outlive its holder, for as long as this process."""
    for held in _held:
        held.is_inherited = True
        os.close(held.handle)
    _held.clear()
    _forking.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_forking.acquire, after_in_parent=_forking.release, after_in_child=_close_inherited)
