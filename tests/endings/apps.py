"""Endings of apps, their secrets and redirect URIs, installations and signing keys."""

import itertools

import httpx

from gatewright.apps.service import add_secret, block_app, change_app, delete_app, reset_secrets, retire_secret
from gatewright.base import clock
from gatewright.base.ids import AppId
from gatewright.events.catalogue import SYSTEM
from tests.endings.model import PROJECTS, Decided, Ending, acts, asks, sends
from tests.support.served import ServedWorld
from tests.support.world import WEB_REDIRECT, App, Tokens

_numbers = itertools.count(1)


async def disconnected_app(world: ServedWorld) -> Ending:
    """I3."""
    alder, app_id = world.companies["alder"], world.apps["crane"].id
    path = f"/rest/v1.0/companies/{alder}/installations/{app_id}"
    tokens = await world.tokens("wim", "crane")
    await world.call(tokens.access, PROJECTS, company=alder)
    await sends(world, "POST", f"{path}/reconnect", 200)(world.workers[0])
    await world.set_levels("alder", world.people["wim"].contacts["alder"], directory="read_only")
    ask, end = asks(tokens.access, PROJECTS, company=alder), sends(world, "POST", f"{path}/disconnect", 200)
    return Ending("disconnected app", ask, end, decided=Decided(tokens.access, alder))


async def retired_secret(world: ServedWorld) -> Ending:
    """D4: from another process, as the command line does."""
    database, app_id = world.house.database, AppId(world.apps["plain"].id)
    added = await add_secret(database, app_id=app_id, keys=world.house.keys, origin=SYSTEM, now=clock.now())
    world.apps["second"] = App(app_id, world.apps["plain"].client_id, added.secret, world.apps["plain"].redirect_uri)
    tokens = await world.tokens("ada", "second")

    async def retire() -> None:
        await retire_secret(database, app_id=app_id, secret_id=added.id, origin=SYSTEM, now=clock.now())

    return Ending("retired secret", asks(tokens.access), acts(retire), decided=_by_ada(world, tokens))


async def reset_secret(world: ServedWorld) -> Ending:
    """D4: all that live are retired."""
    app, app_id = await _app(world)
    tokens = await world.tokens("ada", app)

    async def reset() -> None:
        await reset_secrets(world.house.database, app_id=app_id, keys=world.house.keys, origin=SYSTEM, now=clock.now())

    return Ending("reset secret", asks(tokens.access), acts(reset), decided=_by_ada(world, tokens))


async def blocked_app(world: ServedWorld) -> Ending:
    """D6."""
    app, app_id = await _app(world)
    tokens = await world.tokens("ada", app)

    async def block() -> None:
        await block_app(world.house.database, app_id=app_id, origin=SYSTEM, now=clock.now())

    return Ending("blocked app", asks(tokens.access), acts(block), decided=_by_ada(world, tokens))


async def deleted_app(world: ServedWorld) -> Ending:
    """D6."""
    app, app_id = await _app(world)
    tokens = await world.tokens("ada", app)

    async def delete() -> None:
        await delete_app(world.house.database, app_id=app_id, origin=SYSTEM, now=clock.now())

    return Ending("deleted app", asks(tokens.access), acts(delete), again=False, decided=_by_ada(world, tokens))


async def redirect_uri_taken_away(world: ServedWorld) -> Ending:
    """D5: who asks to be sent there gets a page of ours instead."""
    app, app_id = await _app(world)
    query = {
        "response_type": "code",
        "client_id": world.apps[app].client_id,
        "redirect_uri": WEB_REDIRECT,
        "state": "xyz",
        "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
    }

    async def ask(worker: httpx.AsyncClient) -> httpx.Response:
        return await worker.get("/oauth/authorize", params=query)

    async def take_away() -> None:
        await change_app(
            world.house.database,
            app_id=app_id,
            redirect_uris=["https://elsewhere.example/callback"],
            origin=SYSTEM,
            now=clock.now(),
        )

    return Ending(
        "redirect URI taken away", ask, acts(take_away), allowed=frozenset({303}), refused=frozenset({400, 422})
    )


def _by_ada(world: ServedWorld, tokens: Tokens) -> Decided:
    return Decided(tokens.access, world.companies["alder"])


async def _app(world: ServedWorld) -> tuple[str, AppId]:
    number = next(_numbers)
    app = await world.add_app(f"passing-{number}", f"Passing app number {number}")
    return f"passing-{number}", AppId(app.id)
