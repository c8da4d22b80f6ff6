"""Which client is asking (RFC 6749 §2.3): HTTP Basic, or `client_id` and `client_secret` in the body."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from starlette.datastructures import Headers

from gatewright.base.secrets import Digest, Purpose, ServerKeys
from gatewright.events.facts import Facts
from gatewright.oauth.errors import OAuthRefusal, invalid_client, invalid_request
from gatewright.oauth.facts import client_fact
from gatewright.oauth.model import AppClient, Authenticated, Client, LiveSecret, ServiceAccountClient

LONGEST_CLIENT_ID = 40
MOST_SECRETS = 2  # D2: so many digests are compared whoever asks


@dataclass(frozen=True, slots=True)
class Presented:
    """The credentials as they were sent."""

    client_id: str
    secret: str | None = field(repr=False)  # T13: not in crash reports


async def authenticate(
    headers: Headers, parameters: Mapping[str, str], *, facts: Facts, keys: ServerKeys
) -> Authenticated:
    """Return the client that is asking; `invalid_client` when it did not prove who it is.

    A public client is only named. For one that is unknown as many digests are compared
    as for one that is known, and it is told the same.
    """
    presented = presented_credentials(headers, parameters)
    known = 0 < len(presented.client_id) <= LONGEST_CLIENT_ID
    client = await facts.get(client_fact(presented.client_id)) if known else None
    secret = _matching_secret(client, presented.secret, keys=keys)
    if client is None:
        raise invalid_client()
    if _is_public(client):
        if presented.secret is not None or not client.stands:
            raise invalid_client()
        return Authenticated(client, None)
    if secret is None:
        raise invalid_client()
    if not client.stands:
        raise _fallen(client)
    return Authenticated(client, secret.id)


def presented_credentials(headers: Headers, parameters: Mapping[str, str]) -> Presented:
    """Return what was presented, in one place only; a stray `Authorization: Bearer` is ignored."""
    authorization = headers.getlist("authorization")
    if len(authorization) > 1:
        raise invalid_request("Authorization is repeated.")
    scheme, _, encoded = (authorization[0] if authorization else "").partition(" ")
    client_id, secret = parameters.get("client_id", ""), parameters.get("client_secret")
    if scheme.lower() != "basic":
        return Presented(client_id, secret)
    if secret is not None:
        raise invalid_request("Client credentials were sent both in Authorization and in the body.")
    basic = _basic(encoded)
    if client_id and client_id != basic.client_id:
        raise invalid_request("Authorization and the body name different clients.")
    return basic


def _basic(encoded: str) -> Presented:
    """Return the credentials of HTTP Basic; each half is form-encoded (RFC 6749 §2.3.1)."""
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
        client_id, colon, secret = text.partition(":")
        parts = [unquote_plus(part, errors="strict") for part in (client_id, secret)]
    except (binascii.Error, ValueError):
        raise _malformed() from None
    if not colon or "\0" in text or "\0" in "".join(parts):
        raise _malformed()
    return Presented(parts[0], parts[1] or None)


def _malformed() -> OAuthRefusal:
    return invalid_client("The Authorization header is not well-formed HTTP Basic.")


def _matching_secret(client: Client | None, presented: str | None, *, keys: ServerKeys) -> LiveSecret | None:
    live = client.secrets if client is not None else ()
    nobodys = Digest(keys.current.id, bytes(32))
    found = None
    for place in range(max(MOST_SECRETS, len(live))):
        secret = live[place] if place < len(live) else None
        if keys.matches(Purpose.CLIENT_SECRET, presented or "", secret.digest if secret else nobodys) and presented:
            found = secret
    return found


def _is_public(client: Client) -> bool:
    return isinstance(client, AppClient) and not client.is_confidential


def _fallen(client: Client) -> OAuthRefusal:
    """Return the refusal of a client that proved who it is and stands no longer (A66, A105)."""
    if isinstance(client, ServiceAccountClient) and not client.is_deleted:
        return invalid_client("The service account is disabled.", reason="service_account_disabled")
    return invalid_client()
