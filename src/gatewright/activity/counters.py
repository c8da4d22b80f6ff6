"""Counted calls, and refused ones one by one: in memory, written once a second and at the end (R3).

Off every request's path: no call waits for it, and none fails with it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from gatewright.activity import refusal_store, store
from gatewright.activity.model import NOT_APPLICABLE, CallKey, Refusal, Tally
from gatewright.activity.refusal_buffer import RefusalBuffer
from gatewright.db.batches import flushing
from gatewright.db.engine import Database, Transaction
from gatewright.db.failures import is_storage_failure

FLUSH_EVERY = timedelta(seconds=1)
KEPT_FOR = timedelta(days=7)  # refused calls (R3)
SWEEP_EVERY = timedelta(hours=1)
MOST_WAITING = 100_000  # so many different counts are kept while the database is away
_log = structlog.get_logger("gatewright.activity")


@dataclass(slots=True)
class Counters:
    """The calls of this process that are not written yet.

    A process that is killed loses at most one second of counts, never an event.
    """

    database: Database
    most: int = MOST_WAITING
    refusals: RefusalBuffer = field(default_factory=RefusalBuffer)
    _calls: dict[CallKey, Tally] = field(default_factory=dict)
    _swept_at: datetime | None = None
    _flushing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def count(
        self, *, company_id: int | None, app_id: int | None, service_account_id: int | None, result: str, at: datetime
    ) -> None:
        """Count one call; nothing is written yet."""
        key = CallKey(
            company_id or NOT_APPLICABLE,
            at.astimezone(UTC).date().isoformat(),
            app_id or NOT_APPLICABLE,
            service_account_id or NOT_APPLICABLE,
            result,
        )
        before = self._calls.get(key)
        if before is not None or len(self._calls) < self.most:
            self._calls[key] = Tally(1 if before is None else before.count + 1, at)

    @property
    def waiting(self) -> int:
        """Return how many different counts wait to be written."""
        return len(self._calls)

    async def flush(self) -> None:
        """Write what was counted, in one transaction; what cannot be written now is kept for the next time.

        Never raises: what can be written at no time is let go, lest nothing be written ever again.
        """
        async with self._flushing:  # the last flush waits for the one before it
            calls, self._calls = self._calls, {}
            refused = self.refusals.take()
            if not calls:
                return
            try:
                await self._write(calls, refused)
            except Exception as error:
                if not is_storage_failure(error):
                    _log.error("counts_lost", error=type(error).__name__)
                    return
                _log.warning("counts_kept", error=type(error).__name__)
                self._put_back(calls)
                self.refusals.put_back(refused)

    @asynccontextmanager
    async def running(self, *, every: timedelta = FLUSH_EVERY) -> AsyncIterator[None]:
        """Flush once in a while until the end, and once more then."""
        async with flushing(self.flush, every=every):
            yield

    async def _write(self, calls: dict[CallKey, Tally], refused: list[Refusal]) -> None:
        # The newest call is the clock: without calls there is nothing to let go of that anybody is shown.
        now = max(tally.last_at for tally in calls.values())
        is_due = self._swept_at is None or now - self._swept_at >= SWEEP_EVERY

        async def write(transaction: Transaction) -> None:
            await _write_calls(transaction, calls)
            if refused:
                await refusal_store.add_refusals(transaction, refused)
            if is_due:
                await refusal_store.drop_older(transaction, now - KEPT_FOR)

        await self.database.write(write)
        if is_due:
            self._swept_at = now

    def _put_back(self, calls: dict[CallKey, Tally]) -> None:
        for key, tally in calls.items():
            newer = self._calls.get(key)
            if newer is not None:
                self._calls[key] = Tally(tally.count + newer.count, newer.last_at)
            elif len(self._calls) < self.most:
                self._calls[key] = tally


async def _write_calls(transaction: Transaction, calls: dict[CallKey, Tally]) -> None:
    # In one order everywhere: two processes that flush at once must not lock each other out.
    for key in sorted(calls, key=_order):
        await store.add_calls(transaction, key, calls[key])


def _order(key: CallKey) -> tuple[int, str, int, int, str]:
    return (key.company_id, key.day, key.app_id, key.service_account_id, key.result)
