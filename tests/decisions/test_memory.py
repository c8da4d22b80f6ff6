"""What is remembered of decisions: as long as the very rows stand that they were computed from, and no longer."""

from dataclasses import dataclass, field

from gatewright.base.ids import CompanyId, SecretId, UserId
from gatewright.base.levels import Level
from gatewright.db.engine import Database, Reader
from gatewright.decisions.memory import Known, Memory
from gatewright.decisions.model import Allowed, Asked, Situation
from gatewright.events.facts import Fact, Facts, Noted, ReadThrough, noting
from gatewright.oauth.model import Claims, CredentialLink, LiveToken
from gatewright.oauth.tokens import Verified
from gatewright.web.access import Allow, Principal, Question
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
CLAIMS = Claims(
    kid="k",
    principal_id=1,
    client_id="app_1",
    issued_at=NOON,
    expires_at=NOON,
    jti="1",
    scopes=(),
    link=CredentialLink(SecretId("s")),
)
KNOWN = Known(
    token=Verified(CLAIMS),
    live=LIVE,
    asked=Asked(),
    verdict=Allowed(),
    facts=Situation(),
    answer=Allow(principal=Principal("user", 1, "Ada", "ada@example.com")),
    call=None,
)


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


async def _nothing(_reader: Reader) -> None:
    return None


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


async def test_what_stood_stands_again_only_while_the_memory_lost_nothing(database: Database) -> None:
    """X5: the shortcut past the comparison ends with any fact that is lost, and begins anew after it."""
    told = Told()
    facts = Facts(database, told)
    with noting() as given:
        await facts.get(row("a"))
        await facts.get(row("b"))
    await facts.get(row("c"))
    for _ in range(3):
        assert facts.stand(given)
    told.waiting = ["c"]
    assert facts.stand(given)
    for lost in ("a", "b"):
        told.waiting = [lost]
        assert not facts.stand(given)
        assert not facts.stand(given)


async def test_what_makes_room_for_others_stands_no_longer(database: Database) -> None:
    """X5: nothing tells of what is not in memory."""
    facts = Facts(database, Told(), most=2)
    with noting() as given:
        await facts.get(row("a"))
        await facts.get(row("b"))
    assert facts.stand(given)
    await facts.get(row("c"))
    assert not facts.stand(given)


async def test_what_is_noted_later_has_not_stood_yet(database: Database) -> None:
    """X5: a fact that nobody keeps stands never, whatever stood before it was asked for."""
    facts = Facts(database, Told())
    with noting() as given:
        await facts.get(row("a"))
    with noting() as later:
        await facts.get(Fact("stranger", _nothing, keeps_absence=False))
    for is_one in (True, False):
        given.pop("stranger", None)
        assert facts.stand(given)
        if is_one:
            given.note("stranger", None)
        else:
            given.note_all(later)
        assert not facts.stand(given)


async def test_at_hand_is_what_the_last_question_left(database: Database) -> None:
    """T12: no question of its own, so it is for the same step alone."""
    told = Told()
    facts = Facts(database, told)
    kept = await facts.get(row("a"))
    before = told.asked
    assert facts.at_hand("a") is kept
    assert facts.at_hand("b") is None
    assert told.asked == before
    facts.forget(["a"])
    assert facts.at_hand("a") is None


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
    assert not facts.stand(Noted())


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


def test_what_is_asked_for_again_and_again_stays() -> None:
    """X5: whoever asks many things once pushes out none that others ask all the time."""
    memory = Memory(most=2)
    memory.keep("hot", Question(), KNOWN)
    for token in "abc":
        memory.keep(token, Question(), KNOWN)
        assert memory.find("hot", Question()) is KNOWN
