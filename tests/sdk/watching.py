"""A guard whose answers are watched: which came from memory, and whether a yes was older than its lease."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sdk.tests.asking import Guard, until

from gatewright_sdk import Allow, Deny, Question
from gatewright_sdk.clock import passed

LEASE = 2.0  # seconds, as the server sets it by default


class Requests(logging.Handler):
    """Counts the requests that reach `/authz/check`, by what httpx tells the log."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.checks = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count one."""
        self.checks += "/authz/check" in record.getMessage()


@contextmanager
def counted_requests() -> Iterator[Requests]:
    """Lend the count of requests of this process."""
    log, requests = logging.getLogger("httpx"), Requests()
    level = log.level
    log.addHandler(requests)
    log.setLevel(logging.INFO)
    try:
        yield requests
    finally:
        log.removeHandler(requests)
        log.setLevel(level)


@dataclass(slots=True)
class Watched:
    """A guard, and the requests of its process."""

    guard: Guard
    requests: Requests

    async def have_in_memory(self, question: Question) -> None:
        """Return once the answer, a yes, comes from memory."""

        async def is_kept() -> bool:
            before = self.requests.checks
            answer = await self.guard.check(question)
            assert isinstance(answer, Allow), answer
            return self.requests.checks == before

        await until(is_kept)

    async def feel(self, question: Question, *, ended_at: float) -> Deny:
        """Return the first no. AssertionError: a question asked a lease after the ending was still answered yes."""
        while True:
            asked_at = passed()
            answer = await self.guard.check(question)
            if isinstance(answer, Deny):
                return answer
            assert asked_at < ended_at + LEASE, f"still allowed {asked_at - ended_at:.3f} s after its end"
            await asyncio.sleep(0.001)  # an answer from memory suspends nobody; the stream is read by others
