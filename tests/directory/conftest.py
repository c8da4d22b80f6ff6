"""A directory on each of the two databases."""

import pytest

from gatewright.db.engine import Database
from tests.directory.people import Town, found


@pytest.fixture
async def town(database: Database) -> Town:
    """Return an empty directory with its tools declared, once on each database."""
    return await found(database)
