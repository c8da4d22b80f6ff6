"""When a secret was used last, noted off the path; on both databases."""

from datetime import datetime, timedelta

from gatewright.apps import store
from gatewright.apps.secret_uses import SecretUses
from gatewright.base.ids import AppId, SecretId
from tests.support.statements import counted
from tests.support.tenants import NOON, Tenants


async def last_used(tenants: Tenants, app_id: AppId) -> datetime | None:
    """Return what the developer reads of the app's one secret."""
    async with tenants.database.read() as reader:
        [secret] = await store.load_live_secrets(reader, app_id)
    return secret.last_used_at


async def test_uses_are_written_together_and_the_latest_stays(tenants: Tenants) -> None:
    """D4: nothing on the path; what another process wrote meanwhile is not set back."""
    made = await tenants.app(await tenants.user("Dev Dorn"), "Crane Reports")
    async with tenants.database.read() as reader:
        [secret] = await store.load_live_secrets(reader, made.app_id)
    here, there = SecretUses(tenants.database), SecretUses(tenants.database)
    with counted(tenants.database) as seen:
        for second in range(500):
            here.note(secret.id, at=NOON + timedelta(seconds=second))
        there.note(secret.id, at=NOON)
    assert seen.statements == []
    assert await last_used(tenants, made.app_id) is None
    with counted(tenants.database) as seen:
        await here.flush()
    assert seen.commits == 1
    await there.flush()
    assert await last_used(tenants, made.app_id) == NOON + timedelta(seconds=499)
    with counted(tenants.database) as seen:
        await here.flush()  # nothing new
    assert seen.statements == []


async def test_many_uses_are_one_statement(tenants: Tenants) -> None:
    """D4: the one writer of an embedded database is not held while thousands of secrets are noted one by one."""
    uses, spent = SecretUses(tenants.database), []
    for many in (1, 60):
        for number in range(many):
            uses.note(SecretId(f"{number:032x}"), at=NOON)
        with counted(tenants.database) as seen:
            await uses.flush()
        spent.append(len(seen.statements))
    assert spent[0] == spent[1]


async def test_what_was_noted_is_written_at_the_end(tenants: Tenants) -> None:
    """D4: a server that stops forgets no use."""
    made = await tenants.app(await tenants.user("Dev Dorn"), "Crane Reports")
    async with tenants.database.read() as reader:
        [secret] = await store.load_live_secrets(reader, made.app_id)
    uses = SecretUses(tenants.database)
    async with uses.running():
        uses.note(secret.id, at=NOON)
        uses.note(SecretId("0" * 32), at=NOON)  # of a secret that is gone
    assert await last_used(tenants, made.app_id) == NOON
