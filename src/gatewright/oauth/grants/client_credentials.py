"""The client credentials grant (RFC 6749 §4.4), for service accounts alone (S4).

It writes nothing and asks the database nothing that is in memory.
"""

from datetime import datetime

from gatewright.oauth.desk import Desk, Parameters
from gatewright.oauth.errors import invalid_scope, unauthorized_client
from gatewright.oauth.model import Authenticated, CredentialLink, Issued, ServiceAccountClient
from gatewright.oauth.rules import asked_scopes
from gatewright.web.edge import Seen

GRANT_TYPE = "client_credentials"
PARAMETERS = ("scope",)


async def exchange(
    desk: Desk,
    caller: Authenticated,
    parameters: Parameters,
    *,
    seen: Seen,  # noqa: ARG001  (the grants are called alike; this one writes no event)
    now: datetime,
) -> Issued:
    """Return an access token of the service account, never a refresh token (S4)."""
    account = caller.client
    if not isinstance(account, ServiceAccountClient) or caller.secret_id is None:
        raise unauthorized_client("grant_for_service_accounts")
    # M8: no scope is ever given to a service account.
    if asked_scopes(parameters.get("scope"), allowed=()) is None:
        raise invalid_scope()
    access_token = await desk.issuer.issue(
        principal_id=account.service_account_id,
        client_id=account.client_id,
        scopes=(),
        link=CredentialLink(caller.secret_id),
        now=now,
    )
    return Issued(access_token=access_token, lifetime=desk.settings.access_token_lifetime, created_at=now)
