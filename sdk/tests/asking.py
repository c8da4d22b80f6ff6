"""Both drivers behind one face, so that a test is written once."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Literal, Protocol

from gatewright_sdk import Allow, AsyncGatewright, Deny, Gatewright, Identity, Question

Driver = Literal["threads", "tasks"]
DRIVERS: tuple[Driver, ...] = ("threads", "tasks")
PATIENCE = 20.0


class Guard(Protocol):
    """`AsyncGatewright`, or `Gatewright` in threads."""

    async def check(self, question: Question) -> Allow | Deny: ...

    async def check_all(self, questions: Sequence[Question]) -> list[Allow | Deny]: ...

    async def verify_assertion(self, text: str | None) -> Identity | Deny: ...

    async def aclose(self) -> None: ...


class InThreads:
    """A `Gatewright`, each call in a thread of its own."""

    def __init__(self, guard: Gatewright) -> None:
        self._guard = guard

    async def check(self, question: Question) -> Allow | Deny:
        return await asyncio.to_thread(self._guard.check, question)

    async def check_all(self, questions: Sequence[Question]) -> list[Allow | Deny]:
        return await asyncio.to_thread(self._guard.check_all, questions)

    async def verify_assertion(self, text: str | None) -> Identity | Deny:
        return await asyncio.to_thread(self._guard.verify_assertion, text)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._guard.close)


@asynccontextmanager
async def guarding(
    driver: Driver,
    issuer: str,
    *,
    client_id: str,
    client_secret: str,
    address: str | None = None,
) -> AsyncIterator[Guard]:
    """Lend a guard of this driver."""
    guard: Guard
    if driver == "threads":
        made = Gatewright(issuer, client_id=client_id, client_secret=client_secret, address=address)
        guard = InThreads(made)
    else:
        guard = AsyncGatewright(issuer, client_id=client_id, client_secret=client_secret, address=address)
    try:
        yield guard
    finally:
        await guard.aclose()


async def until(holds: Callable[[], Awaitable[bool]]) -> float:
    """Return after how many seconds this held; AssertionError when it never does."""
    begun = time.monotonic()
    while not await holds():
        if time.monotonic() - begun > PATIENCE:
            raise AssertionError(f"did not come to hold within {PATIENCE} s")
        await asyncio.sleep(0.005)
    return time.monotonic() - begun
