"""Both drivers against a small server on a real socket (X1, X5, T12)."""

import asyncio
import gc
import gzip
import json
import logging
import os
import signal
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from joserfc.jwk import ECKey
from sdk.tests.asking import DRIVERS, PATIENCE, Driver, Guard, guarding, until
from sdk.tests.model_server import CLIENT_ID, CLIENT_SECRET, KEYS_TAG, ModelServer, model_server, tag_of

from gatewright_sdk import Allow, AsyncGatewright, Deny, Gatewright, Identity, Question
from gatewright_sdk.denials import (
    ASSERTION_INVALID,
    TOKEN_EXPIRED,
    TOKEN_INVALID,
    TOKEN_MISSING,
    UNAVAILABLE,
    company_ambiguous,
)
from gatewright_sdk.wire import MOST_ANSWERED


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as model:
        yield model


@pytest.fixture(params=DRIVERS)
async def guard(request: pytest.FixtureRequest, server: ModelServer) -> AsyncIterator[Guard]:
    driver: Driver = request.param
    async with guarding(driver, server.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET) as made:
        yield made


def asked(token: str | None, *, tool: str = "rfis", company_id: int | Deny | None = 1) -> Question:
    return Question(token=token, company_id=company_id, tool=tool, level="standard")


async def have_lease(guard: Guard, server: ModelServer) -> None:
    """Return once the guard answers from memory."""
    question = asked(server.token(sub="9"))

    async def from_memory() -> bool:
        before = len(server.asked)
        assert isinstance(await guard.check(question), Allow)
        return len(server.asked) == before

    await until(from_memory)


async def test_a_question_is_asked_once_while_the_lease_lives(guard: Guard, server: ModelServer) -> None:
    """X5."""
    await have_lease(guard, server)
    question, before = asked(server.token()), len(server.asked)
    answers = [await guard.check(question) for _ in range(50)]
    assert len(server.asked) == before + 1
    assert {type(answer) for answer in answers} == {Allow}
    assert await guard.check(asked(server.token(), tool="other")) == answers[0]
    assert len(server.asked) == before + 2


async def test_what_changed_is_forgotten_and_asked_again(guard: Guard, server: ModelServer) -> None:
    """T12: a no is kept like a yes."""
    await have_lease(guard, server)
    question = asked(server.token())
    assert isinstance(await guard.check(question), Allow)
    server.commit(tag_of(str(question.token)), deny=str(question.token))

    async def is_denied() -> bool:
        return isinstance(await guard.check(question), Deny)

    await until(is_denied)
    before = len(server.asked)
    assert isinstance(await guard.check(question), Deny)
    assert len(server.asked) == before


async def test_a_contact_can_be_asked_about(guard: Guard, server: ModelServer) -> None:
    """X1."""
    question = Question(contact_id=7, company_id=1, tool="rfis", level="standard")
    assert isinstance(await guard.check(question), Allow)
    assert server.asked[-1] == {"contact_id": 7, "company_id": 1, "tool": "rfis", "level": "standard"}
    assert "/oauth/jwks" not in server.calls


async def test_many_questions_share_requests(guard: Guard, server: ModelServer) -> None:
    """X1: a hundred a request, in order, what is known here left out."""
    questions = [asked(server.token(sub=str(number)), company_id=number) for number in range(1, 251)]
    answers = await guard.check_all([*questions, asked(None)])
    assert [answer.company_id for answer in answers if isinstance(answer, Allow)] == list(range(1, 251))
    assert answers[-1] == TOKEN_MISSING
    assert server.calls["/authz/check"] == 3
    assert await guard.check_all([]) == []


async def test_forged_and_expired_tokens_never_reach_the_server(guard: Guard, server: ModelServer) -> None:
    """X2."""
    forged = server.token()[:-8] + "AAAAAAAA"
    expected = {
        None: TOKEN_MISSING,
        forged: TOKEN_INVALID,
        "gwr_refresh": TOKEN_INVALID,
        server.token(aud="https://other.example"): TOKEN_INVALID,
        server.token(iss="https://evil.example"): TOKEN_INVALID,
        server.token(exp=int(time.time()) - 1): TOKEN_EXPIRED,
    }
    for token, deny in expected.items():
        assert await guard.check(asked(token)) == deny
    assert server.asked == []
    assert server.calls["/oauth/jwks"] <= 3  # again when the stream opens, and when a lease was had


async def test_an_unknown_key_costs_no_request_once_the_feed_is_followed(guard: Guard, server: ModelServer) -> None:
    """X2: and no cache on the way answers for the server."""
    await have_lease(guard, server)
    forged = [server.token(headers={"kid": f"forged-{number}"}) for number in range(20)]
    assert await guard.check(asked(forged[0])) == TOKEN_INVALID
    before = server.calls["/oauth/jwks"]
    assert {await guard.check(asked(token)) for token in forged} == {TOKEN_INVALID}
    assert server.calls["/oauth/jwks"] == before
    assert {headers["Cache-Control"] for headers in server.key_requests} == {"no-cache"}


async def test_a_key_that_signs_at_once_is_known_when_the_feed_told_of_it(guard: Guard, server: ModelServer) -> None:
    """T12, X2: after a forged key was searched for. A token that a stolen key signed is refused from then on."""
    await have_lease(guard, server)
    assert await guard.check(asked(server.token(headers={"kid": "forged"}))) == TOKEN_INVALID
    assertion = server.assertion()
    assert isinstance(await guard.verify_assertion(assertion), Identity)
    fresh = ECKey.generate_key("P-256", {"kid": "k2", "use": "sig", "alg": "ES256"})
    server.published = (fresh,)
    server.commit(KEYS_TAG)
    changed_at = time.monotonic()

    async def is_felt() -> bool:
        return await guard.verify_assertion(assertion) == ASSERTION_INVALID

    await until(is_felt)
    assert time.monotonic() - changed_at < server.lease
    assert await guard.check(asked(server.token())) == TOKEN_INVALID
    assert isinstance(await guard.check(asked(server.token(key=fresh, headers={"kid": "k2"}))), Allow)


async def test_a_company_that_cannot_be_told_is_answered_after_the_token(guard: Guard, server: ModelServer) -> None:
    """X2, X3."""
    ambiguous = company_ambiguous("The company is named twice in one place.")
    assert await guard.check(asked("forged", company_id=ambiguous)) == TOKEN_INVALID
    assert await guard.check(asked(server.token(), company_id=ambiguous)) == ambiguous
    named = await guard.check(asked(server.token(), company_id=None))
    assert isinstance(named, Deny)
    assert named.code == "company_required"


async def _hold_back(server: ModelServer, guard: Guard, question: Question) -> "asyncio.Task[Allow | Deny]":
    """Return a question whose answer is computed and held back."""
    server.before_answer = threading.Event()
    before = len(server.asked)
    task = asyncio.create_task(guard.check(question))

    async def arrived() -> bool:
        return len(server.asked) > before

    await until(arrived)
    return task


async def test_identical_questions_at_once_share_a_request(guard: Guard, server: ModelServer) -> None:
    """X5."""
    await have_lease(guard, server)
    question, before = asked(server.token()), len(server.asked)
    first = await _hold_back(server, guard, question)
    others = [asyncio.create_task(guard.check(question)) for _ in range(4)]
    await asyncio.sleep(0.1)
    assert server.before_answer is not None
    server.before_answer.set()
    assert {type(answer) for answer in await asyncio.gather(first, *others)} == {Allow}
    assert len(server.asked) == before + 1


async def test_who_asks_after_a_change_gets_no_answer_from_before_it(guard: Guard, server: ModelServer) -> None:
    """T12: which tags an answer hangs from is known only when it arrives."""
    await have_lease(guard, server)
    question = asked(server.token())
    witness = asked(server.token(sub="8"))
    assert isinstance(await guard.check(witness), Allow)
    first = await _hold_back(server, guard, question)
    held, server.before_answer = server.before_answer, None
    server.commit(tag_of(str(question.token)), tag_of(str(witness.token)), deny=str(question.token))

    async def is_applied() -> bool:
        before = len(server.asked)
        await guard.check(witness)
        return len(server.asked) > before

    await until(is_applied)
    late = asyncio.create_task(guard.check(question))
    await asyncio.sleep(0.05)
    assert held is not None
    held.set()
    assert isinstance(await first, Allow)  # it asked before the change
    assert isinstance(await late, Deny)
    assert isinstance(await guard.check(question), Deny)


ANOTHER_COMPANY = json.dumps(
    {
        "answers": [
            {
                "allow": True,
                "tags": [],
                "principal": {
                    "kind": "user",
                    "id": 1,
                    "company_id": 2,
                    "contact_id": 7,
                    "level": "admin",
                    "client_id": None,
                    "scopes": [],
                },
            }
        ]
    }
).encode()


async def test_who_gives_up_fails_nobody_else(server: ModelServer) -> None:
    """X5."""
    async with guarding("tasks", server.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET) as guard:
        await have_lease(guard, server)
        question, before = asked(server.token()), len(server.asked)
        first = await _hold_back(server, guard, question)
        others = [asyncio.create_task(guard.check(question)) for _ in range(4)]
        await asyncio.sleep(0.05)
        assert server.before_answer is not None
        server.before_answer.set()
        first.cancel()
        assert {type(answer) for answer in await asyncio.gather(*others)} == {Allow}
        assert len(server.asked) == before + 2  # one of them asked for all
        with pytest.raises(asyncio.CancelledError):
            await first


@pytest.mark.parametrize(
    "garbled",
    [
        b"",
        b"[]",
        b'{"answers": []}',
        b'{"answers": [{}]}',
        b'{"answers": [{"allow": "yes", "tags": []}]}',
        b'{"answers": [{"allow": true, "tags": []}]}',
        b'{"answers": [{"allow": true, "tags": [], "principal": {"kind": "robot", "id": 1}}]}',
        ANOTHER_COMPANY,
        b'{"answers": [{"allow": false, "tags": [], "status": 200, "code": "c", "message": "m", "help": "h"}]}',
    ],
)
async def test_what_cannot_be_read_is_a_no(guard: Guard, server: ModelServer, garbled: bytes) -> None:
    """X1: nothing is guessed."""
    server.garbled = garbled
    assert await guard.check(asked(server.token())) == UNAVAILABLE


async def test_an_answer_without_end_is_given_up(guard: Guard, server: ModelServer) -> None:
    """X1: what stands where the server stood fills nobody's memory."""
    token = server.token()
    assert isinstance(await guard.check(asked(token)), Allow)
    server.slow_parts = (b"[" * 64 * 1024, 0.0)
    tracemalloc.start()
    assert await guard.check(asked(token, tool="other")) == UNAVAILABLE
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4 * MOST_ANSWERED  # of the 25 MB that were there to be had


async def test_an_answer_that_trickles_is_given_up_in_time(guard: Guard, server: ModelServer) -> None:
    """X1: each byte comes in time, and the whole never."""
    token = server.token()
    assert isinstance(await guard.check(asked(token)), Allow)
    server.slow_parts = (b" ", 0.1)
    began = time.monotonic()
    assert await guard.check(asked(token, tool="other")) == UNAVAILABLE
    assert time.monotonic() - began < PATIENCE


async def test_what_is_packed_is_not_unpacked(guard: Guard, server: ModelServer) -> None:
    """X1: it was not asked for, and a small packed answer may be a large one."""
    answers = {"answers": [server.answer({"token": "t", "company_id": 1, "level": "standard"})]}
    server.garbled = gzip.compress(json.dumps(answers).encode())
    assert await guard.check(asked(server.token())) == UNAVAILABLE


async def test_a_server_that_does_not_know_us_is_a_no_and_the_log_says_why(
    server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    """X1, T13: without any secret."""
    caplog.set_level(logging.DEBUG)
    token = server.token()
    async with guarding("threads", server.issuer, client_id=CLIENT_ID, client_secret="canary-77") as guard:
        assert await guard.check(asked(token)) == UNAVAILABLE
    assert "/authz/check: status 401 (invalid_client)" in caplog.text
    assert "canary-77" not in caplog.text
    assert token not in caplog.text


@pytest.mark.parametrize("driver", DRIVERS)
async def test_without_a_server_every_answer_is_a_no(driver: Driver) -> None:
    """X1."""
    with model_server() as model:
        token = model.token()
    async with guarding(driver, model.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET) as guard:
        assert await guard.check(asked(token)) == UNAVAILABLE
        assert await guard.verify_assertion(token) == UNAVAILABLE


async def test_after_closing_every_answer_is_a_no(guard: Guard, server: ModelServer) -> None:
    """X1."""
    await have_lease(guard, server)
    await guard.aclose()
    assert await guard.check(asked(server.token())) == UNAVAILABLE
    assert await guard.verify_assertion("x") == UNAVAILABLE
    await guard.aclose()


async def test_after_closing_nothing_is_answered_from_memory(guard: Guard, server: ModelServer) -> None:
    """X1: nobody would tell any more what to forget."""
    await have_lease(guard, server)
    question = asked(server.token())
    assert isinstance(await guard.check(question), Allow)
    await guard.aclose()
    assert await guard.check_all([question]) == [UNAVAILABLE]
    before = dict(server.calls)
    await asyncio.sleep(0.2)
    assert server.calls == before  # nor is anything followed


@pytest.mark.parametrize("driver", DRIVERS)
async def test_no_proxy_of_the_environment_comes_between(
    driver: Driver, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X1: every request of the API hangs from this connection."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with guarding(driver, server.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET) as guard:
        assert isinstance(await guard.check(asked(server.token())), Allow)


async def test_a_failure_that_nobody_foresaw_is_told_and_following_begun_again(
    guard: Guard, server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    """T12: here, a stream in a charset of which httpx makes a TypeError. Meanwhile nothing is kept."""
    server.stream_charset, question = "; charset=rot13", asked(server.token())

    async def is_told() -> bool:
        assert isinstance(await guard.check(question), Allow)
        return "/authz/feed: failed with " in caplog.text

    await until(is_told)
    server.stream_charset = ""
    await have_lease(guard, server)
    assert [record.levelname for record in caplog.records if "failed with" in record.message] == ["ERROR"]


def test_a_forked_process_follows_by_itself(server: ModelServer) -> None:
    """X5: as a server does that loads the application before it forks its workers."""
    question, server.lease = asked(server.token()), 0.5
    with Gatewright(server.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET) as guard:
        assert _answers_from_memory(guard, question) == 0
        child = os.fork()
        if child == 0:
            code = 1
            try:
                time.sleep(2 * server.lease)  # what it may have inherited is over
                code = _answers_from_memory(guard, question)
            finally:
                os._exit(code)
        assert _exit_status(child) == 0
        assert isinstance(guard.check(question), Allow)


def _exit_status(child: int) -> int:
    """Return how a child ended; one that does not is ended."""
    until_then = time.monotonic() + PATIENCE
    while time.monotonic() < until_then:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def _answers_from_memory(guard: Gatewright, question: Question) -> int:
    """Return 0 once a hundred answers in a row came faster than any request would."""
    for _ in range(200):
        begun = time.perf_counter()
        if not all(isinstance(guard.check(question), Allow) for _ in range(100)):
            return 2
        if time.perf_counter() - begun < 0.02:
            return 0
        time.sleep(0.02)
    return 3


def test_another_event_loop_follows_by_itself(server: ModelServer) -> None:
    """X5."""
    guard = AsyncGatewright(server.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)

    async def ask() -> None:
        assert isinstance(await guard.check(asked(server.token())), Allow)

    async def close() -> None:
        await ask()
        await guard.aclose()

    asyncio.run(ask())
    asyncio.run(close())


@contextmanager
def another_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Lend an event loop that runs in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def tasks_of(loop: asyncio.AbstractEventLoop) -> set[str]:
    """Return what runs in an event loop, but for this question."""

    async def running() -> set[str]:
        this = asyncio.current_task()
        return {repr(task.get_coro()) for task in asyncio.all_tasks() if task is not this}

    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(running(), loop))


async def test_two_event_loops_at_once_are_refused(server: ModelServer) -> None:
    """X5: each would follow for ever, and the other's answers would be of nobody. The first goes on."""
    question = asked(server.token())
    with another_loop() as other:
        async with guarding("tasks", server.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET) as guard:
            assert isinstance(await guard.check(question), Allow)
            elsewhere = asyncio.run_coroutine_threadsafe(guard.check(question), other)
            with pytest.raises(RuntimeError, match="another event loop"):
                await asyncio.wrap_future(elsewhere)
            assert isinstance(await guard.check(question), Allow)
            assert await tasks_of(other) == set()


@pytest.mark.parametrize("end", ["closed", "dropped"])
async def test_nothing_goes_on_in_another_event_loop(end: str, server: ModelServer) -> None:
    """X5: of a guard that was closed from here, or that nobody has any more."""
    guard = AsyncGatewright(server.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
    with another_loop() as other:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(guard.follow(), other))
        assert await tasks_of(other) != set()
        if end == "closed":
            await guard.aclose()
        del guard
        gc.collect()

        async def is_over() -> bool:
            return await tasks_of(other) == set()

        await until(is_over)


async def test_a_guard_that_nobody_has_any_more_follows_no_more(server: ModelServer) -> None:
    """X5: whoever makes one for each request has no thousand threads."""

    def following() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name.startswith("gatewright-")}

    before, guard = following(), Gatewright(server.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
    assert isinstance(await asyncio.to_thread(guard.check, asked(server.token())), Allow)
    assert len(following() - before) == 2
    del guard
    gc.collect()

    async def are_over() -> bool:
        return following() <= before

    await until(are_over)


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "id.example"},
        {"issuer": "https://id.example/"},
        {"client_secret": ""},
        {"timeout": 0},
        {"address": "unix:/x"},
        {"issuer": "http://id.example"},
        {"address": "http://10.0.0.1:8400"},
        {"address": "http://localhost.id.example"},
    ],
)
def test_what_cannot_work_is_refused_at_the_start(wrong: dict[str, str]) -> None:
    """X1."""
    given = {"issuer": "https://id.example", "client_id": "gate", "client_secret": "s"} | wrong
    with pytest.raises(ValueError, match=r"needed|address|more than"):
        Gatewright(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "right",
    [
        {"issuer": "http://127.0.0.1:8400"},
        {"issuer": "http://localhost:8400"},
        {"issuer": "http://id.example", "address": "http://[::1]:8400"},
        {"issuer": "http://id.example", "address": "https://id.internal"},
        {"address": "http://gatewright:8400", "insecure_http": True},
    ],
)
def test_secrets_go_over_https_unless_told_otherwise(right: dict[str, Any]) -> None:
    """T13: http is for this computer."""
    given = {"issuer": "https://id.example", "client_id": "gate", "client_secret": "s"} | right
    Gatewright(**given).close()
    AsyncGatewright(**given)


def test_no_repr_shows_the_secret() -> None:
    """T13."""
    guard = Gatewright("https://id.example", client_id="gate", client_secret="canary-88")
    shown = repr((guard, AsyncGatewright("https://id.example", client_id="gate", client_secret="canary-88")))
    assert "canary-88" not in shown + repr(vars(guard))
    guard.close()
