"""Service accounts: made, regenerated, deleted, and stopped by their address, on both databases."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from gatewright.apps.installation_service import connect_beforehand
from gatewright.base.errors import Conflict, Invalid, NotFound, RateLimited
from gatewright.base.ids import CompanyId, SecretId, ServiceAccountId
from gatewright.base.secrets import is_client_secret_shaped
from gatewright.db.engine import Transaction
from gatewright.db.schema import contacts, project_members, service_accounts
from gatewright.directory import service as directory
from gatewright.service_accounts import service, store
from gatewright.service_accounts.model import CreatedServiceAccount, DisabledReason, ServiceAccount
from tests.support.tenants import DOMAIN, NOON, OPERATOR, Tenants, by

LATER = NOON + timedelta(minutes=1)


async def made(
    tenants: Tenants, company_id: CompanyId, name: str = "Nightly export", **more: Any
) -> CreatedServiceAccount:
    """Return a new account."""
    return await service.create_service_account(
        tenants.database,
        company_id=company_id,
        name=name,
        domain=DOMAIN,
        keys=tenants.keys,
        **{"origin": by(7), "now": NOON, **more},
    )


async def regenerated(tenants: Tenants, company_id: CompanyId, account_id: ServiceAccountId, **more: Any) -> Any:
    """Return an account's new secret."""
    return await service.regenerate_secret(
        tenants.database,
        company_id=company_id,
        service_account_id=account_id,
        domain=DOMAIN,
        keys=tenants.keys,
        **{"origin": by(7), "now": LATER, **more},
    )


async def loaded(tenants: Tenants, company_id: CompanyId, account_id: ServiceAccountId) -> ServiceAccount | None:
    """Return the account as it is stored."""
    async with tenants.database.read() as reader:
        return await store.load_service_account(reader, company_id, account_id)


async def test_an_account_has_a_contact_an_address_and_no_level(tenants: Tenants) -> None:
    """S1, S2, S3: its contact bears its name, its address has 128 random bits."""
    alder = await tenants.company("Alder")
    one, other = await made(tenants, alder), await made(tenants, alder)
    local, _, domain = one.address.partition("@")
    assert (len(local), domain) == (32, DOMAIN)
    assert int(local, 16) >= 0
    assert one.address != other.address
    async with tenants.database.read() as reader:
        rows = (await reader.execute(select(contacts).where(contacts.c.id == one.contact_id))).all()
    [contact] = rows
    assert (contact.name, contact.email, contact.service_account_id) == ("Nightly export", one.address, one.id)
    assert (contact.user_id, contact.levels, contact.company_id) == (None, {}, alder)


async def test_the_secret_is_in_the_answer_and_nowhere_else(tenants: Tenants) -> None:
    """S6, T13: neither in a row nor in an event."""
    alder = await tenants.company("Alder")
    one = await made(tenants, alder)
    assert is_client_secret_shaped(one.secret)
    fresh = await regenerated(tenants, alder, one.id)
    async with tenants.database.read() as reader:
        stored = repr((await reader.execute(select(service_accounts))).all())
    for secret in (one.secret, fresh.secret):
        assert secret not in stored + repr(await tenants.recorded(alder)) + repr(await tenants.recorded())


async def test_an_account_bears_the_app_it_was_made_through(tenants: Tenants) -> None:
    """M8: for as long as no person made its secret anew."""
    alder, dev = await tenants.company("Alder"), await tenants.user("Dev Dorn")
    app = await tenants.app(dev, "Crane Reports")
    one = await made(tenants, alder, origin=by(dev, via=app.app_id))
    shown = await loaded(tenants, alder, one.id)
    assert shown is not None
    assert (shown.created_via_app_id, shown.through_app, shown.created_by) == (app.app_id, "Crane Reports", "Dev Dorn")
    await regenerated(tenants, alder, one.id, origin=by(dev, via=app.app_id))
    shown = await loaded(tenants, alder, one.id)
    assert shown is not None
    assert shown.regenerated_via_app_id == app.app_id
    [event] = await tenants.recorded(alder, kinds="service_account.created")
    assert event["via_app_id"] == app.app_id


@pytest.mark.parametrize("name", ["", " ", "x" * 121, "a\u202eb", "a\nb"])
async def test_a_name_nobody_can_read_makes_nothing(tenants: Tenants, name: str) -> None:
    """S1: refused with the field named, and no contact is left behind."""
    alder = await tenants.company("Alder")
    with pytest.raises(Invalid) as refused:
        await made(tenants, alder, name)
    assert [problem.field for problem in refused.value.problems] == ["name"]
    async with tenants.database.read() as reader:
        assert (await reader.execute(select(contacts))).all() == []


async def test_a_form_sent_twice_makes_one_account(tenants: Tenants) -> None:
    """S6: shown once means made once, however the two race."""
    alder = await tenants.company("Alder")
    answers = await asyncio.gather(*(made(tenants, alder, form_id="c" * 32) for _ in range(4)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in answers) == ["Conflict"] * 3 + ["CreatedServiceAccount"]
    assert {one.code for one in answers if isinstance(one, Conflict)} == {"made_before"}
    async with tenants.database.read() as reader:
        assert len((await reader.execute(select(contacts))).all()) == 1


async def test_regenerating_takes_secret_tokens_levels_and_projects_away(tenants: Tenants) -> None:
    """S7: a new secret under a new credential id; every level and membership is none."""
    alder = await tenants.company("Alder")
    one = await made(tenants, alder)
    project = await directory.create_project(
        tenants.database, company_id=alder, name="Bridge", origin=OPERATOR, now=NOON
    )
    where: dict[str, Any] = {
        "company_id": alder,
        "contact_id": one.contact_id,
        "granted_by": None,
        "origin": OPERATOR,
        "now": NOON,
    }
    await directory.set_levels(tenants.database, levels={"directory": "admin"}, confirmed=True, **where)
    await directory.set_membership(tenants.database, project_id=project, levels={"rfis": "standard"}, **where)
    before = await loaded(tenants, alder, one.id)
    tenants.committed.clear()
    fresh = await regenerated(tenants, alder, one.id)
    after = await loaded(tenants, alder, one.id)
    assert before is not None
    assert after is not None
    assert fresh.secret != one.secret
    assert after.secret_id != before.secret_id
    assert (after.email, after.client_id) == (one.address, one.client_id)
    async with tenants.database.read() as reader:
        [row] = (await reader.execute(select(contacts.c.levels, contacts.c.is_directory_admin))).all()
        assert (row.levels, row.is_directory_admin) == ({}, False)
        assert (await reader.execute(select(project_members))).all() == []
    # T12
    [told] = tenants.committed
    assert told.ends_something
    assert {f"client:{one.client_id}", f"contact:{alder}:{one.id}"} <= told.keys
    assert len(await tenants.recorded(alder, kinds="service_account.secret")) == 1


async def test_regenerating_from_a_stale_page_changes_nothing(tenants: Tenants) -> None:
    """S6: the form names the secret it saw, so sending it again, even later, makes none."""
    alder = await tenants.company("Alder")
    one = await made(tenants, alder)
    shown = await loaded(tenants, alder, one.id)
    assert shown is not None
    answers = await asyncio.gather(
        *(regenerated(tenants, alder, one.id, shown_secret_id=shown.secret_id) for _ in range(3)),
        return_exceptions=True,
    )
    assert {one.code for one in answers if isinstance(one, Conflict)} == {"made_before"}
    assert sum(isinstance(one, Conflict) for one in answers) == 2
    with pytest.raises(Conflict, match="made_before"):
        await regenerated(tenants, alder, one.id, shown_secret_id=SecretId("0" * 32))


async def test_editing_its_address_stops_the_account(tenants: Tenants) -> None:
    """S8: at once, with the reason, until its secret is regenerated (A107)."""
    alder = await tenants.company("Alder")
    one = await made(tenants, alder)
    tenants.committed.clear()
    edit: dict[str, Any] = {"company_id": alder, "contact_id": one.contact_id, "origin": by(7), "now": NOON}
    await directory.change_contact(tenants.database, name="Renamed", **edit)
    shown = await loaded(tenants, alder, one.id)
    assert shown is not None
    assert shown.status == "active"
    await directory.change_contact(tenants.database, email="human@example.com", **edit)
    shown = await loaded(tenants, alder, one.id)
    assert shown is not None
    assert (shown.status, shown.disabled_reason) == ("disabled", "address_changed")
    # T12
    assert tenants.committed[-1].ends_something
    assert f"client:{one.client_id}" in tenants.committed[-1].keys
    await directory.change_contact(tenants.database, email=one.address, **edit)
    shown = await loaded(tenants, alder, one.id)
    assert shown is not None
    assert shown.status == "disabled"  # it stays so
    [event] = await tenants.recorded(alder, kinds="service_account.disabled")
    assert event["after"] == {"status": "disabled", "reason": "address_changed"}


async def test_regenerating_starts_a_stopped_account_under_a_new_address(tenants: Tenants) -> None:
    """S8: and the old address, wherever it is, stops nothing any more."""
    alder, birch = await tenants.company("Alder"), await tenants.company("Birch")
    one = await made(tenants, alder)
    await tenants.contact(birch, one.address)
    fresh = await regenerated(tenants, alder, one.id)
    shown = await loaded(tenants, alder, one.id)
    assert shown is not None
    assert (shown.status, shown.email) == ("active", fresh.address)
    assert fresh.address != one.address
    await tenants.contact(await tenants.company("Cedar"), one.address)
    shown = await loaded(tenants, alder, one.id)
    assert shown is not None
    assert shown.status == "active"


@pytest.mark.parametrize("spelled", [str, str.upper])
async def test_its_address_in_another_directory_stops_the_account(tenants: Tenants, spelled: Any) -> None:
    """S8, P6: its admins learn that, the operator learns where, the entry joins nobody."""
    alder, birch = await tenants.company("Alder"), await tenants.company("Birch")
    one = await made(tenants, alder)
    tenants.committed.clear()
    entry = await tenants.contact(birch, spelled(one.address))
    shown = await loaded(tenants, alder, one.id)
    assert shown is not None
    assert (shown.status, shown.disabled_reason) == ("disabled", "address_elsewhere")
    [told] = tenants.committed
    assert told.ends_something
    assert f"client:{one.client_id}" in told.keys
    [theirs] = await tenants.recorded(alder, kinds="service_account.disabled")
    assert (theirs["by_kind"], theirs["by_id"], theirs["ip"], theirs["request_id"]) == ("system", None, None, None)
    assert theirs["about"] == {"service_account_id": one.id, "client_id": one.client_id}
    assert (theirs["before"], theirs["after"]) == (
        {"status": "active"},
        {"status": "disabled", "reason": "address_elsewhere"},
    )
    [operators] = await tenants.recorded(kinds="service_account.address_elsewhere")
    assert operators["about"] == {"service_account_id": one.id, "in_company_id": birch}
    assert operators["by_id"] == 99
    async with tenants.database.read() as reader:
        [row] = (await reader.execute(select(contacts).where(contacts.c.id == entry))).all()
    assert (row.user_id, row.service_account_id) == (None, None)
    assert [e["kind"] for e in await tenants.recorded(birch)] == ["company.created", "contact.added"]


async def test_an_account_with_a_new_address_is_not_stopped_by_its_old_one(tenants: Tenants) -> None:
    """S8: one entry found the account just before its secret was regenerated, and comes too late."""
    alder, birch = await tenants.company("Alder"), await tenants.company("Birch")
    one = await made(tenants, alder)
    async with tenants.database.read() as reader:
        found = await store.find_by_address(reader, one.address)
    assert found is not None
    await tenants.contact(birch, one.address)
    await regenerated(tenants, alder, one.id)
    late = partial(store.disable, account=found, reason=DisabledReason.ADDRESS_ELSEWHERE, now=LATER)
    assert not await tenants.database.write(late)
    shown = await loaded(tenants, alder, one.id)
    assert shown is not None
    assert shown.status == "active"


async def test_an_edit_in_another_directory_stops_the_account_too(tenants: Tenants) -> None:
    """S8: added or changed; a change of the name alone is no word about the address."""
    alder, birch = await tenants.company("Alder"), await tenants.company("Birch")
    one = await made(tenants, alder)
    entry = await tenants.contact(birch, "somebody@example.com")
    edit: dict[str, Any] = {"company_id": birch, "contact_id": entry, "origin": by(99), "now": NOON}
    await directory.change_contact(tenants.database, email=one.address, **edit)
    shown = await loaded(tenants, alder, one.id)
    assert shown is not None
    assert shown.disabled_reason == "address_elsewhere"
    await directory.change_contact(tenants.database, name="Other", **edit)
    assert len(await tenants.recorded(kinds="service_account.address_elsewhere")) == 1


async def test_the_fourth_foreign_entry_of_a_day_is_refused(tenants: Tenants) -> None:
    """S8: like a rate limit, nothing changed; another company and another day are free."""
    alder, birch, cedar = [await tenants.company(name) for name in ("Alder", "Birch", "Cedar")]
    accounts = [await made(tenants, alder, f"Export {n}") for n in range(5)]
    for one in accounts[:3]:
        await tenants.contact(birch, one.address)
    for _ in range(2):
        with pytest.raises(RateLimited):
            await tenants.contact(birch, accounts[3].address)
    shown = await loaded(tenants, alder, accounts[3].id)
    assert shown is not None
    assert shown.status == "active"
    async with tenants.database.read() as reader:
        entered = (await reader.execute(select(contacts.c.id).where(contacts.c.company_id == birch))).all()
    assert len(entered) == 3
    await tenants.contact(birch, "somebody@example.com")  # any other address is welcome
    await tenants.contact(cedar, accounts[3].address)
    await tenants.contact(birch, accounts[4].address, now=NOON + timedelta(hours=24))
    assert len(await tenants.recorded(kinds="service_account.address_elsewhere")) == 5


async def test_while_foreign_entries_are_counted_the_company_can_be_referred_to(tenants: Tenants) -> None:
    """S8: the count holds the directory, not whoever writes a row that merely names the company."""
    birch, dev = await tenants.company("Birch"), await tenants.user("Dev Dorn")
    app = await tenants.app(dev, "Crane Reports")
    if tenants.database.dialect == "sqlite":
        return  # one writer at a time, whatever is locked
    asked: dict[str, Any] = {"company_id": birch, "app_id": app.app_id, "origin": OPERATOR, "now": NOON}

    async def count_and_connect(tx: Transaction) -> bool:
        await store.count_foreign_entries(tx, birch, since=NOON)
        return await asyncio.wait_for(connect_beforehand(tenants.database, **asked), timeout=5)

    assert await tenants.database.write(count_and_connect)


async def test_foreign_entries_at_once_are_counted_one_by_one(tenants: Tenants) -> None:
    """S8: the limit holds in parallel."""
    alder, birch = await tenants.company("Alder"), await tenants.company("Birch")
    accounts = [await made(tenants, alder, f"Export {n}") for n in range(6)]
    answers = await asyncio.gather(*(tenants.contact(birch, one.address) for one in accounts), return_exceptions=True)
    assert sum(isinstance(one, RateLimited) for one in answers) == 3


async def test_deleting_ends_the_account_and_leaves_its_trace(tenants: Tenants) -> None:
    """S9: its contact is gone, the record stays; twice at once is one deletion and two waits."""
    alder = await tenants.company("Alder")
    one = await made(tenants, alder)
    tenants.committed.clear()
    asked: dict[str, Any] = {"company_id": alder, "service_account_id": one.id, "origin": by(7), "now": NOON}
    answers = await asyncio.gather(*(service.delete_service_account(tenants.database, **asked) for _ in range(3)))
    assert sorted(answers) == [False, False, True]
    assert [told.ends_something for told in tenants.committed] == [True] * 3  # T12
    assert any(f"client:{one.client_id}" in told.keys for told in tenants.committed)
    assert await loaded(tenants, alder, one.id) is None
    async with tenants.database.read() as reader:
        assert (await reader.execute(select(contacts))).all() == []
        assert await store.load_service_accounts(reader, alder, offset=0, limit=9) == []
        assert await store.count_service_accounts(reader, alder) == 0
    kinds = [e["kind"] for e in await tenants.recorded(alder, kinds="service_account.")]
    assert kinds == ["service_account.created", "service_account.deleted"]
    with pytest.raises(NotFound):
        await regenerated(tenants, alder, one.id)
    await tenants.contact(await tenants.company("Birch"), one.address)  # nobody's address any more
    assert await tenants.recorded(kinds="service_account.address_elsewhere") == []


async def test_another_companys_account_is_unknown(tenants: Tenants) -> None:
    """P6, S1: it can be neither seen, regenerated nor deleted from there."""
    alder, birch = await tenants.company("Alder"), await tenants.company("Birch")
    one = await made(tenants, alder)
    assert await loaded(tenants, birch, one.id) is None
    with pytest.raises(NotFound, match="service_account_unknown"):
        await regenerated(tenants, birch, one.id)
    asked: dict[str, Any] = {"company_id": birch, "service_account_id": one.id, "origin": by(7), "now": NOON}
    assert not await service.delete_service_account(tenants.database, **asked)
    shown = await loaded(tenants, alder, one.id)
    assert shown is not None
    assert shown.status == "active"


async def test_an_account_whose_contact_was_removed_gets_another(tenants: Tenants) -> None:
    """S7: regenerating gives it a contact again, with nothing on it and a new address."""
    alder = await tenants.company("Alder")
    one = await made(tenants, alder)
    await directory.remove_contact(
        tenants.database, company_id=alder, contact_id=one.contact_id, granted_by=None, origin=OPERATOR, now=NOON
    )
    fresh = await regenerated(tenants, alder, one.id)
    shown = await loaded(tenants, alder, one.id)
    assert shown is not None
    assert shown.contact_id != one.contact_id
    assert shown.email == fresh.address != one.address


async def test_what_an_account_holds_is_counted(tenants: Tenants) -> None:
    """S3: levels above none in the company and its projects."""
    alder = await tenants.company("Alder")
    one, bare = await made(tenants, alder), await made(tenants, alder, "Idle")
    project = await directory.create_project(
        tenants.database, company_id=alder, name="Bridge", origin=OPERATOR, now=NOON
    )
    where: dict[str, Any] = {
        "company_id": alder,
        "contact_id": one.contact_id,
        "granted_by": None,
        "origin": OPERATOR,
        "now": NOON,
    }
    await directory.set_levels(tenants.database, levels={"directory": "read_only", "admin": "none"}, **where)
    await directory.set_membership(tenants.database, project_id=project, levels={"rfis": "standard"}, **where)
    async with tenants.database.read() as reader:
        accounts = await store.load_service_accounts(reader, alder, offset=0, limit=9)
        use = await store.load_use(reader, alder, accounts, now=NOON)
    assert (use[one.id].levels, use[one.id].projects) == (2, 1)
    assert (use[bare.id].levels, use[bare.id].projects) == (0, 0)


async def test_an_account_is_not_its_creators(tenants: Tenants) -> None:
    """S5: deactivating the user who made it changes nothing of it."""
    alder, ada = await tenants.company("Alder"), await tenants.user("Ada Alder")
    one = await made(tenants, alder, origin=by(ada))
    before = await loaded(tenants, alder, one.id)
    await directory.deactivate_user(tenants.database, user_id=ada, origin=OPERATOR, now=NOON)
    assert await loaded(tenants, alder, one.id) == before


def test_a_client_id_is_the_forms_or_random() -> None:
    assert service.account_client_id("d" * 32) == "svc_" + "d" * 32  # S6
    assert service.account_client_id() != service.account_client_id()
