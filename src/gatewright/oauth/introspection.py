"""Introspection (RFC 7662): is this token alive, asked by a resource server or by the token's own client.

Whoever may not know learns nothing, by the answer or by the work: whose token it is stands
in the token itself and is compared before anything is asked about it. What is presented by
somebody else changes nothing (T7).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gatewright.base.errors import Unavailable
from gatewright.oauth import store
from gatewright.oauth.access_tokens import claimed_client
from gatewright.oauth.desk import Desk
from gatewright.oauth.model import AppClient, Authenticated, DeadToken, Lineage, LiveToken, RefreshToken
from gatewright.oauth.refresh_tokens import is_genuine, parse_refresh_token
from gatewright.oauth.rules import RefreshFate, judge_presence
from gatewright.oauth.tokens import TokenReader
from gatewright.settings import Settings

Told = Mapping[str, Any]
DEAD: Told = {"active": False}


async def introspect(desk: Desk, reader: TokenReader, caller: Authenticated, token: str, *, now: datetime) -> Told:
    """Return what RFC 7662 §2.2 says of the token; `{"active": false}` for all that the caller may not know.

    A resource server is told of every live access token, any other client of its own. A refresh
    token is told of to its own client alone, and is not consumed. Either confirms its generation (T6).
    """
    client = caller.client
    if (refresh_token := parse_refresh_token(token)) is not None:
        if isinstance(client, AppClient):
            return await _of_refresh_token(desk, reader, client, refresh_token, now=now)
        return DEAD
    is_resource_server = isinstance(client, AppClient) and client.is_resource_server
    if not is_resource_server and claimed_client(token) != client.client_id:
        return DEAD
    found = await reader.read(token, now=now)
    if isinstance(found, DeadToken) or not (is_resource_server or found.client_id == client.client_id):
        return DEAD
    return _of_access_token(found, settings=desk.settings)


async def _of_refresh_token(
    desk: Desk, reader: TokenReader, client: AppClient, token: RefreshToken, *, now: datetime
) -> Told:
    # Rows, not facts: a refresh through another process writes no event (R1).
    async with desk.database.read() as db:
        found = await store.load_lineage(db, family_id=token.family_id)
    if found is None or not is_genuine(desk.keys, token, salt=found.family.salt):
        return DEAD
    family = found.family
    if found.authorization.app_id == client.app_id or client.is_resource_server:
        await reader.confirm(family, token.generation)
    fate = judge_presence(
        family,
        presented=token.generation,
        authorization=found.authorization,
        client=client,
        user=found.user,
        lifetime=desk.settings.refresh_token_lifetime,
        now=now,
    )
    if fate is RefreshFate.WENT_BACK:
        raise Unavailable(detail="the database is older than tokens it issued")
    if fate is RefreshFate.DEAD:
        return DEAD
    return _of_family(found, client=client, settings=desk.settings)


def _of_access_token(token: LiveToken, *, settings: Settings) -> Told:
    # A service account's address is shown to its company's admins and to itself alone (S2).
    whose = {"username": token.login} if token.company_id is None else {"company_id": token.company_id}
    return {
        "active": True,
        "scope": " ".join(token.scopes),
        "client_id": token.client_id,
        "token_type": "Bearer",
        "exp": int(token.expires_at.timestamp()),
        "iat": int(token.issued_at.timestamp()),
        "sub": str(token.principal_id),
        "aud": settings.token_audience,
        "iss": settings.issuer,
        "jti": token.jti,
        **whose,
    }


def _of_family(found: Lineage, *, client: AppClient, settings: Settings) -> Told:
    """Return the same of a refresh token, which has no type, audience or id, and an end only where one is set."""
    family, lifetime = found.family, settings.refresh_token_lifetime
    end = {} if lifetime is None else {"exp": int((family.rotated_at + lifetime).timestamp())}
    return {
        "active": True,
        "scope": " ".join(family.scopes),
        "client_id": client.client_id,
        "username": found.user.email,
        "iat": int(family.rotated_at.timestamp()),
        "sub": str(found.user.id),
        "iss": settings.issuer,
        **end,
    }
