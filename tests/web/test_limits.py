"""The windows by themselves: the time is handed in, and a counting server may be away."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from gatewright.settings import Settings
from gatewright.web.limits import Budget, CallLimits, ProcessMemory
from tests.support.postgres import free_port

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Hands:
    """A clock that is set by hand."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        """Return what it shows."""
        return self.at

    def move(self, seconds: float) -> None:
        """Let so much time pass."""
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def hands() -> Hands:
    """Return a clock at noon."""
    return Hands()


def limited(hands: Hands, **settings: object) -> CallLimits:
    """Return the limits of these settings, on that clock."""
    return CallLimits.of(Settings(**settings), now=hands)


async def spent(limits: CallLimits, times: int, company_id: int | None = 5, *, client: str = "app_1") -> Budget:
    """Return what is left after so many calls."""
    left = [await limits.spend(client, company_id) for _ in range(times)]
    assert left[-1] is not None
    return left[-1]


async def test_a_window_takes_its_number_and_no_more_until_it_is_over(hands: Hands) -> None:
    """http.md, Rate limits: ten seconds from the first call."""
    limits = limited(hands, rate_limit_spike=3)
    assert not (await spent(limits, 3)).is_exceeded
    hands.move(9.5)
    over = await spent(limits, 1)
    assert over.is_exceeded
    assert (over.window, over.remaining, over.resets_at) == ("10 seconds", 0, NOON + timedelta(seconds=10))
    assert over.retry_after == timedelta(seconds=1)
    hands.move(0.5)
    assert not (await spent(limits, 3)).is_exceeded


async def test_the_long_window_refuses_where_the_short_one_does_not(hands: Hands) -> None:
    """http.md, Rate limits: 60 minutes, named in the refusal."""
    limits = limited(hands, rate_limit_spike=2, rate_limit_hour=3)
    await spent(limits, 2)
    hands.move(10)
    assert not (await spent(limits, 1)).is_exceeded
    over = await spent(limits, 1)
    assert over.is_exceeded
    assert (over.window, over.limit) == ("60 minutes", 3)
    assert over.retry_after == timedelta(seconds=3590)
    hands.move(3589)
    assert (await spent(limits, 1)).is_exceeded
    hands.move(1)
    assert not (await spent(limits, 1)).is_exceeded


async def test_a_call_that_the_short_window_refuses_takes_nothing_from_the_long_one(hands: Hands) -> None:
    """A client that runs into the short window waits ten seconds, not an hour."""
    limits = limited(hands, rate_limit_spike=2, rate_limit_hour=4)
    assert (await spent(limits, 50)).window == "10 seconds"
    hands.move(10)
    assert not (await spent(limits, 2)).is_exceeded


async def test_the_window_with_fewer_calls_left_is_told(hands: Hands) -> None:
    """http.md, Rate limits: "the window nearer its end" is the one that will refuse first."""
    limits = limited(hands, rate_limit_spike=3, rate_limit_hour=5)
    assert [(b.window, b.remaining) for b in [await spent(limits, 1) for _ in range(2)]] == [
        ("10 seconds", 2),
        ("10 seconds", 1),
    ]
    hands.move(10)
    assert ((left := await spent(limits, 1)).window, left.remaining) == ("60 minutes", 2)


async def test_apps_and_companies_have_windows_of_their_own(hands: Hands) -> None:
    """http.md, Rate limits: per token's app and company; no company is a bucket too."""
    limits = limited(hands, rate_limit_spike=1)
    for client, company_id in (("app_1", 5), ("app_1", 6), ("app_2", 5), ("app_1", None)):
        assert not (await spent(limits, 1, company_id, client=client)).is_exceeded
        assert (await spent(limits, 1, company_id, client=client)).is_exceeded


@pytest.mark.parametrize("off", ["rate_limit_spike", "rate_limit_hour"])
async def test_zero_switches_a_window_off(hands: Hands, off: str) -> None:
    """cli.md: 0 = off."""
    limits = limited(hands, **{"rate_limit_spike": 2, "rate_limit_hour": 2, off: 0})
    assert (await spent(limits, 3)).is_exceeded
    assert await limited(hands, rate_limit_spike=0, rate_limit_hour=0).spend("app_1", 5) is None
    assert len(limits.windows) == 1


async def test_the_memory_keeps_no_window_that_is_over_and_no_more_than_its_most(hands: Hands) -> None:
    """Bounded: the oldest bucket makes room."""
    memory = ProcessMemory(hands, most=100)
    for number in range(500):
        await memory.incr(f"key-{number}", 10)
    assert (await memory.get("key-399"), await memory.get("key-400")) == (0, 1)
    hands.move(31)
    await memory.incr("fresh", 10)
    assert await memory.reset() == 1


async def test_without_the_counting_server_each_process_counts_for_itself(hands: Hands) -> None:
    """A dead Valkey neither stops calls nor lifts the limits."""
    limits = limited(hands, rate_limit_spike=2, rate_limit_storage=f"valkey://127.0.0.1:{free_port()}")
    assert not (await spent(limits, 2)).is_exceeded
    assert (await spent(limits, 1)).is_exceeded
    await limits.aclose()


async def test_processes_that_share_a_counting_server_share_the_windows(valkey_url: str) -> None:
    """cli.md, RATE_LIMIT_STORAGE: two processes count as one, and each sees when the window ends."""
    settings = Settings(rate_limit_spike=3, rate_limit_storage=valkey_url)
    one, other = CallLimits.of(settings), CallLimits.of(settings)
    left = [await limits.spend("app_1", 5) for limits in (one, other, one, other)]
    assert [(budget.is_exceeded, budget.remaining) for budget in left if budget] == [
        (False, 2),
        (False, 1),
        (False, 0),
        (True, 0),
    ]
    assert left[-1] is not None
    assert timedelta(seconds=1) <= left[-1].retry_after <= timedelta(seconds=11)
    assert not (await spent(other, 1, 6)).is_exceeded
    await one.aclose()
    await other.aclose()


async def test_a_counting_server_that_returns_counts_again(hands: Hands, valkey_url: str) -> None:
    """After five seconds it is asked again; until then this process counts."""
    limits = limited(hands, rate_limit_spike=2, rate_limit_storage=valkey_url)
    there, limits.shared = limits.shared, limited(hands, rate_limit_storage=f"valkey://127.0.0.1:{free_port()}").shared
    await spent(limits, 1)
    limits.shared = there
    assert (await spent(limits, 1)).remaining == 0, "counted here"
    hands.move(5)
    assert (await spent(limits, 1)).remaining == 1, "counted there"
    await limits.aclose()
