"""The cache under thousands of schedules: whatever overtakes whatever, memory is never older than its lease (T12, X5).

Each schedule is a seed. A model of the server commits, streams, answers nonces and questions,
and is set back at times; messages are delayed and lost, clocks jump. Whatever the cache
answers has to be what the server would have said at some instant of the last lease.
"""

import random
from collections import deque
from dataclasses import dataclass, field

import pytest

from gatewright_sdk.cache import Cache, Nonce, Ticket
from gatewright_sdk.wire import Event, Forget, Position, Reset

LEASE = 20
SCHEDULES, STEPS = 4_000, 300
TAGS = ("a", "b", "both")
HANGS_FROM = {"x": ("a", "both"), "y": ("b", "both")}
Said = tuple[int, ...]  # the versions of what an answer hangs from


@dataclass
class Server:
    """What is true, what was true when, and the log of what changed it."""

    versions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TAGS, 0))
    log: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    was: list[tuple[int, dict[str, int]]] = field(default_factory=list)  # since when, and the versions
    backup: tuple[int, dict[str, int]] = (0, dict.fromkeys(TAGS, 0))  # length of the log, the versions
    newest_version: int = 0
    down_until: int = 0

    @property
    def position(self) -> int:
        return self.log[-1][0] if self.log else 0

    def say(self, key: str) -> Said:
        return tuple(self.versions[tag] for tag in HANGS_FROM[key])

    def commit(self, tags: tuple[str, ...], now: int) -> None:
        for tag in tags:
            self.newest_version += 1
            self.versions[tag] = self.newest_version
        self.log.append((self.position + 1, tags))
        self._note(now)

    def set_back(self, now: int) -> None:
        """Take the backup for the truth; that takes longer than a lease."""
        length, versions = self.backup
        del self.log[length:]
        self.versions = dict(versions)
        self.down_until = now + LEASE
        self._note(now)

    def said_between(self, key: str, first: int, last: int) -> set[Said]:
        """Return all that was true at some instant between these two."""
        true, until = set(), last
        for since, versions in reversed(self.was):
            if since <= last and until >= first:
                true.add(tuple(versions[tag] for tag in HANGS_FROM[key]))
            if since < first:
                break
            until = since
        return true

    def _note(self, now: int) -> None:
        self.was.append((now, dict(self.versions)))


@dataclass(eq=False)
class Flight:
    """A question on its way, and when those asked who wait for its answer."""

    ticket: Ticket
    key: str
    asked_at: list[int]
    said: Said | None = None


@dataclass(eq=False)
class Renewal:
    """A nonce on its way."""

    nonce: Nonce
    position: int | None = None


class Schedule:
    """One run: at each step, chance chooses who acts."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = 0
        self.server = Server()
        self.server.commit((), 0)
        self.cache: Cache[Said] = Cache(most=3)
        self.opening: list[int | None] = []  # a request for the stream, with where to resume
        self.cursor: int | None = None  # where the server's side of the stream is; None: no stream
        self.pipe: deque[Event] = deque()
        self.is_reading = False
        self.flights: list[Flight] = []
        self.renewals: list[Renewal] = []
        self.served = 0

    def run(self) -> int:
        """Return how many answers came from memory or from another's question; AssertionError for one too old."""
        acts = (
            (self.pass_time, 5),
            (self.suspend, 0.3),
            (self.commit, 2.5),
            (self.push, 10),
            (self.read, 10),
            (self.open_stream, 6),
            (self.accept, 6),
            (self.lose_stream, 0.7),
            (self.fall_behind, 0.4),
            (self.send_nonce, 8),
            (self.serve_nonce, 8),
            (self.receive_nonce, 8),
            (self.ask, 14),
            (self.compute, 8),
            (self.land, 8),
            (self.lose_question, 0.5),
            (self.back_up, 0.5),
            (self.set_back, 0.3),
        )
        chosen = self.chance.choices([act for act, _ in acts], [weight for _, weight in acts], k=STEPS)
        for act in chosen:
            act()
        return self.served

    @property
    def server_is_up(self) -> bool:
        return self.now >= self.server.down_until

    # --- time and truth ----------------------------------------------------------------------

    def pass_time(self) -> None:
        self.now += self.chance.randint(1, 3)

    def suspend(self) -> None:
        """The client's machine sleeps; the server goes on."""
        self.now += self.chance.randint(1, LEASE)
        self.commit()
        self.now += self.chance.randint(1, 2 * LEASE)

    def commit(self) -> None:
        if self.server_is_up:
            self.server.commit(self.chance.choice((("a",), ("b",), ("both",), ("a", "b"), ())), self.now)

    def back_up(self) -> None:
        self.server.backup = len(self.server.log), dict(self.server.versions)

    def set_back(self) -> None:
        self.server.set_back(self.now)
        self.lose_stream()
        self.opening.clear()
        self.renewals = [one for one in self.renewals if one.position is not None]
        for flight in [one for one in self.flights if one.said is None]:
            self._lose(flight)

    # --- the stream --------------------------------------------------------------------------

    def open_stream(self) -> None:
        if not self.is_reading and not self.opening:
            self.opening.append(self.cache.open_stream(self.now))

    def accept(self) -> None:
        if not self.opening or not self.server_is_up:
            return
        after = self.opening.pop()
        self.is_reading = True
        if after is None:
            self.cursor = self.server.position
            self.pipe.append(Position(self.cursor))
        elif after > self.server.position or self.chance.random() < 0.2:
            self.cursor = self.server.position
            self.pipe.append(Reset(self.cursor))
        else:
            self.cursor = after
            self.pipe.append(Position(after))

    def push(self) -> None:
        if self.cursor is None:
            return
        for position, tags in self.server.log:
            if position > self.cursor:
                self.pipe.append(Forget(position, tags))
                self.cursor = position
                return

    def fall_behind(self) -> None:
        """The server says that it cannot tell what came between."""
        if self.cursor is not None:
            self.cursor = self.server.position
            self.pipe.append(Reset(self.cursor))

    def read(self) -> None:
        if not self.pipe:
            return
        match self.pipe.popleft():
            case Position(position):
                self.cache.at_position(position, self.now)
            case Forget(position, tags):
                self.cache.forget(position, tags)
            case Reset(position):
                self.cache.reset(position)

    def lose_stream(self) -> None:
        self.pipe.clear()
        self.cursor, self.is_reading = None, False
        self.cache.lose_stream()

    # --- the lease ---------------------------------------------------------------------------

    def send_nonce(self) -> None:
        nonce = self.cache.send_nonce(self.now)
        if nonce is not None and self.server_is_up and len(self.renewals) < 3:
            self.renewals.append(Renewal(nonce))

    def serve_nonce(self) -> None:
        waiting = [one for one in self.renewals if one.position is None]
        if waiting and self.server_is_up:
            self.chance.choice(waiting).position = self.server.position

    def receive_nonce(self) -> None:
        answered = [one for one in self.renewals if one.position is not None]
        if answered:
            renewal = self.chance.choice(answered)
            self.renewals.remove(renewal)
            assert renewal.position is not None
            self.cache.renew(renewal.nonce, position=renewal.position, lease=LEASE, now=self.now)

    # --- questions ---------------------------------------------------------------------------

    def ask(self) -> None:
        key = self.chance.choice(tuple(HANGS_FROM))
        if (said := self.cache.find(key, self.now)) is not None:
            self._serve(key, said, asked_at=self.now)
            return
        for flight in self.flights:
            if flight.key == key and self.cache.may_join(flight.ticket, self.now):
                flight.asked_at.append(self.now)
                return
        if self.server_is_up:
            self.flights.append(Flight(self.cache.leave(key, self.now), key, []))

    def compute(self) -> None:
        waiting = [one for one in self.flights if one.said is None]
        if waiting and self.server_is_up:
            flight = self.chance.choice(waiting)
            flight.said = self.server.say(flight.key)

    def land(self) -> None:
        answered = [one for one in self.flights if one.said is not None]
        if not answered:
            return
        flight = self.chance.choice(answered)
        self.flights.remove(flight)
        assert flight.said is not None
        tags = HANGS_FROM[flight.key]
        is_shared = self.cache.land(flight.ticket, flight.said, tags=tags, expires_at=self.now + 50, now=self.now)
        for asked_at in flight.asked_at if is_shared else ():
            self._serve(flight.key, flight.said, asked_at=asked_at)

    def lose_question(self) -> None:
        if self.flights:
            self._lose(self.chance.choice(self.flights))

    def _lose(self, flight: Flight) -> None:
        self.flights.remove(flight)

    def _serve(self, key: str, said: Said, *, asked_at: int) -> None:
        self.served += 1
        assert said in self.server.said_between(key, asked_at - LEASE, self.now), f"older than its lease at {self.now}"


@pytest.mark.parametrize("part", range(8))
def test_memory_is_never_older_than_its_lease(part: int) -> None:
    """T12, X5."""
    served = 0
    for seed in range(part * SCHEDULES // 8, (part + 1) * SCHEDULES // 8):
        try:
            served += Schedule(seed).run()
        except AssertionError as error:
            raise AssertionError(f"schedule {seed}: {error}") from None
    assert served > SCHEDULES // 8  # else nothing was shown
