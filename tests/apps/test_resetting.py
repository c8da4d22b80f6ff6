"""All secrets of an app reset at once; on both databases."""

import asyncio
from typing import Any

import pytest

from gatewright.apps import service, store
from gatewright.base.errors import Conflict, NotFound
from gatewright.base.ids import AppId
from tests.support.tenants import NOON, OPERATOR, Tenants, by


def asked(tenants: Tenants, user_id: int, app_id: AppId) -> dict[str, Any]:
    """Return the arguments of a developer's request."""
    return {"app_id": app_id, "keys": tenants.keys, "origin": by(user_id), "now": NOON}


async def test_a_reset_retires_every_secret_and_makes_one(tenants: Tenants) -> None:
    """D4: each with its event; who made a secret is known."""
    dev = await tenants.user("Dev Dorn")
    made = await tenants.app(dev, "Crane Reports")
    added = await service.add_secret(tenants.database, **asked(tenants, dev, made.app_id))
    async with tenants.database.read() as reader:
        before = {secret.id for secret in await store.load_live_secrets(reader, made.app_id)}
    tenants.committed.clear()
    fresh = await service.reset_secrets(tenants.database, **asked(tenants, dev, made.app_id))
    assert tenants.committed[0].ends_something  # T12
    assert len({made.secret, added.secret, fresh.secret}) == 3
    async with tenants.database.read() as reader:
        [live] = await store.load_live_secrets(reader, made.app_id)
    assert (live.id, live.created_by) == (fresh.id, "Dev Dorn")
    retired = await tenants.recorded(kinds="client_secret.retired")
    assert {event["about"]["secret_id"] for event in retired} == before


async def test_one_form_resets_once(tenants: Tenants) -> None:
    """D4, S6: sent again, at once or later, it makes nothing and retires nothing."""
    dev = await tenants.user("Dev Dorn")
    made = await tenants.app(dev, "Crane Reports")
    form = {**asked(tenants, dev, made.app_id), "form_id": "a" * 32}
    resets = [service.reset_secrets(tenants.database, **form) for _ in range(3)]
    done = await asyncio.gather(*resets, return_exceptions=True)
    assert sorted(getattr(one, "code", "made") for one in done) == ["made", "made_before", "made_before"]
    with pytest.raises(Conflict, match="made_before"):
        await service.reset_secrets(tenants.database, **form)
    async with tenants.database.read() as reader:
        assert await store.count_live_secrets(reader, made.app_id) == 1


async def test_a_public_or_unknown_app_has_nothing_to_reset(tenants: Tenants) -> None:
    """D2: one has no secret, the other is not there."""
    dev = await tenants.user("Dev Dorn")
    public = await tenants.app(dev, "Pocket Plans", is_confidential=False)
    with pytest.raises(Conflict, match="public_client"):
        await service.reset_secrets(tenants.database, **asked(tenants, dev, public.app_id))
    with pytest.raises(NotFound, match="app_unknown"):
        await service.reset_secrets(tenants.database, **asked(tenants, dev, AppId(999)))


async def test_a_secret_that_the_operator_made_is_nobodys(tenants: Tenants) -> None:
    """D4: a world file makes the first one."""
    dev = await tenants.user("Dev Dorn")
    made = await service.create_app(
        tenants.database, owner_id=dev, name="Crane Reports", keys=tenants.keys, origin=OPERATOR, now=NOON
    )
    async with tenants.database.read() as reader:
        [live] = await store.load_live_secrets(reader, made.app_id)
    assert live.created_by is None
