"""Revoking (RFC 7009): a user's token of either kind ends its family, a service account's itself (T9)."""

from datetime import datetime

from gatewright.oauth.desk import Desk
from gatewright.oauth.errors import OAuthRefusal, unauthorized_client
from gatewright.oauth.facts import authorization_fact, family_fact
from gatewright.oauth.family_service import revoke_credential_token, revoke_family
from gatewright.oauth.model import AppClient, Authenticated, Claims, Family, FamilyLink, ServiceAccountClient
from gatewright.oauth.refresh_tokens import is_genuine, parse_refresh_token
from gatewright.oauth.tokens import TokenReader
from gatewright.web.edge import Seen


async def revoke(
    desk: Desk, reader: TokenReader, caller: Authenticated, token: str, *, seen: Seen, now: datetime
) -> None:
    """End what the token hangs from. One that is not ours, or over, is no error (RFC 7009 §2.2).

    Another client's token is refused and lives on (A160).
    """
    # An expired access token still names its family, which its refresh token keeps alive.
    claims = await reader.signed_claims(token, now=now)
    if claims is not None:
        await _revoke_access_token(desk, caller, claims, seen=seen, now=now)
    elif (family := await _family_of(desk, token)) is not None:
        await _revoke_family(desk, caller, family, seen=seen, now=now)


async def _revoke_access_token(desk: Desk, caller: Authenticated, claims: Claims, *, seen: Seen, now: datetime) -> None:
    if claims.client_id != caller.client.client_id:
        raise _foreign()
    if isinstance(claims.link, FamilyLink):
        family = await desk.facts.get(family_fact(claims.link.family_id))
        if family is not None:
            await _revoke_family(desk, caller, family, seen=seen, now=now)
    elif isinstance(caller.client, ServiceAccountClient):
        origin = seen.origin("service_account", caller.client.service_account_id)
        await revoke_credential_token(desk.database, claims, caller.client, origin=origin, now=now)


async def _revoke_family(desk: Desk, caller: Authenticated, family: Family, *, seen: Seen, now: datetime) -> None:
    authorization = await desk.facts.get(authorization_fact(family.authorization_id))
    client = caller.client
    if authorization is None or not isinstance(client, AppClient) or authorization.app_id != client.app_id:
        raise _foreign()
    origin = seen.origin("user", authorization.user_id, via_app_id=client.app_id)
    await revoke_family(desk.database, family, origin=origin, now=now)


async def _family_of(desk: Desk, text: str) -> Family | None:
    """Return the family of a refresh token that we derived, consumed or not."""
    token = parse_refresh_token(text)
    family = await desk.facts.get(family_fact(token.family_id)) if token else None
    genuine = token is not None and family is not None and is_genuine(desk.keys, token, salt=family.salt)
    return family if genuine else None


def _foreign() -> OAuthRefusal:
    return unauthorized_client("token_of_another_client", status=403)
