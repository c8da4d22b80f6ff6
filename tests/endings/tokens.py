"""Endings of authorizations, families and tokens."""

import base64
import json

import httpx

from gatewright.base import clock
from gatewright.events.catalogue import SYSTEM
from gatewright.oauth.key_service import retire_signing_key
from tests.endings.model import Decided, Ending, acts, asks, posts, read_by
from tests.support.served import ServedWorld
from tests.support.world import Tokens


async def revoked_refresh_token(world: ServedWorld) -> Ending:
    """T9."""
    tokens = await world.tokens("wim", "crane")
    data = {**world.apps["crane"].credentials, "token": tokens.refresh}
    end = posts("/oauth/revoke", 200, data=data)
    return Ending("revoked refresh token", asks(tokens.access), end, decided=await _by_wim(world, tokens.access))


async def revoked_access_token(world: ServedWorld) -> Ending:
    """T9."""
    tokens = await world.tokens("wim", "crane")
    data = {**world.apps["crane"].credentials, "token": tokens.access}
    end = posts("/oauth/revoke", 200, data=data)
    return Ending("revoked access token", asks(tokens.access), end, decided=await _by_wim(world, tokens.access))


async def replayed_refresh_token(world: ServedWorld) -> Ending:
    """T6: the consumed token comes back after its successor was refreshed on another worker."""
    first = await world.tokens("wim", "crane")
    second = await refreshed(world, first, at=1)
    third = await refreshed(world, second, at=2)
    data = {**world.apps["crane"].credentials, "grant_type": "refresh_token", "refresh_token": first.refresh}
    end = posts("/oauth/token", 400, data=data)
    return Ending("replayed refresh token", asks(third.access), end, decided=await _by_wim(world, third.access))


async def refreshed(world: ServedWorld, tokens: Tokens, *, at: int) -> Tokens:
    """Return the successor, asked of one worker."""
    data = {**world.apps["crane"].credentials, "grant_type": "refresh_token", "refresh_token": tokens.refresh}
    answer = await world.workers[at].post("/oauth/token", data=data)
    assert answer.status_code == 200, answer.text
    return Tokens(answer.json()["access_token"], answer.json()["refresh_token"], answer.json())


async def second_use_of_a_code(world: ServedWorld) -> Ending:
    """T2."""
    code = await world.code("wim", "crane")
    answer = await world.exchange("crane", code)
    given = {"grant_type": "authorization_code", "code": code, "redirect_uri": world.apps["crane"].redirect_uri}
    data = {**world.apps["crane"].credentials, **given}
    access, end = answer.json()["access_token"], posts("/oauth/token", 400, data=data)
    return Ending("second use of a code", asks(access), end, decided=await _by_wim(world, access))


async def ended_authorization(world: ServedWorld) -> Ending:
    """T10: on the page, in a browser that signed in at the first worker."""
    tokens, browser = await world.tokens("wim", "crane"), await world.signed_in("wim")
    path = f"/account/apps/{world.apps['crane'].id}/end"

    async def end(worker: httpx.AsyncClient) -> None:
        answer = await world.submit(browser, str(worker.base_url.join(path)), at=str(worker.base_url.join("/")))
        assert answer.status_code in {303, 404}, answer.text

    return Ending("ended authorization", asks(tokens.access), end, decided=await _by_wim(world, tokens.access))


async def revoked_token_of_a_service_account(world: ServedWorld) -> Ending:
    """T9."""
    token, robot = await world.robot_token("robot"), world.robots["robot"]
    await world.set_levels("alder", robot.contact_id, budget="standard")
    data = {"client_id": robot.client_id, "client_secret": robot.secret, "token": token}
    decided, end = Decided(token, world.companies["alder"], tool="budget"), posts("/oauth/revoke", 200, data=data)
    return Ending("revoked service account's token", asks(token), end, decided=decided)


async def compromised_signing_key(world: ServedWorld) -> Ending:
    """T12: every token that it signed is dead, the manager's too, who gets another."""
    tokens, house = await world.tokens("wim", "crane"), world.house
    head = tokens.access.partition(".")[0]
    kid = json.loads(base64.urlsafe_b64decode(head + "=="))["kid"]

    async def retire() -> None:
        await retire_signing_key(
            house.database,
            kid,
            is_compromised=True,
            keys=house.keys,
            lifetime=house.settings.access_token_lifetime,
            origin=SYSTEM,
            now=clock.now(),
        )
        await world.get_manager()

    decided = await _by_wim(world, tokens.access)
    return Ending("compromised signing key", asks(tokens.access), acts(retire), again=False, decided=decided)


async def _by_wim(world: ServedWorld, token: str) -> Decided:
    return await read_by(world, "wim", token)
