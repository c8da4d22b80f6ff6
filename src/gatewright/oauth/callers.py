"""Who is asking at an endpoint for clients; what the asking leaves behind is noted (D4)."""

from collections.abc import Mapping
from functools import partial

from starlette.requests import Request

from gatewright.apps.secret_uses import SecretUses
from gatewright.base.errors import BadRequest, NotAllowed, Unauthenticated
from gatewright.base.ids import SecretId
from gatewright.oauth.answers import after_answer
from gatewright.oauth.client_auth import authenticate, presented_credentials
from gatewright.oauth.desk import Desk
from gatewright.oauth.errors import OAuthRefusal
from gatewright.oauth.model import AppClient, Authenticated
from gatewright.oauth.secret_renewal import due_renewal
from gatewright.oauth.tokens import TokenReader
from gatewright.web.core import core_of
from gatewright.web.edge import seen

_AUTHENTICATE = (
    "The program that asks sends client_id and client_secret of its resource server, by HTTP Basic or in the body."
)
_MAKE_ONE = "The operator of this platform registers a confidential app with `resource_server: true` for its API."


def tokens_of(request: Request) -> TokenReader:
    """Return what reads access tokens in this process."""
    reader: TokenReader = request.app.state.tokens
    return reader


def desk_of(request: Request) -> Desk:
    """Return the parts of the house that issue tokens."""
    core = core_of(request)
    return Desk(core.settings, core.database, core.keys, core.facts, tokens_of(request).issuer)


async def caller_of(request: Request, desk: Desk, parameters: Mapping[str, str]) -> Authenticated:
    """Return the client that is asking; an app's secret was used now (D4)."""
    caller = await authenticate(request.headers, parameters, facts=desk.facts, keys=desk.keys)
    presented = presented_credentials(request.headers, parameters)
    if (renewal := due_renewal(caller, presented.secret, keys=desk.keys)) is not None:
        after_answer(request, partial(renewal.carry_out, desk.database, desk.keys))
    if isinstance(caller.client, AppClient) and caller.secret_id is not None:
        uses: SecretUses = request.app.state.secret_uses
        uses.note(caller.secret_id, at=seen(request).now)
    return caller


async def resource_server_of(request: Request, parameters: Mapping[str, str]) -> AppClient:
    """Return the resource server that is asking, as `proven_resource_server_of` does."""
    client, _ = await proven_resource_server_of(request, parameters)
    return client


async def proven_resource_server_of(request: Request, parameters: Mapping[str, str]) -> tuple[AppClient, SecretId]:
    """Return the resource server that is asking and the secret that proved it; refusals in the API's words.

    Unauthenticated for a client that did not prove who it is, NotAllowed for any other client.
    """
    try:
        caller = await caller_of(request, desk_of(request), parameters)
    except OAuthRefusal as refusal:
        kind = Unauthenticated if refusal.status == 401 else BadRequest
        raise kind(refusal.error, refusal.description, help=_AUTHENTICATE) from None
    client = caller.client
    if not isinstance(client, AppClient) or not client.is_resource_server or caller.secret_id is None:
        told = "This is for resource servers: clients that stand for the platform's own API."
        raise NotAllowed("unauthorized_client", told, help=_MAKE_ONE)
    return client, caller.secret_id
