"""A log in which people find what happened: what a program sends by itself all day long is not in it."""

from pathlib import Path

import httpx

from tests.support.served import served_world

JSON = {"accept": "application/json"}


async def test_renewed_leases_are_not_logged_and_refused_ones_are(tmp_path: Path) -> None:
    # R3: calls are counted, not logged one by one
    async with served_world(tmp_path, workers=1) as world:
        gate = world.apps["gate"]
        renewed = await world.client.get("/authz/feed?nonce=a", headers=JSON, auth=(gate.client_id, gate.secret or ""))
        assert (renewed.status_code, renewed.json()["nonce"]) == (200, "a")
        refused = await world.client.get("/authz/feed?nonce=a", headers=JSON, auth=(gate.client_id, "another"))
        assert refused.status_code == httpx.codes.UNAUTHORIZED
        said = world.servers[0].await_said(refused.headers["x-request-id"])
        assert renewed.headers["x-request-id"] not in said
