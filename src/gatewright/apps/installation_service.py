"""How an app comes into a company, is disconnected, and is let back in (I1 to I6)."""

from dataclasses import replace
from datetime import datetime

from gatewright.apps import installation_store as store
from gatewright.apps.model import InstallationChange, InstallationRow, InstallationStatus, Stops
from gatewright.apps.service import app_unknown
from gatewright.apps.store import load_app, lock_standing
from gatewright.base.errors import Conflict, NotAllowed, NotFound
from gatewright.base.ids import AppId, CompanyId, UserId
from gatewright.db.engine import Transaction, verb
from gatewright.events.catalogue import (
    InstallationConnected,
    InstallationDisconnected,
    InstallationReconnected,
    InstallationRequested,
    Origin,
)
from gatewright.events.log import record

CONNECTED, DISCONNECTED, REQUESTED = InstallationStatus


@verb
async def connect_on_first_call(
    tx: Transaction, *, company_id: CompanyId, app_id: AppId, user_id: UserId, origin: Origin, now: datetime
) -> InstallationStatus:
    """Return how the app stands in the company after this user's call (I2).

    Only a company that never saw the app is changed: what an admin decided is never
    overwritten by a call (I5). An app that was blocked or deleted meanwhile enters nowhere (D6).
    """
    if not await lock_standing(tx, app_id):
        tx.answers_an_ending()
        return DISCONNECTED
    if await store.company_needs_approval(tx, company_id):
        row = InstallationRow(REQUESTED, None, None, user_id, now)
        kind: type[InstallationConnected] = InstallationRequested
    else:
        row, kind = _connected(user_id, now=now), InstallationConnected
    if not await store.insert_installation(tx, company_id, app_id, row):
        standing = await store.load_installation_row(tx, company_id, app_id)
        return DISCONNECTED if standing is None else standing.status
    after = {"status": row.status.value, "user_id": user_id}
    await record(tx, kind(company_id=company_id, app_id=app_id, after=after), origin=origin, now=now)
    return row.status


@verb
async def connect_beforehand(
    tx: Transaction, *, company_id: CompanyId, app_id: AppId, origin: Origin, now: datetime
) -> bool:
    """Return whether an app never seen in the company was let in by the operator; what stands is left alone."""
    await _standing_app(tx, app_id)
    if not await store.insert_installation(tx, company_id, app_id, _connected(None, now=now)):
        return False
    event = InstallationConnected(company_id=company_id, app_id=app_id, after={"status": CONNECTED.value})
    await record(tx, event, origin=origin, now=now)
    return True


@verb
async def disconnect(
    tx: Transaction, *, company_id: CompanyId, app_id: AppId, origin: Origin, now: datetime
) -> InstallationChange:
    """Return what was stopped; an app never seen there is blocked beforehand (I3). No token is touched."""
    await _known_app(tx, app_id)
    stops = await store.load_stops(tx, company_id, app_id, now=now)
    standing = await _locked(tx, company_id, app_id)
    by = _user_of(origin)
    if standing is None:
        row = InstallationRow(DISCONNECTED, None, None, by, now)
        if await store.insert_installation(tx, company_id, app_id, row):
            return await _disconnected(tx, company_id, app_id, None, stops, origin=origin, now=now)
        # A first call came in between; its row is there now, and stays.
        standing = await _locked(tx, company_id, app_id)
    if standing is None or standing.status is DISCONNECTED:
        tx.answers_an_ending()
        return InstallationChange(DISCONNECTED, False, stops)
    row = replace(standing, status=DISCONNECTED, changed_by=by, changed_at=now)
    await store.update_installation(tx, company_id, app_id, row, was=standing.status)
    return await _disconnected(tx, company_id, app_id, standing.status, stops, origin=origin, now=now)


@verb
async def reconnect(
    tx: Transaction, *, company_id: CompanyId, app_id: AppId, origin: Origin, now: datetime
) -> InstallationChange:
    """Return how the app stands after it was let back in, or approved (I2, I4), with the same tokens."""
    await _standing_app(tx, app_id)
    await _refuse_own_app(tx, app_id, origin)
    standing = await _locked(tx, company_id, app_id)
    if standing is None:
        raise installation_unknown()
    stops = await store.load_stops(tx, company_id, app_id, now=now)
    if standing.status is CONNECTED:
        return InstallationChange(CONNECTED, False, stops)
    row = _connected(_user_of(origin), now=now)
    await store.update_installation(tx, company_id, app_id, row, was=standing.status)
    kind = InstallationConnected if standing.status is REQUESTED else InstallationReconnected
    before, after = {"status": standing.status.value}, {"status": CONNECTED.value}
    event = kind(company_id=company_id, app_id=app_id, before=before, after=after)
    await record(tx, event, origin=origin, now=now)
    return InstallationChange(CONNECTED, True, stops)


async def _disconnected(
    tx: Transaction,
    company_id: CompanyId,
    app_id: AppId,
    was: InstallationStatus | None,
    stops: Stops,
    *,
    origin: Origin,
    now: datetime,
) -> InstallationChange:
    before = None if was is None else {"status": was.value}
    event = InstallationDisconnected(
        company_id=company_id, app_id=app_id, before=before, after={"status": DISCONNECTED.value}
    )
    await record(tx, event, origin=origin, now=now)
    return InstallationChange(DISCONNECTED, True, stops)


async def _locked(tx: Transaction, company_id: CompanyId, app_id: AppId) -> InstallationRow | None:
    return await store.load_installation_row(tx, company_id, app_id, lock=True)


async def _known_app(tx: Transaction, app_id: AppId) -> None:
    if await load_app(tx, app_id) is None:
        raise app_unknown()


async def _standing_app(tx: Transaction, app_id: AppId) -> None:
    """Refuse an app that there is not, or that is blocked: it enters nowhere until it is unblocked (D6)."""
    stands = await lock_standing(tx, app_id)
    if stands is None:
        raise app_unknown()
    if not stands:
        raise Conflict(
            "app_blocked",
            "The operator of this platform blocked this app.",
            help="The operator can unblock it; then a company admin reconnects it.",
        )


async def _refuse_own_app(tx: Transaction, app_id: AppId, origin: Origin) -> None:
    """Refuse an app that would let itself, or another app of its developer, back in (M8)."""
    if origin.via_app_id is None:
        return
    via, app = await load_app(tx, AppId(origin.via_app_id)), await load_app(tx, app_id)
    if via is None or app is None or via.owner_id == app.owner_id:
        raise NotAllowed(
            "own_app",
            "An app cannot let itself, or another app of its developer, into a company.",
            help="A company admin does it on the page App Management.",
        )


def _connected(user_id: UserId | None, *, now: datetime) -> InstallationRow:
    return InstallationRow(CONNECTED, user_id, now, user_id, now)


def _user_of(origin: Origin) -> UserId | None:
    return UserId(origin.by_id) if origin.by_kind == "user" and origin.by_id is not None else None


def installation_unknown() -> NotFound:
    """Return the refusal for an app that has no installation in the company."""
    return NotFound("installation_unknown", "This app never came through this company.")
