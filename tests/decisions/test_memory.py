"""What is remembered of decisions: as long as the very rows stand that they were computed from, and no longer."""

from dataclasses import dataclass, field

from gatewright.base.ids import CompanyId, UserId
from gatewright.base.levels import Level
from gatewright.db.engine import Database, Reader
from gatewright.decisions.memory import Known, Memory
from gatewright.decisions.model import Allowed, Asked, Situation
from gatewright.events.facts import Fact, Facts, ReadThrough, noting
from gatewright.oauth.model import LiveToken
from gatewright.web.access import Question
from tests.decisions.test_engine import NOON

LIVE = LiveToken(
    principal_kind="user",
    principal_id=UserId(1),
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
KNOWN = Known(live=LIVE, asked=Asked(), verdict=Allowed(), facts=Situation())


@dataclass(slots=True)
class Told:
    """A coherence that hears of what the test touches."""

    keeps: bool = True
    waiting: list[str] = field(default_factory=list)
    asked: int = 0

    def touched(self) -> list[str]:
        """Return what was touched since the last call."""
        self.asked += 1
        told, self.waiting = self.waiting, []
        return told


def row(key: str) -> Fact[object]:
    """Return a fact of a row that is another object with each load."""

    async def load(_reader: Reader) -> object:
        return object()

    return Fact(key, load)


async def test_what_was_given_stands_until_one_fact_of_it_is_touched(database: Database) -> None:
    """X5, T12: by another process, just before the next use; loaded again it is another row."""
    told = Told()
    facts = Facts(database, told)
    with noting() as given:
        await facts.get(row("a"))
        await facts.get(row("b"))
    assert facts.stand(given)
    told.waiting = ["b"]
    assert not facts.stand(given)
    await facts.get(row("b"))
    assert not facts.stand(given)


async def test_it_asks_what_others_committed_once(database: Database) -> None:
    """X5: and not once for each fact."""
    told = Told()
    facts = Facts(database, told)
    with noting() as given:
        for key in "abcdef":
            await facts.get(row(key))
    before = told.asked
    assert facts.stand(given)
    assert told.asked == before + 1


async def test_where_nothing_is_kept_nothing_stands(database: Database) -> None:
    """T12: without a coherence each request reads for itself."""
    facts = Facts(database, ReadThrough())
    with noting() as given:
        await facts.get(row("a"))
    assert not facts.stand(given)
    assert not facts.stand({})


async def test_what_stands_counts_as_asked_for(database: Database) -> None:
    """X5: whoever keeps the answer has to hear of the same facts as when it was first computed."""
    facts = Facts(database, Told())
    with noting() as outer:
        with noting() as given:
            await facts.get(row("a"))
        assert outer == given
    with noting() as later:
        assert facts.stand(given)
    assert later == given


def test_a_decision_is_found_by_the_same_token_and_the_same_question_alone() -> None:
    """X1, X5."""
    memory, asked = Memory(), Question(company_id=CompanyId(1), tool="rfis", level=Level.STANDARD)
    assert memory.find("t", asked) is None
    memory.keep("t", asked, KNOWN)
    assert memory.find("t", Question(company_id=CompanyId(1), tool="rfis", level=Level.STANDARD)) is KNOWN
    assert memory.find("u", asked) is None
    assert memory.find("t", Question(company_id=CompanyId(2), tool="rfis", level=Level.STANDARD)) is None
    assert memory.find("t", Question(company_id=CompanyId(1), tool="rfis", level=Level.ADMIN)) is None


def test_it_holds_so_many_decisions_and_no_more() -> None:
    """X5: whoever asks many things makes others be computed again, and the memory no larger."""
    memory = Memory(most=2)
    for token in "abc":
        memory.keep(token, Question(), KNOWN)
    assert [memory.find(token, Question()) is KNOWN for token in "abc"] == [False, True, True]
