"""Authorizing an app and ending that: one standing authorization per user and app, and its codes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gatewright.base.errors import Conflict, NotAllowed, NotFound
from gatewright.base.ids import AppId, AuthorizationId, UserId, random_id
from gatewright.base.secrets import Purpose, ServerKeys, mint
from gatewright.db.engine import Transaction, verb
from gatewright.events.catalogue import AuthorizationEnded, AuthorizationRenewed, Authorized, Event, Origin
from gatewright.events.log import record
from gatewright.oauth import authorization_store as store
from gatewright.oauth.authorization_store import Epochs
from gatewright.oauth.authorize_rules import covers
from gatewright.oauth.model import Authorization, Code

_RACES = 5
ENDED_BY_USER = "ended_by_user"
OUTDATED = "outdated"  # the user was deactivated or the app blocked since: it can never live again (T11)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeBinding:
    """What a code will be bound to, beside user and client (T2)."""

    redirect_uri: str
    redirect_uri_was_sent: bool
    code_challenge: str | None
    scopes: tuple[str, ...]


@verb
async def authorize(
    tx: Transaction,
    *,
    user_id: UserId,
    app_id: AppId,
    binding: CodeBinding,
    keys: ServerKeys,
    code_lifetime: timedelta,
    origin: Origin,
    now: datetime,
) -> str:
    """Return a code for the app, after the user allowed it: the authorization is made or renewed (T1).

    What ended, or was made before the user was deactivated or the app blocked, is
    never renewed: a new authorization with a new id takes its place (T11). NotAllowed
    when user or app no longer stand.
    """
    epochs = await store.hold_epochs(tx, user_id=user_id, app_id=app_id)
    if epochs is None:
        raise NotAllowed("authorization_impossible", "This app cannot be authorized.", help="Start again from the app.")
    for _ in range(_RACES):
        standing = await _current(tx, user_id, app_id, epochs=epochs, origin=origin, now=now)
        if standing is not None:
            await _renew(tx, standing, scopes=binding.scopes, origin=origin, now=now)
        else:
            standing = await _make(tx, user_id, app_id, epochs=epochs, scopes=binding.scopes, origin=origin, now=now)
        if standing is not None:
            return await _issue(tx, standing, binding, keys=keys, lifetime=code_lifetime, now=now)
    raise Conflict("busy", "The same app is being authorized and ended at once.", help="Try it again.")


@verb
async def reissue(
    tx: Transaction,
    *,
    user_id: UserId,
    app_id: AppId,
    binding: CodeBinding,
    keys: ServerKeys,
    code_lifetime: timedelta,
    now: datetime,
) -> str | None:
    """Return a code without asking the user again; None unless the authorization stands and covers it (T1).

    Changes nothing that the user consented to, so it records nothing (R1).
    """
    epochs = await store.hold_epochs(tx, user_id=user_id, app_id=app_id)
    standing = await store.lock_standing(tx, user_id=user_id, app_id=app_id)
    if epochs is None or standing is None:
        return None
    if not covers(standing, scopes=binding.scopes, user_epoch=epochs.user, app_epoch=epochs.app):
        return None
    return await _issue(tx, standing, binding, keys=keys, lifetime=code_lifetime, now=now)


@verb
async def end_authorization(
    tx: Transaction, *, user_id: UserId, app_id: AppId, reason: str = ENDED_BY_USER, origin: Origin, now: datetime
) -> bool:
    """Return whether this ended the authorization, and with it every family, in every company (T10).

    False when it had ended before; NotFound for an app the user never authorized.
    """
    standing = await store.lock_standing(tx, user_id=user_id, app_id=app_id)
    if standing is not None and await _end(tx, standing, reason=reason, origin=origin, now=now):
        return True
    if not await store.is_known(tx, user_id=user_id, app_id=app_id):
        raise NotFound("app_unknown", "No such app may act for you.")
    tx.answers_an_ending()  # T12: the page says "ended" all the same
    return False


async def _current(
    tx: Transaction, user_id: UserId, app_id: AppId, *, epochs: Epochs, origin: Origin, now: datetime
) -> Authorization | None:
    """Return the standing authorization; one of another epoch is ended, for it must never live again."""
    standing = await store.lock_standing(tx, user_id=user_id, app_id=app_id)
    if standing is None or epochs == Epochs(standing.user_epoch, standing.app_epoch):
        return standing
    await _end(tx, standing, reason=OUTDATED, origin=origin, now=now)
    return None


async def _renew(
    tx: Transaction, standing: Authorization, *, scopes: tuple[str, ...], origin: Origin, now: datetime
) -> None:
    """Renew it. Scopes once consented to stay: families opened with them are still running."""
    together = sorted({*standing.scopes, *scopes})
    await store.renew_authorization(tx, standing.id, scopes=together, now=now)
    renewed = AuthorizationRenewed(
        authorization_id=standing.id,
        user_id=standing.user_id,
        app_id=standing.app_id,
        before={"scopes": list(standing.scopes)},
        after={"scopes": together},
    )
    await record(tx, renewed, origin=origin, now=now)


async def _make(
    tx: Transaction,
    user_id: UserId,
    app_id: AppId,
    *,
    epochs: Epochs,
    scopes: tuple[str, ...],
    origin: Origin,
    now: datetime,
) -> Authorization | None:
    """Return a new authorization; None when another request made one first."""
    made = Authorization(
        id=AuthorizationId(random_id()),
        user_id=user_id,
        app_id=app_id,
        scopes=scopes,
        user_epoch=epochs.user,
        app_epoch=epochs.app,
        created_at=now,
        renewed_at=now,
    )
    if not await store.insert_authorization(tx, made):
        return None
    event = Authorized(authorization_id=made.id, user_id=user_id, app_id=app_id, after={"scopes": list(scopes)})
    await record(tx, event, origin=origin, now=now)
    return made


async def _end(tx: Transaction, standing: Authorization, *, reason: str, origin: Origin, now: datetime) -> bool:
    if not await store.end_authorization(tx, standing.id, reason=reason, now=now):
        return False
    event: Event = AuthorizationEnded(
        authorization_id=standing.id,
        user_id=standing.user_id,
        app_id=standing.app_id,
        before={"scopes": list(standing.scopes)},
        after={"reason": reason},
    )
    await record(tx, event, origin=origin, now=now)
    return True


async def _issue(
    tx: Transaction,
    standing: Authorization,
    binding: CodeBinding,
    *,
    keys: ServerKeys,
    lifetime: timedelta,
    now: datetime,
) -> str:
    text = mint("gwc")
    digest = keys.digest(Purpose.AUTHORIZATION_CODE, text)
    code = Code(
        digest=digest.value,
        authorization_id=standing.id,
        app_id=standing.app_id,
        user_id=standing.user_id,
        redirect_uri=binding.redirect_uri,
        redirect_uri_was_sent=binding.redirect_uri_was_sent,
        code_challenge=binding.code_challenge,
        scopes=binding.scopes,
        expires_at=now + lifetime,
    )
    await store.insert_code(tx, code, key_id=digest.key_id, now=now)
    return text
