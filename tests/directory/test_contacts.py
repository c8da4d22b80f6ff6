"""Contacts and users, on both databases."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import event, text

from gatewright.base.errors import Conflict, Invalid, Refusal
from gatewright.base.ids import CompanyId, ContactId, UserId
from gatewright.db.engine import Committed, Database
from gatewright.directory import service
from gatewright.directory.store import companies, contacts, users
from gatewright.events import keys
from gatewright.events.catalogue import ContactAdded, ContactChanged
from tests.directory.people import EDGE, Town


class Counted:
    """The statements that a database's engines sent."""

    def __init__(self, database: Database) -> None:
        self.statements: list[str] = []
        for engine in {database.reader, database.writer}:
            event.listen(engine.sync_engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.statements.append(statement)

    def taken(self) -> list[str]:
        """Return the statements since the last call."""
        statements, self.statements = self.statements, []
        return statements


async def add(town: Town, company_id: CompanyId, email: str, name: str = "New") -> ContactId:
    """Return a contact added by its address."""
    return await service.add_contact(
        town.database, company_id=company_id, email=email, name=name, levels={}, granted_by=None, **EDGE
    )


async def refused_fields(town: Town, company_id: CompanyId, email: str, name: str = "New") -> list[str]:
    """Return the fields that a refused addition names."""
    with pytest.raises(Invalid) as refused:
        await add(town, company_id, email, name)
    return [problem.field for problem in refused.value.problems]


# users ---------------------------------------------------------------------------------------


async def test_one_address_is_one_user_however_it_is_spelled(town: Town) -> None:
    """P1: compared without case, after NFKC."""
    ada = await town.user(email="Ada@Example.com")
    with pytest.raises(Invalid) as refused:
        await town.user(email="ａda@example.COM")
    assert [problem.field for problem in refused.value.problems] == ["email"]
    assert 0 < ada < 2**53
    async with town.database.read() as reader:
        found = await users.find_user(reader, ada)
    assert found is not None
    assert found.email == "Ada@Example.com"


async def test_users_and_service_accounts_share_one_sequence(town: Town) -> None:
    """P1: no id names two principals."""
    first = await town.user()
    taken = await town.database.write(lambda tx: tx.next_id("principal"))
    assert first < taken < await town.user()


async def test_nobody_becomes_a_user_at_a_service_accounts_address(town: Town) -> None:
    """S2: nobody can sign in with it."""
    here = await town.company()
    await town.database.write(lambda tx: tx.execute(text(_SERVICE_ACCOUNT), {"company": here}))
    other = await town.user()
    with pytest.raises(Invalid):
        await town.user(email="ROBOT@service.example")
    with pytest.raises(Invalid):
        await service.change_user(town.database, user_id=other, email="robot@service.example", **EDGE)


_SERVICE_ACCOUNT = (
    "INSERT INTO service_accounts (company_id, id, name, client_id, contact_id, address_folded, secret_id,"
    " secret_digest, secret_key_id, secret_created_at, created_at) VALUES (:company, 77, 'Robot',"
    " 'client', 1, 'robot@service.example', 's', '', 'k', '2026-03-02 12:00:00+00', '2026-03-02 12:00:00+00')"
)


async def test_a_deactivated_user_is_under_a_new_epoch_for_good(town: Town) -> None:
    """P4, T11: reactivating restores sign-in, and none of what ended."""
    ada = await town.user()
    assert await service.deactivate_user(town.database, user_id=ada, **EDGE)
    assert not await service.deactivate_user(town.database, user_id=ada, **EDGE)
    assert await service.reactivate_user(town.database, user_id=ada, **EDGE)
    assert not await service.reactivate_user(town.database, user_id=ada, **EDGE)
    async with town.database.read() as reader:
        user = await users.find_user(reader, ada)
    assert user is not None
    assert (user.is_active, user.epoch) == (True, 1)
    assert (await town.events())[-2:] == ["user.deactivated", "user.reactivated"]
    for verb in (service.deactivate_user, service.reactivate_user):
        with pytest.raises(Refusal) as refused:
            await verb(town.database, user_id=UserId(999_999), **EDGE)
        assert refused.value.code == "user_unknown"


async def test_an_unchanged_user_records_nothing_and_a_password_is_never_recorded(town: Town) -> None:
    """R1, T13: the record says that it changed, not what it is."""
    ada = await town.user("Ada")
    before = await town.events()
    assert not await service.change_user(town.database, user_id=ada, name="Ada", **EDGE)
    assert await town.events() == before
    assert await service.change_user(town.database, user_id=ada, name="Ada Park", is_operator=True, **EDGE)
    assert await service.set_user_password_hash(town.database, user_id=ada, password_hash="$argon2id$canary", **EDGE)
    assert (await town.events())[len(before) :] == ["user.changed", "user.password_changed"]
    async with town.database.read() as reader:
        rows = (await reader.execute(text("SELECT * FROM events"))).all()
    assert "canary" not in str(rows)


# contacts ------------------------------------------------------------------------------------


async def test_an_address_takes_the_same_statements_whoever_has_it(town: Town) -> None:
    """P2: neither the answer nor the work tells whether a user has the address."""
    here = await town.company()
    user = await town.user(email="known@example.com")
    counted = Counted(town.database)
    known = await add(town, here, "known@example.com")
    for_known = counted.taken()
    await add(town, here, "nobody@example.com")
    assert for_known == counted.taken()
    assert not any("FROM users" in statement for statement in for_known)
    contact = await town.look(here, known)
    assert contact is not None
    assert (contact.kind, contact.principal_id) == ("none", None)
    async with town.database.read() as reader:
        assert await contacts.find_contact_of_user(reader, here, user) is None


async def test_an_address_is_once_in_a_directory_and_in_as_many_as_one_likes(town: Town) -> None:
    """P1, P2: the same address in another company's directory is another contact."""
    here, there = await town.company(), await town.company()
    await add(town, here, "Ada@Example.com")
    assert await refused_fields(town, here, "aDA@example.com") == ["email"]
    await add(town, there, "ada@example.com")
    answers = await asyncio.gather(*(add(town, here, "once@example.com") for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(answer, int) for answer in answers) == 1
    assert sum(isinstance(answer, Invalid) for answer in answers) == 7


@pytest.mark.parametrize(
    ("email", "name", "fields"),
    [
        ("", "A", ["email"]),
        ("a@", "A", ["email"]),
        ("a b@c.example", "A", ["email"]),
        ("a@b@c.example", "A", ["email"]),
        ("a" * 245 + "@b.example", "A", ["email"]),
        ("a\u202e@b.example", "A", ["email"]),
        ("", "", ["name", "email"]),
    ],
)
async def test_a_contact_needs_an_address_and_a_name(town: Town, email: str, name: str, fields: list[str]) -> None:
    assert await refused_fields(town, await town.company(), email, name) == fields


async def test_a_label_is_the_companys_own(town: Town) -> None:
    """P9: editing it never changes or re-joins a user; an unchanged one records nothing."""
    here = await town.company()
    ada = await town.user(email="ada@example.com")
    one, two = await town.contact(here, user_id=ada), await add(town, here, "taken@example.com")
    changed = {"company_id": here, "contact_id": one, **EDGE}
    assert await service.change_contact(town.database, email="other@example.com", name="Ada P.", **changed)
    assert not await service.change_contact(town.database, email="other@example.com", **changed)
    assert await service.change_contact(town.database, email="Other@example.com", **changed)
    with pytest.raises(Invalid):
        await service.change_contact(town.database, email="TAKEN@example.com", **changed)
    contact = await town.look(here, one)
    assert contact is not None
    assert (contact.user_id, contact.email, contact.name) == (ada, "Other@example.com", "Ada P.")
    async with town.database.read() as reader:
        user = await users.find_user(reader, ada)
    assert user is not None
    assert user.email == "ada@example.com"
    assert await town.look(here, two) is not None


async def test_removing_takes_the_memberships_and_leaves_other_companies(town: Town) -> None:
    """P3, P5: who comes back begins with nothing."""
    here, there = await town.company(), await town.company()
    ada = await town.user()
    one, other = await town.contact(here, user_id=ada, budget="admin"), await town.contact(there, user_id=ada)
    project = await town.project(here)
    await town.join(here, one, project, None, rfis="admin")
    assert await town.remove(here, one, None)
    assert not await town.remove(here, one, None)
    assert await town.look(here, one) is None
    assert await town.projects_of(here, one) == []
    assert await town.look(there, other) is not None
    again = await town.contact(here, user_id=ada)
    assert again != one
    contact = await town.look(here, again)
    assert contact is not None
    assert (contact.levels, await town.projects_of(here, again)) == ({}, [])


async def test_a_contact_joins_one_user_once(town: Town) -> None:
    """P2, P9: another principal needs another contact."""
    here = await town.company()
    ada, ben = await town.user(), await town.user()
    one, two = await add(town, here, "a@b.example"), await add(town, here, "b@b.example")
    joined = {"company_id": here, **EDGE}
    assert await service.join_user(town.database, contact_id=one, user_id=ada, **joined)
    assert not await service.join_user(town.database, contact_id=one, user_id=ada, **joined)
    for contact_id, user_id in ((one, ben), (two, ada)):
        with pytest.raises(Conflict):
            await service.join_user(town.database, contact_id=contact_id, user_id=user_id, **joined)
    robot = await town.contact(here, service_account_id=905)
    with pytest.raises(Conflict):
        await service.join_user(town.database, contact_id=robot, user_id=ben, **joined)
    many = await asyncio.gather(
        *(service.join_user(town.database, contact_id=two, user_id=ben, **joined) for _ in range(6))
    )
    assert many.count(True) == 1


async def test_who_hears_of_an_address_hears_it_in_the_transaction(database_url: str) -> None:
    """S8: the address and its principal are in the news of adding and of changing."""
    heard: list[tuple[str, int | None, Any, Any]] = []

    async def hear(_tx: Any, news: Any, **_: Any) -> None:
        heard.append((news.KIND, news.principal_id, news.before and news.before["email"], news.after["email"]))
        if news.after["email"] == "refused@example.com":
            raise Conflict("too_many", "Too many.")

    database = Database.open(database_url, news={ContactAdded: (hear,), ContactChanged: (hear,)})
    try:
        town = Town(database)
        await service.ensure_builtin_tools(database, **EDGE)
        here = await town.company()
        one = await add(town, here, "a@b.example")
        await service.change_contact(database, company_id=here, contact_id=one, email="c@d.example", **EDGE)
        with pytest.raises(Conflict):
            await add(town, here, "refused@example.com")
        async with database.read() as reader:
            assert await contacts.find_contact_by_email(reader, here, "refused@example.com") is None
    finally:
        await database.close()
    assert heard == [
        ("contact.added", None, None, "a@b.example"),
        ("contact.changed", None, "a@b.example", "c@d.example"),
        ("contact.added", None, None, "refused@example.com"),
    ]


# companies and projects ----------------------------------------------------------------------


async def test_names_of_companies_and_projects_are_taken_once(town: Town) -> None:
    """P3: a project's name is its company's own."""
    here, there = await town.company(), await town.company()
    await town.project(here, "Pier 9")
    await town.project(there, "Pier 9")
    answers = await asyncio.gather(*(town.project(here, "Quay") for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(answer, Invalid) for answer in answers) == 3
    quay = next(answer for answer in answers if isinstance(answer, int))
    with pytest.raises(Invalid):
        await service.change_project(town.database, company_id=here, project_id=quay, name="Pier 9", **EDGE)
    assert not await service.change_project(town.database, company_id=here, project_id=quay, name="Quay", **EDGE)
    async with town.database.read() as reader:
        company = await companies.find_company(reader, here)
    assert company is not None
    with pytest.raises(Invalid):
        await service.create_company(town.database, name=company.name, **EDGE)
    with pytest.raises(Invalid):
        await service.change_company(town.database, company_id=there, name=company.name, **EDGE)
    assert not await service.change_company(town.database, company_id=here, app_access="open", **EDGE)
    assert await service.change_company(town.database, company_id=here, app_access="approval", **EDGE)


async def test_a_template_is_saved_once_and_only_with_levels_that_there_are(town: Town) -> None:
    """M1: company and project levels apart."""
    here = await town.company()
    saved = {"company_id": here, "name": "Site engineer", **EDGE}
    first = await service.save_template(
        town.database, company={"directory": "read_only"}, project={"rfis": "standard"}, **saved
    )
    assert first.changed
    again = await service.save_template(
        town.database, company={"directory": "read_only", "admin": "none"}, project={"rfis": "standard"}, **saved
    )
    assert again == type(again)(first.id, changed=False, contacts=0)
    assert (await service.save_template(town.database, company={}, project={}, **saved)).changed
    with pytest.raises(Invalid) as refused:
        await service.save_template(town.database, company={"rfis": "admin"}, project={"budget": "admin"}, **saved)
    assert [problem.field for problem in refused.value.problems] == ["company.rfis"]


# size ----------------------------------------------------------------------------------------


async def _listed(town: Town, company_id: CompanyId, *, limit: int) -> Sequence[object]:
    async with town.database.read() as reader:
        found = await contacts.list_contacts(reader, company_id, q="", all_addresses=True, limit=limit, offset=0)
        await contacts.count_contacts(reader, company_id, q="example", all_addresses=False)
        await contacts.memberships(reader, company_id, [contact.id for contact in found])
        await companies.list_tools(reader)
    return found


async def test_a_list_takes_as_many_statements_for_many_contacts_as_for_few(town: Town) -> None:
    here = await town.company()
    project = await town.project(here)
    for _ in range(12):
        await town.join(here, await town.contact(here), project, None, rfis="admin")
    counted = Counted(town.database)
    assert len(await _listed(town, here, limit=2)) == 2
    few = len(counted.taken())
    assert len(await _listed(town, here, limit=300)) == 12
    assert len(counted.taken()) == few


@pytest.mark.parametrize("q", ["Émile", "ÉMILE Ö", "çelik", "Émile.Özil@example.com"])
async def test_a_search_knows_the_case_of_every_letter(sqlite_url: str, q: str) -> None:
    """P1 of addresses; of names PostgreSQL knows it by its locale, which a test cannot choose."""
    database = Database.open(sqlite_url)
    here = await (town := Town(database)).company()
    await add(town, here, "émile.özil@example.com", "Émile Özil-Çelik")
    async with database.read() as reader:
        assert await contacts.count_contacts(reader, here, q=q, all_addresses=True) == 1
    await database.close()


async def test_a_search_finds_a_name_as_it_is_written(town: Town) -> None:
    here = await town.company()
    await add(town, here, "oz@example.com", "Émile Özil-Çelik")
    async with town.database.read() as reader:
        for q in ("Émile Özil-Çelik", "mile", "Çe"):
            assert await contacts.count_contacts(reader, here, q=q, all_addresses=True) == 1
            assert await contacts.count_contacts(reader, here, q=f"{q}x", all_addresses=True) == 0


@pytest.mark.parametrize("q", ["%", "_", "\\", "' OR 1=1 --", "\ufdfa" * 254, "\ufdfa" * 3000])
async def test_a_search_takes_every_letter_as_itself(town: Town, q: str) -> None:
    here = await town.company()
    await add(town, here, "plain@example.com", "Plain")
    async with town.database.read() as reader:
        assert await contacts.list_contacts(reader, here, q=q, all_addresses=True, limit=9, offset=0) == []
        assert await contacts.count_contacts(reader, here, q="PLAIN", all_addresses=True) == 1


async def test_a_removed_contact_leaves_no_fact_of_a_membership_behind(town: Town) -> None:
    """T12, P3: every process hears of each row that went, the contact's own and those of its projects."""
    company_id = await town.company()
    projects, user_id = [await town.project(company_id) for _ in range(2)], await town.user()
    contact_id = await town.contact(company_id, user_id=user_id)
    for project_id in projects:
        await town.join(company_id, contact_id, project_id, None, rfis="admin")
    heard: list[Committed] = []

    async def hear(committed: Committed) -> None:
        heard.append(committed)

    town.database.after_commit.append(hear)
    assert await town.remove(company_id, contact_id, None)
    memberships = {keys.membership(company_id, project_id, contact_id) for project_id in projects}
    touched = {keys.contact(company_id, user_id), keys.entry(company_id, contact_id), *memberships}
    assert heard == [Committed(frozenset(touched), ends_something=True)]
