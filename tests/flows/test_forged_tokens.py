"""Tokens that this very deployment signed, and still no access tokens (T11): A138 to A140, and neighbours."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey

from gatewright.base.secrets import Purpose
from gatewright.oauth import key_store
from tests.support.world import World

WRONG: tuple[dict[str, Any], ...] = (
    {"aud": "https://other.example"},
    {"aud": ["http://127.0.0.1:8400"]},
    {"aud": None},
    {"iss": "https://other.example"},
    {"iss": "http://127.0.0.1:8400/"},
    {"exp": None},
    {"exp": "4102444800"},
    {"exp": 10**20},
    {"iat": None},
    {"sub": "2"},
    {"sub": None},
    {"sub": 1},
    {"jti": None},
    {"client_id": "svc_0"},
    {"client_id": None},
    {"fam": None},
    {"fam": "0" * 32},
    {"gen": None},
    {"gen": "0"},
    {"sec": None},
    {"sec": "0" * 32},
)
OTHER_TYPES = ("JWT", "logout+jwt", "at+JWT ", "")


async def signed_here(world: World, payload: Mapping[str, Any], **header: Any) -> str:
    """Return the payload as a JWT under the deployment's own signing key, such as another use of it might make."""
    async with world.house.database.read() as reader:
        (key,) = await key_store.load_signing_keys(reader)
    place = f"signing_keys.private_key_sealed:{key.kid}"
    private = json.loads(world.house.keys.unseal(Purpose.SIGNING_KEY, place, key.private_key_sealed))
    head = {"alg": "ES256", "typ": "at+jwt", "kid": key.kid, **header}
    return jws.serialize_compact(head, json.dumps(payload).encode(), ECKey.import_key(private))


def payload_of(token: str) -> dict[str, Any]:
    """Return the claims of a token, unverified."""
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


async def test_the_same_claims_signed_anew_are_alive(world: World) -> None:
    """T11: what follows fails for its own reason, not for how the test signs."""
    claims = payload_of((await world.tokens("ada", "crane")).access)
    assert (await world.call(await signed_here(world, claims), "/rest/v1.0/me")).status_code == 200


async def test_one_wrong_claim_makes_it_invalid(world: World) -> None:
    """T11, A138, A140: another audience or issuer, no end, a later end, somebody else's links."""
    claims = payload_of((await world.tokens("ada", "crane")).access)
    for changes in WRONG:
        forged = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        answer = await world.call(await signed_here(world, forged), "/rest/v1.0/me")
        assert answer.status_code == 401, (changes, answer.text)
        assert answer.json()["error"]["code"] in {"token_invalid", "token_revoked"}, changes


async def test_another_jwt_of_ours_is_no_access_token(world: World) -> None:
    """T11, A139."""
    claims = payload_of((await world.tokens("ada", "crane")).access)
    for kind in OTHER_TYPES:
        assert (await world.call(await signed_here(world, claims, typ=kind), "/rest/v1.0/me")).status_code == 401, kind
