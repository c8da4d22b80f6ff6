"""One guarded API for each room of tests: what a test ends there it made there."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.proxies.guarded import Guarded, guarded_api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    """Lend an API behind nginx behind Gatewright."""
    async with guarded_api(tmp_path_factory.mktemp("guarded")) as running:
        yield running
