"""What OAuth speaks of: clients, authorizations, codes, families, tokens. Frozen values, no behaviour but questions."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from gatewright.base.ids import (
    AppId,
    AuthorizationId,
    CompanyId,
    ContactId,
    FamilyId,
    SecretId,
    ServiceAccountId,
    UserId,
)
from gatewright.base.secrets import Digest


@dataclass(frozen=True, slots=True)
class LiveSecret:
    """A client secret that was not retired: its id, and the keyed digest of its text."""

    id: SecretId
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class AppClient:
    """An app's client, with the secrets that live."""

    app_id: AppId
    client_id: str
    name: str
    homepage: str
    owner_id: UserId
    is_confidential: bool
    is_resource_server: bool
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]  # those it may ask for (D7)
    retry_window: timedelta | None  # none: the deployment's (T6)
    epoch: int
    is_blocked: bool
    is_deleted: bool
    secrets: tuple[LiveSecret, ...]

    @property
    def stands(self) -> bool:
        """Return whether it may be used at all: neither blocked nor deleted (D6)."""
        return not (self.is_blocked or self.is_deleted)

    def has_live_secret(self, secret_id: SecretId | None) -> bool:
        """Return whether what was obtained with this secret stands; None is what a public client has (D4)."""
        if not self.is_confidential:
            return secret_id is None
        return any(secret.id == secret_id for secret in self.secrets)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccountClient:
    """A service account's client; it has one secret at a time."""

    service_account_id: ServiceAccountId
    company_id: CompanyId
    contact_id: ContactId
    client_id: str
    name: str
    address: str
    disabled_reason: str | None  # address_changed | address_elsewhere (S8)
    is_deleted: bool
    secret: LiveSecret

    @property
    def stands(self) -> bool:
        """Return whether it functions: neither disabled nor deleted (S8, S9)."""
        return self.disabled_reason is None and not self.is_deleted

    @property
    def secrets(self) -> tuple[LiveSecret, ...]:
        """Return the secrets that live, as an app's client does."""
        return (self.secret,)


Client = AppClient | ServiceAccountClient


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The client that made a request. `secret_id` is None for a public client, which is only identified."""

    client: Client
    secret_id: SecretId | None


@dataclass(frozen=True, slots=True)
class UserStanding:
    """What a token needs to know of its user."""

    id: UserId
    name: str
    email: str
    is_active: bool
    is_operator: bool
    epoch: int  # raised by every deactivation (T11)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """One user's consent to one app, made under the epochs that user and app had then (T1, T11)."""

    id: AuthorizationId
    user_id: UserId
    app_id: AppId
    scopes: tuple[str, ...]
    user_epoch: int
    app_epoch: int
    created_at: datetime
    renewed_at: datetime
    ended_at: datetime | None = None
    ended_reason: str | None = None

    @property
    def has_ended(self) -> bool:
        """Return whether it was ended; it never stands again."""
        return self.ended_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """An authorization code as it is stored: its digest, and what it is bound to (T2)."""

    digest: bytes
    authorization_id: AuthorizationId
    app_id: AppId
    user_id: UserId
    redirect_uri: str
    redirect_uri_was_sent: bool
    code_challenge: str | None
    scopes: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The tokens that descend from one code exchange (T1)."""

    id: FamilyId
    authorization_id: AuthorizationId
    secret_id: SecretId | None  # the secret that authenticated it last; None: a public client (D4)
    generation: int  # of its current refresh token
    confirmed_generation: int  # the highest whose access token was seen; -1: none (T6)
    repeats: int  # how many generations running were repeated, the last being `repeated_generation`
    repeated_generation: int  # -1: none
    key_id: str  # the server key that derives the current refresh token
    salt: bytes
    scopes: tuple[str, ...]
    rotated_at: datetime
    ended_at: datetime | None = None
    ended_reason: str | None = None  # revoked | replayed | repeated | code_reused | expired

    @property
    def has_ended(self) -> bool:
        """Return whether it was ended; it never lives again (T11)."""
        return self.ended_at is not None


@dataclass(frozen=True, slots=True)
class Lineage:
    """A family, and what it descends from."""

    family: Family
    authorization: Authorization
    user: UserStanding


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token taken apart; nothing is proven until its MAC was compared."""

    key_id: str
    family_id: FamilyId
    generation: int
    mac: bytes = field(repr=False)  # T13: not in crash reports


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyLink:
    """What a user's access token hangs from: `fam`, `gen` and `sec`."""

    family_id: FamilyId
    generation: int
    secret_id: SecretId | None


@dataclass(frozen=True, slots=True)
class CredentialLink:
    """What a service account's access token hangs from: `cred`."""

    secret_id: SecretId


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What an access token says, once its signature was found right (RFC 9068)."""

    kid: str
    principal_id: int
    client_id: str
    scopes: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    jti: str
    link: FamilyLink | CredentialLink


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveToken:
    """A token that is alive (T11), and who acts with it."""

    principal_kind: Literal["user", "service_account"]
    principal_id: int
    name: str
    login: str
    client_id: str
    app_id: AppId | None  # None: a service account acts for itself
    company_id: CompanyId | None  # the service account's company; None: a user's token
    scopes: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    jti: str
    family_id: FamilyId | None


DeadCode = Literal["token_invalid", "token_expired", "token_revoked", "principal_inactive", "service_account_disabled"]


@dataclass(frozen=True, slots=True)
class DeadToken:
    """A token that is not alive: a code of X2, and a sentence that may be shown to whoever holds it."""

    code: DeadCode
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One signing key as it is stored; the private half is sealed under a server key."""

    kid: str
    private_key_sealed: bytes
    public_jwk: dict[str, Any]  # as RFC 7517 writes it
    current_from: datetime
    retired_at: datetime | None = None  # it may lie ahead: when its successor becomes current
    compromised_at: datetime | None = None  # verifies nothing from then on
    created_at: datetime | None = None  # None: not stored yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What the token endpoint answers with."""

    access_token: str = field(repr=False)  # T13: not in crash reports
    lifetime: timedelta
    created_at: datetime
    refresh_token: str | None = field(default=None, repr=False)
