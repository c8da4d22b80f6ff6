"""The tokens of the described world: got over HTTP as apps get them, then ended, forged and outlived."""

import base64
import json
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey

from gatewright.apps.service import add_secret, block_app, delete_app, retire_secret
from gatewright.base import clock
from gatewright.base.ids import AppId
from gatewright.base.secrets import Purpose
from gatewright.directory import service as directory
from gatewright.events.catalogue import SYSTEM
from gatewright.oauth import key_store
from gatewright.service_accounts.service import delete_service_account, regenerate_secret
from tests.matrix.built import Built
from tests.matrix.described import ALIVE, SERVICE_ACCOUNTS, TOKENS
from tests.support.world import App, Robot, Tokens

AGO = timedelta(hours=3)


async def fill_tokens(built: Built) -> None:
    """Give the world its tokens: first all while their holders stand, then what ends some of them."""
    got = {token: await _users(built, said) for token, said in TOKENS.items() if said["app"]}
    built.tokens |= {token: tokens.access for token, tokens in got.items()}
    for token, said in TOKENS.items():
        if said["who"] in SERVICE_ACCOUNTS and token != "rob_renewed":
            built.tokens[token] = await built.world.robot_token(said["who"])
    await _spoil(built)
    await _end_tokens(built, got)
    await _end_apps(built)
    await _end_people(built)
    await _end_accounts(built)
    missing = set(TOKENS) - set(built.tokens)
    assert not missing, missing
    assert len({text for name, text in built.tokens.items() if name in ALIVE}) == len(ALIVE)


async def _users(built: Built, said: Mapping[str, Any]) -> Tokens:
    app = said["app"]
    if said["state"] == "secret retired":
        await _add_second_secret(built, app)
        app = f"{app}, second secret"
    return await built.world.tokens(said["who"], app, scope=" ".join(said["scopes"]))


async def _spoil(built: Built) -> None:
    """Make what never was a token, or is one no more."""
    tokens, alive = built.tokens, str(built.tokens["ada"])
    head, _, signature = alive.split(".")
    claims = claims_of(alive)
    tokens["none at all"] = None
    tokens["garbage"] = "no-token-of-anybody"
    tokens["a forgery"] = ".".join((head, _part({**claims, "sub": str(int(claims["sub"]) + 1)}), signature))
    tokens["under another key"] = jws.serialize_compact(
        header_of(alive), json.dumps(claims).encode(), ECKey.generate_key("P-256")
    )
    tokens["expired"] = await outlived(built, str(tokens["expired"]))
    tokens["expired of an account"] = await outlived(built, str(tokens["expired of an account"]))


async def _end_tokens(built: Built, got: Mapping[str, Tokens]) -> None:
    world, tokens = built.world, built.tokens
    plain = world.apps["plain"].credentials
    await _revoke(built, str(tokens["revoked"]), plain)
    await _revoke(built, str(tokens["expired and revoked"]), plain)
    tokens["expired and revoked"] = await outlived(built, str(tokens["expired and revoked"]))
    await _revoke(built, got["revoked by its refresh token"].refresh, plain)
    robot = world.robots["rob"]
    await _revoke(
        built, str(tokens["revoked of an account"]), {"client_id": robot.client_id, "client_secret": robot.secret}
    )
    tokens["a refresh token"] = got["a refresh token"].refresh
    tokens["replayed"] = await _replayed(built, got["replayed"])
    ended = await world.submit(await world.signed_in("ada"), f"/account/apps/{world.apps['closed'].id}/end")
    assert ended.status_code == 303, ended.text


async def _revoke(built: Built, token: str, credentials: Mapping[str, str]) -> None:
    answer = await built.world.client.post("/oauth/revoke", data={**credentials, "token": token})
    assert answer.status_code == 200, answer.text


async def _replayed(built: Built, first: Tokens) -> str:
    """T6: the consumed refresh token comes back after its successor's successor was issued."""
    refresh, access = first.refresh, first.access
    for _ in range(2):
        answer = await built.world.refresh("plain", refresh)
        assert answer.status_code == 200, answer.text
        refresh, access = answer.json()["refresh_token"], answer.json()["access_token"]
    assert (await built.world.refresh("plain", first.refresh)).status_code == 400
    return str(access)


async def _add_second_secret(built: Built, app: str) -> None:
    first = built.world.apps[app]
    added = await add_secret(
        built.house.database, app_id=AppId(first.id), keys=built.house.keys, origin=SYSTEM, now=clock.now()
    )
    built.world.apps[f"{app}, second secret"] = App(first.id, first.client_id, added.secret, first.redirect_uri)
    built.second_secret = added.id


async def _end_apps(built: Built) -> None:
    database, apps = built.house.database, built.world.apps
    turned = AppId(apps["turned"].id)
    if built.second_secret is None:
        raise AssertionError("no token was got with a second secret")
    await retire_secret(database, app_id=turned, secret_id=built.second_secret, origin=SYSTEM, now=clock.now())
    await block_app(database, app_id=AppId(apps["barred"].id), origin=SYSTEM, now=clock.now())
    await delete_app(database, app_id=AppId(apps["erased"].id), origin=SYSTEM, now=clock.now())


async def _end_people(built: Built) -> None:
    database, world = built.house.database, built.world
    for who in ("dee", "rea"):
        await directory.deactivate_user(database, user_id=world.people[who].id, origin=SYSTEM, now=clock.now())
    await directory.reactivate_user(database, user_id=world.people["rea"].id, origin=SYSTEM, now=clock.now())
    await directory.remove_contact(
        database,
        company_id=world.companies["alder"],
        contact_id=built.contacts["gone", "alder"],
        granted_by=None,
        origin=SYSTEM,
        now=clock.now(),
    )


async def _end_accounts(built: Built) -> None:
    database, house, world = built.house.database, built.house, built.world
    alder = world.companies["alder"]
    old = world.robots["rob_renewed"]
    fresh = await regenerate_secret(
        database,
        company_id=alder,
        service_account_id=old.id,
        domain=house.settings.service_domain,
        keys=house.keys,
        origin=SYSTEM,
        now=clock.now(),
    )
    world.robots["rob_renewed"] = Robot(old.id, old.client_id, fresh.secret, old.contact_id, fresh.address)
    built.tokens["rob_renewed"] = await world.robot_token("rob_renewed")
    await directory.change_contact(
        database,
        company_id=alder,
        contact_id=built.contacts["rob_edited", "alder"],
        email="edited@example.net",
        origin=SYSTEM,
        now=clock.now(),
    )
    await directory.add_contact(
        database,
        company_id=world.companies["birch"],
        email=world.robots["rob_taken"].address,
        name="Somebody",
        levels={},
        user_id=None,
        granted_by=None,
        origin=SYSTEM,
        now=clock.now(),
    )
    gone = world.robots["rob_gone"].id
    await delete_service_account(database, company_id=alder, service_account_id=gone, origin=SYSTEM, now=clock.now())


async def outlived(built: Built, token: str) -> str:
    """Return the token as it would be had it been issued hours before: under the deployment's own key."""
    async with built.house.database.read() as reader:
        (key, *_) = await key_store.load_signing_keys(reader)
    place = f"signing_keys.private_key_sealed:{key.kid}"
    private = json.loads(built.house.keys.unseal(Purpose.SIGNING_KEY, place, key.private_key_sealed))
    claims, seconds = claims_of(token), int(AGO.total_seconds())
    earlier = {**claims, "iat": claims["iat"] - seconds, "exp": claims["exp"] - seconds}
    assert earlier["exp"] < time.time()
    return jws.serialize_compact({**header_of(token), "kid": key.kid}, json.dumps(earlier), ECKey.import_key(private))


def claims_of(token: str) -> dict[str, Any]:
    """Return what a token says, unverified."""
    return _read(token.split(".")[1])


def header_of(token: str) -> dict[str, Any]:
    """Return a token's header."""
    return _read(token.split(".", maxsplit=1)[0])


def _read(part: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return read


def _part(claims: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
