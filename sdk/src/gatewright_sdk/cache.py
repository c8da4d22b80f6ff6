"""Answers kept in memory, and for how long they may be: sans-I/O, and told the time.

What is kept here was true when it was asked. It may be used while a *lease* lives: the
server was asked by a nonce for its newest position, and everything up to that position
has been applied here. The lease counts from the moment that nonce was SENT, on a clock
that counts pauses, and is compared at each use. The stream says what to forget; it
never makes a lease longer.

`now` is seconds of `clock.passed()` everywhere.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

A = TypeVar("A")
MOST_ANSWERS = 100_000
MOST_FORGOTTEN = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """One question that was sent to the server: what was known when it left."""

    key: Hashable
    incarnation: int
    step: int  # how many times something had been forgotten
    leased: bool


@dataclass(frozen=True, slots=True, eq=False)
class Nonce:
    """One renewal that was sent, and what had been applied by then."""

    incarnation: int
    sent_at: float
    applied: int


@dataclass(frozen=True, slots=True)
class _Kept(Generic[A]):
    answer: A
    tags: tuple[str, ...]
    expires_at: float


@dataclass(frozen=True, slots=True)
class _Promised:
    """A lease that begins to count once everything up to `position` has been applied."""

    position: int
    until: float


class Cache(Generic[A]):
    """The answers of one process. It starts without position, and so without a lease."""

    def __init__(self, *, most: int = MOST_ANSWERS) -> None:
        self._most = most
        self._incarnation = 0
        self._applied: int | None = None
        self._is_streaming = False
        self._leased_until = float("-inf")
        self._promised: list[_Promised] = []
        self._kept: OrderedDict[Hashable, _Kept[A]] = OrderedDict()  # what was used last stands last
        self._keys: dict[str, set[Hashable]] = {}  # by tag
        self._step = 0
        self._forgotten: OrderedDict[str, int] = OrderedDict()  # tag -> step, since the oldest question in flight
        self._all_forgotten = 0  # the last step of which the tags are no longer known one by one
        self._flying: OrderedDict[Ticket, None] = OrderedDict()  # in the order in which they were sent

    # --- following ---------------------------------------------------------------------------

    def has_lease(self, now: float) -> bool:
        """Return whether what is kept may be used at this instant."""
        return now < self._leased_until

    def open_stream(self, now: float) -> int | None:
        """Return the position to resume from; None: from now on, as a new incarnation.

        Without a live lease nothing is worth resuming. What happened meanwhile may even be
        a database that was set back and has passed our position again.
        """
        self._is_streaming = False
        if not self.has_lease(now):
            self._begin(None)
        return self._applied

    def at_position(self, position: int, now: float) -> None:
        """Note where a stream begins. Elsewhere than where we stand, or without a live lease: a new incarnation."""
        self._is_streaming = True
        if position != self._applied or not self.has_lease(now):
            self._begin(position)

    def forget(self, position: int, tags: Iterable[str]) -> None:
        """Apply what was committed at a position."""
        if self._applied is None or position < self._applied:
            self._begin(position)
            return
        self._step += 1
        for tag in tags:
            self._drop_tag(tag)
        self._applied = position
        self._grant()

    def reset(self, position: int | None) -> None:
        """Begin anew: what came between cannot be told."""
        self._begin(position)

    def lose_stream(self) -> None:
        """Note that nothing is read any more; a lease that lives may be renewed until it does not."""
        self._is_streaming = False

    def send_nonce(self, now: float) -> Nonce | None:
        """Return a renewal that leaves now; None while there is no stream and no lease that it could prolong."""
        if self._applied is None or not (self._is_streaming or self.has_lease(now)):
            return None
        return Nonce(self._incarnation, now, self._applied)

    def renew(self, nonce: Nonce, *, position: int, lease: float, now: float) -> None:
        """Take the answer to a renewal: a lease from when it was SENT, once `position` has been applied.

        Of an older incarnation it is void. A position before what had been applied when it was
        sent means that the database went back.
        """
        until = nonce.sent_at + lease
        if nonce.incarnation != self._incarnation or now >= until:
            return
        if position < nonce.applied:
            self._begin(position)
            return
        self._promised.append(_Promised(position, until))
        self._grant()

    # --- answers -----------------------------------------------------------------------------

    def find(self, key: Hashable, now: float) -> A | None:
        """Return the answer that is kept, if it may be used at this instant."""
        if not self.has_lease(now):
            return None
        kept = self._kept.get(key)
        if kept is None or now >= kept.expires_at:
            return None
        self._kept.move_to_end(key)
        return kept.answer

    def leave(self, key: Hashable, now: float) -> Ticket:
        """Return the ticket of a question that is sent now; it has to be given to `land` or `drop`."""
        ticket = Ticket(key, self._incarnation, self._step, self.has_lease(now))
        self._flying[ticket] = None
        return ticket

    def land(self, ticket: Ticket, answer: A, *, tags: tuple[str, ...], expires_at: float, now: float) -> bool:
        """Keep the answer to a question if nothing overtook it.

        Returns whether it holds for those too who asked after it was sent.
        """
        overtaken = self._was_overtaken(ticket, tags)
        self.drop(ticket)
        if overtaken or not tags or not ticket.leased or not self.has_lease(now):
            return not overtaken
        self._keep(ticket.key, _Kept(answer, tags, expires_at))
        return True

    def drop(self, ticket: Ticket) -> None:
        """Let go of a question that was answered, or never will be."""
        self._flying.pop(ticket, None)
        oldest = next(iter(self._flying)).step if self._flying else self._step
        while self._forgotten and next(iter(self._forgotten.values())) <= oldest:
            self._forgotten.popitem(last=False)

    def may_join(self, ticket: Ticket, now: float) -> bool:
        """Return whether who asks now may wait for the answer to a question that was sent before."""
        return ticket.leased and ticket.incarnation == self._incarnation and self.has_lease(now)

    def __len__(self) -> int:
        """Return how many answers are kept."""
        return len(self._kept)

    # --- within ------------------------------------------------------------------------------

    def _begin(self, position: int | None) -> None:
        self._incarnation += 1
        self._applied = position
        self._leased_until = float("-inf")
        self._promised.clear()
        self._kept.clear()
        self._keys.clear()
        self._forgotten.clear()

    def _grant(self) -> None:
        if self._applied is None:
            return
        reached = [one.until for one in self._promised if one.position <= self._applied]
        self._promised = [one for one in self._promised if one.position > self._applied]
        self._leased_until = max([self._leased_until, *reached])

    def _was_overtaken(self, ticket: Ticket, tags: tuple[str, ...]) -> bool:
        if ticket.incarnation != self._incarnation or ticket.step < self._all_forgotten:
            return True
        if not tags:  # it cannot be told what it hangs from
            return ticket.step != self._step
        return any(self._forgotten.get(tag, 0) > ticket.step for tag in tags)

    def _drop_tag(self, tag: str) -> None:
        keys = self._keys.pop(tag, set())
        if len(keys) == len(self._kept):  # what all hangs from: the list of tools, the signing keys
            self._kept.clear()
            self._keys.clear()
            keys = set()
        for key in keys:
            if (kept := self._kept.pop(key, None)) is not None:
                self._unlink(key, kept)
        if self._flying:
            self._forgotten[tag] = self._step
            self._forgotten.move_to_end(tag)
            if len(self._forgotten) > MOST_FORGOTTEN:
                self._forgotten.clear()
                self._all_forgotten = self._step

    def _keep(self, key: Hashable, kept: _Kept[A]) -> None:
        if (before := self._kept.pop(key, None)) is not None:
            self._unlink(key, before)
        if len(self._kept) >= self._most:
            self._unlink(*self._kept.popitem(last=False))
        self._kept[key] = kept
        for tag in kept.tags:
            self._keys.setdefault(tag, set()).add(key)

    def _unlink(self, key: Hashable, kept: _Kept[A]) -> None:
        for tag in kept.tags:
            if (keys := self._keys.get(tag)) is not None:
                keys.discard(key)
                if not keys:
                    del self._keys[tag]
