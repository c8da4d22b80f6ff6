"""What is kept in memory and written once in a while, off every request's path."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta


@asynccontextmanager
async def flushing(flush: Callable[[], Awaitable[None]], *, every: timedelta) -> AsyncIterator[None]:
    """Call `flush`, which never raises, once in a while until the end, and once more then.

    A flush that has begun when the end comes is finished first.
    """
    over = asyncio.Event()
    task = asyncio.get_running_loop().create_task(_keep_flushing(flush, every, over))
    try:
        yield
    finally:
        over.set()
        await task
        await flush()


async def _keep_flushing(flush: Callable[[], Awaitable[None]], every: timedelta, over: asyncio.Event) -> None:
    while not over.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), every.total_seconds())
        if not over.is_set():
            await flush()
