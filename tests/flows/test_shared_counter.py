"""A call that waits for the counting server, while what it was remembered by ends."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
from limits.aio.storage import MemoryStorage

from gatewright.decisions.engine import Decisions
from tests.support.world import World

Act = Callable[[], Awaitable[object]]


@dataclass
class Meanwhile:
    """What is to happen the next time that a call is counted."""

    acts: list[Act] = field(default_factory=list)


class SlowCounter(MemoryStorage):
    """A counting server that answers only after something happened elsewhere."""

    STORAGE_SCHEME = ["slow"]  # noqa: RUF012 - as the library has it

    def __init__(self, meanwhile: Meanwhile) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count, after what was to happen first."""
        while self._meanwhile.acts:
            await self._meanwhile.acts.pop()()
        return await super().incr(key, expiry, amount)


def _counting(world: World) -> Meanwhile:
    decisions: Decisions = world.app.state.core.access
    meanwhile = Meanwhile()
    decisions.limits.shared = SlowCounter(meanwhile)
    return meanwhile


async def _forward(world: World, token: str) -> httpx.Response:
    asked = {"company_id": str(world.companies["alder"]), "project_id": str(world.projects["bridge"])}
    asked |= {"tool": "rfis", "level": "standard"}
    return await world.client.get("/authz/forward", params=asked, headers={"authorization": f"Bearer {token}"})


async def test_a_level_that_is_lowered_while_the_call_is_counted_is_felt_by_it(world: World) -> None:
    """X5, T12: a remembered answer is given for the rows that stand after the wait."""
    meanwhile, token = _counting(world), (await world.tokens("wim", "crane")).access
    contact = world.people["wim"].contacts["alder"]
    for _ in range(3):  # the first connects the app; the second is remembered
        assert (await _forward(world, token)).status_code == 200
    meanwhile.acts = [lambda: world.add_member("alder", "bridge", contact, rfis="read_only")]
    refused = await _forward(world, token)
    assert refused.headers["gatewright-code"] == "permission_insufficient"
    assert "x-rate-limit-remaining" in refused.headers


async def test_a_token_that_is_revoked_while_the_call_is_counted_is_dead_to_it(world: World) -> None:
    """T12, X2: whatever else stands."""
    meanwhile, token = _counting(world), (await world.tokens("wim", "crane")).access
    for _ in range(3):
        assert (await _forward(world, token)).status_code == 200

    async def revoke() -> None:
        given = {**world.apps["crane"].credentials, "token": token}
        assert (await world.client.post("/oauth/revoke", data=given)).status_code == 200

    meanwhile.acts = [revoke]
    assert (await _forward(world, token)).headers["gatewright-code"] == "token_revoked"
    assert (await _forward(world, token)).headers["gatewright-code"] == "token_revoked"
