"""The two clocks: one for the instants in tokens, one for how much time has passed."""

import time

# `time.monotonic()` stands still while the machine is suspended: a lease measured with it would
# outlive its time. Where the system has no clock that counts pauses (elsewhere than on Linux),
# it is used all the same, and README.md says so.
COUNTS_PAUSES = hasattr(time, "CLOCK_BOOTTIME")


def passed() -> float:
    """Return seconds that only ever grow, suspended time included where the system can tell."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if COUNTS_PAUSES else time.monotonic()


def wall() -> float:
    """Return Unix seconds."""
    return time.time()
