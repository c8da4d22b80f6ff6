"""The token source by itself: what needs no server. tests/sdk tries it at the real one."""

import subprocess
import sys
import threading
import time
from pathlib import Path

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


def kept(access_token: str) -> Tokens:
    """Return tokens that are fresh for an hour."""
    now = time.time()
    return Tokens(access_token=access_token, refresh_token="gwr", obtained_at=now - 3600, expires_at=now + 3600)


async def test_a_store_without_tokens_asks_for_an_authorization() -> None:
    # T1
    with pytest.raises(NotAuthorized, match="authorize"):
        TokenSource(ISSUER, "app", store=MemoryStore()).access_token()
    with pytest.raises(NotAuthorized):
        await AsyncTokenSource(ISSUER, "app", store=MemoryStore()).access_token()


def test_what_another_process_stored_is_found_without_asking(tmp_path: Path) -> None:
    # T5
    source = TokenSource(ISSUER, "app", store=FileStore(tmp_path / "tokens.json"))
    store, account = FileStore(tmp_path / "tokens.json"), f"{ISSUER} app "
    store.save(account, kept("one"))
    assert source.access_token() == "one"
    store.save(account, kept("two"))
    assert source.access_token() == "one", "it is good, so nobody looks"
    assert source.renew("one") == "two"
    store.save(account, kept("three"))
    assert source.renew() == "three"


def test_a_token_that_is_due_but_good_keeps_nobody_waiting() -> None:
    # T3: one thread renews, and the others go on with what there is
    store = MemoryStore()
    source, account, now = TokenSource(ISSUER, "app", store=store), f"{ISSUER} app ", time.time()
    due = Tokens(access_token="due", refresh_token="gwr", obtained_at=now - 7170, expires_at=now + 30)
    source._at_hand = due
    store.save(account, due)
    got: list[str] = []
    renewing = threading.Thread(target=lambda: got.append(source.access_token()))
    with store.lock(account):
        renewing.start()
        while not source._turn.locked():
            time.sleep(0.001)
        assert (source.access_token(), got) == ("due", [])
        store.save(account, kept("fresh"))
    renewing.join()
    assert (got, source.access_token()) == (["fresh"], "fresh")


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
    FileStore(tmp_path / "tokens.json").save(f"{ISSUER} app ", kept("one"))
    command = [sys.executable, "-W", "ignore", "-c", _FORKING, str(tmp_path / "tokens.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "7\n"
