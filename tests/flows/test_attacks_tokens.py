"""Forged access tokens wherever a token can be shown: the API, token info, introspection, revocation (A129 to A162)."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from sqlalchemy.engine import make_url

from gatewright.base import clock
from gatewright.events.catalogue import SYSTEM
from gatewright.oauth.key_service import rotate_signing_key
from tests.flows.test_forged_tokens import payload_of, signed_here
from tests.support.postgres import Cluster
from tests.support.world import World

ME = "/rest/v1.0/me"
HUGE = 30_000  # a header of this size still arrives


def segment(value: object) -> str:
    """Return a value as a segment of a JWT."""
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(alg: str, payload: object, **header: Any) -> list[str]:
    """Return a token without a signature, and with an empty one of each usual spelling."""
    head = segment({"alg": alg, "typ": "at+jwt", **header})
    body = segment(payload)
    return [f"{head}.{body}.", f"{head}.{body}", f"{head}.{body}.{segment(b'x' * 64)}", f"{head}.{body}.A"]


def signed_with_the_public_key(payload: object, kid: str, public: bytes) -> str:
    """Return the confusion of HMAC and ECDSA: the public key, taken for a shared secret."""
    head = f"{segment({'alg': 'HS256', 'typ': 'at+jwt', 'kid': kid})}.{segment(payload)}"
    return f"{head}.{segment(hmac.digest(public, head.encode(), hashlib.sha256))}"


async def forged(world: World, token: str) -> list[str]:
    """Return forgeries of a live token."""
    (jwk,) = (await world.client.get("/oauth/jwks")).json()["keys"]
    kid, payload = jwk["kid"], payload_of(token)
    head, body, signature = token.split(".")
    mine = ECKey.generate_key("P-256", {"kid": kid})
    own_key = {"jwk": mine.as_dict(private=False)}
    heads: tuple[dict[str, Any], ...] = (
        {},
        own_key,
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/x"},
    )
    public = ECKey.import_key(jwk).as_pem(private=False)
    later = {**payload, "exp": payload["exp"] + 3600}
    return [
        *(text for alg in ("none", "None", "NONE", "nOnE", "") for text in unsigned(alg, payload, kid=kid)),
        *(
            jws.serialize_compact(
                {"alg": "ES256", "typ": "at+jwt", "kid": kid, **more}, json.dumps(payload), mine, registry=LENIENT
            )
            for more in heads
        ),
        *(signed_with_the_public_key(payload, kid, secret) for secret in (public, public.strip(), kid.encode(), b"")),
        await signed_here(world, payload, kid="0" * 32),
        await signed_here(world, payload, kid=f"../{kid}"),
        f"{head}.{segment(later)}.{signature}",
        f"{head}.{body}.{signature[:-4]}",
        f"{head}.{body}.{signature}=",
        f"{head}.{body}.{segment(bytes(64))}",
        f"{head}.{body}.{signature}.{signature}",
        f"{segment({'alg': 'ES256', 'kid': kid})}.{body}.{signature}",
        f"{head}.{'A' * HUGE}.{signature}",
        f"{token} ",
        token.upper(),
    ]


LENIENT = jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False)


async def test_no_forgery_is_taken_anywhere(world: World) -> None:
    """T11, A129, A131, A136: refused by the API and token info, no token to introspection, nobody's to revocation."""
    genuine = (await world.tokens("ada", "crane")).access
    gate, crane = world.apps["gate"].credentials, world.apps["crane"].credentials
    assert (await world.call(genuine, ME)).status_code == 200
    for token in await forged(world, genuine):
        if token.strip() != genuine:  # a header loses the space at its end
            for path in (ME, "/oauth/token/info"):
                answer = await world.call(token, path)
                assert answer.status_code == 401, (path, token[:200])
                assert answer.headers["www-authenticate"].startswith("Bearer ")
        for asking in (gate, crane):
            told = await world.client.post("/oauth/introspect", data={**asking, "token": token})
            assert (told.status_code, told.content) == (200, b'{"active":false}'), token[:200]
        revoked = await world.client.post("/oauth/revoke", data={**crane, "token": token})
        assert (revoked.status_code, revoked.json()) == (200, {}), token[:200]
    assert (await world.call(genuine, ME)).status_code == 200


async def test_a_token_of_one_key_under_the_name_of_another_is_refused(world: World) -> None:
    """T11: while two keys verify, each vouches for what it signed alone."""
    token = (await world.tokens("ada", "crane")).access
    under_old = await signed_here(world, payload_of(token))
    made = await rotate_signing_key(world.house.database, keys=world.house.keys, origin=SYSTEM, now=clock.now())
    head = segment({"alg": "ES256", "typ": "at+jwt", "kid": made.kid})
    _, body, signature = under_old.split(".")
    assert (await world.call(under_old, ME)).status_code == 200
    assert (await world.call(f"{head}.{body}.{signature}", ME)).status_code == 401


@pytest.mark.parametrize("flow_dialect", ["postgresql"])
async def test_without_its_database_nothing_is_told_as_done(world: World, cluster: Cluster) -> None:
    """T9, T11: the database is taken away under the running server, and comes back; 503 meanwhile, never 200."""
    tokens = await world.tokens("ada", "crane")
    name = make_url(world.house.settings.database).database
    asked = {**world.apps["crane"].credentials, "token": tokens.refresh}
    cluster.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    cluster.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    for path in ("/oauth/revoke", "/oauth/introspect"):
        for _ in range(2):
            answer = await world.client.post(path, data=asked)
            assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable"), path
            assert answer.headers["retry-after"]
    cluster.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    told = await world.client.post("/oauth/introspect", data=asked)
    assert told.json()["active"] is True, "nothing was ended"
    assert (await world.client.post("/oauth/revoke", data=asked)).status_code == 200
    assert (await world.client.post("/oauth/introspect", data=asked)).json() == {"active": False}
