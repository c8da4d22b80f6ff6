"""Erasing one person: their data is gone from every chain, and every chain stands."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from gatewright.base.errors import Conflict, NotFound
from gatewright.base.ids import NO_COMPANY, CompanyId, ContactId, UserId
from gatewright.db.engine import Database
from gatewright.directory import service as directory
from gatewright.events.catalogue import SYSTEM, AccountLinkMade, InvitationAccepted, InvitationMade, SessionStarted
from gatewright.events.erasure import OfContact, OfUser, erase_person
from gatewright.events.log import record
from gatewright.events.verification import Verified, verify
from tests.events.exported import exported
from tests.support.tenants import NOON, OPERATOR, Tenants, by

HERE = "192.0.2.77"
AGENT = "Browser 77"


@pytest.fixture
async def tenants(database: Database) -> Tenants:
    made = Tenants(database)
    await made.declare_tools()
    return made


async def add(tenants: Tenants, company_id: CompanyId, name: str, user_id: UserId | None = None) -> ContactId:
    """Return a new contact of that name, with the address that a user of that name has."""
    return await directory.add_contact(
        tenants.database,
        company_id=company_id,
        email=f"{name.replace(' ', '.')}@Example.com",
        name=name,
        levels={},
        user_id=user_id,
        granted_by=None,
        origin=OPERATOR,
        now=NOON,
    )


async def acts(tenants: Tenants, user_id: UserId, company_id: CompanyId, project: str) -> None:
    """Let a user make a project, from an address and a browser of theirs."""
    await directory.create_project(
        tenants.database,
        company_id=company_id,
        name=project,
        project_number=None,
        origin=replace(by(user_id), ip=HERE, user_agent=AGENT),
        now=NOON,
    )


async def deactivate(tenants: Tenants, user_id: UserId) -> None:
    await directory.deactivate_user(tenants.database, user_id=user_id, origin=OPERATOR, now=NOON)


async def erase(tenants: Tenants, person: OfUser | OfContact) -> int:
    return await erase_person(tenants.database, person=person, origin=OPERATOR, now=NOON)


async def file_of(tenants: Tenants, company_id: CompanyId) -> tuple[str, int]:
    """Return the company's exported record, which must be verified, and how many entries are erased in it."""
    lines = await exported(tenants, company_id)
    told = verify(io.BytesIO(b"".join(lines)))
    assert isinstance(told, Verified), told
    return b"".join(lines).decode(), told.erased


async def record_event(tenants: Tenants, event: Any, origin: Any = SYSTEM) -> None:
    await tenants.database.write(lambda tx: record(tx, event, origin=origin, now=NOON))


async def test_a_users_data_is_erased_from_every_chain_and_the_chains_stand(tenants: Tenants) -> None:
    # R4: where they acted, where it is about them, in two companies and in the deployment's own record
    wim, eve = await tenants.user("Wim Weide"), await tenants.user("Eve Elm")
    one, other = await tenants.company("Alder"), await tenants.company("Birch")
    for company_id in (one, other):
        await add(tenants, company_id, "Wim Weide", wim)
        await add(tenants, company_id, "Eve Elm", eve)
    await acts(tenants, wim, one, "Bridge")
    await acts(tenants, eve, other, "Mill")
    await record_event(tenants, SessionStarted(session_id="s", user_id=wim), replace(by(wim), ip=HERE))
    await deactivate(tenants, wim)
    before = {company_id: len(await exported(tenants, company_id)) for company_id in (one, other)}
    # Bridge; two contacts; account made, signed in. The deactivation names nobody.
    assert await erase(tenants, OfUser(wim)) == 5
    for company_id, erased in ((one, 2), (other, 1), (NO_COMPANY, 2)):
        text, told = await file_of(tenants, company_id)
        assert told == erased
        assert "Wim" not in text
        assert "wim" not in text
        assert ("Eve Elm" in text) is True
        [mark] = await tenants.recorded(company_id, kinds="person.erased")
        assert (mark["about"]["user_id"], mark["after"]) == (wim, {"entries": erased})
    assert HERE not in (await file_of(tenants, one))[0]
    assert HERE in (await file_of(tenants, other))[0]  # Eve's
    assert {company_id: len(await exported(tenants, company_id)) - 1 for company_id in before} == before


async def test_erased_data_leaves_nothing_in_the_database(tenants: Tenants) -> None:
    # R4: neither data nor salt
    wim = await tenants.user("Wim Weide")
    signed_in = replace(by(wim), ip=HERE, user_agent=AGENT)
    await record_event(tenants, SessionStarted(session_id="s", user_id=wim), signed_in)
    await deactivate(tenants, wim)
    await erase(tenants, OfUser(wim))
    made = next(row for row in await tenants.recorded(kinds="user.created") if row["about"]["user_id"] == wim)
    assert (made["whom"], made["whom_salt"]) == (None, None)
    assert "Wim" not in json.dumps([made["before"], made["after"]])
    [started] = await tenants.recorded(kinds="session.started")
    assert (started["ip"], started["user_agent"], started["by_salt"]) == (None, None, None)
    assert await erase(tenants, OfUser(wim)) == 0
    assert len(await tenants.recorded(kinds="person.erased")) == 1


async def test_what_knows_a_person_by_an_address_alone_is_erased_too(tenants: Tenants) -> None:
    # R4: an address-book entry, invitations, links; not what is another's who has that address now
    wim, eve = await tenants.user("Wim Weide"), await tenants.user("Eve Elm")
    company_id = await tenants.company("Alder")
    await add(tenants, company_id, "Wim Weide")
    somewhere = replace(SYSTEM, ip=HERE, user_agent=AGENT)
    address = {"email": "wim.weide@example.com"}
    old = {"email": "old@example.com"}
    await record_event(tenants, InvitationMade(company_id=company_id, invitation_id="i" * 32, after=address))
    await record_event(tenants, InvitationMade(company_id=company_id, invitation_id="j" * 32, after=old))
    await record_event(
        tenants, InvitationAccepted(company_id=company_id, invitation_id="j" * 32, user_id=wim), somewhere
    )
    await record_event(tenants, AccountLinkMade(link_id="l" * 32, after=address), somewhere)
    await record_event(tenants, AccountLinkMade(link_id="m" * 32, user_id=eve, after=address), somewhere)
    await deactivate(tenants, wim)
    await erase(tenants, OfUser(wim))
    text, _ = await file_of(tenants, company_id)
    assert "wim" not in text.lower()
    assert "old@example.com" not in text
    assert HERE not in text
    links = {row["about"]["link_id"][0]: row for row in await tenants.recorded(kinds="account_link.made")}
    assert (links["l"]["whom"], links["l"]["ip"], links["l"]["by_salt"]) == (None, None, None)
    assert (links["m"]["whom"], links["m"]["ip"]) == ({"after": address}, HERE)


async def test_what_a_left_contact_and_an_earlier_address_told_is_erased(tenants: Tenants) -> None:
    # R4: the directory holds nothing of them any more, the record did
    wim = await tenants.user("Wim Weide")
    company_id = await tenants.company("Alder")
    contact_id = await add(tenants, company_id, "Wim Weide", wim)
    await directory.change_contact(
        tenants.database,
        company_id=company_id,
        contact_id=contact_id,
        email="w@alder.example",
        origin=OPERATOR,
        now=NOON,
    )
    await directory.remove_contact(
        tenants.database, company_id=company_id, contact_id=contact_id, granted_by=None, origin=OPERATOR, now=NOON
    )
    await deactivate(tenants, wim)
    await erase(tenants, OfUser(wim))
    text, erased = await file_of(tenants, company_id)
    assert "Wim" not in text
    assert "w@alder.example" not in text
    assert erased == 3


async def test_a_contact_is_erased_in_its_own_company_alone(tenants: Tenants) -> None:
    # R4, P6
    wim = await tenants.user("Wim Weide")
    one, other = await tenants.company("Alder"), await tenants.company("Birch")
    contact_id = await add(tenants, one, "Wim Weide", wim)
    await add(tenants, other, "Wim Weide", wim)
    await acts(tenants, wim, one, "Bridge")
    await acts(tenants, wim, other, "Mill")
    person = OfContact(one, contact_id)
    with pytest.raises(Conflict) as refused:
        await erase(tenants, person)
    assert refused.value.code == "contact_present"
    await directory.remove_contact(
        tenants.database, company_id=one, contact_id=contact_id, granted_by=None, origin=OPERATOR, now=NOON
    )
    assert await erase(tenants, person) == 3
    assert "Wim" not in (await file_of(tenants, one))[0]
    assert HERE not in (await file_of(tenants, one))[0]
    assert "Wim Weide" in (await file_of(tenants, other))[0]
    assert HERE in (await file_of(tenants, other))[0]
    [mark] = await tenants.recorded(one, kinds="person.erased")
    assert (mark["about"]["contact_id"], mark["after"]) == (contact_id, {"entries": 3})
    assert await tenants.recorded(other, kinds="person.erased") == []


async def test_whoever_can_act_or_is_unknown_is_not_erased(tenants: Tenants) -> None:
    # R4: what is erased would be written again
    wim = await tenants.user("Wim Weide")
    company_id = await tenants.company("Alder")
    with pytest.raises(Conflict) as refused:
        await erase(tenants, OfUser(wim))
    assert (refused.value.code, "Deactivate" in refused.value.help) == ("user_active", True)
    for nobody in (OfUser(UserId(987_654_321)), OfContact(company_id, ContactId(987_654_321))):
        with pytest.raises(NotFound):
            await erase(tenants, nobody)
    assert "Wim Weide" in (await file_of(tenants, NO_COMPANY))[0]
    assert await tenants.recorded(kinds="person.erased") == []
