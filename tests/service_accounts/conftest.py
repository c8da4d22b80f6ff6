"""Tenants on both databases."""

import pytest

from gatewright.db.engine import Database
from tests.support.tenants import Tenants


@pytest.fixture
async def tenants(database: Database) -> Tenants:
    """Return a database with its tools declared."""
    made = Tenants(database)
    await made.declare_tools()
    return made
