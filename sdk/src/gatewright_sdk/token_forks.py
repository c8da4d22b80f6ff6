"""What a forked process makes anew: locks whose holder stayed in the process that it was forked from."""

import os
import weakref
from typing import Protocol


class MadeAnew(Protocol):
    """Something with a lock in it."""

    def begin_anew(self) -> None:
        """Leave the lock to the other process: here nobody would give it back."""
        ...


_made: "weakref.WeakSet[MadeAnew]" = weakref.WeakSet()


def make_anew_in_child(one: MadeAnew) -> None:
    """Have `begin_anew` called in each process that is forked from this one, while there is this object."""
    _made.add(one)


def _begin_anew() -> None:
    for one in list(_made):
        one.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
