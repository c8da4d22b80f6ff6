"""The SDK's token source at the real server: one renewal for all, and no answer lost for good."""

import asyncio
import base64
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import pytest_asyncio

from gatewright.apps.service import change_app
from gatewright.base import clock
from gatewright.base.ids import AppId
from gatewright.events.catalogue import SYSTEM
from gatewright_sdk.token_errors import (
    AuthorizationEnded,
    NotAuthorized,
    RequestRefused,
    ServerUnreachable,
    StoreFailed,
)
from gatewright_sdk.tokens import (
    AsyncClientCredentials,
    AsyncTokenSource,
    ClientCredentials,
    FileStore,
    MemoryStore,
    Store,
    Tokens,
    TokenSource,
)
from tests.support.relay import Relay, relay_to
from tests.support.served import ServedWorld, served_world

THREADS = 32
PROCESSES = 8


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServedWorld]:
    """Lend a world behind one real server process; each test authorizes anew, and so has tokens of its own."""
    async with served_world(tmp_path_factory.mktemp("served"), workers=1) as served:
        yield served


@pytest.fixture
def relay(world: ServedWorld) -> Iterator[Relay]:
    """Lend a relay to the server, which may swallow answers or go away."""
    with relay_to(address(world)) as opened:
        yield opened


def address(world: ServedWorld) -> str:
    """Return the server's address."""
    return str(world.workers[0].base_url).rstrip("/")


def source_of(
    world: ServedWorld, store: Store, app: str = "crane", *, at: str = "", patience: float = 30.0
) -> TokenSource:
    """Return a token source of one of the world's apps; `at`: another way to the server."""
    registered = world.apps[app]
    return TokenSource(
        at or address(world), registered.client_id, registered.secret, store=store, timeout=5.0, patience=patience
    )


async def started(world: ServedWorld, source: TokenSource, app: str = "crane") -> str:
    """Return the first access token of an authorization by ada."""
    redirect_uri = world.apps[app].redirect_uri
    begun = source.begin(redirect_uri=redirect_uri)
    asked = dict(parse_qsl(urlsplit(begun.url).query))
    assert asked.pop("state") == begun.state
    code = await world.code("ada", app, **asked)
    return await asyncio.to_thread(
        source.start, code=code, redirect_uri=redirect_uri, code_verifier=begun.code_verifier
    )


def kept(source: TokenSource) -> Tokens:
    """Return what the source's store holds."""
    found = source._store.load(source._account)
    assert found is not None
    return found


def age(source: TokenSource) -> None:
    """Let what is kept look as if it ended an hour ago, to whoever reads the store from now on."""
    over = replace(kept(source), obtained_at=time.time() - 3 * 3600, expires_at=time.time() - 3600)
    source._store.save(source._account, over)


def generation(access_token: str) -> int:
    """Return how often the family had been renewed when this token was issued."""
    return int(str(claims(access_token)["gen"]))


def claims(access_token: str) -> dict[str, object]:
    """Return what stands in an access token."""
    said: dict[str, object] = json.loads(base64.urlsafe_b64decode(access_token.split(".")[1] + "==="))
    return said


def at_once(count: int, work: Callable[[], str]) -> list[str]:
    """Return what `work` returned to so many threads that began together."""
    ready, answers = threading.Barrier(count), []

    def one() -> None:
        ready.wait()
        answers.append(work())

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == count
    return answers


async def lives(world: ServedWorld, access_token: str) -> bool:
    """Return whether the API takes the token. It counts as shown from then on (T6)."""
    return (await world.call(access_token, "/rest/v1.0/me")).status_code == 200


async def test_a_code_becomes_tokens_that_are_kept_and_renewed(world: ServedWorld, tmp_path: Path) -> None:
    # T4
    source = source_of(world, FileStore(tmp_path / "tokens.json"))
    with pytest.raises(NotAuthorized):
        source.access_token()
    first = await started(world, source)
    assert source.access_token() == first
    assert source_of(world, FileStore(tmp_path / "tokens.json")).access_token() == first
    assert await lives(world, first)
    second = await asyncio.to_thread(source.renew, first)
    assert (generation(second), await lives(world, second)) == (generation(first) + 1, True)
    assert await asyncio.to_thread(source.renew, first) == second, "whoever was refused with the first gets the second"
    assert generation(await asyncio.to_thread(source.renew)) == generation(first) + 2


async def test_many_threads_renew_once(world: ServedWorld, tmp_path: Path) -> None:
    # T5: one source, and one source each
    source = source_of(world, FileStore(tmp_path / "tokens.json"))
    first = await started(world, source)
    (second,) = set(await asyncio.to_thread(at_once, THREADS, lambda: source.renew(first)))
    age(source)

    def another_source() -> str:
        return source_of(world, FileStore(tmp_path / "tokens.json")).access_token()

    (third,) = set(await asyncio.to_thread(at_once, THREADS, another_source))
    assert [generation(token) - generation(first) for token in (second, third)] == [1, 2]
    assert await lives(world, third)


_ASKING = """
import sys
from gatewright_sdk.tokens import FileStore, TokenSource
issuer, client_id, secret, path = sys.argv[1:]
source = TokenSource(issuer, client_id, secret, store=FileStore(path))
print("ready", flush=True)
sys.stdin.readline()
print(source.access_token(), flush=True)
"""


def processes_at_once(count: int, world: ServedWorld, path: Path) -> list[str]:
    """Return the access tokens that so many processes got which asked together."""
    app = world.apps["crane"]
    command = [sys.executable, "-c", _ASKING, address(world), app.client_id, app.secret or "", str(path)]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)
    ]
    assert [process.stdout.readline() for process in running if process.stdout] == ["ready\n"] * count
    for process in running:
        assert process.stdin is not None
        process.stdin.write("now\n")
        process.stdin.flush()
    return [process.communicate(timeout=60)[0].strip() for process in running]


async def test_a_token_that_is_good_outlasts_lost_answers(world: ServedWorld, relay: Relay) -> None:
    # T5: and the server is not asked again at once by every call
    source = source_of(world, MemoryStore(), at=relay.base_url, patience=0.5)
    first = await started(world, source)
    due = replace(kept(source), obtained_at=time.time() - 7170, expires_at=time.time() + 30)
    source._store.save(source._account, due)
    fresh = source_of(world, source._store, at=relay.base_url, patience=0.5)
    relay.swallows = 10_000
    assert await asyncio.to_thread(fresh.access_token) == first
    lost = len(relay.swallowed)
    assert [await asyncio.to_thread(fresh.access_token) for _ in range(20)] == [first] * 20
    assert len(relay.swallowed) == lost > 1
    relay.swallows = 0
    assert generation(await asyncio.to_thread(fresh.renew, first)) == generation(first) + 1


@pytest.mark.parametrize("window", [None, timedelta(0)], ids=["deployment's window", "strict"])
async def test_many_processes_renew_once(world: ServedWorld, tmp_path: Path, window: timedelta | None) -> None:
    # T5, T6: with a retry window of 0 a second rotation would end the family
    await allow_retries(world, "crane", window)
    source = source_of(world, FileStore(tmp_path / "tokens.json"))
    first = await started(world, source)
    for round_ in (1, 2):
        age(source)
        (got,) = set(await asyncio.to_thread(processes_at_once, PROCESSES, world, tmp_path / "tokens.json"))
        assert generation(got) == generation(first) + round_
        assert await lives(world, got)
    await allow_retries(world, "crane", None)


async def allow_retries(world: ServedWorld, app: str, window: timedelta | None) -> None:
    """Give an app a retry window of its own; None: the deployment's."""
    await change_app(
        world.house.database,
        app_id=AppId(world.apps[app].id),
        retry_window=window,
        origin=SYSTEM,
        now=clock.now(),
    )


@pytest.mark.parametrize("lost", [1, 3])
async def test_a_lost_answer_is_asked_for_again(world: ServedWorld, relay: Relay, tmp_path: Path, lost: int) -> None:
    # T5: the server committed, and the answer never came
    source = source_of(world, FileStore(tmp_path / "tokens.json"), at=relay.base_url)
    first = await started(world, source)
    relay.swallows = lost
    second = await asyncio.to_thread(source.renew, first)
    promised = {json.loads(answer.split(b"\r\n\r\n")[1])["refresh_token"] for answer in relay.swallowed}
    assert promised == {kept(source).refresh_token}, "the server repeated one successor, and it is what is kept"
    assert (len(relay.swallowed), generation(second)) == (lost, generation(first) + 1)
    assert await lives(world, second)


async def test_patience_that_ends_loses_nothing(world: ServedWorld, relay: Relay, tmp_path: Path) -> None:
    # T5
    source = source_of(world, FileStore(tmp_path / "tokens.json"), at=relay.base_url, patience=0.5)
    first, before = await started(world, source), kept(source)
    relay.swallows = 10_000
    with pytest.raises(ServerUnreachable):
        await asyncio.to_thread(source.renew, first)
    assert len(relay.swallowed) > 1
    assert kept(source) == before
    relay.swallows = 0
    assert await lives(world, await asyncio.to_thread(source.renew, first))


async def test_a_server_that_is_down_costs_nothing_but_the_call(
    world: ServedWorld, relay: Relay, tmp_path: Path
) -> None:
    # T4
    path = tmp_path / "tokens.json"
    source = source_of(world, FileStore(path), at=relay.base_url, patience=0.5)
    first = await started(world, source)
    due = replace(kept(source), obtained_at=time.time() - 7170, expires_at=time.time() + 30)
    source._store.save(source._account, due)
    relay.close()
    with pytest.raises(ServerUnreachable):
        await asyncio.to_thread(source.renew, first)
    later = source_of(world, FileStore(path), at=relay.base_url, patience=0.5)
    assert await asyncio.to_thread(later.access_token) == first, "due for renewal, but good until its end"
    assert kept(source) == due
    age(source)
    with pytest.raises(ServerUnreachable):
        await asyncio.to_thread(source_of(world, FileStore(path), at=relay.base_url, patience=0.5).access_token)
    relay.open()
    assert await lives(world, await asyncio.to_thread(source.renew, first))


_DYING = """
import os, signal, sys
from gatewright_sdk.tokens import FileStore, TokenSource
issuer, client_id, secret, path, account = sys.argv[1:]
class Dying(FileStore):
    def save(self, account, tokens):
        if tokens == self.load(account):
            return super().save(account, tokens)
        os.kill(os.getpid(), signal.SIGKILL)
source = TokenSource(issuer, client_id, secret, store=Dying(path))
source._account = account
source.access_token()
"""


async def test_a_process_killed_between_answer_and_save_loses_nothing(world: ServedWorld, tmp_path: Path) -> None:
    # T5
    path = tmp_path / "tokens.json"
    source = source_of(world, FileStore(path))
    first = await started(world, source)
    age(source)
    app = world.apps["crane"]
    command = [sys.executable, "-c", _DYING, address(world), app.client_id, app.secret or "", str(path)]
    for _ in range(2):
        died = await asyncio.to_thread(subprocess.run, [*command, source._account], check=False)
        assert died.returncode == -signal.SIGKILL
    got = await asyncio.to_thread(source_of(world, FileStore(path)).access_token)
    assert generation(got) == generation(first) + 1
    assert await lives(world, got)


class Filling(FileStore):
    """A disk that is full once the record that is there was written again."""

    def save(self, account: str, tokens: Tokens | None) -> None:
        """Keep what was kept; StoreFailed for anything new."""
        if tokens != self.load(account):
            raise StoreFailed("no space left")
        super().save(account, tokens)


async def test_a_token_that_could_not_be_kept_is_not_used(world: ServedWorld, tmp_path: Path) -> None:
    # T6: its first use would end the retry, and then nobody would have the successor
    source = source_of(world, FileStore(tmp_path / "tokens.json"))
    first = await started(world, source)
    source._store = Filling(tmp_path / "tokens.json")
    with pytest.raises(StoreFailed):
        await asyncio.to_thread(source.renew, first)
    assert source.access_token() == first
    source._store = FileStore(tmp_path / "tokens.json")
    assert generation(await asyncio.to_thread(source.renew, first)) == generation(first) + 1


async def test_what_another_worker_stored_is_used(world: ServedWorld, tmp_path: Path) -> None:
    # T6: superseded, told to a worker whose store comes late
    source = source_of(world, MemoryStore())
    first, before = await started(world, source), kept(source)
    successor = await world.refresh("crane", before.refresh_token)
    second = successor.json()["access_token"]
    assert await lives(world, second)
    theirs = replace(before, access_token=second, refresh_token=successor.json()["refresh_token"])
    late = threading.Timer(0.3, lambda: source._store.save(source._account, theirs))
    late.start()
    assert await asyncio.to_thread(source.renew, first) == second
    late.join()
    assert generation(await asyncio.to_thread(source.renew, second)) == generation(first) + 2


async def test_a_superseded_token_is_never_shown_again(world: ServedWorld, relay: Relay) -> None:
    # T6: ten seconds later it would be a replay, and end the family of the worker that has the successor
    source = source_of(world, MemoryStore(), at=relay.base_url)
    first, before = await started(world, source), kept(source)
    successor = await world.refresh("crane", before.refresh_token)
    assert await lives(world, successor.json()["access_token"])
    with pytest.raises(AuthorizationEnded) as caught:
        await asyncio.to_thread(source.renew, first)
    assert caught.value.reason == "superseded"
    assert kept(source) == replace(before, ended="superseded")
    relay.swallows = 1
    for ask in (source.access_token, source.renew):
        with pytest.raises(AuthorizationEnded):
            ask()
    assert relay.swallowed == [], "the server is not asked again"
    assert (await world.refresh("crane", successor.json()["refresh_token"])).status_code == 200


async def test_an_ended_authorization_is_told_once_for_all(world: ServedWorld, relay: Relay, tmp_path: Path) -> None:
    # T10
    source = source_of(world, FileStore(tmp_path / "tokens.json"), at=relay.base_url)
    first, before = await started(world, source), kept(source)
    browser = await world.signed_in("ada")
    ended = await world.submit(browser, f"/account/apps/{world.apps['crane'].id}/end", at="/account/apps")
    assert ended.status_code == 303
    with pytest.raises(AuthorizationEnded) as caught:
        await asyncio.to_thread(source.renew, first)
    assert caught.value.reason == "authorization_ended"
    assert kept(source) == replace(before, ended="authorization_ended"), "kept for inspection"
    relay.swallows = 1
    with pytest.raises(AuthorizationEnded):
        source_of(world, FileStore(tmp_path / "tokens.json"), at=relay.base_url).access_token()
    assert relay.swallowed == [], "the server is not asked again"
    relay.swallows = 0
    again = await started(world, source)
    assert (source.access_token(), await lives(world, again)) == (again, True)


async def test_a_wrong_secret_is_no_end(world: ServedWorld, tmp_path: Path) -> None:
    # T4
    source = source_of(world, FileStore(tmp_path / "tokens.json"))
    first, before = await started(world, source), kept(source)
    wrong = TokenSource(address(world), world.apps["crane"].client_id, "gws_wrong", store=source._store)
    with pytest.raises(RequestRefused) as caught:
        await asyncio.to_thread(wrong.renew, first)
    assert (caught.value.status, caught.value.error) == (401, "invalid_client")
    assert kept(source) == before
    assert await lives(world, await asyncio.to_thread(source.renew, first))


async def test_a_code_works_once(world: ServedWorld) -> None:
    # T2
    source = source_of(world, MemoryStore())
    code = await world.code("ada", "crane")
    await asyncio.to_thread(source.start, code=code, redirect_uri=world.apps["crane"].redirect_uri)
    with pytest.raises(AuthorizationEnded) as caught:
        await asyncio.to_thread(source.start, code=code, redirect_uri=world.apps["crane"].redirect_uri)
    assert caught.value.reason == "code_used"


async def test_a_code_is_bound_to_what_began_it(world: ServedWorld) -> None:
    # T2
    source, redirect_uri = source_of(world, MemoryStore()), world.apps["crane"].redirect_uri
    first, other = (source.begin(redirect_uri=redirect_uri, scope="company.manage") for _ in range(2))
    assert (first.state != other.state, first.code_verifier != other.code_verifier) == (True, True)
    assert first.state not in repr(first)
    code = await world.code("ada", "crane", **dict(parse_qsl(urlsplit(first.url).query)))
    with pytest.raises(AuthorizationEnded) as caught:
        await asyncio.to_thread(source.start, code=code, redirect_uri=redirect_uri, code_verifier=other.code_verifier)
    assert caught.value.reason == "code_verifier_mismatch"
    code = await world.code("ada", "crane", **dict(parse_qsl(urlsplit(first.url).query)))
    verifier = first.code_verifier
    got = await asyncio.to_thread(source.start, code=code, redirect_uri=redirect_uri, code_verifier=verifier)
    assert claims(got)["scope"] == "company.manage"


async def test_a_code_whose_answer_was_lost_is_not_sent_again(world: ServedWorld, relay: Relay) -> None:
    # T2: a second use ends what the first one opened
    source = source_of(world, MemoryStore(), at=relay.base_url)
    code = await world.code("ada", "crane")
    relay.swallows = 10
    with pytest.raises(ServerUnreachable):
        await asyncio.to_thread(source.start, code=code, redirect_uri=world.apps["crane"].redirect_uri)
    assert len(relay.swallowed) == 1


async def test_revoking_ends_the_tokens_there_and_forgets_them_here(
    world: ServedWorld, relay: Relay, tmp_path: Path
) -> None:
    # T9
    source = source_of(world, FileStore(tmp_path / "tokens.json"), at=relay.base_url)
    first = await started(world, source)
    relay.swallows = 1
    await asyncio.to_thread(source.revoke)
    assert len(relay.swallowed) == 1
    assert not await lives(world, first)
    with pytest.raises(NotAuthorized):
        source.renew(first)
    await asyncio.to_thread(source.revoke)
    assert b"gwr_" not in (tmp_path / "tokens.json").read_bytes()


async def test_a_public_app_has_no_secret(world: ServedWorld) -> None:
    # T5, D2
    source = source_of(world, MemoryStore(), "pocket")
    first = await started(world, source, "pocket")
    second = await asyncio.to_thread(source.renew, first)
    assert (generation(second), await lives(world, second)) == (generation(first) + 1, True)
    await asyncio.to_thread(source.revoke)
    assert not await lives(world, second)


async def test_accounts_and_apps_share_a_file_and_nothing_else(world: ServedWorld, tmp_path: Path) -> None:
    # T7
    path, crane, plain = tmp_path / "tokens.json", world.apps["crane"], world.apps["plain"]
    ada = TokenSource(address(world), crane.client_id, crane.secret, store=FileStore(path), account="ada")
    bea = TokenSource(address(world), crane.client_id, crane.secret, store=FileStore(path), account="bea")
    other = TokenSource(address(world), plain.client_id, plain.secret, store=FileStore(path), account="ada")
    first = await started(world, ada)
    for source in (bea, other):
        with pytest.raises(NotAuthorized):
            source.access_token()
    assert await started(world, other, "plain") == other.access_token() != first == ada.access_token()


async def test_a_service_account_gets_one_token_for_many_threads(world: ServedWorld) -> None:
    # S4
    robot = world.robots["robot"]
    source = ClientCredentials(address(world), robot.client_id, robot.secret)
    (first,) = set(await asyncio.to_thread(at_once, THREADS, source.access_token))
    assert await lives(world, first)
    (second,) = set(await asyncio.to_thread(at_once, THREADS, lambda: source.renew(first)))
    assert second != first
    assert source.access_token() == second
    with pytest.raises(RequestRefused) as caught:
        await asyncio.to_thread(ClientCredentials(address(world), robot.client_id, "gws_wrong").access_token)
    assert caught.value.error == "invalid_client"


async def test_many_tasks_renew_once(world: ServedWorld, tmp_path: Path) -> None:
    # T5, S4
    crane, robot = world.apps["crane"], world.robots["robot"]
    source = AsyncTokenSource(address(world), crane.client_id, crane.secret, store=FileStore(tmp_path / "tokens.json"))
    code = await world.code("ada", "crane")
    first = await source.start(code=code, redirect_uri=crane.redirect_uri)
    assert await source.access_token() == first
    (second,) = set(await asyncio.gather(*(source.renew(first) for _ in range(THREADS))))
    assert generation(second) == generation(first) + 1
    await source.revoke()
    with pytest.raises(NotAuthorized):
        await source.access_token()
    account = AsyncClientCredentials(address(world), robot.client_id, robot.secret)
    (got,) = set(await asyncio.gather(*(account.access_token() for _ in range(THREADS))))
    assert await lives(world, got)


async def test_a_renewal_is_finished_though_its_task_is_cancelled(world: ServedWorld, tmp_path: Path) -> None:
    # T5
    crane = world.apps["crane"]
    store = FileStore(tmp_path / "tokens.json")
    source = AsyncTokenSource(address(world), crane.client_id, crane.secret, store=store)
    code = await world.code("ada", "crane")
    first = await source.start(code=code, redirect_uri=crane.redirect_uri)
    task = asyncio.create_task(source.renew(first))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert generation(await source.renew(first)) == generation(first) + 1


async def test_nothing_shown_or_logged_holds_a_secret(
    world: ServedWorld, relay: Relay, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # T13
    caplog.set_level("DEBUG")
    source = source_of(world, FileStore(tmp_path / "tokens.json"), at=relay.base_url, patience=0.3)
    first = await started(world, source)
    held = [first, kept(source).refresh_token, world.apps["crane"].secret or ""]
    relay.swallows = 10_000
    with pytest.raises(ServerUnreachable) as caught:
        await asyncio.to_thread(source.renew, first)
    shown = [repr(source), repr(source._endpoint), repr(kept(source)), repr(FileStore(tmp_path)), caplog.text]
    error: BaseException | None = caught.value
    while error is not None:
        shown += [str(error), repr(error), repr(vars(error))]
        error = error.__cause__
    assert all(held)
    assert "ServerUnreachable" in repr(shown)
    assert not [text for text in shown for secret in held if secret in text]
