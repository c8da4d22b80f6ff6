"""How often an app may call in one company: 60 minutes and 10 seconds, counted with the library `limits`.

A window begins with its first call. These limits keep one client from taking what others
need; they guard no secret. So a counting server that cannot be reached stops nobody:
each process counts for itself meanwhile, and says so in the log.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage, Storage
from limits.errors import StorageError
from valkey.asyncio import ConnectionPool

from gatewright.base import clock
from gatewright.settings import Settings

MOST_BUCKETS = 200_000  # a process keeps no more; the oldest makes room
SWEEP_EVERY = timedelta(seconds=30)
ANSWER_WITHIN = timedelta(milliseconds=500)  # the counting server's; a call waits no longer for it
TRY_AGAIN_AFTER = timedelta(seconds=5)
NO_COMPANY = "none"
Clock = Callable[[], datetime]
_log = structlog.get_logger("gatewright.limits")


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of one window after a call was counted in it."""

    window: str  # "60 minutes", "10 seconds"
    limit: int
    counted: int
    resets_at: datetime
    counted_at: datetime

    @property
    def is_exceeded(self) -> bool:
        """Return whether the call that was counted is one too many."""
        return self.counted > self.limit

    @property
    def remaining(self) -> int:
        """Return how many calls the window still takes."""
        return max(0, self.limit - self.counted)

    @property
    def headers(self) -> Mapping[str, str]:
        """Return what every answer says of it; the reset in Unix seconds, rounded up."""
        return {
            "x-rate-limit-limit": str(self.limit),
            "x-rate-limit-remaining": str(self.remaining),
            "x-rate-limit-reset": str(math.ceil(self.resets_at.timestamp())),
        }

    @property
    def retry_after(self) -> timedelta:
        """Return how long to wait, in whole seconds and at least one."""
        return timedelta(seconds=max(1, math.ceil((self.resets_at - self.counted_at).total_seconds())))


class ProcessMemory(Storage):
    """Windows counted in this process. What is over is swept; the number of buckets is bounded."""

    STORAGE_SCHEME = None

    def __init__(self, now: Clock = clock.now, *, most: int = MOST_BUCKETS) -> None:
        super().__init__()
        self._now = now
        self._most = most
        self._counts: dict[str, tuple[int, datetime]] = {}
        self._sweep_at = now() + SWEEP_EVERY

    @property
    def base_exceptions(self) -> type[Exception]:
        """Return what counting may raise: nothing does."""
        return StorageError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, and return how many that makes in the window."""
        return self.count(key, expiry, amount, now=self._now())[0]

    def count(self, key: str, expiry: int, amount: int = 1, *, now: datetime) -> tuple[int, datetime]:
        """Count, and return how many that makes in the window and when it is over."""
        count, until = self._counts.get(key, (0, now))
        if until <= now:
            self._make_room(now)
            count, until = 0, now + timedelta(seconds=expiry)
            self._counts.pop(key, None)  # the order of the dictionary is the order of beginnings
        self._counts[key] = counted = (count + amount, until)
        return counted

    async def get(self, key: str) -> int:
        """Return how many were counted in the window."""
        count, until = self._counts.get(key, (0, self._now()))
        return count if until > self._now() else 0

    async def get_expiry(self, key: str) -> float:
        """Return when the window is over, in Unix seconds."""
        _, until = self._counts.get(key, (0, self._now()))
        return until.timestamp()

    async def check(self) -> bool:
        """Return that it is there."""
        return True

    async def reset(self) -> int | None:
        """Forget everything; return how many windows that were."""
        number = len(self._counts)
        self._counts.clear()
        return number

    async def clear(self, key: str) -> None:
        """Forget one window."""
        self._counts.pop(key, None)

    def _make_room(self, now: datetime) -> None:
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_EVERY
            self._counts = {key: value for key, value in self._counts.items() if value[1] > now}
        if len(self._counts) >= self._most:
            del self._counts[next(iter(self._counts))]


@dataclass(slots=True)
class CallLimits:
    """The windows of this deployment, and where they are counted."""

    windows: tuple[tuple[str, RateLimitItem], ...]  # the shorter first
    memory: ProcessMemory
    shared: Storage | None = None
    pool: ConnectionPool | None = None
    now: Clock = clock.now
    _away_until: datetime | None = field(default=None, init=False)

    @classmethod
    def of(cls, settings: Settings, *, now: Clock = clock.now) -> "CallLimits":
        """Return the limits that an operator set; nothing is connected to before the first call."""
        windows = (
            ("10 seconds", RateLimitItemPerSecond(settings.rate_limit_spike, 10)),
            ("60 minutes", RateLimitItemPerMinute(settings.rate_limit_hour, 60)),
        )
        limited = cls(tuple((name, item) for name, item in windows if item.amount), ProcessMemory(now), now=now)
        if settings.rate_limit_storage != "memory://":
            seconds = ANSWER_WITHIN.total_seconds()
            limited.pool = ConnectionPool.from_url(
                settings.rate_limit_storage, socket_timeout=seconds, socket_connect_timeout=seconds
            )
            limited.shared = _counting_server(settings.rate_limit_storage, limited.pool)
        return limited

    async def spend(self, client_id: str, company_id: int | None) -> Budget | None:
        """Count one call of a client; None where nothing is limited.

        Returned is the window that the call exceeds, else the one with fewer calls left.
        `company_id` is one in the caller's reach. Whatever else is named counts as no company,
        so that naming thousands of them makes neither buckets nor fresh budgets.
        """
        now, whose = self.now(), (client_id, str(company_id or NO_COMPANY))
        nearest: Budget | None = None
        for name, item in self.windows:
            if (shared := self._shared_now(now)) is None:
                budget = self._count_here(name, item, whose, now=now)
            else:
                budget = await self._count_there(shared, name, item, whose, now=now)
            if budget.is_exceeded:  # and takes nothing from the longer window
                return budget
            nearest = budget if nearest is None or budget.remaining <= nearest.remaining else nearest
        return nearest

    async def aclose(self) -> None:
        """Close the connections to the counting server, if there is one."""
        if self.pool is not None:
            await self.pool.disconnect()

    def _shared_now(self, now: datetime) -> Storage | None:
        """Return where all processes count together; None while there is no such place."""
        is_away = self._away_until is not None and self._away_until > now
        return None if is_away else self.shared

    def _count_here(self, name: str, item: RateLimitItem, whose: tuple[str, str], *, now: datetime) -> Budget:
        counted, until = self.memory.count(f"{name}/{whose[0]}/{whose[1]}", item.get_expiry(), now=now)
        return Budget(name, item.amount, counted, until, now)

    async def _count_there(
        self, shared: Storage, name: str, item: RateLimitItem, whose: tuple[str, str], *, now: datetime
    ) -> Budget:
        try:
            budget = await self._counted(shared, name, item, item.key_for(*whose))
        except StorageError as error:
            self._note_away(error)
            return self._count_here(name, item, whose, now=now)
        self._note_back()
        return budget

    async def _counted(self, storage: Storage, name: str, item: RateLimitItem, key: str) -> Budget:
        counted = await storage.incr(key, item.get_expiry())
        resets_at = datetime.fromtimestamp(await storage.get_expiry(key), UTC)
        return Budget(name, item.amount, counted, resets_at, self.now())

    def _note_away(self, error: StorageError) -> None:
        if self._away_until is None:
            _log.warning("rate_limits_counted_here", error=type(error.storage_error).__name__)
        self._away_until = self.now() + TRY_AGAIN_AFTER

    def _note_back(self) -> None:
        if self._away_until is not None:
            _log.info("rate_limits_shared_again")
            self._away_until = None


def _counting_server(url: str, pool: ConnectionPool) -> Storage:
    # The library types its options as plain values, and documents `connection_pool` among them.
    options = {"connection_pool": pool}
    return RedisStorage(f"async+{url}", wrap_exceptions=True, **options)  # type: ignore[arg-type]
