"""Passwords: argon2id, in a thread pool that refuses when it is full rather than growing."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION
from starlette.requests import HTTPConnection

from gatewright.base.errors import Unavailable
from gatewright.base.secrets import mint
from gatewright.login.password_rules import normal, weakness

T = TypeVar("T")

# OWASP's second profile: 19 MiB, two passes, one lane.
TIME_COST, MEMORY_COST = 2, 19 * 1024
_HASHER = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_COST, parallelism=1)
THREADS = 2
MOST_WAITING = 64
MOST_TURNS = 1_000  # who waits for a turn has begun no work yet
_FULL = "Too many people are signing in at this moment."


class Passwords:
    """Hashes and compares passwords without holding up the event loop.

    Each takes tens of milliseconds and 19 MiB, so a flood of them must not queue
    without end: beyond `most_waiting` a request is refused with Unavailable.
    """

    def __init__(self, *, threads: int = THREADS, most_waiting: int = MOST_WAITING) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._room = threading.Semaphore(threads + most_waiting)
        self._turns = asyncio.Semaphore(threads)
        self._waiting = 0
        self._nobodys = _HASHER.hash(mint("nobody"))

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until a thread is free; Unavailable when too many wait for that already.

        For what takes a slot before it looks at a password: of a building full of people who sign
        in at once from one address, no more hold slots than passwords can be looked at.
        """
        if self._waiting >= MOST_TURNS:
            raise Unavailable(_FULL, detail="too many wait for the password threads")
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()

    async def hash(self, password: str) -> str:
        """Return the argon2id hash of a password, with its salt and parameters."""
        return await self._run(lambda: _HASHER.hash(normal(password)))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Return whether the password has that hash.

        None is nobody's: the same work, so that the time does not tell whether an
        account exists, or has a password (A108).
        """
        expected = password_hash or self._nobodys
        return await self._run(lambda: _matches(expected, normal(password))) and password_hash is not None

    async def renewed(self, password_hash: str | None, password: str) -> str | None:
        """Return the hash of a password under today's parameters; None where the one it has is as good.

        For whoever just showed the right password, the only moment at which it can be made.
        """
        return await self.hash(password) if password_hash is not None and _is_weaker(password_hash) else None

    async def judge(self, password: str, *, email: str, name: str = "", words: Sequence[str] = ()) -> str | None:
        """Return why a new password will not do, as one sentence; None when it will (A189, A190).

        `email` and `name` are its owner's, `words` others that a guesser would try here.
        """
        return await self._run(lambda: weakness(password, email=email, name=name, words=words))

    def close(self) -> None:
        """Let the threads end; who still waits is refused."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._room.acquire(blocking=False):
            raise Unavailable(_FULL, detail="the password threads' queue is full")
        try:
            future = self._pool.submit(work)
        except RuntimeError:
            self._room.release()
            raise Unavailable(detail="the password threads have ended") from None
        # When the work is done, not when the request gives up on it: it still occupies its thread.
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    def _leave(self, _done: Future[T]) -> None:
        self._room.release()


def passwords_of(connection: HTTPConnection) -> Passwords:
    """Return the passwords of the application that serves this request."""
    passwords: Passwords = connection.app.state.passwords
    return passwords


def _is_weaker(password_hash: str) -> bool:
    """Return whether a hash costs less to guess than one made today: time buys memory and the other way round."""
    made = extract_parameters(password_hash)
    cost = made.time_cost * made.memory_cost
    return made.type is not Type.ID or made.version < ARGON2_VERSION or cost < TIME_COST * MEMORY_COST


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
