"""Terms of use: published, accepted, and waited for before a developer's every change; on both databases."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from gatewright.apps import service, store, terms_store
from gatewright.apps.model import CreatedApp, TermsStanding
from gatewright.apps.rules import said_of_terms
from gatewright.base.errors import Conflict, Invalid, NotAllowed
from gatewright.base.ids import SecretId, UserId
from gatewright.db.engine import Database
from tests.support.tenants import NOON, OPERATOR, Tenants, by

Change = Callable[["Developer"], Awaitable[Any]]


class Developer:
    """A developer with an app of two secrets, made before there were terms."""

    def __init__(self, tenants: Tenants, user_id: UserId, app: CreatedApp, secret_id: SecretId) -> None:
        self.tenants, self.id, self.app, self.secret_id = tenants, user_id, app, secret_id

    @property
    def database(self) -> Database:
        """Return the database."""
        return self.tenants.database

    def asked(self) -> dict[str, Any]:
        """Return the arguments of a change that the developer asks for."""
        return {"app_id": self.app.app_id, "origin": by(self.id), "now": NOON}

    async def publish(self, version: str) -> None:
        """Publish a version of the terms of use."""
        await service.publish_terms(self.database, version=version, text="Be kind.", origin=OPERATOR, now=NOON)

    async def accept(self, version: str) -> bool:
        """Return whether the developer accepted this version now."""
        return await service.accept_terms(self.database, user_id=self.id, version=version, origin=by(self.id), now=NOON)

    async def standing(self) -> TermsStanding:
        """Return how the developer stands to the terms."""
        async with self.database.read() as reader:
            return (await terms_store.load_terms_standing(reader, [self.id]))[self.id]


@pytest.fixture
async def developer(tenants: Tenants) -> Developer:
    """Return a developer with an app."""
    dev = await tenants.user("Dev Dorn")
    app = await tenants.app(dev, "Crane Reports")
    async with tenants.database.read() as reader:
        [secret] = await store.load_live_secrets(reader, app.app_id)
    return Developer(tenants, dev, app, secret.id)


async def _make(who: Developer) -> object:
    return await who.tenants.app(who.id, "Plum Sync")


async def _change(who: Developer) -> object:
    return await service.change_app(who.database, homepage="https://crane.example", **who.asked())


async def _add_secret(who: Developer) -> object:
    return await service.add_secret(who.database, keys=who.tenants.keys, **who.asked())


async def _retire_secret(who: Developer) -> object:
    return await service.retire_secret(who.database, secret_id=who.secret_id, **who.asked())


async def _reset_secrets(who: Developer) -> object:
    return await service.reset_secrets(who.database, keys=who.tenants.keys, **who.asked())


async def _delete(who: Developer) -> object:
    return await service.delete_app(who.database, **who.asked())


CHANGES: tuple[Change, ...] = (_make, _change, _add_secret, _retire_secret, _reset_secrets, _delete)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
async def test_a_developer_changes_nothing_before_accepting_the_current_terms(
    developer: Developer, change: Change
) -> None:
    """D1: no change of any kind, and nothing of it stays; accepting opens the way."""
    await developer.publish("1")
    await developer.accept("1")
    await developer.publish("2")
    before = await developer.tenants.recorded()
    with pytest.raises(NotAllowed, match="terms_not_accepted"):
        await change(developer)
    assert await developer.tenants.recorded() == before
    await developer.accept("2")
    assert await change(developer)


async def test_what_the_operator_changes_waits_for_nobody(developer: Developer) -> None:
    """D1: a world file makes apps; their owner's next change waits, the operator's does not."""
    await developer.publish("1")
    changed = await service.change_app(
        developer.database, app_id=developer.app.app_id, scopes=["company.manage"], origin=OPERATOR, now=NOON
    )
    assert changed
    assert await service.block_app(developer.database, **{**developer.asked(), "origin": OPERATOR})
    with pytest.raises(NotAllowed, match="terms_not_accepted"):
        await _change(developer)


async def test_accepting_records_version_time_and_address_once(developer: Developer) -> None:
    """D1: and a second time changes nothing."""
    await developer.publish("1")
    assert [await developer.accept("1"), await developer.accept("1")] == [True, False]
    async with developer.database.read() as reader:
        [accepted] = await terms_store.load_acceptances(reader, developer.id)
        [version] = await terms_store.load_versions(reader)
    assert (accepted.version, accepted.accepted_at, accepted.ip) == ("1", NOON, "192.0.2.7")
    assert version.accepted == 1
    [event] = await developer.tenants.recorded(kinds="terms.accepted")
    assert event["about"] == {"version": "1", "user_id": developer.id}


@pytest.mark.parametrize("version", ["1", "3", "", "x" * 5000])
async def test_only_the_current_version_can_be_accepted(developer: Developer, version: str) -> None:
    """D1: neither an old one nor one that there is not."""
    for published in ("1", "2"):
        await developer.publish(published)
    with pytest.raises(Conflict, match="terms_outdated"):
        await developer.accept(version)
    assert (await developer.standing()).accepted is None


async def test_where_no_terms_are_published_nothing_waits(developer: Developer) -> None:
    """D1: and there is nothing to accept."""
    assert await _change(developer)
    assert await developer.standing() == TermsStanding(None, None)
    with pytest.raises(Conflict, match="terms_outdated"):
        await developer.accept("1")


async def test_of_two_versions_in_one_instant_the_later_is_current(developer: Developer) -> None:
    """D1: whatever they are called; publishing an old one again does not make it current."""
    for version in ("9", "10", "9"):
        await developer.publish(version)
    assert (await developer.standing()).current == "10"


async def test_the_terms_are_said_as_they_were_accepted(developer: Developer) -> None:
    """D8: none published, none accepted, the current, an older one."""
    said = [said_of_terms(await developer.standing())]
    await developer.publish("1")
    said.append(said_of_terms(await developer.standing()))
    await developer.accept("1")
    said.append(said_of_terms(await developer.standing()))
    await developer.publish("2")
    said.append(said_of_terms(await developer.standing()))
    assert said == [
        "",
        "has not accepted the current terms of use, 1",
        "accepted the terms of use 1",
        "accepted the terms of use 1, and has not accepted the current ones, 2",
    ]


@pytest.mark.parametrize(
    ("version", "text"),
    [("", "x"), ("x" * 41, "x"), ("a\u202eb", "x"), (" 1", "x"), ("1", " \n"), ("1", "x" * 200_001)],
)
async def test_terms_without_a_version_or_a_text_are_not_published(tenants: Tenants, version: str, text: str) -> None:
    """D1, A192: a version is read beside every app."""
    with pytest.raises(Invalid):
        await service.publish_terms(tenants.database, version=version, text=text, origin=OPERATOR, now=NOON)
    assert await tenants.recorded(kinds="terms.") == []


async def test_a_version_at_its_longest_is_published(tenants: Tenants) -> None:
    """D1: the boundary."""
    later = NOON + timedelta(days=1)
    fields = {"version": "x" * 40, "text": "x" * 200_000}
    assert await service.publish_terms(tenants.database, **fields, origin=OPERATOR, now=later)
