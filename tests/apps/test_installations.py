"""How apps come into companies and are stopped there, on both databases."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from gatewright.activity.model import CallKey, Tally
from gatewright.apps import installation_service as service
from gatewright.apps import installation_store as store
from gatewright.apps.model import InstallationStatus
from gatewright.apps.service import block_app
from gatewright.base.errors import NotAllowed, NotFound
from gatewright.base.ids import AppId, CompanyId
from gatewright.directory import service as directory
from tests.support.tenants import NOON, OPERATOR, Tenants, by

CONNECTED, DISCONNECTED, REQUESTED = InstallationStatus
LATER = NOON + timedelta(minutes=1)


class Place:
    """An app, its user, and two companies."""

    def __init__(self, tenants: Tenants, **ids: Any) -> None:
        self.tenants = tenants
        self.dev, self.ada, self.wim, self.app, self.alder, self.birch = (
            ids[key] for key in ("dev", "ada", "wim", "app", "alder", "birch")
        )

    async def call(self, company_id: CompanyId) -> InstallationStatus:
        """Return how the app stands after a call of Wim's."""
        return await service.connect_on_first_call(
            self.tenants.database,
            company_id=company_id,
            app_id=self.app,
            user_id=self.wim,
            origin=by(self.wim, via=self.app),
            now=NOON,
        )

    def asked(self, company_id: CompanyId, *, via: AppId | None = None) -> dict[str, Any]:
        """Return the arguments of an admin's request."""
        return {"company_id": company_id, "app_id": self.app, "origin": by(self.ada, via=via), "now": LATER}

    async def status(self, company_id: CompanyId) -> InstallationStatus | None:
        """Return what is stored."""
        async with self.tenants.database.read() as reader:
            row = await store.load_installation_row(reader, company_id, self.app)
        return None if row is None else row.status


@pytest.fixture
async def place(tenants: Tenants) -> Place:
    """Return an app, its users and two companies, the second of which asks for approval."""
    dev, ada, wim = [await tenants.user(name) for name in ("Dev Dorn", "Ada Alder", "Wim Weide")]
    app = (await tenants.app(dev, "Crane Reports")).app_id
    alder, birch = await tenants.company("Alder"), await tenants.company("Birch", app_access="approval")
    return Place(tenants, dev=dev, ada=ada, wim=wim, app=app, alder=alder, birch=birch)


async def test_the_first_call_connects_in_an_open_company(place: Place) -> None:
    """I1, I2: once, whoever calls first; the record says who."""
    assert await asyncio.gather(*(place.call(place.alder) for _ in range(4))) == [CONNECTED] * 4
    [event] = await place.tenants.recorded(place.alder, kinds="installation.")
    assert (event["kind"], event["by_id"], event["via_app_id"]) == ("installation.connected", place.wim, place.app)
    async with place.tenants.database.read() as reader:
        [shown] = await store.load_installations(reader, place.alder, offset=0, limit=9, since="2026-11-01")
        assert await store.load_installations(reader, place.birch, offset=0, limit=9, since="2026-11-01") == []
    assert (shown.status, shown.connected_by, shown.connected_at) == (CONNECTED, "Wim Weide", NOON)


async def test_the_first_call_asks_where_approval_is_needed_once(place: Place) -> None:
    """I2: requested, and the admins are told once."""
    assert await asyncio.gather(*(place.call(place.birch) for _ in range(4))) == [REQUESTED] * 4
    [event] = await place.tenants.recorded(place.birch, kinds="installation.")
    assert event["kind"] == "installation.requested"
    await directory.change_company(
        place.tenants.database, company_id=place.birch, app_access="open", origin=OPERATOR, now=NOON
    )
    assert await place.call(place.birch) is REQUESTED  # the admin still decides


async def test_approving_connects_and_declining_disconnects(place: Place) -> None:
    """I2: an admin's two answers to a request."""
    await place.call(place.birch)
    change = await service.reconnect(place.tenants.database, **place.asked(place.birch))
    assert (change.status, change.changed) == (CONNECTED, True)
    async with place.tenants.database.read() as reader:
        shown = await store.load_installation(reader, place.birch, place.app, since="2026-11-01")
    assert shown is not None
    assert (shown.connected_by, shown.connected_at) == ("Ada Alder", LATER)
    kinds = [e["kind"] for e in await place.tenants.recorded(place.birch, kinds="installation.")]
    assert kinds == ["installation.requested", "installation.connected"]


async def test_declining_a_request_disconnects(place: Place) -> None:
    await place.call(place.birch)
    await service.disconnect(place.tenants.database, **place.asked(place.birch))
    assert await place.call(place.birch) is DISCONNECTED  # I2, I5


async def test_disconnecting_stops_one_company_and_no_other(place: Place) -> None:
    """I3, I5: at once, and no call brings it back."""
    await place.call(place.alder)
    other = await place.tenants.company("Cedar")
    await place.call(other)
    place.tenants.committed.clear()
    change = await service.disconnect(place.tenants.database, **place.asked(place.alder))
    assert (change.status, change.changed) == (DISCONNECTED, True)
    [told] = place.tenants.committed
    assert told.ends_something  # T12
    assert told.keys == {f"installation:{place.alder}:{place.app}"}
    assert await place.call(place.alder) is DISCONNECTED
    assert await place.status(other) is CONNECTED
    event = (await place.tenants.recorded(place.alder, kinds="installation.disc"))[0]
    assert (event["before"], event["after"]) == ({"status": "connected"}, {"status": "disconnected"})


async def test_disconnecting_twice_answers_alike_and_waits_alike(place: Place) -> None:
    """T12: an answer that says "already disconnected" waits too."""
    await place.call(place.alder)
    place.tenants.committed.clear()
    asked = place.asked(place.alder)
    changes = await asyncio.gather(*(service.disconnect(place.tenants.database, **asked) for _ in range(4)))
    assert sorted(change.changed for change in changes) == [False, False, False, True]
    assert {change.status for change in changes} == {DISCONNECTED}
    assert [one.ends_something for one in place.tenants.committed] == [True] * 4
    assert len(await place.tenants.recorded(place.alder, kinds="installation.disc")) == 1


async def test_an_app_never_seen_is_blocked_beforehand(place: Place) -> None:
    """I3: its first call finds the door shut, even when the two race."""
    await service.disconnect(place.tenants.database, **place.asked(place.alder))
    assert await place.call(place.alder) is DISCONNECTED
    for name in ("Cedar", "Dogwood", "Elm"):
        company = await place.tenants.company(name)
        await asyncio.gather(place.call(company), service.disconnect(place.tenants.database, **place.asked(company)))
        assert await place.status(company) is DISCONNECTED
        assert await place.call(company) is DISCONNECTED


async def test_reconnecting_restores_at_once(place: Place) -> None:
    """I4: and a second time changes nothing."""
    await place.call(place.alder)
    await service.disconnect(place.tenants.database, **place.asked(place.alder))
    place.tenants.committed.clear()
    asked = place.asked(place.alder)
    changes = [await service.reconnect(place.tenants.database, **asked) for _ in range(2)]
    assert [change.changed for change in changes] == [True, False]
    assert await place.status(place.alder) is CONNECTED
    assert place.tenants.committed[0].keys == {f"installation:{place.alder}:{place.app}"}
    assert len(await place.tenants.recorded(place.alder, kinds="installation.reconnected")) == 1


async def test_an_app_that_never_came_through_cannot_be_reconnected(place: Place) -> None:
    """P6: nor an app that there is not."""
    with pytest.raises(NotFound, match="installation_unknown"):
        await service.reconnect(place.tenants.database, **place.asked(place.alder))
    for verb in (service.reconnect, service.disconnect):
        with pytest.raises(NotFound, match="app_unknown"):
            await verb(place.tenants.database, **{**place.asked(place.alder), "app_id": AppId(999)})
    assert await place.status(place.alder) is None


async def test_an_app_lets_in_neither_itself_nor_its_developers_other_apps(place: Place) -> None:
    """M8: whoever's token it holds; an app of somebody else may."""
    await place.call(place.birch)
    sibling = (await place.tenants.app(place.dev, "Plum Sync")).app_id
    stranger = (await place.tenants.app(place.ada, "Oak Tools")).app_id
    for via in (place.app, sibling, AppId(999)):
        with pytest.raises(NotAllowed, match="own_app"):
            await service.reconnect(place.tenants.database, **place.asked(place.birch, via=via))
    assert await place.status(place.birch) is REQUESTED
    change = await service.reconnect(place.tenants.database, **place.asked(place.birch, via=stranger))
    assert change.changed
    await service.disconnect(place.tenants.database, **place.asked(place.birch, via=place.app))  # itself out: yes
    assert await place.status(place.birch) is DISCONNECTED


async def test_the_page_says_what_a_disconnection_would_stop(place: Place) -> None:
    """I6: users, calls in the last 24 hours, last call; of this company and app alone."""
    tenants = place.tenants
    for user, company in ((place.wim, place.alder), (place.ada, place.alder), (place.ada, place.birch)):
        await tenants.contact(company, f"{user}@x.example", user_id=user)
        if company == place.alder:
            await tenants.authorization(user, place.app)
    await place.call(place.alder)
    await directory.deactivate_user(tenants.database, user_id=place.wim, origin=OPERATOR, now=NOON)
    for company, day, result, at in (
        (place.alder, "2026-11-23", "allow", NOON),
        (place.alder, "2026-11-23", "permission_insufficient", LATER),
        (place.alder, "2026-11-21", "allow", NOON - timedelta(days=2)),
        (place.birch, "2026-11-23", "allow", LATER),
    ):
        key = CallKey(company, day, place.app, 0, result)
        await tenants.calls(key, Tally(5, at))
    async with tenants.database.read() as reader:
        stops = await store.load_stops(reader, place.alder, place.app, now=LATER)
        users = await store.load_users(reader, place.alder, place.app, limit=10)
    assert (stops.users, stops.calls_since_yesterday, stops.last_call_at) == (1, 5, NOON)
    assert [user.name for user in users] == ["Somebody"]
    await block_app(tenants.database, app_id=place.app, origin=OPERATOR, now=NOON)
    async with tenants.database.read() as reader:
        assert (await store.load_stops(reader, place.alder, place.app, now=LATER)).users == 0


async def test_calls_are_shown_by_day(place: Place) -> None:
    """I1: allowed and refused, from the day asked for."""
    await place.call(place.alder)
    for day, result, count in (
        ("2026-11-22", "allow", 3),
        ("2026-11-22", "app_not_connected", 2),
        ("2026-11-01", "allow", 9),
    ):
        key = CallKey(place.alder, day, place.app, 0, result)
        await place.tenants.calls(key, Tally(count, NOON))
    async with place.tenants.database.read() as reader:
        shown = await store.load_installation(reader, place.alder, place.app, since="2026-11-20")
        assert await store.count_installations(reader, place.alder) == 1
        assert await store.count_installations(reader, place.birch) == 0
    assert shown is not None
    assert [(day.day, day.allowed, day.refused) for day in shown.calls] == [("2026-11-22", 3, 2)]
    assert shown.last_call_at == NOON


async def test_apps_that_never_came_through_are_found_by_name(place: Place) -> None:
    """I3: so that they can be blocked beforehand."""
    async with place.tenants.database.read() as reader:
        found = await store.find_unseen_apps(reader, place.alder, name_folded="crane", limit=5)
        assert await store.find_unseen_apps(reader, place.alder, name_folded="%", limit=5) == []
    assert found == [(place.app, "Crane Reports", "Dev Dorn")]
    await place.call(place.alder)
    async with place.tenants.database.read() as reader:
        assert await store.find_unseen_apps(reader, place.alder, name_folded="crane", limit=5) == []
