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
    """Something that was asked of the server: what was known when the question left."""

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


@dataclass(slots=True)
class _Kept(Generic[A]):
    answer: A
    tags: tuple[str, ...]
    expires_at: float
    step: int  # nothing that it hangs from had been forgotten by then


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
        self._step = 0
        self._forgotten: OrderedDict[str, int] = OrderedDict()  # tag -> the last step that forgot it, oldest first
        self._all_forgotten = 0  # the last step of which the tags are no longer known one by one

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
        if self._applied is not None and not self.has_lease(now):
            self._begin(None)
        return self._applied

    def at_position(self, position: int, now: float) -> None:
        """Note where a stream begins. Elsewhere than where we stand, or without a live lease: a new incarnation."""
        self._is_streaming = True
        if position != self._applied or not self.has_lease(now):
            self._begin(position)

    def forget(self, position: int, tags: Iterable[str]) -> None:
        """Apply what was committed at a position. What hangs from it is noticed when it is looked for."""
        if self._applied is None or position < self._applied:
            self._begin(position)
            return
        self._step += 1
        for tag in tags:
            self._note_forgotten(tag)
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
        if kept is None:
            return None
        if now >= kept.expires_at or not self._is_untouched(kept.step, kept.tags):
            del self._kept[key]
            return None
        kept.step = self._step
        self._kept.move_to_end(key)
        return kept.answer

    def leave(self, key: Hashable, now: float) -> Ticket:
        """Return the ticket of a question that is sent now."""
        return Ticket(key, self._incarnation, self._step, self.has_lease(now))

    def land(self, ticket: Ticket, answer: A, *, tags: tuple[str, ...], expires_at: float, now: float) -> bool:
        """Keep the answer to a question if nothing overtook it.

        Returns whether it holds for those too who asked after it was sent.
        """
        is_current = self.is_current(ticket, tags)
        if not tags and ticket.step != self._step:  # it cannot be told what it hangs from
            is_current = False
        if is_current and tags and ticket.leased and self.has_lease(now):
            self._keep(ticket.key, _Kept(answer, tags, expires_at, self._step))
        return is_current

    def is_current(self, ticket: Ticket, tags: tuple[str, ...]) -> bool:
        """Return whether none of these tags was forgotten since the question left; False where that cannot be told."""
        return ticket.incarnation == self._incarnation and self._is_untouched(ticket.step, tags)

    def may_join(self, ticket: Ticket, now: float) -> bool:
        """Return whether who asks now may wait for the answer to a question that was sent before."""
        return ticket.leased and ticket.incarnation == self._incarnation and self.has_lease(now)

    def __len__(self) -> int:
        """Return how many answers take room; some of them may be stale."""
        return len(self._kept)

    # --- within ------------------------------------------------------------------------------

    def _begin(self, position: int | None) -> None:
        self._incarnation += 1
        self._applied = position
        self._leased_until = float("-inf")
        self._promised.clear()
        self._kept.clear()
        self._forgotten.clear()

    def _grant(self) -> None:
        if self._applied is None:
            return
        reached = [one.until for one in self._promised if one.position <= self._applied]
        self._promised = [one for one in self._promised if one.position > self._applied]
        self._leased_until = max([self._leased_until, *reached])

    def _is_untouched(self, step: int, tags: tuple[str, ...]) -> bool:
        if step == self._step:
            return True
        return step >= self._all_forgotten and all(self._forgotten.get(tag, 0) <= step for tag in tags)

    def _note_forgotten(self, tag: str) -> None:
        self._forgotten[tag] = self._step
        self._forgotten.move_to_end(tag)
        if len(self._forgotten) > MOST_FORGOTTEN:
            _, self._all_forgotten = self._forgotten.popitem(last=False)

    def _keep(self, key: Hashable, kept: _Kept[A]) -> None:
        if key not in self._kept and len(self._kept) >= self._most:
            self._kept.popitem(last=False)
        self._kept[key] = kept
        self._kept.move_to_end(key)
