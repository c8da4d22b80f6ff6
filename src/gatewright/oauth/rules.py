"""What the token side decides: refreshes, codes, scopes, and whether a token is alive. Pure."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from gatewright.base.ids import AppId
from gatewright.oauth.model import (
    AppClient,
    Authorization,
    Claims,
    Client,
    Code,
    CredentialLink,
    DeadToken,
    Family,
    FamilyLink,
    ServiceAccountClient,
    UserStanding,
)

RACE_MARGIN = timedelta(seconds=10)  # T6: within it a second worker is told `superseded`
MOST_REPEATS = 3  # T6: so many repeated generations running end a public client's family

INVALID = DeadToken("token_invalid", "The access token is invalid.")
EXPIRED = DeadToken("token_expired", "The access token has expired.")
REVOKED = DeadToken("token_revoked", "The access token was revoked.")
INACTIVE = DeadToken("principal_inactive", "The account of the user behind this access token is not active.")
DISABLED = DeadToken("service_account_disabled", "The service account is disabled.")


# --- refreshing (T4 to T6) -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshPolicy:
    """What a deployment and an app say about refreshing."""

    retry_window: timedelta  # zero: strict
    lifetime: timedelta | None  # none: until it is consumed (T4)
    most_repeats: int | None  # none: any number (confidential clients)


@dataclass(frozen=True, slots=True)
class Rotate:
    """Consume it: the successor is of this generation."""

    generation: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """A retry: hand out the successor, of this generation, again."""

    generation: int
    repeats: int  # generations running that were repeated, this one included


@dataclass(frozen=True, slots=True)
class Superseded:
    """A second worker of the same client came late; the family stands."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A consumed token came back: end the family, else a thief keeps it (RFC 9700 §4.14.2)."""


@dataclass(frozen=True, slots=True)
class Exhausted:
    """End the family for another reason: `expired`, or `repeated` too often."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """It stands no longer, and this is why."""

    reason: str


@dataclass(frozen=True, slots=True)
class WentBack:
    """The token is newer than the database, which was therefore restored: change nothing."""


Verdict = Rotate | Repeat | Superseded | Replayed | Exhausted | Refuse | WentBack


def judge_refresh(family: Family, *, presented: int, policy: RefreshPolicy, now: datetime) -> Verdict:
    """Return what becomes of a refresh token of generation `presented`.

    Its MAC was compared and its client found to be the family's before this is asked:
    another client's attempt changes nothing (T7).
    """
    if family.has_ended:
        return Refuse(family.ended_reason or "ended")
    if presented > family.generation:
        return WentBack()
    age = now - family.rotated_at
    if presented == family.generation:
        # Ended, not only refused: a clock that is set back would revive it (A99).
        has_expired = policy.lifetime is not None and age >= policy.lifetime
        return Exhausted("expired") if has_expired else Rotate(family.generation + 1)
    if presented == family.generation - 1:
        is_confirmed = family.confirmed_generation >= family.generation
        if not is_confirmed and age < policy.retry_window:
            return _judge_repeat(family, policy)
        if age < RACE_MARGIN:
            return Superseded()
    return Replayed()


def _judge_repeat(family: Family, policy: RefreshPolicy) -> Repeat | Exhausted:
    if family.repeated_generation == family.generation:
        repeats = family.repeats
    elif family.repeated_generation == family.generation - 1:
        repeats = family.repeats + 1
    else:
        repeats = 1
    if policy.most_repeats is not None and repeats >= policy.most_repeats:
        return Exhausted("repeated")
    return Repeat(family.generation, repeats)


# --- what stands (T11) ---------------------------------------------------------------------------


def authorization_fault(
    authorization: Authorization | None, *, client: AppClient, user: UserStanding | None
) -> str | None:
    """Return why nothing that hangs from this authorization stands; None when it does.

    An epoch that was raised since it was made ended it for good: what ended never
    lives again, reactivated and unblocked or not.
    """
    if authorization is None or authorization.has_ended or authorization.app_id != client.app_id:
        return "authorization_ended"
    if not client.stands:
        return "app_blocked"
    if user is None or user.id != authorization.user_id or not user.is_active:
        return "user_inactive"
    if user.epoch != authorization.user_epoch or client.epoch != authorization.app_epoch:
        return "authorization_ended"
    return None


def family_fault(
    family: Family, *, authorization: Authorization | None, client: AppClient, user: UserStanding | None
) -> str | None:
    """Return why no token of this family stands; None when they do."""
    if family.has_ended:
        return family.ended_reason or "ended"
    if not client.has_live_secret(family.secret_id):
        return "secret_retired"
    return authorization_fault(authorization, client=client, user=user)


class RefreshFate(Enum):
    """What a refresh token is worth while nobody asks for its successor."""

    ALIVE = auto()
    DEAD = auto()
    WENT_BACK = auto()  # newer than the database, which was therefore restored


def judge_presence(
    family: Family,
    *,
    presented: int,
    authorization: Authorization | None,
    client: AppClient,
    user: UserStanding | None,
    lifetime: timedelta | None,
    now: datetime,
) -> RefreshFate:
    """Return whether a genuine refresh token of its own client is alive. A consumed one is not, retry window or not."""
    if family_fault(family, authorization=authorization, client=client, user=user) is not None:
        return RefreshFate.DEAD
    if presented > family.generation:
        return RefreshFate.WENT_BACK
    has_expired = lifetime is not None and now - family.rotated_at >= lifetime
    return RefreshFate.DEAD if has_expired or presented < family.generation else RefreshFate.ALIVE


@dataclass(frozen=True, slots=True)
class FamilyStanding:
    """What a live token of a user hangs from."""

    family: Family
    client: AppClient
    user: UserStanding


def judge_family_token(
    claims: Claims,
    link: FamilyLink,
    *,
    family: Family | None,
    authorization: Authorization | None,
    client: Client | None,
    user: UserStanding | None,
) -> FamilyStanding | DeadToken:
    """Return what an unexpired token of a user hangs from; DeadToken with the first failure of X2."""
    if family is None or not isinstance(client, AppClient) or not client.has_live_secret(link.secret_id):
        return REVOKED
    fault = family_fault(family, authorization=authorization, client=client, user=user)
    if fault == "user_inactive":
        return INACTIVE
    if fault is not None or user is None or user.id != claims.principal_id:
        return REVOKED
    return FamilyStanding(family, client, user)


def judge_credential_token(
    claims: Claims, link: CredentialLink, *, client: Client | None, is_revoked: bool
) -> ServiceAccountClient | DeadToken:
    """Return the service account behind an unexpired token; DeadToken with the first failure of X2."""
    if not isinstance(client, ServiceAccountClient) or client.is_deleted or is_revoked:
        return REVOKED
    if client.secret.id != link.secret_id or client.service_account_id != claims.principal_id:
        return REVOKED
    return DISABLED if client.disabled_reason is not None else client


# --- codes and PKCE (T2) -------------------------------------------------------------------------

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.1


def judge_code(code: Code, *, app_id: AppId, redirect_uri: str | None, now: datetime) -> str | None:
    """Return why this client may not exchange the code; None when it may.

    Another client learns nothing: it is told what it would be told of no code at all.
    """
    if code.app_id != app_id:
        return "code_unknown"
    if redirect_uri is None and code.redirect_uri_was_sent:
        return "redirect_uri_mismatch"
    if redirect_uri is not None and redirect_uri != code.redirect_uri:
        return "redirect_uri_mismatch"
    return "code_expired" if now >= code.expires_at else None


def judge_verifier(code: Code, *, verifier: str | None, is_confidential: bool) -> str | None:
    """Return why the verifier does not prove who began the request; None when it does.

    RFC 9700 §2.1.1: a verifier without a challenge is refused, else a code of a request
    without PKCE could be injected into one with it. A public client needs a challenge.
    """
    if code.code_challenge is None:
        return "code_verifier_unexpected" if verifier is not None or not is_confidential else None
    if verifier is None:
        return "code_verifier_missing"
    return None if verifier_matches(code.code_challenge, verifier=verifier) else "code_verifier_mismatch"


def verifier_matches(challenge: str, *, verifier: str) -> bool:
    """Return whether the verifier is well-formed and has this S256 challenge, in constant time."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    return hmac.compare_digest(challenge_of(verifier).encode(), challenge.encode())


def challenge_of(verifier: str) -> str:
    """Return the verifier's S256 challenge (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


# --- scopes --------------------------------------------------------------------------------------


def asked_scopes(text: str | None, *, allowed: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the scopes asked for, each once; None when one is not allowed. No text asks for none (D7)."""
    if not text:
        return ()
    asked = tuple(dict.fromkeys(text.split(" ")))
    return asked if set(asked) <= set(allowed) else None
