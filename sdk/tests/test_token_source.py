"""The token source by itself: what needs no server. tests/sdk tries it at the real one."""

import asyncio
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gatewright_sdk.tokens import (
    AsyncClientCredentials,
    AsyncTokenSource,
    ClientCredentials,
    FileStore,
    MemoryStore,
    NotAuthorized,
    Tokens,
    TokenSource,
)

ISSUER = "https://id.example"
ACCOUNT = f"{ISSUER} app "


def kept(access_token: str) -> Tokens:
    """Return tokens that are fresh for an hour."""
    now = time.time()
    return Tokens(access_token=access_token, refresh_token="gwr", obtained_at=now - 3600, expires_at=now + 3600)


def due() -> Tokens:
    """Return tokens that are good for half a minute."""
    now = time.time()
    return Tokens(access_token="due", refresh_token="gwr", obtained_at=now - 7170, expires_at=now + 30)


async def test_a_store_without_tokens_asks_for_an_authorization() -> None:
    # T1
    with pytest.raises(NotAuthorized, match="authorize"):
        TokenSource(ISSUER, "app", store=MemoryStore()).access_token()
    with pytest.raises(NotAuthorized):
        await AsyncTokenSource(ISSUER, "app", store=MemoryStore()).access_token()


def test_what_another_process_stored_is_found_without_asking(tmp_path: Path) -> None:
    # T5
    source = TokenSource(ISSUER, "app", store=FileStore(tmp_path / "tokens.json"))
    store = FileStore(tmp_path / "tokens.json")
    store.save(ACCOUNT, kept("one"))
    assert source.access_token() == "one"
    store.save(ACCOUNT, kept("two"))
    assert source.access_token() == "one", "it is good, so nobody looks"
    assert source.renew("one") == "two"
    store.save(ACCOUNT, kept("three"))
    assert source.renew() == "three"


class Slow(MemoryStore):
    """A store of one's own that takes its time to read."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read, self.answers = threading.Event(), threading.Event()

    def load(self, account: str) -> Tokens | None:
        """Return what is kept, once it may."""
        self.is_read.set()
        assert self.answers.wait(60)
        return super().load(account)


def test_a_token_that_is_due_but_good_keeps_nobody_waiting() -> None:
    # T3: one thread renews, and the others go on with what there is
    store, got = Slow(), list[str]()
    source = TokenSource(ISSUER, "app", store=store)
    source._at_hand = due()
    renewing = threading.Thread(target=lambda: got.append(source.access_token()))
    renewing.start()
    assert store.is_read.wait(60)
    assert (source.access_token(), got) == ("due", [])
    store.save(ACCOUNT, kept("fresh"))
    store.answers.set()
    renewing.join()
    assert (got, source.access_token()) == (["fresh"], "fresh")


async def test_a_token_that_is_due_but_good_keeps_no_task_waiting() -> None:
    # T3
    store = Slow()
    source = AsyncTokenSource(ISSUER, "app", store=store)
    source._tokens._at_hand = due()
    renewing = asyncio.create_task(source.access_token())
    assert await asyncio.to_thread(store.is_read.wait, 60)
    try:
        assert await asyncio.wait_for(source.access_token(), 5) == "due"
        assert not renewing.done()
    finally:
        store.save(ACCOUNT, kept("fresh"))
        store.answers.set()
    assert (await renewing, await source.access_token()) == ("fresh", "fresh")


class Counted(ThreadPoolExecutor):
    """Threads that count what they were given to do."""

    given = 0

    def submit(self, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Count it, and do it."""
        self.given += 1
        return super().submit(*args, **kwargs)


async def test_tasks_that_waited_take_what_the_first_one_got() -> None:
    store, threads = Slow(), Counted()
    store.save(ACCOUNT, kept("fresh"))
    asyncio.get_running_loop().set_default_executor(threads)
    source = AsyncTokenSource(ISSUER, "app", store=store)
    asking = [asyncio.create_task(source.access_token()) for _ in range(50)]
    await asyncio.sleep(0)  # each of them begins
    store.answers.set()
    assert await asyncio.gather(*asking) == ["fresh"] * 50
    assert threads.given == 1


@pytest.mark.parametrize("issuer", ["http://id.example", "id.example", ""])
def test_secrets_are_not_sent_just_anywhere(issuer: str) -> None:
    # T13
    for make in (TokenSource, AsyncTokenSource):
        with pytest.raises(ValueError, match="issuer"):
            make(issuer, "app", "secret", store=MemoryStore())
    for account in (ClientCredentials, AsyncClientCredentials):
        with pytest.raises(ValueError, match="issuer"):
            account(issuer, "robot", "secret")


def test_no_repr_shows_a_secret() -> None:
    # T13
    sources = (
        TokenSource(ISSUER, "app", "gws_secret", store=MemoryStore()),
        AsyncTokenSource(ISSUER, "app", "gws_secret", store=MemoryStore()),
        ClientCredentials(ISSUER, "robot", "gws_secret"),
        AsyncClientCredentials(ISSUER, "robot", "gws_secret"),
    )
    assert [repr(source) for source in sources] == [
        "TokenSource('https://id.example', 'app')",
        "AsyncTokenSource('https://id.example', 'app')",
        "ClientCredentials('https://id.example', 'robot')",
        "AsyncClientCredentials('https://id.example', 'robot')",
    ]


_FORKING = """
import os, sys, threading
from gatewright_sdk.tokens import FileStore, TokenSource
source = TokenSource("https://id.example", "app", store=FileStore(sys.argv[1]))
held, over = threading.Event(), threading.Event()
def renew():
    with source._turn:
        held.set()
        over.wait()
thread = threading.Thread(target=renew)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    os._exit(7 if source.renew("none of these") == "one" else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
over.set()
thread.join()
"""


def test_a_process_forked_during_a_renewal_takes_its_own_turn(tmp_path: Path) -> None:
    FileStore(tmp_path / "tokens.json").save(ACCOUNT, kept("one"))
    command = [sys.executable, "-W", "ignore", "-c", _FORKING, str(tmp_path / "tokens.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "7\n"


_FORKING_A_LOOP = """
import asyncio, os, sys
from gatewright_sdk.tokens import AsyncTokenSource, FileStore
source = AsyncTokenSource("https://id.example", "app", store=FileStore(sys.argv[1]))
async def in_child():
    return await asyncio.wait_for(source.renew("none of these"), 30)
async def main():
    async with source._turn:
        child = os.fork()
        if child == 0:
            asyncio._set_running_loop(None)
            os._exit(7 if asyncio.run(in_child()) == "one" else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
asyncio.run(main())
"""


def test_a_process_forked_during_a_tasks_renewal_takes_its_own_turn(tmp_path: Path) -> None:
    FileStore(tmp_path / "tokens.json").save(ACCOUNT, kept("one"))
    command = [sys.executable, "-W", "ignore", "-c", _FORKING_A_LOOP, str(tmp_path / "tokens.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "7\n"
