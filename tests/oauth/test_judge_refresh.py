"""What becomes of a refresh token: the table of the architecture, line by line, and any sequence of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gatewright.base.ids import AuthorizationId, FamilyId
from gatewright.oauth.model import Family
from gatewright.oauth.rules import (
    RACE_MARGIN,
    Exhausted,
    RefreshPolicy,
    Refuse,
    Repeat,
    Replayed,
    Rotate,
    Superseded,
    Verdict,
    WentBack,
    judge_refresh,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)
CONFIDENTIAL = RefreshPolicy(retry_window=10 * MINUTE, lifetime=None, most_repeats=None)
PUBLIC = RefreshPolicy(retry_window=MINUTE, lifetime=None, most_repeats=3)
STRICT = RefreshPolicy(retry_window=timedelta(0), lifetime=None, most_repeats=None)


def family(*, generation: int = 5, confirmed: int = -1, repeats: int = 0, repeated: int = -1) -> Family:
    return Family(
        id=FamilyId("f" * 32),
        authorization_id=AuthorizationId("a" * 32),
        secret_id=None,
        generation=generation,
        confirmed_generation=confirmed,
        repeats=repeats,
        repeated_generation=repeated,
        key_id="00000000",
        salt=bytes(16),
        scopes=(),
        rotated_at=NOON,
    )


def judged(presented: int, *, after: timedelta, of: Family | None = None, policy: RefreshPolicy = PUBLIC) -> Verdict:
    return judge_refresh(of or family(), presented=presented, policy=policy, now=NOON + after)


def test_the_current_token_is_consumed_however_old_it_is() -> None:
    # T4: there is no expiry but consumption
    assert judged(5, after=MOMENT) == Rotate(6)
    assert judged(5, after=timedelta(days=4000)) == Rotate(6)


def test_a_deployment_may_set_a_lifetime() -> None:
    # T4
    policy = replace(PUBLIC, lifetime=timedelta(days=30))
    assert judged(5, after=timedelta(days=30) - MOMENT, policy=policy) == Rotate(6)
    assert judged(5, after=timedelta(days=30), policy=policy) == Exhausted("expired")


def test_a_consumed_token_repeats_its_successor_until_the_window_closes_then_is_a_replay() -> None:
    # T5, T6
    assert judged(4, after=MINUTE - MOMENT) == Repeat(5, repeats=1)
    assert judged(4, after=MINUTE) == Replayed()
    assert judged(4, after=10 * MINUTE - MOMENT, policy=CONFIDENTIAL) == Repeat(5, repeats=1)
    assert judged(4, after=10 * MINUTE, policy=CONFIDENTIAL) == Replayed()


def test_a_window_of_zero_repeats_nothing() -> None:
    # T6: strict, and yet a second worker at the same moment is merely told
    assert judged(4, after=timedelta(0), policy=STRICT) == Superseded()
    assert judged(4, after=RACE_MARGIN - MOMENT, policy=STRICT) == Superseded()
    assert judged(4, after=RACE_MARGIN, policy=STRICT) == Replayed()


def test_the_retry_ends_when_an_access_token_of_the_successor_was_seen() -> None:
    # T6: within ten seconds of the rotation a second worker is merely told
    used = family(confirmed=5)
    assert judged(4, after=RACE_MARGIN - MOMENT, of=used) == Superseded()
    assert judged(4, after=RACE_MARGIN, of=used) == Replayed()


def test_a_late_confirmation_of_an_older_generation_ends_no_retry() -> None:
    # T6: confirmed is a generation, not a flag
    assert judged(4, after=MOMENT, of=family(confirmed=4)) == Repeat(5, repeats=1)


@pytest.mark.parametrize("presented", [0, 3])
def test_an_older_token_is_a_replay_at_once(presented: int) -> None:
    # T6: the successor of the successor was asked for, so it was presented
    assert judged(presented, after=MOMENT) == Replayed()
    assert judged(presented, after=MOMENT, of=family(confirmed=5)) == Replayed()


def test_a_token_newer_than_the_row_changes_nothing() -> None:
    # T5: a restored database must not end honest families
    assert judged(6, after=MOMENT) == WentBack()


@pytest.mark.parametrize("presented", [3, 4, 5, 6])
def test_what_ended_never_lives_again(presented: int) -> None:
    # T11
    ended = replace(family(), ended_at=NOON, ended_reason="revoked")
    assert judged(presented, after=MOMENT, of=ended) == Refuse("revoked")


def test_three_repeated_generations_running_end_a_public_clients_family() -> None:
    # T6
    assert judged(4, after=MOMENT, of=family(repeats=1, repeated=4)) == Repeat(5, repeats=2)
    assert judged(4, after=MOMENT, of=family(repeats=2, repeated=4)) == Exhausted("repeated")
    assert judged(4, after=MOMENT, of=family(repeats=2, repeated=4), policy=CONFIDENTIAL) == Repeat(5, repeats=3)


def test_one_generation_repeated_thrice_is_not_three_running() -> None:
    # T6
    assert judged(4, after=MOMENT, of=family(repeats=1, repeated=5)) == Repeat(5, repeats=1)
    assert judged(4, after=MOMENT, of=family(repeats=2, repeated=5)) == Repeat(5, repeats=2)


def test_a_generation_that_was_not_repeated_begins_the_count_anew() -> None:
    # T6
    assert judged(4, after=MOMENT, of=family(repeats=2, repeated=3)) == Repeat(5, repeats=1)


class Refreshing(RuleBasedStateMachine):
    """A family under any sequence of refreshes, retries, calls and pauses; kept beside it, what must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.family = family(generation=0)
        self.policy = PUBLIC
        self.successors: dict[int, set[int]] = {}
        self.repeated: list[int] = []  # the generations handed out again, in order, each once
        self.seen: set[int] = set()

    @rule(seconds=st.sampled_from([0, 1, 9, 10, 11, 59, 60, 61, 100_000]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(policy=st.sampled_from([PUBLIC, CONFIDENTIAL, STRICT]))
    @precondition(lambda self: not self.successors)
    def belong_to(self, policy: RefreshPolicy) -> None:
        self.policy = policy

    @rule(back=st.integers(min_value=-1, max_value=4))
    def present(self, back: int) -> None:
        before, presented = self.family, self.family.generation - back
        if presented < 0:
            return
        verdict = judge_refresh(before, presented=presented, policy=self.policy, now=self.now)
        self._check(before, presented, verdict)
        self._apply(before, presented, verdict)

    @rule(back=st.integers(min_value=0, max_value=3))
    def call_the_api(self, back: int) -> None:
        generation = self.family.generation - back
        if generation >= 0 and not self.family.has_ended:
            self.seen.add(generation)
            confirmed = max(self.family.confirmed_generation, generation)
            self.family = replace(self.family, confirmed_generation=confirmed)

    @invariant()
    def every_consumed_token_has_one_successor(self) -> None:
        assert all(made == {consumed + 1} for consumed, made in self.successors.items())

    def _check(self, before: Family, presented: int, verdict: Verdict) -> None:
        age = self.now - before.rotated_at
        if before.has_ended:
            assert isinstance(verdict, Refuse)
        elif presented > before.generation:
            assert verdict == WentBack()
        elif presented == before.generation:
            assert verdict == Rotate(presented + 1)
        elif presented < before.generation - 1:
            assert verdict == Replayed()
        elif before.generation in self.seen or age >= self.policy.retry_window:
            assert verdict == (Superseded() if age < RACE_MARGIN else Replayed())
        else:
            self._check_retry(before, verdict)

    def _check_retry(self, before: Family, verdict: Verdict) -> None:
        running = [*self.repeated, before.generation]
        running = list(dict.fromkeys(running))[-3:]
        is_third = len(running) == 3 and running == [before.generation - 2, before.generation - 1, before.generation]
        if self.policy is PUBLIC and is_third:
            assert verdict == Exhausted("repeated")
        else:
            assert isinstance(verdict, Repeat)
            assert verdict.generation == before.generation

    def _apply(self, before: Family, presented: int, verdict: Verdict) -> None:
        match verdict:
            case Rotate(generation):
                self.family = replace(before, generation=generation, rotated_at=self.now)
                self.successors.setdefault(presented, set()).add(generation)
            case Repeat(generation, repeats):
                self.family = replace(before, repeats=repeats, repeated_generation=generation)
                self.successors.setdefault(presented, set()).add(generation)
                self.repeated.append(generation)
            case Replayed() | Exhausted():
                self.family = replace(before, ended_at=self.now, ended_reason="replayed")
            case Superseded() | Refuse() | WentBack():
                pass


TestRefreshing = Refreshing.TestCase
TestRefreshing.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
