"""The engine: what it asks, counts and remembers between the token and the verdict."""

from datetime import UTC, datetime

import pytest

from gatewright.base.ids import CompanyId, UserId
from gatewright.base.levels import Level
from gatewright.base.secrets import ServerKeys, mint_server_key
from gatewright.db.engine import Database
from gatewright.decisions.calls import Call
from gatewright.decisions.engine import Decisions
from gatewright.directory import service as directory
from gatewright.events.catalogue import SYSTEM
from gatewright.events.facts import Facts, ReadThrough
from gatewright.oauth.model import LiveToken
from gatewright.oauth.tokens import TokenReader
from gatewright.settings import Settings
from gatewright.web.access import Allow, Deny, Question
from gatewright.web.edge import Seen
from gatewright.web.limits import CallLimits

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SEEN = Seen("request", NOON, "192.0.2.1", None)


class KnownToken(TokenReader):
    """A reader for whom one text is a live token: signing has its own tests."""

    live: LiveToken

    async def read(self, token: str, *, now: datetime) -> LiveToken:
        """Return the live token, whatever the text."""
        return self.live


@pytest.fixture
async def user(database: Database) -> UserId:
    """Return a user who is company admin of the company below."""
    return await directory.create_user(
        database, email="ada@example.com", name="Ada", password_hash=None, origin=SYSTEM, now=NOON
    )


@pytest.fixture
async def company(database: Database, user: UserId) -> CompanyId:
    """Return a company with the user in its directory."""
    await directory.ensure_builtin_tools(database, origin=SYSTEM, now=NOON)
    company_id = await directory.create_company(database, name="Alder", origin=SYSTEM, now=NOON)
    await directory.add_contact(
        database,
        company_id=company_id,
        email="ada@example.com",
        name="Ada",
        levels={"directory": "admin"},
        user_id=user,
        granted_by=None,
        origin=SYSTEM,
        now=NOON,
    )
    return company_id


@pytest.fixture
async def counted() -> list[Call]:
    """Return the calls that were counted."""
    return []


@pytest.fixture
async def engine(database: Database, user: UserId, counted: list[Call]) -> Decisions:
    """Return the engine of a process; its bearer is the user, through no app."""
    facts = Facts(database, ReadThrough())
    tokens = KnownToken(Settings(), database, ServerKeys.from_texts([mint_server_key()]), facts)
    tokens.live = LiveToken(
        principal_kind="user",
        principal_id=user,
        name="Ada",
        login="ada@example.com",
        client_id="app_1",
        app_id=None,
        company_id=None,
        scopes=(),
        issued_at=NOON,
        expires_at=NOON,
        jti="1",
        family_id=None,
    )
    return Decisions(database, facts, tokens, lambda call, _at: counted.append(call), CallLimits.of(Settings()))


def on(company_id: int) -> Question:
    """Return the question of a company admin's page."""
    return Question(company_id=CompanyId(company_id), needs_company=True, tool="directory", level=Level.ADMIN)


async def test_a_deactivated_user_is_refused_on_the_pages(
    engine: Decisions, database: Database, user: UserId, company: CompanyId
) -> None:
    """P4: even where a page forgot to ask the session anew."""
    assert isinstance(await engine.by_user(user, on(company), now=NOON), Allow)
    other = await directory.create_user(
        database, email="b@example.com", name="B", password_hash=None, origin=SYSTEM, now=NOON
    )
    await directory.add_contact(
        database,
        company_id=company,
        email="b@example.com",
        name="B",
        levels={"directory": "admin"},
        user_id=other,
        granted_by=None,
        origin=SYSTEM,
        now=NOON,
    )
    await directory.deactivate_user(database, user_id=user, origin=SYSTEM, now=NOON)
    answer = await engine.by_user(user, on(company), now=NOON)
    assert isinstance(answer, Deny)
    assert answer.code == "principal_inactive"


async def test_an_unknown_user_is_nobody(engine: Decisions, company: CompanyId) -> None:
    """P4, fail closed."""
    assert isinstance(await engine.by_user(UserId(999), on(company), now=NOON), Deny)


async def test_each_decided_call_is_counted_with_its_result(
    engine: Decisions, counted: list[Call], company: CompanyId
) -> None:
    """I1: to the company, unless the company does not know of it (P6)."""
    await engine.by_token("t", on(company), seen=SEEN)
    await engine.by_token("t", Question(company_id=company, needs_company=True, manage=True), seen=SEEN)
    await engine.by_token("t", on(999), seen=SEEN)
    await engine.by_token("t", Question(), seen=SEEN)
    await engine.by_token(None, on(company), seen=SEEN)
    assert [(call.company_id, call.result) for call in counted] == [
        (company, "allow"),
        (company, "scope_insufficient"),
        (None, "company_unknown"),
        (None, "allow"),
    ]


async def test_a_yes_says_who_acts_where_and_with_which_level(
    engine: Decisions, user: UserId, company: CompanyId
) -> None:
    """X1."""
    answer = (await engine.by_token("t", on(company), seen=SEEN)).answer
    assert isinstance(answer, Allow)
    assert (answer.principal.kind, answer.principal.id, answer.client_id) == ("user", user, "app_1")
    assert (answer.company_id, answer.level, answer.is_company_admin) == (company, Level.ADMIN, True)
    assert answer.contact_id is not None
    bare = (await engine.by_token("t", Question(), seen=SEEN)).answer
    assert isinstance(bare, Allow)
    assert (bare.company_id, bare.contact_id, bare.level, bare.is_company_admin) == (None, None, None, False)
