"""Access tokens as RFC 9068 writes them: what is said in them, and how it is read back."""

import base64
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gatewright.base.errors import Unavailable
from gatewright.base.ids import FamilyId, SecretId, random_id
from gatewright.events.facts import Facts
from gatewright.oauth.facts import signing_keys_fact
from gatewright.oauth.key_rules import current_key
from gatewright.oauth.model import Claims, CredentialLink, FamilyLink
from gatewright.oauth.signing import SigningKeys
from gatewright.settings import Settings

LONGEST_TOKEN = 4096
_DIGITS = re.compile(r"[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Issues access tokens for one process. They make no row (T14)."""

    settings: Settings
    facts: Facts
    signing: SigningKeys

    async def issue(
        self,
        *,
        principal_id: int,
        client_id: str,
        scopes: tuple[str, ...],
        link: FamilyLink | CredentialLink,
        now: datetime,
    ) -> str:
        """Return a fresh access token that hangs from `link`; it costs no statement once the key is known."""
        key = current_key(await self.facts.get(signing_keys_fact()), now=now)
        if key is None:
            raise Unavailable("There is no signing key yet.", detail="run `gatewright migrate`")
        claims = Claims(
            kid=key.kid,
            principal_id=principal_id,
            client_id=client_id,
            scopes=scopes,
            issued_at=now,
            expires_at=now + self.settings.access_token_lifetime,
            jti=random_id(),
            link=link,
        )
        return self.signing.sign(key, payload_of(claims, settings=self.settings))


def payload_of(claims: Claims, *, settings: Settings) -> dict[str, Any]:
    """Return the claims as the token carries them; instants in whole seconds."""
    issued_at = int(claims.issued_at.timestamp())
    lifetime = claims.expires_at - claims.issued_at
    return {
        "iss": settings.issuer,
        "sub": str(claims.principal_id),
        "aud": settings.token_audience,
        "client_id": claims.client_id,
        "iat": issued_at,
        "exp": issued_at + int(lifetime / timedelta(seconds=1)),
        "jti": claims.jti,
        "scope": " ".join(claims.scopes),
        **_link_claims(claims.link),
    }


def claims_of(payload: dict[str, Any], *, kid: str, settings: Settings) -> Claims | None:
    """Return what a signed payload says; None when it is not meant for us or lacks something.

    RFC 9068 §4: issuer and audience are compared exactly, `exp` is required (A138, A140).
    """
    try:
        if payload["iss"] != settings.issuer or payload["aud"] != settings.token_audience:
            return None
        return Claims(
            kid=kid,
            principal_id=int(_matching(_DIGITS, payload["sub"])),
            client_id=_text(payload["client_id"]),
            scopes=tuple(_text(payload["scope"]).split()),
            issued_at=_instant(payload["iat"]),
            expires_at=_instant(payload["exp"]),
            jti=_text(payload["jti"]),
            link=_link(payload),
        )
    except (KeyError, ValueError, OverflowError):
        return None


def claimed_client(token: str) -> str | None:
    """Return the client that the text says it was issued to; nothing is proven, and nothing of ours is looked at."""
    parts = token.split(".")
    if len(token) > LONGEST_TOKEN or not token.isascii() or len(parts) != 3:
        return None
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    client_id = payload.get("client_id") if isinstance(payload, dict) else None
    return client_id if isinstance(client_id, str) else None


def _link_claims(link: FamilyLink | CredentialLink) -> dict[str, Any]:
    if isinstance(link, CredentialLink):
        return {"cred": link.secret_id}
    secret = {} if link.secret_id is None else {"sec": link.secret_id}
    return {"fam": link.family_id, "gen": link.generation, **secret}


def _link(payload: dict[str, Any]) -> FamilyLink | CredentialLink:
    if "cred" in payload:
        return CredentialLink(SecretId(_text(payload["cred"])))
    return FamilyLink(
        family_id=FamilyId(_text(payload["fam"])),
        generation=_whole(payload["gen"]),
        secret_id=SecretId(_text(payload["sec"])) if "sec" in payload else None,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not text")  # noqa: TRY004  (one exception for whatever is wrong with a claim)
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("not a whole number")  # noqa: TRY004
    return value


def _matching(pattern: re.Pattern[str], value: object) -> str:
    if not pattern.fullmatch(text := _text(value)):
        raise ValueError("not as we write it")
    return text


def _instant(value: object) -> datetime:
    return datetime.fromtimestamp(_whole(value), UTC)
