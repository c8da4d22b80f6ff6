"""Keys with several worker processes: a verifier that keeps the key set, and a compromised key's end (T11, T12)."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet

from gatewright.base import clock
from gatewright.events.catalogue import SYSTEM
from gatewright.oauth.key_rules import PUBLICATION
from gatewright.oauth.key_service import retire_signing_key, rotate_signing_key
from gatewright.oauth.key_store import load_signing_keys
from tests.support.served import ServedWorld, served_world

WORKERS = 3
ME = "/rest/v1.0/me"
FASTER = 200  # the verifier's clock and the publication, alike: their ratio is the product's


@dataclass(slots=True)
class Verifier:
    """A resource server that verifies tokens by itself and asks for the key set no sooner than it was told to."""

    server: httpx.AsyncClient
    kept: KeySet | None = None
    fresh_until: float = 0.0
    fetched: int = 0
    kids: set[str] = field(default_factory=set)

    async def accept(self, token: str) -> dict[str, Any]:
        """Return the claims; an unknown key is a failure, and no reason to ask again."""
        if self.kept is None or time.monotonic() >= self.fresh_until:
            answer = await self.server.get("/oauth/jwks")
            seconds = int(answer.headers["cache-control"].removeprefix("public, max-age="))
            self.kept, self.fetched = KeySet.import_key_set(answer.json()), self.fetched + 1
            self.fresh_until = time.monotonic() + seconds / FASTER
        decoded = jwt.decode(token, self.kept, algorithms=["ES256"])
        self.kids.add(decoded.header["kid"])
        return dict(decoded.claims)


async def robot_token(world: ServedWorld, worker: httpx.AsyncClient) -> str:
    """Return a fresh token of the service account, by this worker."""
    robot = world.robots["robot"]
    asked = {"grant_type": "client_credentials", "client_id": robot.client_id, "client_secret": robot.secret}
    return str((await worker.post("/oauth/token", data=asked)).json()["access_token"])


async def test_a_verifier_with_a_kept_key_set_meets_no_failure_throughout_a_rotation(tmp_path: Path) -> None:
    """T11: tokens of every worker, from before the rotation until the next key signs on all of them."""
    async with served_world(tmp_path, workers=WORKERS) as world:
        verifiers = [Verifier(worker) for worker in world.workers]
        (old,) = await keys_of(world)
        first = await robot_token(world, world.workers[0])
        for verifier in verifiers:
            await verifier.accept(first)
        new = await rotate_signing_key(
            world.house.database,
            keys=world.house.keys,
            publication=PUBLICATION / FASTER,
            origin=SYSTEM,
            now=clock.now(),
        )
        while not all(verifier.kids == {old, new.kid} for verifier in verifiers):
            tokens = [await robot_token(world, worker) for worker in world.workers]
            for token in [first, *tokens]:
                for verifier in verifiers:
                    assert (await verifier.accept(token))["sub"] == str(world.robots["robot"].id)
                for worker in world.workers:
                    assert (await ask(worker, token)).status_code == 200
        assert all(verifier.fetched >= 2 for verifier in verifiers), "each kept its set, and had to ask anew"


async def test_a_compromised_keys_tokens_are_refused_by_every_worker_at_the_next_call(tmp_path: Path) -> None:
    """T12: while every worker remembers their signatures and is asked all the time."""
    async with served_world(tmp_path, workers=WORKERS) as world:
        for round_ in range(4):
            user = (await world.tokens("wim", "crane")).access
            tokens = [user, await robot_token(world, world.workers[round_ % WORKERS])]
            for worker in world.workers * 2:
                assert [(await ask(worker, token)).status_code for token in tokens] == [200, 200]
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(ask_often(worker, user)) for worker in world.workers]
                await end_current_key(world)
                for worker in world.workers:
                    for token in tokens:
                        answer = await ask(worker, token)
                        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "token_invalid")
            assert all(task.result() for task in asked)
            fresh = await robot_token(world, world.workers[-1])
            assert [(await ask(worker, fresh)).status_code for worker in world.workers] == [200] * WORKERS


async def ask(worker: httpx.AsyncClient, token: str) -> httpx.Response:
    """Return a worker's answer to the bearer of this token."""
    return await worker.get(ME, headers={"authorization": f"Bearer {token}"})


async def ask_often(worker: httpx.AsyncClient, token: str) -> int:
    """Return how often a worker was asked; what it answered is not judged."""
    for _ in range(30):
        await ask(worker, token)
    return 30


async def end_current_key(world: ServedWorld) -> None:
    """End the current signing key from another process, as the command line does."""
    await retire_signing_key(
        world.house.database,
        (await keys_of(world))[-1],
        is_compromised=True,
        keys=world.house.keys,
        lifetime=timedelta(hours=2),
        origin=SYSTEM,
        now=clock.now(),
    )


async def keys_of(world: ServedWorld) -> list[str]:
    """Return the kids of all keys, the current one last."""
    async with world.house.database.read() as reader:
        return [key.kid for key in await load_signing_keys(reader)]
