"""Answers to questions, as generators of effects: what both drivers run.

Between two effects a generator is never interrupted: a driver holds its lock, or does not await.
"""

from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from gatewright_sdk import clock
from gatewright_sdk.cache import Cache, Ticket
from gatewright_sdk.denials import TOKEN_MISSING, UNAVAILABLE
from gatewright_sdk.deployment import Deployment
from gatewright_sdk.effects import Effect, Send, Signal, Wait
from gatewright_sdk.following import Following
from gatewright_sdk.model import Allow, Deny, Identity, Question
from gatewright_sdk.troubles import Troubles
from gatewright_sdk.verification import Asked, Genuine, Verifier
from gatewright_sdk.wire import (
    KEYS_CALL,
    Answered,
    Garbled,
    Reply,
    check_call,
    how_many_fit,
    read_answers,
    read_json,
    received,
)

Answer = Allow | Deny
Flow = Generator[Effect, object, "list[Answer]"]
V = TypeVar("V")

KEYS = "key set"
KEY_ROUNDS = 5  # how often the key set is asked for while each answer is overtaken: a stream that opens does it twice
ROUNDS = 3  # how often who waited for another's question may find it overtaken before asking alone


@dataclass(slots=True, eq=False)
class _Flight:
    """A question on its way. `landed` is set when `answered` says something, or nothing ever will."""

    ticket: Ticket
    question: Question
    expires_at: float
    landed: Signal
    answered: Answer | None = None
    is_shared: bool = False  # the answer holds for those too who asked later


class Core:
    """One process's share: key set, cache, questions in flight."""

    def __init__(self, deployment: Deployment, signal: Callable[[], Signal]) -> None:
        self._to = deployment
        self._signal = signal
        self._cache: Cache[Answer] = Cache(most=deployment.most_answers)
        self._verifier = Verifier(deployment.issuer, deployment.audience, self._cache)
        self._flights: dict[Hashable, _Flight] = {}
        self._asking_keys: Signal | None = None
        self._troubles = Troubles()
        self.following = Following(self._cache, deployment.credentials, self._troubles, signal)

    def answers(self, questions: Sequence[Question]) -> Flow:
        """Return an answer to each question, in order."""
        settled: dict[int, Answer] = {}
        for turn in range(ROUNDS + 1):
            left = [place for place in range(len(questions)) if place not in settled]
            if not left:
                break
            judged = {}
            for place in left:
                judged[place] = yield from self._genuine(questions[place])
            flights = self._begin(questions, judged, settled, may_join=turn < ROUNDS)
            yield from self._ask(flights.own)
            yield from self._await(flights, settled)
        return [_as_asked(question, settled[place]) for place, question in enumerate(questions)]

    def identity(self, text: str | None) -> Generator[Effect, object, Identity | Deny]:
        """Return whom a proxy let in, or why that is not known."""
        since = clock.passed()

        def judge() -> Identity | Deny | None:
            return self._verifier.assertion(text, since=since, wall=clock.wall(), now=clock.passed())

        return (yield from self._with_keys(judge))

    def _genuine(self, question: Question) -> Generator[Effect, object, Genuine | Deny | None]:
        """Return the question's token as genuine, or why it is not; None when it is about a contact."""
        if question.contact_id is not None:
            return None
        if (token := question.token) is None:
            return TOKEN_MISSING
        since = clock.passed()

        def judge() -> Genuine | Deny | None:
            return self._verifier.access_token(token, since=since, wall=clock.wall(), now=clock.passed())

        return (yield from self._with_keys(judge))

    def _with_keys(self, judge: Callable[[], V | Deny | None]) -> Generator[Effect, object, V | Deny]:
        """Return what is judged; the key set is asked for when it is needed, again if who asked for it went away."""
        for _ in range(KEY_ROUNDS):
            if (said := judge()) is not None:
                return said
            yield from self._have_keys()
        return judge() or UNAVAILABLE

    def _begin(
        self,
        questions: Sequence[Question],
        judged: Mapping[int, Genuine | Deny | None],
        settled: dict[int, Answer],
        *,
        may_join: bool,
    ) -> "_Begun":
        """Settle what is known here; join what is asked already; leave with the rest."""
        begun, now, wall = _Begun(), clock.passed(), clock.wall()
        for place, genuine in judged.items():
            if isinstance(genuine, Deny):
                settled[place] = genuine
                continue
            key = _key(questions[place], genuine)
            if (kept := self._cache.find(key, now)) is not None:
                settled[place] = kept
                continue
            flight = self._flights.get(key)
            if flight is not None and may_join and self._cache.may_join(flight.ticket, now):
                begun.joined[place] = flight
                continue
            expires_at = float("inf") if genuine is None else now + genuine.expires_at - wall
            own = _Flight(self._cache.leave(key, now), questions[place], expires_at, self._signal())
            begun.own[place] = self._flights[key] = own
        return begun

    def _ask(self, flights: Mapping[int, _Flight]) -> Generator[Effect, object, None]:
        left = list(flights.values())
        try:
            while left:
                count = how_many_fit([one.question for one in left])
                batch, left = left[:count], left[count:]
                reply = yield Send(check_call([one.question for one in batch], self._to.credentials))
                self._land(batch, reply)
        finally:
            for flight in flights.values():  # of a caller that went away too: nobody waits for nothing
                self._close(flight)

    def _land(self, batch: Sequence[_Flight], reply: object) -> None:
        now = clock.passed()
        for flight, answered in zip(batch, self._read_answers(batch, reply), strict=True):
            flight.answered = answered.answer
            if answered.answer is UNAVAILABLE:
                flight.is_shared = True
            else:
                flight.is_shared = self._cache.land(
                    flight.ticket, answered.answer, tags=answered.tags, expires_at=flight.expires_at, now=now
                )
            self._close(flight)

    def _close(self, flight: _Flight) -> None:
        if self._flights.get(flight.ticket.key) is flight:
            del self._flights[flight.ticket.key]
        flight.landed.set()

    def _await(self, begun: "_Begun", settled: dict[int, Answer]) -> Generator[Effect, object, None]:
        for place, flight in begun.own.items():
            settled[place] = flight.answered or UNAVAILABLE
        for place, flight in begun.joined.items():
            if not flight.landed.is_set():
                yield Wait(flight.landed, self._to.timeout)
            if flight.is_shared and flight.answered is not None:
                settled[place] = flight.answered

    def _read_answers(self, batch: Sequence[_Flight], reply: object) -> list[Answered]:
        try:
            answers = read_answers(received(reply), [flight.question for flight in batch])
        except Garbled as garbled:
            self._troubles.tell("/authz/check", str(garbled))
            return [Answered(UNAVAILABLE, ())] * len(batch)
        self._troubles.end("/authz/check")
        return answers

    def _have_keys(self) -> Generator[Effect, object, None]:
        """Ask for the key set; one request serves all who need it at once."""
        if self._asking_keys is not None:
            yield Wait(self._asking_keys, self._to.timeout)
            return
        self._asking_keys = self._signal()
        now = clock.passed()
        asked = Asked(self._cache.leave(KEYS, now), now)
        try:
            reply = yield Send(KEYS_CALL)
            self._learn_keys(reply, asked)
        finally:
            self._asking_keys.set()
            self._asking_keys = None

    def _learn_keys(self, reply: object, asked: Asked) -> None:
        try:
            said = read_json(received(reply))
        except Garbled:
            said = None
        tag = reply.tag if isinstance(reply, Reply) else None
        if self._verifier.learn(said, tag=tag, asked=asked, now=clock.passed()):
            self._troubles.end(KEYS_CALL.path)
        else:
            self._troubles.tell(KEYS_CALL.path, "no key set")


@dataclass(slots=True)
class _Begun:
    """The questions that are on their way, by their places: sent by us, or by others before."""

    own: dict[int, _Flight] = field(default_factory=dict)
    joined: dict[int, _Flight] = field(default_factory=dict)


def _key(question: Question, genuine: Genuine | None) -> Hashable:
    """Return what identical questions share. The token is in it as a digest."""
    who = question.contact_id if genuine is None else genuine.digest
    company_id = None if isinstance(question.company_id, Deny) else question.company_id
    return who, company_id, question.project_id, question.tool, question.level


def _as_asked(question: Question, answer: Answer) -> Answer:
    """Return the answer; where the company cannot be told, why, once all that comes before was good."""
    if isinstance(question.company_id, Deny) and isinstance(answer, Deny) and answer.code == "company_required":
        return question.company_id
    return answer
