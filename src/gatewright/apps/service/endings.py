"""Apps blocked by the operator and deleted by their developer: every authorization and installation ends (D6)."""

from datetime import datetime

from gatewright.apps import installation_store, store
from gatewright.apps.model import InstallationStatus
from gatewright.apps.service.secrets import known_app
from gatewright.apps.service.terms import require_terms
from gatewright.base.ids import AppId
from gatewright.db.engine import Transaction, verb
from gatewright.events.catalogue import (
    SYSTEM,
    AppBlocked,
    AppDeleted,
    AppUnblocked,
    InstallationDisconnected,
    Origin,
)
from gatewright.events.log import record, record_all

_OFF = InstallationStatus.DISCONNECTED.value


@verb
async def block_app(tx: Transaction, *, app_id: AppId, origin: Origin, now: datetime) -> bool:
    """Return whether the app was blocked now; none of its tokens from before ever lives again (T11)."""
    app = await known_app(tx, app_id)
    if not await store.block_app(tx, app_id, now=now):
        tx.answers_an_ending()
        return False
    before, after = {"is_blocked": False}, {"is_blocked": True}
    event = AppBlocked(app_id=app_id, client_id=app.client_id, before=before, after=after)
    await record(tx, event, origin=origin, now=now)
    await _end_installations(tx, app_id, "app_blocked", now=now)
    return True


@verb
async def unblock_app(tx: Transaction, *, app_id: AppId, origin: Origin, now: datetime) -> bool:
    """Return whether the app was unblocked now. It revives nothing: users authorize and companies reconnect anew."""
    app = await known_app(tx, app_id)
    if not await store.unblock_app(tx, app_id, now=now):
        return False
    before, after = {"is_blocked": True}, {"is_blocked": False}
    event = AppUnblocked(app_id=app_id, client_id=app.client_id, before=before, after=after)
    await record(tx, event, origin=origin, now=now)
    return True


@verb
async def delete_app(tx: Transaction, *, app_id: AppId, origin: Origin, now: datetime) -> bool:
    """Return whether the app was deleted now; it is unknown from then on, and its name is free."""
    await require_terms(tx, origin)
    app = await known_app(tx, app_id)
    if not await store.delete_app(tx, app_id, now=now):
        tx.answers_an_ending()
        return False
    before = {"name": app.name}
    await record(tx, AppDeleted(app_id=app_id, client_id=app.client_id, before=before), origin=origin, now=now)
    await _end_installations(tx, app_id, "app_deleted", now=now)
    return True


async def _end_installations(tx: Transaction, app_id: AppId, reason: str, *, now: datetime) -> None:
    """Disconnect the app wherever it is not, and say so in each company's record, in a few statements in all.

    The companies are told the reason, and not from where their developer or the operator acts (P6).
    """
    was = await installation_store.disconnect_everywhere(tx, app_id, now=now)
    events = [
        InstallationDisconnected(
            company_id=company_id,
            app_id=app_id,
            before={"status": status.value},
            after={"status": _OFF, "reason": reason},
        )
        for company_id, status in was
    ]
    await record_all(tx, events, origin=SYSTEM, now=now)
