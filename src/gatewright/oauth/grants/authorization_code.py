"""The authorization code grant (RFC 6749 §4.1.3, RFC 7636): a code becomes a token family."""

from datetime import datetime

from gatewright.base.secrets import Purpose
from gatewright.oauth.desk import Desk, Parameters, app_of, required
from gatewright.oauth.errors import invalid_grant
from gatewright.oauth.family_service import CodeRequest, Opened, open_family
from gatewright.oauth.model import Authenticated, FamilyLink, Issued
from gatewright.oauth.refresh_tokens import derive_refresh_token
from gatewright.oauth.rules import Refuse
from gatewright.web.edge import Seen

GRANT_TYPE = "authorization_code"
PARAMETERS = ("code", "redirect_uri", "code_verifier")


async def exchange(desk: Desk, caller: Authenticated, parameters: Parameters, *, seen: Seen, now: datetime) -> Issued:
    """Return the first tokens of the family that the code opens; `invalid_grant` when it opens none."""
    client = app_of(caller)
    asked = CodeRequest(
        digests=desk.keys.candidates(Purpose.AUTHORIZATION_CODE, required(parameters, "code")),
        redirect_uri=parameters.get("redirect_uri"),
        verifier=parameters.get("code_verifier"),
        client=client,
        secret_id=caller.secret_id,
    )
    origin = seen.origin("user", via_app_id=client.app_id)
    opened = await open_family(desk.database, asked, key_id=desk.keys.current.id, origin=origin, now=now)
    match opened:
        case Refuse(reason):
            raise invalid_grant(reason)
        case Opened(family, user):
            access_token = await desk.issuer.issue(
                principal_id=user.id,
                client_id=client.client_id,
                scopes=family.scopes,
                link=FamilyLink(family_id=family.id, generation=family.generation, secret_id=caller.secret_id),
                now=now,
            )
            return Issued(
                access_token=access_token,
                lifetime=desk.settings.access_token_lifetime,
                created_at=now,
                refresh_token=derive_refresh_token(desk.keys, family),
            )
