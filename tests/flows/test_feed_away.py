"""A process that cannot ask what others committed answers nothing from its memory."""

import sqlite3

from gatewright.db.failures import is_storage_failure
from gatewright.events.feed import SqliteFeed
from tests.support.world import World


async def test_without_the_feed_everything_is_unavailable_and_the_process_not_ready(world: World) -> None:
    """T12, http.md: 503 and never 500; a load balancer is told to go elsewhere."""
    token, gate = (await world.tokens("wim", "crane")).access, world.apps["gate"]
    bearer, query = {"authorization": f"Bearer {token}"}, {"tool": "directory", "level": "read_only", "company_id": "1"}
    assert (await world.client.get("/authz/forward", headers=bearer, params=query)).status_code == 200
    assert (await world.client.get("/readyz")).status_code == 200
    feed = world.house.facts._coherence
    assert isinstance(feed, SqliteFeed)
    feed.close()
    forwarded = await world.client.get("/authz/forward", headers=bearer, params=query)
    told = {name: forwarded.headers[f"gatewright-{name}"] for name in ("code", "status")}
    assert (forwarded.status_code, told) == (403, {"code": "temporarily_unavailable", "status": "503"})
    question = {"token": token, "company_id": 1, "tool": "directory", "level": "read_only"}
    auth = (gate.client_id, gate.secret or "")
    checked = await world.client.post("/authz/check", json={"questions": [question]}, auth=auth)
    revoked = await world.client.post("/oauth/revoke", data={**world.apps["crane"].credentials, "token": token})
    called = await world.call(token, "/rest/v1.0/me")
    ready = await world.client.get("/readyz")
    assert [answer.status_code for answer in (checked, revoked, called, ready)] == [503] * 4
    assert ready.json() == {"ready": False, "reason": "The database cannot be reached."}


def test_what_sqlite_says_outside_the_pool_is_a_storage_failure_too() -> None:
    """T12: asking again in a while may succeed."""
    assert is_storage_failure(sqlite3.OperationalError("disk I/O error"))
