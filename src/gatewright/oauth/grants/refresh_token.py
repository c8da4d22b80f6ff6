"""The refresh token grant (RFC 6749 §6): a refresh token becomes its one successor (T4 to T8)."""

from datetime import datetime

import structlog

from gatewright.base.errors import Unavailable
from gatewright.oauth.desk import Desk, Parameters, app_of, required
from gatewright.oauth.errors import invalid_grant, invalid_scope
from gatewright.oauth.facts import authorization_fact, family_fact, user_fact
from gatewright.oauth.family_service import RefreshRequest, refresh_family
from gatewright.oauth.model import AppClient, Authenticated, Authorization, Family, FamilyLink, Issued, RefreshToken
from gatewright.oauth.refresh_tokens import derive_refresh_token, is_genuine, parse_refresh_token
from gatewright.oauth.rules import MOST_REPEATS, RefreshPolicy, Refuse, WentBack, asked_scopes
from gatewright.settings import Settings
from gatewright.web.edge import Seen

GRANT_TYPE = "refresh_token"
PARAMETERS = ("refresh_token", "scope")
_log = structlog.get_logger("gatewright.oauth")


async def exchange(desk: Desk, caller: Authenticated, parameters: Parameters, *, seen: Seen, now: datetime) -> Issued:
    """Return the successor with a fresh access token; `invalid_grant` when there is none.

    Judged in this order: the token's MAC, then its client, then its generation; the
    first two change nothing, whatever they find (T7).
    """
    client = app_of(caller)
    token, family, authorization = await _genuine(desk, client, required(parameters, "refresh_token"))
    scopes = asked_scopes(parameters.get("scope"), allowed=family.scopes)
    if scopes is None:
        raise invalid_scope()
    asked = RefreshRequest(
        family_id=family.id,
        generation=token.generation,
        secret_id=caller.secret_id,
        client=client,
        authorization=authorization,
        user=await desk.facts.get(user_fact(authorization.user_id)),
    )
    outcome = await refresh_family(
        desk.database,
        asked,
        policy=refresh_policy(desk.settings, client),
        key_id=desk.keys.current.id,
        origin=seen.origin("user", authorization.user_id, via_app_id=client.app_id),
        now=now,
    )
    return await _issue(desk, asked, _standing(outcome), scopes=scopes or family.scopes, now=now)


def refresh_policy(settings: Settings, client: AppClient) -> RefreshPolicy:
    """Return what holds for this app's refreshes: its own retry window, or the deployment's (T6)."""
    is_confidential = client.is_confidential
    window = settings.refresh_retry_window if is_confidential else settings.refresh_retry_window_public
    return RefreshPolicy(
        retry_window=window if client.retry_window is None else client.retry_window,
        lifetime=settings.refresh_token_lifetime,
        most_repeats=None if is_confidential else MOST_REPEATS,
    )


async def _genuine(desk: Desk, client: AppClient, text: str) -> tuple[RefreshToken, Family, Authorization]:
    """Return the token with its family and authorization, if we derived it and for this client."""
    token = parse_refresh_token(text)
    family = await desk.facts.get(family_fact(token.family_id)) if token else None
    if token is None or family is None or not is_genuine(desk.keys, token, salt=family.salt):
        raise invalid_grant("refresh_token_unknown")
    authorization = await desk.facts.get(authorization_fact(family.authorization_id))
    if authorization is None or authorization.app_id != client.app_id:
        raise invalid_grant("refresh_token_unknown")
    return token, family, authorization


def _standing(outcome: Family | Refuse | WentBack) -> Family:
    match outcome:
        case Family() as family:
            return family
        case Refuse(reason):
            raise invalid_grant(reason)
        case WentBack():
            # An older copy of the database was restored: honest clients hold newer
            # tokens than it knows. Nothing is ended, and the operator is called.
            _log.critical("database_went_back", what="a genuine refresh token is newer than its family's row")
            raise Unavailable(detail="the database is older than tokens it issued")


async def _issue(
    desk: Desk, asked: RefreshRequest, family: Family, *, scopes: tuple[str, ...], now: datetime
) -> Issued:
    access_token = await desk.issuer.issue(
        principal_id=asked.authorization.user_id,
        client_id=asked.client.client_id,
        scopes=scopes,
        link=FamilyLink(family_id=family.id, generation=family.generation, secret_id=asked.secret_id),
        now=now,
    )
    return Issued(
        access_token=access_token,
        lifetime=desk.settings.access_token_lifetime,
        created_at=now,
        refresh_token=derive_refresh_token(desk.keys, family),
    )
