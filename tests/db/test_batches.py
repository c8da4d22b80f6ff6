"""What waits in memory is written once in a while, and at the end."""

import asyncio
from datetime import timedelta

from gatewright.db.batches import flushing


async def test_a_flush_that_has_begun_is_finished_before_the_last_one() -> None:
    """R3: else the database would be closed while it writes."""
    told: list[str] = []
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def flush() -> None:
        told.append("begins")
        begun.set()
        await may_end.wait()
        told.append("ends")

    async with flushing(flush, every=timedelta(0)):
        await begun.wait()
        asyncio.get_running_loop().call_later(0.05, may_end.set)
    assert told == ["begins", "ends", "begins", "ends"]
