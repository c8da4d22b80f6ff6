"""A stage on both databases: the token side of one process, an app and its user."""

import pytest

from gatewright.base.ids import UserId
from gatewright.db.engine import Database
from tests.oauth.stage import Stage, StagedApp


@pytest.fixture
async def stage(database: Database) -> Stage:
    """Return the token side on a migrated database, with a signing key."""
    made = Stage(database)
    await made.set_up()
    return made


@pytest.fixture
async def user_id(stage: Stage) -> UserId:
    """Return a user who authorizes apps."""
    return await stage.user("Wim")


@pytest.fixture
async def crane(stage: Stage, user_id: UserId) -> StagedApp:
    """Return a confidential app."""
    return await stage.app(user_id, "Crane", scopes=("company.manage",))


@pytest.fixture
async def pocket(stage: Stage, user_id: UserId) -> StagedApp:
    """Return a public app."""
    return await stage.app(user_id, "Pocket", is_confidential=False)
