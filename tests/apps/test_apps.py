"""Making and changing apps, adding and retiring their secrets, on both databases."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from gatewright.apps import service, store
from gatewright.base.errors import Conflict, Invalid, NotFound
from gatewright.base.ids import AppId, SecretId
from gatewright.base.secrets import Digest, Purpose, is_client_secret_shaped
from gatewright.db.engine import Transaction
from gatewright.db.schema import apps, client_secrets
from tests.support.tenants import NOON, OPERATOR, Tenants, by


async def test_a_confidential_app_gets_a_client_and_one_secret(tenants: Tenants) -> None:
    """D2, D3: the secret is stored only as a keyed digest."""
    dev = await tenants.user("Dev Dorn")
    made = await tenants.app(dev, "Crane Reports", scopes=["company.manage"])
    assert made.secret is not None
    assert is_client_secret_shaped(made.secret)
    async with tenants.database.read() as reader:
        app = await store.load_app(reader, made.app_id)
        rows = (await reader.execute(select(client_secrets))).all()
    assert app is not None
    assert (app.name, app.developer, app.client_id) == ("Crane Reports", "Dev Dorn", made.client_id)
    assert (app.redirect_uris, app.scopes) == (("https://app.example/cb",), ("company.manage",))
    assert len(rows) == 1
    digest = Digest(rows[0].key_id, rows[0].digest)
    assert tenants.keys.matches(Purpose.CLIENT_SECRET, made.secret, digest)
    # T13
    assert made.secret not in repr(rows)
    assert made.secret not in repr(await tenants.recorded())


async def test_a_public_app_has_no_secret_and_gets_none(tenants: Tenants) -> None:
    """D2: a public client must use PKCE."""
    dev = await tenants.user("Dev Dorn")
    made = await tenants.app(dev, "Pocket Plans", is_confidential=False)
    assert made.secret is None
    with pytest.raises(Conflict, match="public_client"):
        await service.add_secret(tenants.database, app_id=made.app_id, keys=tenants.keys, origin=by(dev), now=NOON)


async def test_a_name_that_looks_like_anothers_is_taken(tenants: Tenants) -> None:
    """D2: also when both are asked for at the same time."""
    dev = await tenants.user("Dev Dorn")
    await tenants.app(dev, "Crane Reports")
    with pytest.raises(Conflict, match="name_taken"):
        await tenants.app(dev, "Сrane-Reports")
    made = await asyncio.gather(*(tenants.app(dev, f"Plum{sign}Sync") for sign in " -_."), return_exceptions=True)
    assert sum(isinstance(one, Conflict) for one in made) == 3


async def test_a_rename_onto_anothers_name_changes_nothing(tenants: Tenants) -> None:
    """D2: a changed name is unique too; one's own may change its case."""
    dev = await tenants.user("Dev Dorn")
    await tenants.app(dev, "Crane Reports")
    other = await tenants.app(dev, "Plum Sync")
    change: dict[str, Any] = {"app_id": other.app_id, "origin": by(dev), "now": NOON}
    with pytest.raises(Conflict, match="name_taken"):
        await service.change_app(tenants.database, name="CRANE  REPORTS", homepage="https://x.example", **change)
    async with tenants.database.read() as reader:
        app = await store.load_app(reader, other.app_id)
    assert app is not None
    assert (app.name, app.homepage) == ("Plum Sync", "")
    assert await service.change_app(tenants.database, name="PLUM SYNC", **change)


async def test_a_bad_app_names_every_field_and_makes_nothing(tenants: Tenants) -> None:
    """D2, D5, D7: one problem per field that is wrong."""
    dev = await tenants.user("Dev Dorn")
    with pytest.raises(Invalid) as refused:
        await tenants.app(
            dev,
            " ",
            homepage="javascript:x",
            redirect_uris=["http://evil.example"],
            scopes=["everything"],
            retry_window=timedelta(days=2),
            is_confidential=False,
            is_resource_server=True,
        )
    fields = [problem.field for problem in refused.value.problems]
    assert fields == ["name", "homepage", "redirect_uris", "scopes", "retry_window", "type"]
    async with tenants.database.read() as reader:
        assert (await reader.execute(select(apps))).all() == []
    assert await tenants.recorded(kinds="app.") == []


async def test_a_change_records_what_was_and_what_is_and_repeats_to_nothing(tenants: Tenants) -> None:
    """R1: one event for a change, none for no change."""
    dev = await tenants.user("Dev Dorn")
    made = await tenants.app(dev, "Crane Reports")
    change: dict[str, Any] = {
        "app_id": made.app_id,
        "redirect_uris": ["https://new.example/cb"],
        "retry_window": timedelta(minutes=5),
        "origin": by(dev),
        "now": NOON,
    }
    assert await service.change_app(tenants.database, **change)
    assert not await service.change_app(tenants.database, **change)
    [event] = await tenants.recorded(kinds="app.changed")
    assert event["before"] == {"redirect_uris": ["https://app.example/cb"], "retry_window": None}
    assert event["after"] == {"redirect_uris": ["https://new.example/cb"], "retry_window": 300}
    # T12: what leaned on the redirect URI is told before the answer
    assert f"client:{made.client_id}" in event["keys"]
    assert tenants.committed[-2].ends_something


async def test_at_most_two_secrets_live(tenants: Tenants) -> None:
    """D2: also when several are asked for at the same time."""
    dev = await tenants.user("Dev Dorn")
    made = await tenants.app(dev, "Crane Reports")
    asked: dict[str, Any] = {"app_id": made.app_id, "keys": tenants.keys, "origin": by(dev), "now": NOON}
    added = await asyncio.gather(
        *(service.add_secret(tenants.database, **asked) for _ in range(4)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in added) == ["AddedSecret", "Conflict", "Conflict", "Conflict"]
    async with tenants.database.read() as reader:
        first, second = await store.load_live_secrets(reader, made.app_id)
    assert await service.retire_secret(
        tenants.database, app_id=made.app_id, secret_id=first.id, origin=by(dev), now=NOON
    )
    await service.add_secret(tenants.database, **asked)
    async with tenants.database.read() as reader:
        assert second.id in {one.id for one in await store.load_live_secrets(reader, made.app_id)}


async def test_a_third_secret_waits_for_the_second_to_be_counted(tenants: Tenants) -> None:
    """D2: while one transaction is open, another may not count what it has not committed."""
    dev = await tenants.user("Dev Dorn")
    made = await tenants.app(dev, "Crane Reports")
    asked: dict[str, Any] = {"app_id": made.app_id, "keys": tenants.keys, "origin": by(dev), "now": NOON}
    committing = asyncio.Event()

    async def add_slowly(tx: Transaction) -> None:
        await service.add_secret(tx, **asked)
        await committing.wait()

    first = asyncio.create_task(tenants.database.write(add_slowly))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(service.add_secret(tenants.database, **asked))
    await asyncio.sleep(0.3)
    committing.set()
    await first
    with pytest.raises(Conflict, match="two_secrets_live"):
        await second


async def test_a_secret_retires_once_and_every_answer_waits(tenants: Tenants) -> None:
    """D4, T12: the second answer says "retired" too, so it waits as the first did."""
    dev = await tenants.user("Dev Dorn")
    made = await tenants.app(dev, "Crane Reports")
    async with tenants.database.read() as reader:
        [secret] = await store.load_live_secrets(reader, made.app_id)
    asked: dict[str, Any] = {"app_id": made.app_id, "secret_id": secret.id, "origin": by(dev), "now": NOON}
    tenants.committed.clear()
    answers = await asyncio.gather(*(service.retire_secret(tenants.database, **asked) for _ in range(4)))
    assert sorted(answers) == [False, False, False, True]
    assert [one.ends_something for one in tenants.committed] == [True] * 4
    [event] = await tenants.recorded(kinds="client_secret.retired")
    assert event["keys"] == [f"client:{made.client_id}"]


async def test_another_apps_secret_is_unknown(tenants: Tenants) -> None:
    """P6: an id outside of the app answers like one that is not there."""
    dev = await tenants.user("Dev Dorn")
    crane, plum = await tenants.app(dev, "Crane Reports"), await tenants.app(dev, "Plum Sync")
    async with tenants.database.read() as reader:
        [secret] = await store.load_live_secrets(reader, plum.app_id)
    for secret_id in (secret.id, SecretId("0" * 32), SecretId("")):
        with pytest.raises(NotFound, match="secret_unknown"):
            await service.retire_secret(
                tenants.database, app_id=crane.app_id, secret_id=secret_id, origin=by(dev), now=NOON
            )


async def test_a_form_sent_twice_makes_one_app_and_one_secret(tenants: Tenants) -> None:
    """D3: shown once means made once, however the two race."""
    dev = await tenants.user("Dev Dorn")
    form = "a" * 32
    made = await asyncio.gather(
        *(tenants.app(dev, name, form_id=form) for name in ("Crane Reports", "Crane Reports", "Other Name")),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in made) == ["Conflict", "Conflict", "CreatedApp"]
    [app] = [one for one in made if not isinstance(one, BaseException)]
    assert {one.code for one in made if isinstance(one, Conflict)} == {"made_before"}
    asked: dict[str, Any] = {
        "app_id": app.app_id,
        "keys": tenants.keys,
        "form_id": "b" * 32,
        "origin": by(dev),
        "now": NOON,
    }
    added = await asyncio.gather(
        *(service.add_secret(tenants.database, **asked) for _ in range(3)), return_exceptions=True
    )
    assert {one.code for one in added if isinstance(one, Conflict)} == {"made_before"}
    assert sum(isinstance(one, Conflict) for one in added) == 2


async def test_a_secret_that_its_families_left_shows_when_it_was_used_last(tenants: Tenants) -> None:
    """D4: so that its developer sees the old one fall silent."""
    dev = await tenants.user("Dev Dorn")
    made = await tenants.app(dev, "Crane Reports")
    seen = []
    for seconds in (5, 0, 9):
        async with tenants.database.read() as reader:
            [secret] = await store.load_live_secrets(reader, made.app_id)
        at = NOON + timedelta(seconds=seconds)
        await tenants.database.write(partial(store.note_secrets_used, uses={secret.id: at}))
        async with tenants.database.read() as reader:
            [secret] = await store.load_live_secrets(reader, made.app_id)
        seen.append(secret.last_used_at)
    assert seen == [NOON + timedelta(seconds=5), NOON + timedelta(seconds=5), NOON + timedelta(seconds=9)]


async def test_blocking_raises_the_epoch_and_unblocking_does_not_lower_it(tenants: Tenants) -> None:
    """T11: what a block ended never lives again."""
    dev = await tenants.user("Dev Dorn")
    made = await tenants.app(dev, "Crane Reports")
    asked: dict[str, Any] = {"app_id": made.app_id, "origin": OPERATOR, "now": NOON}
    assert await service.block_app(tenants.database, **asked)
    assert not await service.block_app(tenants.database, **asked)
    assert tenants.committed[-1].ends_something  # T12
    assert await service.unblock_app(tenants.database, **asked)
    assert not await service.unblock_app(tenants.database, **asked)
    async with tenants.database.read() as reader:
        app = await store.load_app(reader, made.app_id)
    assert app is not None
    assert (app.epoch, app.is_blocked) == (1, False)
    assert [e["kind"] for e in await tenants.recorded(kinds="app.")] == ["app.created", "app.blocked", "app.unblocked"]


async def test_an_unknown_app_cannot_be_changed(tenants: Tenants) -> None:
    """P6: one sentence for an app that is not there."""
    asked: dict[str, Any] = {"app_id": AppId(999), "origin": OPERATOR, "now": NOON}
    for change in (service.block_app, service.unblock_app, service.change_app):
        with pytest.raises(NotFound, match="app_unknown"):
            await change(tenants.database, **asked)


async def test_published_terms_never_change(tenants: Tenants) -> None:
    """R1: a version is published once; another text under its name is refused."""
    terms: dict[str, Any] = {"version": "2026-11", "origin": OPERATOR, "now": NOON}
    assert await service.publish_terms(tenants.database, text="Be kind.", **terms)
    assert not await service.publish_terms(tenants.database, text="Be kind.", **terms)
    with pytest.raises(Invalid):
        await service.publish_terms(tenants.database, text="Be unkind.", **terms)
    assert len(await tenants.recorded(kinds="terms.")) == 1
