"""The token side of OAuth over HTTP: token, token info, revoke, introspect, keys and metadata."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gatewright.base.scopes import MANAGE
from gatewright.events.keys import signing_keys, tag
from gatewright.oauth.answers import Endpoint, OAuthJSON, refused
from gatewright.oauth.callers import caller_of, desk_of, tokens_of
from gatewright.oauth.cors import preflight_headers, reading_headers
from gatewright.oauth.desk import required
from gatewright.oauth.errors import OAuthRefusal, invalid_client, invalid_request, token_help
from gatewright.oauth.facts import signing_keys_fact
from gatewright.oauth.grants import authorization_code, client_credentials, refresh_token
from gatewright.oauth.introspection import introspect
from gatewright.oauth.key_rules import KEY_SET_MAX_AGE, published_keys
from gatewright.oauth.model import DeadToken, Issued, LiveToken
from gatewright.oauth.revocation import revoke
from gatewright.oauth.signing import key_set
from gatewright.web.access import bearer
from gatewright.web.core import core_of
from gatewright.web.edge import seen
from gatewright.web.forms import oauth_parameters, query_parameters

GRANTS = {grant.GRANT_TYPE: grant for grant in (authorization_code, refresh_token, client_credentials)}
CREDENTIALS = {"client_id", "client_secret", "client_assertion", "client_assertion_type"}
NEVER_IN_THE_QUERY = {
    *(name for grant in GRANTS.values() for name in grant.PARAMETERS),
    *("grant_type", "token", "token_type_hint", "access_token", "username", "password"),
}
PROVING_METHODS = ("client_secret_basic", "client_secret_post")
AUTH_METHODS = (*PROVING_METHODS, "none")
_SECOND = timedelta(seconds=1)


async def _token(request: Request) -> JSONResponse:
    """`POST /oauth/token`: the client first, then its grant."""
    _refuse_query(request)
    parameters = await oauth_parameters(request)
    grant = GRANTS.get(required(parameters, "grant_type"))
    if grant is None:
        raise OAuthRefusal("unsupported_grant_type", f"The grant types here are {', '.join(GRANTS)}.")
    desk, noted = desk_of(request), seen(request)
    caller = await caller_of(request, desk, parameters)
    try:
        issued = await grant.exchange(desk, caller, parameters, seen=noted, now=noted.now)
        answer: JSONResponse = OAuthJSON(_issued(issued))
    except OAuthRefusal as refusal:
        answer = refused(refusal, caller=caller)
    answer.headers.update(reading_headers(request, caller.client))
    return answer


async def _token_preflight(request: Request) -> JSONResponse:
    headers = await preflight_headers(request, core_of(request).database)
    return OAuthJSON({}, headers={"allow": "POST", **headers})


async def _token_info(request: Request) -> JSONResponse:
    """`GET /oauth/token/info`: what the bearer's own token is, or why it is dead."""
    token, now = bearer(request), seen(request).now
    if token is None:
        return _dead("No access token was sent. The program that calls sends it as Authorization: Bearer TOKEN.")
    found = await tokens_of(request).read(token, now=now)
    if isinstance(found, DeadToken):
        return _dead(f"{found.description} {token_help(found.code)}")
    return OAuthJSON(_info(found, now=now))


async def _revoke(request: Request) -> JSONResponse:
    """`POST /oauth/revoke`: answered when what the token hung from has ended everywhere (T12)."""
    _refuse_query(request)
    parameters = await oauth_parameters(request)
    desk, noted = desk_of(request), seen(request)
    caller = await caller_of(request, desk, parameters)
    try:
        token = required(parameters, "token")
        await revoke(desk, tokens_of(request), caller, token, seen=noted, now=noted.now)
    except OAuthRefusal as refusal:
        return refused(refusal, caller=caller)
    return OAuthJSON({})


async def _introspect(request: Request) -> JSONResponse:
    """`POST /oauth/introspect` (RFC 7662): only for clients that proved who they are (A156)."""
    _refuse_query(request)
    parameters = await oauth_parameters(request)
    desk, noted = desk_of(request), seen(request)
    caller = await caller_of(request, desk, parameters)
    if caller.secret_id is None:
        raise invalid_client("Introspection is for clients that authenticate; a public client cannot.")
    try:
        token = required(parameters, "token")
        return OAuthJSON(await introspect(desk, tokens_of(request), caller, token, now=noted.now))
    except OAuthRefusal as refusal:
        return refused(refusal, caller=caller)


async def _jwks(request: Request) -> JSONResponse:
    """`GET /oauth/jwks`: the keys that verify our tokens."""
    core = core_of(request)
    keys = await core.facts.get(signing_keys_fact())
    lifetime = core.settings.access_token_lifetime
    answer = OAuthJSON(key_set(published_keys(keys, lifetime=lifetime, now=seen(request).now)))
    # Kept for less long than a key is published before it signs.
    answer.headers["cache-control"] = f"public, max-age={int(KEY_SET_MAX_AGE / _SECOND)}"
    answer.headers["gatewright-tag"] = tag(signing_keys())  # what the feed forgets when the set changes
    del answer.headers["pragma"]
    return answer


async def _metadata(request: Request) -> JSONResponse:
    """`GET /.well-known/oauth-authorization-server` (RFC 8414): what works, and nothing else."""
    issuer = core_of(request).settings.issuer
    return OAuthJSON(
        {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/oauth/authorize",
            "token_endpoint": f"{issuer}/oauth/token",
            "revocation_endpoint": f"{issuer}/oauth/revoke",
            "introspection_endpoint": f"{issuer}/oauth/introspect",
            "jwks_uri": f"{issuer}/oauth/jwks",
            "scopes_supported": [MANAGE],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": list(GRANTS),
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
            "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
            "introspection_endpoint_auth_methods_supported": list(PROVING_METHODS),
            "authorization_response_iss_parameter_supported": True,
        }
    )


routes = [
    Route("/oauth/token", Endpoint("POST", _token, preflight=_token_preflight)),
    Route("/oauth/token/", Endpoint("POST", _token, preflight=_token_preflight)),
    Route("/oauth/token/info", Endpoint("GET", _token_info)),
    Route("/oauth/revoke", Endpoint("POST", _revoke)),
    Route("/oauth/introspect", Endpoint("POST", _introspect)),
    Route("/oauth/jwks", Endpoint("GET", _jwks)),
    Route("/.well-known/oauth-authorization-server", Endpoint("GET", _metadata)),
]


def _refuse_query(request: Request) -> None:
    """Refuse OAuth parameters where logs and histories would keep them (A72)."""
    sent = query_parameters(request).keys()
    if sent & CREDENTIALS:
        raise invalid_client("Client credentials belong in Authorization or in the body, never in the query.")
    if sent & NEVER_IN_THE_QUERY:
        raise invalid_request("OAuth parameters belong in the body, never in the query.")


def _issued(issued: Issued) -> Mapping[str, Any]:
    tokens = {
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "expires_in": int(issued.lifetime / _SECOND),
        "created_at": int(issued.created_at.timestamp()),
    }
    return tokens if issued.refresh_token is None else {**tokens, "refresh_token": issued.refresh_token}


def _info(token: LiveToken, *, now: datetime) -> Mapping[str, Any]:
    remaining = int((token.expires_at - now) / _SECOND)
    return {
        "resource_owner_id": token.principal_id,
        "scope": list(token.scopes),
        "scopes": list(token.scopes),
        "expires_in": remaining,
        "expires_in_seconds": remaining,
        "application": {"uid": token.client_id},
        "created_at": int(token.issued_at.timestamp()),
    }


def _dead(description: str) -> JSONResponse:
    challenge = f'Bearer realm="gatewright", error="invalid_token", error_description="{description}"'
    body = {"error": "invalid_token", "error_description": description, "state": "unauthorized"}
    return OAuthJSON(body, 401, {"www-authenticate": challenge})
