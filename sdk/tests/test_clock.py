"""The clock of the lease (T12)."""

import time

import pytest

from gatewright_sdk import clock


def test_the_lease_is_measured_on_a_clock_that_counts_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """T12: CLOCK_BOOTTIME; the monotonic clock stands still in suspend."""
    monkeypatch.setattr(time, "monotonic", lambda: float("nan"))
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= clock.passed() <= time.clock_gettime(time.CLOCK_BOOTTIME)
