"""Facts: rows kept in memory for as long as nothing has touched them (T12, X5).

A coherence keeps the memory honest. Before a fact is used it learns what other
processes committed; where it cannot know, nothing is kept at all.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from gatewright.db.engine import Committed, Database, Reader

V = TypeVar("V")
MOST_FACTS = 1_000_000
MOST_ABSENT = 50_000
_LOST = object()
_NEVER = -1


class Noted(dict[str, Any]):
    """Facts by key, as they were given last."""

    __slots__ = ("stood_at",)

    def __init__(self) -> None:
        super().__init__()
        self.stood_at = _NEVER  # the losses of the memory when all of them stood

    def note(self, key: str, value: Any) -> None:
        """Note one more fact, of which it is not known whether it stands."""
        self[key] = value
        self.stood_at = _NEVER

    def note_all(self, others: "Noted") -> None:
        """Note the facts of others."""
        self.update(others)
        self.stood_at = _NEVER


@contextmanager
def noting() -> Iterator[Noted]:
    """Lend the facts that this task asks for meanwhile."""
    noted = Noted()
    outer = _noted.get()
    before = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(before)
        if outer is not None:
            outer.note_all(noted)


_noted: ContextVar[Noted | None] = ContextVar("noted", default=None)
_shared: ContextVar[dict[str, Any] | None] = ContextVar("shared", default=None)


@dataclass(frozen=True, slots=True)
class Fact(Generic[V]):
    """One fact to be had: its key, and the one select that loads it."""

    key: str
    load: Callable[[Reader], Awaitable[V]]
    # Whether "there is none" is kept too. Not where a stranger who is not even signed in chooses the key.
    keeps_absence: bool = True


class Coherence(Protocol):
    """How a process knows that a fact in its memory still holds."""

    keeps: bool  # whether facts may outlive the request that loaded them

    def touched(self) -> Iterable[str]:
        """Return the keys that others touched since the last call."""
        ...


@dataclass(slots=True)
class _Load:
    """One select in flight. A load that an event overtook is neither kept nor joined."""

    task: "asyncio.Task[Any]"
    overtaken: bool = False


class _Room(OrderedDict[str, Any]):
    """Facts by key, so many of them."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most


class Facts:
    """The facts of one process."""

    def __init__(
        self, database: Database, coherence: Coherence, *, most: int = MOST_FACTS, most_absent: int = MOST_ABSENT
    ) -> None:
        self._database = database
        self._coherence = coherence
        # What was asked for last stands last. Absences have a room of their own, for strangers
        # choose ids: what is not there must not push out what is.
        self._rows = _Room(most)
        self._absences = _Room(most_absent)
        self._loads: dict[str, _Load] = {}
        self._shares: list[dict[str, Any]] = []
        self._losses = 0  # how often a fact left the memory, or another took its place
        database.after_commit.append(self._committed)

    async def get(self, fact: Fact[V]) -> V:
        """Return the fact as no ending answered before this call would deny it.

        In memory it costs no statement. Otherwise one select, shared by all who ask
        for it at the same time.
        """
        self.hear()
        noted = _noted.get()
        room = self._rows if fact.key in self._rows else self._absences
        if fact.key in room:
            kept: V = room[fact.key]
            room.move_to_end(fact.key)
            if noted is not None:
                noted.note(fact.key, kept)
            return kept
        shared = None if self._coherence.keeps else _shared.get()
        if shared is not None and fact.key in shared:
            value: V = shared[fact.key]
        else:
            value = await self._loaded(fact, noted, shared)
        if noted is not None:
            noted.note(fact.key, value)
        return value

    async def _loaded(self, fact: Fact[V], noted: Noted | None, shared: dict[str, Any] | None) -> V:
        if noted is not None:
            noted.note(fact.key, None)
        load = self._loads.get(fact.key)
        if load is None or load.overtaken or not self._coherence.keeps:
            load = self._begin(fact)
        # Shielded: one request that goes away must not fail those that share its load.
        value: V = await asyncio.shield(load.task)
        if shared is not None and not load.overtaken:
            shared[fact.key] = value
        return value

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """Let the many questions of one request read each fact once, where nothing is kept beyond it.

        What was read after the request arrived is as true as its answer: an ending that is
        answered meanwhile came after the question. What this process itself changes is read anew.
        """
        share: dict[str, Any] = {}
        self._shares.append(share)
        before = _shared.set(share)
        try:
            yield
        finally:
            _shared.reset(before)
            self._shares[:] = [other for other in self._shares if other is not share]

    def stand(self, given: Noted) -> bool:
        """Return whether memory holds these very values still, after what was answered before this call.

        Whatever was computed from them alone would then be computed again. They count as asked for.
        """
        if not self._coherence.keeps:
            return False
        self.hear()
        if given.stood_at != self._losses:  # else nothing was lost since all of them stood
            for key, value in given.items():
                room = self._absences if value is None else self._rows
                if room.get(key, _LOST) is not value:
                    return False
            given.stood_at = self._losses
        if (noted := _noted.get()) is not None:
            noted.note_all(given)
        return True

    def hear(self) -> None:
        """Forget what others touched; a storage failure when that cannot be known."""
        self.forget(self._coherence.touched())

    def at_hand(self, key: str) -> Any:
        """Return a fact as it stood when the coherence was asked last; None when it is not in memory.

        Only for whoever asked in this very step, about another fact, and waited for nothing since.
        """
        return self._rows.get(key)

    def forget(self, keys: Iterable[str]) -> None:
        """Forget these facts, and mark their loads in flight: kept by nobody, joined by nobody."""
        for key in keys:
            for room in (self._rows, self._absences):
                if key in room:
                    del room[key]
                    self._losses += 1
            for share in self._shares:
                share.pop(key, None)
            if (load := self._loads.get(key)) is not None:
                load.overtaken = True

    def _begin(self, fact: Fact[V]) -> _Load:
        load = _Load(asyncio.get_running_loop().create_task(self._select(fact)))
        self._loads[fact.key] = load
        load.task.add_done_callback(lambda task: self._finish(fact, load, task))
        return load

    async def _select(self, fact: Fact[V]) -> V:
        async with self._database.read() as reader:
            return await fact.load(reader)

    def _finish(self, fact: Fact[V], load: _Load, task: "asyncio.Task[V]") -> None:
        if self._loads.get(fact.key) is load:
            del self._loads[fact.key]
        failed = task.cancelled() or task.exception() is not None
        # Another process may have committed while the select ran. That does no harm:
        # every use asks the coherence first, which then forgets what is kept here.
        if not failed and self._coherence.keeps:
            self._keep(fact, load, task.result())

    def _keep(self, fact: Fact[V], load: _Load, value: V) -> None:
        if load.overtaken or (value is None and not fact.keeps_absence):
            return
        room = self._absences if value is None else self._rows
        if fact.key in room:
            self._losses += 1
        elif len(room) >= room.most:
            room.popitem(last=False)
            self._losses += 1
        room[fact.key] = value

    async def _committed(self, committed: Committed) -> None:
        self.forget(committed.keys)


class ReadThrough:
    """Keeps nothing: every fact is read when it is used.

    For a database that many processes write to while no lease tells them of each
    other: slower, and coherent by construction.
    """

    keeps = False

    def touched(self) -> Iterable[str]:
        """Return nothing: there is nothing to forget."""
        return ()
