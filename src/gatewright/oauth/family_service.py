"""What happens to token families: opened by a code, refreshed, ended. Each a verb of one transaction.

A refusal that must leave a mark is a value here; it is raised after the commit (law 7).
"""

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from gatewright.apps.store import note_secrets_used
from gatewright.base.ids import FamilyId, SecretId, random_id
from gatewright.db.engine import Transaction, verb
from gatewright.events.catalogue import (
    FamilyEnded,
    FamilyMoved,
    FamilyOpened,
    Origin,
    RefreshRepeated,
    ServiceAccountTokenRevoked,
)
from gatewright.events.log import record
from gatewright.oauth import store
from gatewright.oauth.authorization_store import find_code, take_code
from gatewright.oauth.model import (
    AppClient,
    Authorization,
    Claims,
    Code,
    Family,
    ServiceAccountClient,
    UserStanding,
)
from gatewright.oauth.rules import (
    Exhausted,
    RefreshPolicy,
    Refuse,
    Repeat,
    Replayed,
    Rotate,
    Superseded,
    WentBack,
    authorization_fault,
    family_fault,
    judge_code,
    judge_refresh,
    judge_verifier,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRequest:
    """A code as it was presented by an authenticated client."""

    digests: list[bytes]
    redirect_uri: str | None
    verifier: str | None = field(repr=False)  # T13: not in crash reports
    client: AppClient
    secret_id: SecretId | None


@dataclass(frozen=True, slots=True)
class Opened:
    """A code was exchanged: the family it opened, for this user."""

    family: Family
    user: UserStanding


@verb
async def open_family(
    tx: Transaction, asked: CodeRequest, *, key_id: str, origin: Origin, now: datetime
) -> Opened | Refuse:
    """Return the family that this code opens; Refuse when it opens none.

    A code is used up by the first exchange that may have it, and by a wrong verifier;
    another client, another redirect URI or a wrong time leave it as it is (T2, T7).
    """
    code = await find_code(tx, asked.digests)
    if code is None:
        return await _refuse_used(tx, asked, origin=origin, now=now)
    if reason := judge_code(code, app_id=asked.client.app_id, redirect_uri=asked.redirect_uri, now=now):
        return await _refuse_code(tx, code, reason)
    authorization = await store.load_authorization(tx, authorization_id=code.authorization_id)
    user = await store.load_user(tx, user_id=code.user_id)
    fault = authorization_fault(authorization, client=asked.client, user=user)
    if fault is not None or user is None:
        tx.answers_an_ending()
        return Refuse(fault or "user_inactive")
    if await take_code(tx, asked.digests) is None:
        return await _refuse_used(tx, asked, origin=origin, now=now)
    if reason := judge_verifier(code, verifier=asked.verifier, is_confidential=asked.client.is_confidential):
        return Refuse(reason)
    family = _fresh_family(code, secret_id=asked.secret_id, key_id=key_id, now=now)
    await store.insert_family(tx, family, code_digest=code.digest, now=now)
    opened = FamilyOpened(family_id=family.id, authorization_id=family.authorization_id)
    await record(tx, opened, origin=replace(origin, by_id=user.id), now=now)
    return Opened(family, user)


async def _refuse_code(tx: Transaction, code: Code, reason: str) -> Refuse:
    if reason == "code_expired":
        # A99: taken away, else a clock that is set back would revive it.
        await take_code(tx, [code.digest])
    return Refuse(reason)


async def _refuse_used(tx: Transaction, asked: CodeRequest, *, origin: Origin, now: datetime) -> Refuse:
    """End what the first use of the code opened, when it was this client's (RFC 6749 §4.1.2)."""
    family = await store.family_of_code(tx, digests=asked.digests)
    if family is None:
        return Refuse("code_unknown")
    authorization = await store.load_authorization(tx, authorization_id=family.authorization_id)
    if authorization is None or authorization.app_id != asked.client.app_id:
        return Refuse("code_unknown")
    await _end(tx, family, "code_reused", origin=replace(origin, by_id=authorization.user_id), now=now)
    return Refuse("code_used")


def _fresh_family(code: Code, *, secret_id: SecretId | None, key_id: str, now: datetime) -> Family:
    return Family(
        id=FamilyId(random_id()),
        authorization_id=code.authorization_id,
        secret_id=secret_id,
        generation=0,
        confirmed_generation=-1,
        repeats=0,
        repeated_generation=-1,
        key_id=key_id,
        salt=secrets.token_bytes(16),
        scopes=code.scopes,
        rotated_at=now,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshRequest:
    """A genuine refresh token, presented by the client it belongs to."""

    family_id: FamilyId
    generation: int
    secret_id: SecretId | None
    client: AppClient
    authorization: Authorization
    user: UserStanding | None


@verb
async def refresh_family(
    tx: Transaction, asked: RefreshRequest, *, policy: RefreshPolicy, key_id: str, origin: Origin, now: datetime
) -> Family | Refuse | WentBack:
    """Return the family as it stands after the refresh: its current token is the successor.

    The row is locked, so of two requests at once the second is judged by what the first
    left behind, and gets the same successor (T5).
    """
    family = await store.lock_family(tx, family_id=asked.family_id)
    if family is None:
        return Refuse("refresh_token_unknown")
    fault = family_fault(family, authorization=asked.authorization, client=asked.client, user=asked.user)
    if fault is not None:
        tx.answers_an_ending()
        return Refuse(fault)
    match judge_refresh(family, presented=asked.generation, policy=policy, now=now):
        case Rotate(generation):
            return await _rotate(tx, family, asked, generation, key_id=key_id, origin=origin, now=now)
        case Repeat(_, repeats):
            return await _repeat(tx, family, asked, repeats, origin=origin, now=now)
        case Superseded():
            return Refuse("superseded")
        case Replayed():
            return await _end(tx, family, "replayed", origin=origin, now=now)
        case Exhausted(reason):
            return await _end(tx, family, reason, origin=origin, now=now)
        case Refuse() | WentBack() as verdict:
            return verdict
        case unreachable:
            assert_never(unreachable)


async def _rotate(
    tx: Transaction,
    family: Family,
    asked: RefreshRequest,
    generation: int,
    *,
    key_id: str,
    origin: Origin,
    now: datetime,
) -> Family | Refuse:
    if not await store.rotate_family(tx, family, secret_id=asked.secret_id, key_id=key_id, now=now):
        return Refuse("superseded")
    await _note_move(tx, family, asked, origin=origin, now=now)
    return replace(family, generation=generation, secret_id=asked.secret_id, key_id=key_id, rotated_at=now)


async def _repeat(
    tx: Transaction, family: Family, asked: RefreshRequest, repeats: int, *, origin: Origin, now: datetime
) -> Family | Refuse:
    if not await store.note_repeat(tx, family, secret_id=asked.secret_id, repeats=repeats):
        return Refuse("superseded")
    event = RefreshRepeated(
        family_id=family.id,
        authorization_id=family.authorization_id,
        after={"generation": family.generation, "repeats": repeats},
    )
    await record(tx, event, origin=origin, now=now)
    await _note_move(tx, family, asked, origin=origin, now=now)
    return replace(family, secret_id=asked.secret_id)


async def _note_move(tx: Transaction, family: Family, asked: RefreshRequest, *, origin: Origin, now: datetime) -> None:
    """Record that the family is on another secret now, when it is (D4)."""
    if family.secret_id == asked.secret_id:
        return
    if family.secret_id is not None:
        await note_secrets_used(tx, {family.secret_id: family.rotated_at})
    event = FamilyMoved(
        family_id=family.id,
        authorization_id=family.authorization_id,
        before={"secret_id": family.secret_id},
        after={"secret_id": asked.secret_id},
    )
    await record(tx, event, origin=origin, now=now)


@verb
async def revoke_family(tx: Transaction, family: Family, *, origin: Origin, now: datetime) -> None:
    """End a family because its client said so (T9). One that ended already is answered as ended too."""
    await _end(tx, family, "revoked", origin=origin, now=now)


async def _end(tx: Transaction, family: Family, reason: str, *, origin: Origin, now: datetime) -> Refuse:
    if await store.end_family(tx, family_id=family.id, reason=reason, now=now):
        event = FamilyEnded(
            family_id=family.id,
            authorization_id=family.authorization_id,
            after={"reason": reason, "generation": family.generation},
        )
        await record(tx, event, origin=origin, now=now)
    tx.answers_an_ending()
    return Refuse(reason)


@verb
async def revoke_credential_token(
    tx: Transaction, claims: Claims, account: ServiceAccountClient, *, origin: Origin, now: datetime
) -> None:
    """End one access token of a service account (T9); its other tokens stay."""
    revoked = await store.revoke_token(
        tx,
        jti=claims.jti,
        service_account_id=account.service_account_id,
        expires_at=claims.expires_at,
        now=now,
    )
    tx.answers_an_ending()
    if revoked:
        event = ServiceAccountTokenRevoked(
            company_id=account.company_id, service_account_id=account.service_account_id, jti=claims.jti
        )
        await record(tx, event, origin=origin, now=now)
