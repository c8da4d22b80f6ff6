"""Is this access token alive, and who acts with it (T11): asked on every call, answered from facts."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

from gatewright.base.ids import FamilyId
from gatewright.base.secrets import ServerKeys, fingerprint
from gatewright.db.engine import Database, Transaction
from gatewright.events.facts import Facts
from gatewright.oauth import store
from gatewright.oauth.access_tokens import LONGEST_TOKEN, TokenIssuer, claims_of
from gatewright.oauth.facts import (
    authorization_fact,
    client_fact,
    family_fact,
    revoked_fact,
    signing_keys_fact,
    user_fact,
)
from gatewright.oauth.key_rules import key_still_verifies
from gatewright.oauth.model import (
    Claims,
    CredentialLink,
    DeadToken,
    Family,
    FamilyLink,
    LiveToken,
    RefreshToken,
    ServiceAccountClient,
    SigningKey,
)
from gatewright.oauth.refresh_tokens import is_genuine, parse_refresh_token
from gatewright.oauth.rules import (
    EXPIRED,
    INVALID,
    judge_credential_token,
    judge_family_token,
)
from gatewright.oauth.signing import SigningKeys
from gatewright.settings import Settings

__all__ = ["DeadToken", "LiveToken", "TokenReader", "Verified"]

MOST_VERIFIED = 50_000


@dataclass(slots=True)
class Verified:
    """A token whose signature was found right. What once was answered as expired stays so."""

    claims: Claims
    has_expired: bool = False


@dataclass(slots=True)
class TokenReader:
    """Reads access tokens for one process; a signature is checked once per token."""

    settings: Settings
    database: Database
    keys: ServerKeys
    facts: Facts
    most_verified: int = MOST_VERIFIED
    signing: SigningKeys = field(init=False)
    issuer: TokenIssuer = field(init=False)
    _verified: OrderedDict[bytes, Verified] = field(init=False, default_factory=OrderedDict)

    def __post_init__(self) -> None:
        """Give it the signing keys, unsealed once per process."""
        self.signing = SigningKeys(self.keys)
        self.issuer = TokenIssuer(self.settings, self.facts, self.signing)

    async def read(self, token: str, *, now: datetime) -> LiveToken | DeadToken:
        """Return who acts with this token, or why it is dead.

        Presenting a token confirms its generation: from the first answer on, the refresh
        token it came from is a replay, whichever process is asked (T6). A refresh token is
        no access token, and shown here it confirms its generation all the same.
        """
        if (refresh_token := parse_refresh_token(token)) is not None:
            await self._see_refresh_token(refresh_token)
            return INVALID
        claims = await self.verify(token, now=now)
        if isinstance(claims, DeadToken):
            return claims
        if isinstance(claims.link, FamilyLink):
            return await self._read_users(claims, claims.link)
        return await self._read_service_accounts(claims, claims.link)

    async def verify(self, token: str, *, now: datetime) -> Claims | DeadToken:
        """Return what an unexpired token of ours says, whether or not what it hangs from stands."""
        return self.judge(token, await self.facts.get(signing_keys_fact()), now=now)

    def judge(self, token: str, stored: tuple[SigningKey, ...], *, now: datetime) -> Claims | DeadToken:
        """Return the same, by the signing keys that stand."""
        verified = self._vouched(token, stored, now=now)
        if verified is None:
            return INVALID
        return EXPIRED if _has_expired(verified, now) else verified.claims

    def kept(self, token: str) -> Verified | None:
        """Return a token whose signature was found right before, if it is kept still."""
        return self._verified.get(fingerprint(token))

    def lives(self, verified: Verified, stored: tuple[SigningKey, ...], *, now: datetime) -> bool:
        """Return whether the clock and the signing keys let a token live still; what it hangs from is not asked."""
        return self._is_vouched_for(verified.claims, stored, now=now) and not _has_expired(verified, now)

    async def signed_claims(self, token: str, *, now: datetime) -> Claims | None:
        """Return what a token of ours says, expired or not; None for anything else."""
        verified = self._vouched(token, await self.facts.get(signing_keys_fact()), now=now)
        return None if verified is None else verified.claims

    def _vouched(self, token: str, stored: tuple[SigningKey, ...], *, now: datetime) -> Verified | None:
        if len(token) > LONGEST_TOKEN or not token.isascii():
            return None
        verified = self._verified.get(fingerprint(token)) or self._check(token, stored)
        if verified is None or not self._is_vouched_for(verified.claims, stored, now=now):
            return None
        return verified

    def _is_vouched_for(self, claims: Claims, stored: tuple[SigningKey, ...], *, now: datetime) -> bool:
        for key in stored:
            if key.kid == claims.kid:
                return key_still_verifies(key, claims, lifetime=self.settings.access_token_lifetime, now=now)
        return False

    def _check(self, token: str, stored: tuple[SigningKey, ...]) -> Verified | None:
        """Return the token with its signature found right, kept for its next use; None for a forgery."""
        signed = self.signing.verified(token, stored=stored)
        claims = signed and claims_of(signed[1], kid=signed[0], settings=self.settings)
        if not claims:
            return None
        verified = self._verified[fingerprint(token)] = Verified(claims)
        while len(self._verified) > self.most_verified:
            self._verified.popitem(last=False)
        return verified

    async def _read_users(self, claims: Claims, link: FamilyLink) -> LiveToken | DeadToken:
        family = await self.facts.get(family_fact(link.family_id))
        authorization = await self.facts.get(authorization_fact(family.authorization_id)) if family else None
        client = await self.facts.get(client_fact(claims.client_id))
        user = await self.facts.get(user_fact(authorization.user_id)) if authorization else None
        standing = judge_family_token(
            claims, link, family=family, authorization=authorization, client=client, user=user
        )
        if isinstance(standing, DeadToken):
            return standing
        await self.confirm(standing.family, link.generation)
        return LiveToken(
            principal_kind="user",
            principal_id=standing.user.id,
            name=standing.user.name,
            login=standing.user.email,
            client_id=claims.client_id,
            app_id=standing.client.app_id,
            company_id=None,
            scopes=claims.scopes,
            issued_at=claims.issued_at,
            expires_at=claims.expires_at,
            jti=claims.jti,
            family_id=link.family_id,
        )

    async def _see_refresh_token(self, token: RefreshToken) -> None:
        family = await self.facts.get(family_fact(token.family_id))
        if family is None or not is_genuine(self.keys, token, salt=family.salt):
            return
        await self.confirm(family, token.generation)

    async def confirm(self, family: Family, generation: int) -> None:
        """Note that a token of this generation was presented, unless that is noted already (T6)."""
        if family.confirmed_generation < generation:
            await self._confirm(family.id, generation)

    async def _confirm(self, family_id: FamilyId, generation: int) -> None:
        async def confirm(transaction: Transaction) -> bool:
            return await store.confirm_generation(transaction, family_id=family_id, generation=generation)

        await self.database.write(confirm)

    async def _read_service_accounts(self, claims: Claims, link: CredentialLink) -> LiveToken | DeadToken:
        client = await self.facts.get(client_fact(claims.client_id))
        is_revoked = await self.facts.get(revoked_fact(claims.jti))
        account = judge_credential_token(claims, link, client=client, is_revoked=is_revoked)
        if isinstance(account, DeadToken):
            return account
        return _live_service_account(claims, account)


def _has_expired(verified: Verified, now: datetime) -> bool:
    # A99: a clock that is set back does not revive what was answered as expired.
    verified.has_expired = verified.has_expired or now >= verified.claims.expires_at
    return verified.has_expired


def _live_service_account(claims: Claims, account: ServiceAccountClient) -> LiveToken:
    return LiveToken(
        principal_kind="service_account",
        principal_id=account.service_account_id,
        name=account.name,
        login=account.address,
        client_id=claims.client_id,
        app_id=None,
        company_id=account.company_id,
        scopes=claims.scopes,
        issued_at=claims.issued_at,
        expires_at=claims.expires_at,
        jti=claims.jti,
        family_id=None,
    )
