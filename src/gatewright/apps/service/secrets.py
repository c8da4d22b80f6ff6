"""Client secrets: a second beside the first, one retired, all reset (D3, D4)."""

from datetime import datetime

from gatewright.apps import store
from gatewright.apps.model import MOST_LIVE_SECRETS, AddedSecret, App
from gatewright.apps.service.refusals import app_unknown, made_before, public_client, secret_unknown
from gatewright.apps.service.terms import require_terms
from gatewright.base.errors import Conflict
from gatewright.base.ids import AppId, SecretId, random_id
from gatewright.base.secrets import Purpose, ServerKeys, hint, mint_client_secret
from gatewright.db.engine import Transaction, verb
from gatewright.events.catalogue import ClientSecretAdded, ClientSecretRetired, Origin
from gatewright.events.log import record, record_all


@verb
async def add_secret(
    tx: Transaction,
    *,
    app_id: AppId,
    keys: ServerKeys,
    form_id: str | None = None,
    origin: Origin,
    now: datetime,
) -> AddedSecret:
    """Return a second secret beside the first (D4); at most two live at a time (D2).

    `form_id` as in `create_app`: the same form asked twice is refused with `made_before`.
    """
    await require_terms(tx, origin)
    app, secret_id = await _for_a_secret(tx, app_id, form_id)
    if await store.count_live_secrets(tx, app_id) >= MOST_LIVE_SECRETS:
        raise Conflict(
            "two_secrets_live",
            "Two secrets live already.",
            help="The developer retires one of them; then another can be added.",
        )
    return await insert_fresh(tx, app_id, app.client_id, secret_id, keys=keys, origin=origin, now=now)


@verb
async def retire_secret(tx: Transaction, *, app_id: AppId, secret_id: SecretId, origin: Origin, now: datetime) -> bool:
    """Return whether the secret was retired now; False when it was before (D4)."""
    await require_terms(tx, origin)
    app = await known_app(tx, app_id)
    if not await store.has_secret(tx, secret_id, app_id=app_id):
        raise secret_unknown()
    if not await store.retire_secret(tx, secret_id, app_id=app_id, now=now):
        tx.answers_an_ending()
        return False
    event = ClientSecretRetired(app_id=app_id, client_id=app.client_id, secret_id=secret_id)
    await record(tx, event, origin=origin, now=now)
    return True


@verb
async def reset_secrets(
    tx: Transaction,
    *,
    app_id: AppId,
    keys: ServerKeys,
    form_id: str | None = None,
    origin: Origin,
    now: datetime,
) -> AddedSecret:
    """Return the one new secret; all that lived are retired, with the families and tokens on them (D4).

    `form_id` as in `create_app`: the same form asked twice is refused with `made_before`.
    """
    await require_terms(tx, origin)
    app, secret_id = await _for_a_secret(tx, app_id, form_id)
    retired = await store.retire_live_secrets(tx, app_id, now=now)
    events = [ClientSecretRetired(app_id=app_id, client_id=app.client_id, secret_id=one) for one in retired]
    await record_all(tx, events, origin=origin, now=now)
    return await insert_fresh(tx, app_id, app.client_id, secret_id, keys=keys, origin=origin, now=now)


async def insert_fresh(
    tx: Transaction,
    app_id: AppId,
    client_id: str,
    secret_id: SecretId,
    *,
    keys: ServerKeys,
    origin: Origin,
    now: datetime,
) -> AddedSecret:
    """Return a new secret of the app, recorded; `made_before` when its id is taken."""
    secret = mint_client_secret()
    digest = keys.digest(Purpose.CLIENT_SECRET, secret)
    maker = origin.by_id if origin.by_kind == "user" else None
    inserted = await store.insert_secret(
        tx, secret_id, app_id=app_id, digest=digest, hint=hint(secret), created_by=maker, now=now
    )
    if not inserted:
        raise made_before()
    event = ClientSecretAdded(app_id=app_id, client_id=client_id, secret_id=secret_id, after={"hint": hint(secret)})
    await record(tx, event, origin=origin, now=now)
    return AddedSecret(secret_id, secret)


async def known_app(tx: Transaction, app_id: AppId, *, lock: bool = False) -> App:
    """Return the app, or raise the refusal of one that there is not; `lock` keeps others from changing it meanwhile."""
    app = await store.load_app(tx, app_id, lock=lock)
    if app is None:
        raise app_unknown()
    return app


async def _for_a_secret(tx: Transaction, app_id: AppId, form_id: str | None) -> tuple[App, SecretId]:
    """Return the app, locked, and the id of the secret that this form makes."""
    app = await known_app(tx, app_id, lock=True)
    secret_id = SecretId(form_id or random_id())
    if await store.has_secret(tx, secret_id, app_id=app_id):
        raise made_before()
    if not app.is_confidential:
        raise public_client()
    return app, secret_id
