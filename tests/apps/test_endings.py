"""Apps blocked and deleted: every installation of them ends, and each company reads why; on both databases."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from gatewright.apps import installation_service, service, store
from gatewright.apps import installation_store as installations
from gatewright.apps.model import InstallationStatus
from gatewright.base.errors import Conflict, NotFound
from gatewright.base.ids import AppId, CompanyId, UserId
from gatewright.db.schema import events
from tests.support.statements import counted
from tests.support.tenants import NOON, OPERATOR, Tenants, by

CONNECTED, DISCONNECTED, REQUESTED = InstallationStatus
REASONS = {service.block_app: "app_blocked", service.delete_app: "app_deleted"}
ENDINGS = pytest.mark.parametrize("end", REASONS, ids=lambda end: end.__name__)


class Place:
    """An app with a user, and companies."""

    def __init__(self, tenants: Tenants, dev: UserId, wim: UserId, app_id: AppId) -> None:
        self.tenants, self.dev, self.wim, self.app_id = tenants, dev, wim, app_id

    async def call(self, company_id: CompanyId) -> InstallationStatus:
        """Return how the app stands after a call of Wim's."""
        origin = by(self.wim, via=self.app_id)
        where: dict[str, Any] = {"company_id": company_id, "app_id": self.app_id, "user_id": self.wim}
        return await installation_service.connect_on_first_call(self.tenants.database, **where, origin=origin, now=NOON)

    async def end(self, end: Any) -> bool:
        """Return whether the app was ended now."""
        origin = OPERATOR if end is service.block_app else by(self.dev)
        return bool(await end(self.tenants.database, app_id=self.app_id, origin=origin, now=NOON))

    async def unblock(self) -> bool:
        """Return whether the app was unblocked now."""
        return await service.unblock_app(self.tenants.database, app_id=self.app_id, origin=OPERATOR, now=NOON)

    async def reconnect(self, company_id: CompanyId) -> None:
        """Let the app back in, as a company admin does."""
        where: dict[str, Any] = {"company_id": company_id, "app_id": self.app_id}
        await installation_service.reconnect(self.tenants.database, **where, origin=by(self.wim), now=NOON)

    async def status(self, company_id: CompanyId) -> InstallationStatus | None:
        """Return what is stored."""
        async with self.tenants.database.read() as reader:
            row = await installations.load_installation_row(reader, company_id, self.app_id)
        return None if row is None else row.status


@pytest.fixture
async def place(tenants: Tenants) -> Place:
    """Return an app of a developer's and its user."""
    dev, wim = await tenants.user("Dev Dorn"), await tenants.user("Wim Weide")
    return Place(tenants, dev, wim, (await tenants.app(dev, "Crane Reports")).app_id)


@ENDINGS
async def test_its_installations_end_with_an_app(place: Place, end: Any) -> None:
    """D6: connected and requested ones, each with an event and its reason, and nobody's address in it."""
    alder, birch = await place.tenants.company("Alder"), await place.tenants.company("Birch", app_access="approval")
    cedar, dogwood = await place.tenants.company("Cedar"), await place.tenants.company("Dogwood")
    for company in (alder, birch, cedar):
        await place.call(company)
    where: dict[str, Any] = {"company_id": cedar, "app_id": place.app_id, "origin": by(place.wim), "now": NOON}
    await installation_service.disconnect(place.tenants.database, **where)
    place.tenants.committed.clear()
    assert await place.end(end)
    told = place.tenants.committed[0]
    assert told.ends_something  # T12
    assert {f"installation:{company}:{place.app_id}" for company in (alder, birch)} < told.keys
    assert [await place.status(one) for one in (alder, birch, cedar, dogwood)] == [DISCONNECTED] * 3 + [None]
    for company, was in ((alder, "connected"), (birch, "requested")):
        event = (await place.tenants.recorded(company, kinds="installation."))[-1]
        assert event["kind"] == "installation.disconnected"
        assert (event["before"], event["after"]) == (
            {"status": was},
            {"status": "disconnected", "reason": REASONS[end]},
        )
        assert (event["by_kind"], event["by_id"], event["ip"]) == ("system", None, None)  # P6
    assert len(await place.tenants.recorded(cedar, kinds="installation.disc")) == 1
    assert await place.tenants.recorded(dogwood, kinds="installation.") == []


@ENDINGS
async def test_ending_an_app_takes_as_many_statements_in_many_companies_as_in_two(place: Place, end: Any) -> None:
    """D6: what its installations cost does not grow with them."""
    spent = []
    for many in (2, 40):
        place.app_id = (await place.tenants.app(place.dev, f"App {many}")).app_id
        for number in range(many):
            await place.call(await place.tenants.company(f"Company {many} {number}"))
        with counted(place.tenants.database) as seen:
            assert await place.end(end)
        spent.append(len(seen.statements))
    assert spent[0] == spent[1]


async def test_unblocking_reconnects_nothing(place: Place) -> None:
    """T11, I5: no call does, only a company admin, once the app is unblocked."""
    alder = await place.tenants.company("Alder")
    await place.call(alder)
    await place.end(service.block_app)
    with pytest.raises(Conflict, match="app_blocked"):
        await place.reconnect(alder)
    assert await place.unblock()
    assert await place.call(alder) is DISCONNECTED
    await place.reconnect(alder)
    assert await place.status(alder) is CONNECTED


async def test_blocking_and_unblocking_are_recorded_with_what_was_and_is(place: Place) -> None:
    # R1
    await place.end(service.block_app)
    await place.unblock()
    kinds = events.c.kind.in_(["app.blocked", "app.unblocked"])
    async with place.tenants.database.read() as reader:
        rows = (await reader.execute(select(events.c.before, events.c.after).where(kinds).order_by(events.c.id))).all()
    stands, stopped = {"is_blocked": False}, {"is_blocked": True}
    assert [tuple(row) for row in rows] == [(stands, stopped), (stopped, stands)]


@ENDINGS
async def test_no_call_brings_an_ended_app_in(place: Place, end: Any) -> None:
    """D6: a call that was let through before the ending finds the door shut, even when the two race."""
    company = await place.tenants.company("Alder")
    await asyncio.gather(*(place.call(company) for _ in range(3)), place.end(end))
    assert await place.status(company) in {None, DISCONNECTED}
    later = await place.tenants.company("Birch")
    place.tenants.committed.clear()
    assert await place.call(later) is DISCONNECTED
    assert place.tenants.committed[0].ends_something  # T12
    assert await place.status(later) is None
    where: dict[str, Any] = {"company_id": later, "app_id": place.app_id, "origin": OPERATOR, "now": NOON}
    with pytest.raises((Conflict, NotFound), match="app_"):
        await installation_service.connect_beforehand(place.tenants.database, **where)


async def test_ending_an_app_twice_at_once_ends_it_once(place: Place) -> None:
    """T12: both answers wait until it holds everywhere."""
    await place.call(alder := await place.tenants.company("Alder"))
    place.tenants.committed.clear()
    ended = await asyncio.gather(*(place.end(service.block_app) for _ in range(3)))
    assert sorted(ended) == [False, False, True]
    assert [one.ends_something for one in place.tenants.committed] == [True] * 3
    assert len(await place.tenants.recorded(alder, kinds="installation.disc")) == 1


async def test_a_deleted_app_is_unknown_and_leaves_its_name(place: Place) -> None:
    """D6, D2: its name is free, its client id and its id are never given again."""
    form = "f" * 32
    asked: dict[str, Any] = {"owner_id": place.dev, "keys": place.tenants.keys, "origin": by(place.dev), "now": NOON}
    made = await service.create_app(place.tenants.database, name="Plum Sync", form_id=form, **asked)
    place.app_id = made.app_id
    assert await place.end(service.delete_app)
    with pytest.raises(NotFound, match="app_unknown"):
        await place.end(service.delete_app)
    async with place.tenants.database.read() as reader:
        assert await store.load_app(reader, made.app_id) is None
        assert [app.name for app in await store.load_owned_apps(reader, place.dev)] == ["Crane Reports"]
    with pytest.raises(Conflict):
        await service.create_app(place.tenants.database, name="Another", form_id=form, **asked)
    again = [await place.tenants.app(place.dev, "Plum Sync")]
    assert again[0].app_id > made.app_id
    place.app_id = again[0].app_id
    await place.end(service.delete_app)  # two deleted ones with one name
    await place.tenants.app(place.wim, "PLUM sync")
