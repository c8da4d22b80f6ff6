"""What a token source does when a renewal fails: go on with a good token, and lose none."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sdk.tests.token_server import TokenServer, token_server

from gatewright_sdk.token_errors import AuthorizationEnded, RequestRefused, StoreBusy, StoreFailed, TokenError
from gatewright_sdk.tokens import ClientCredentials, FileStore, MemoryStore, Tokens, TokenSource

REFUSED = {"error": "access_denied", "error_description": "A firewall says no."}
TROUBLES = {"locked": StoreBusy, "unwritable": StoreFailed, "refused": RequestRefused}


@pytest.fixture
def server() -> Iterator[TokenServer]:
    """Lend a token endpoint."""
    with token_server() as lent:
        yield lent


@pytest.fixture(params=TROUBLES)
def trouble(request: pytest.FixtureRequest) -> str:
    """Return each reason for which a renewal fails."""
    return str(request.param)


def kept(*, seconds: float) -> Tokens:
    """Return tokens that are good for so long, of an hour."""
    now = time.time()
    return Tokens(access_token="kept", refresh_token="gwr", obtained_at=now - 3600, expires_at=now + seconds)


def source_of(server: TokenServer, path: Path, *, seconds: float, patience: float = 0.4) -> TokenSource:
    """Return a source whose store has tokens that are good for so long."""
    source = TokenSource(server.issuer, "app", "secret", store=FileStore(path), timeout=0.2, patience=patience)
    source._store.save(source._account, kept(seconds=seconds))
    return source


@contextmanager
def troubled(trouble: str, server: TokenServer, source: TokenSource, path: Path) -> Iterator[None]:
    """Let renewals fail for a while."""
    with ExitStack() as stack:
        match trouble:
            case "locked":
                stack.enter_context(FileStore(path).lock(source._account))
            case "unwritable":
                path.with_name(f"{path.name}.new").mkdir()  # stands for a disk on which nothing can be written
                stack.callback(path.with_name(f"{path.name}.new").rmdir)
            case _:
                server.status, server.said = 403, REFUSED
        yield
    server.status, server.said = 200, {}


def test_a_good_token_is_given_though_its_renewal_fails(server: TokenServer, tmp_path: Path, trouble: str) -> None:
    # T5: at once, and the next calls do not try again before a rest is over
    path = tmp_path / "tokens.json"
    source = source_of(server, path, seconds=30, patience=20)
    with troubled(trouble, server, source, path):
        began = time.monotonic()
        assert [source.access_token() for _ in range(20)] == ["kept"] * 20
        assert time.monotonic() - began < 4
        assert len(server.asked) == (1 if trouble == "refused" else 0)
    assert began + 4 < source._rests_until < time.monotonic() + 6
    source._rests_until = time.monotonic()
    assert source.access_token().startswith("fresh")


def test_a_failed_renewal_is_raised_where_no_token_is_good(server: TokenServer, tmp_path: Path, trouble: str) -> None:
    # T5
    path = tmp_path / "tokens.json"
    source = source_of(server, path, seconds=-30)
    good = source_of(server, path, seconds=30)
    with troubled(trouble, server, source, path), pytest.raises(TROUBLES[trouble]):
        good.renew("kept")  # good by its time, but a call with it was answered 401
    source = source_of(server, path, seconds=-30)
    with troubled(trouble, server, source, path), pytest.raises(TROUBLES[trouble]):
        source.access_token()
    assert source.access_token().startswith("fresh")


def test_a_service_accounts_good_token_is_given_though_its_renewal_is_refused(server: TokenServer) -> None:
    # S4
    source = ClientCredentials(server.issuer, "robot", "secret")
    source._at_hand = kept(seconds=30)
    server.status, server.said = 403, REFUSED
    assert [source.access_token() for _ in range(20)] == ["kept"] * 20
    assert len(server.asked) == 1
    with pytest.raises(RequestRefused):
        source.renew("kept")
    source._at_hand = kept(seconds=-1)
    with pytest.raises(RequestRefused):
        source.access_token()


def test_a_store_that_cannot_be_written_fails_before_a_token_is_consumed(server: TokenServer, tmp_path: Path) -> None:
    # T5: afterwards the successor would be promised for the retry window alone
    path = tmp_path / "tokens.json"
    source = source_of(server, path, seconds=-30)
    with troubled("unwritable", server, source, path):
        for _ in range(3):
            with pytest.raises(StoreFailed):
                source.access_token()
        with pytest.raises(StoreFailed):
            source.renew("kept")
    assert server.asked == []


def test_a_store_that_cannot_be_written_fails_before_a_code_is_used(server: TokenServer, tmp_path: Path) -> None:
    # T2: a code works once
    path = tmp_path / "tokens.json"
    source = source_of(server, path, seconds=-30)
    with troubled("unwritable", server, source, path), pytest.raises(StoreFailed):
        source.start(code="code", redirect_uri="https://your.example/callback")
    assert server.asked == []
    assert source.start(code="code", redirect_uri="https://your.example/callback") == "fresh-1"


class Filling(FileStore):
    """A disk that is full once the record that is there was written again."""

    def save(self, account: str, tokens: Tokens | None) -> None:
        """Keep what was kept; StoreFailed for anything new."""
        if tokens != self.load(account):
            raise StoreFailed("no space left")
        super().save(account, tokens)


def test_a_successor_that_cannot_be_stored_is_asked_for_again(server: TokenServer, tmp_path: Path) -> None:
    # T6: nobody sees it, and the token at hand goes on
    path = tmp_path / "tokens.json"
    source = source_of(server, path, seconds=30)
    source._store = Filling(path)
    assert [source.access_token() for _ in range(20)] == ["kept"] * 20
    assert [one["refresh_token"] for one in server.asked] == ["gwr"]
    with pytest.raises(StoreFailed):
        source.renew("kept")
    source._store = FileStore(path)
    assert source.renew("kept") == "fresh-3"
    assert [one["refresh_token"] for one in server.asked] == ["gwr"] * 3


def test_an_end_is_told_though_it_cannot_be_marked(server: TokenServer, tmp_path: Path) -> None:
    # T10: a good token does not hide it
    source = source_of(server, tmp_path / "tokens.json", seconds=30)
    source._store = Filling(tmp_path / "tokens.json")
    server.status, server.said = 400, {"error": "invalid_grant", "reason": "revoked"}
    with pytest.raises(AuthorizationEnded, match="revoked"):
        source.access_token()


class Noting(MemoryStore):
    """A store of one's own that notes how long its lock is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    @contextmanager
    def lock(self, account: str, *, seconds: float = -1) -> Iterator[None]:
        """Note it."""
        self.waited.append(seconds)
        with super().lock(account, seconds=seconds):
            yield


def test_whoever_has_no_token_waits_as_long_as_one_renewal_may_take(server: TokenServer) -> None:
    # T5: patience, then a last request that waits to connect, to be sent and to be answered
    store = Noting()
    source = TokenSource(server.issuer, "app", "secret", store=store, timeout=5, patience=100)
    for seconds in (-30.0, 30.0):
        store.save(source._account, kept(seconds=seconds))
        source._at_hand = None
        assert source.access_token().startswith("fresh")
    store.save(source._account, kept(seconds=30))
    source.renew("kept")
    source.start(code="code", redirect_uri="https://your.example/callback")
    source.revoke()
    assert store.waited == [115, 0, 115, 115, 115]


def test_a_redirected_request_is_sent_nowhere_else(server: TokenServer, tmp_path: Path) -> None:
    # T13: a 307 would post the refresh token and the secret to whomever it names
    source = source_of(server, tmp_path / "tokens.json", seconds=-30)
    with token_server() as other:
        server.status, server.said, server.location = 307, REFUSED, f"{other.issuer}/oauth/token"
        for ask in (source.access_token, source.revoke):
            with pytest.raises(TokenError):
                ask()
        assert (len(server.asked), other.asked) == (2, [])


_FORKING_WITH_MEMORY = """
import os
from dataclasses import replace
from gatewright_sdk.tokens import MemoryStore, StoreFailed, Tokens, TokenSource
source = TokenSource("https://id.example", "app", store=MemoryStore())
source._keep(Tokens(access_token="a", refresh_token="b", obtained_at=1.0, expires_at=4e9))
assert source.access_token() == "a"
child = os.fork()
if child == 0:
    try:
        source.access_token()
    except StoreFailed as error:
        os._exit(7 if "one process" in str(error) else 1)
    os._exit(2)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert source.access_token() == "a"
"""


def test_a_forked_process_is_told_at_once_that_memory_is_not_for_it() -> None:
    # T6: and not when the token it inherited is over, an hour later
    subprocess.run([sys.executable, "-c", _FORKING_WITH_MEMORY], check=True, timeout=60)
