"""The tail of a process: it tells everything in order, or ends."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from sqlalchemy import text

from gatewright.authz.feed_stream import ALIVE, EventStream, Follower, Opening, messages, opening
from gatewright.authz.feed_tail import MOST_KEPT, MOST_STREAMS, CannotFollow, Stretch, Tail, message, told
from gatewright.base.errors import RateLimited, Unavailable
from gatewright.base.ids import CompanyId, SecretId
from gatewright.db.engine import Database
from gatewright.events.catalogue import SYSTEM, AppBlocked, CompanyChanged, Event
from gatewright.events.facts import Facts, ReadThrough
from gatewright.events.keys import tag
from gatewright.events.log import record_all
from gatewright.events.positions import Touched
from tests.support.tenants import NOON, Tenants

SOON = 20
NEVER = timedelta(hours=1)


@pytest.fixture
async def tail(database: Database) -> AsyncIterator[Tail]:
    """Lend the running tail of a process, which polls so seldom that only its own commits wake it."""
    made = Tail(database, pace=NEVER)
    async with made.running():
        yield made


async def commit(database: Database, *company_ids: int) -> None:
    """Commit an event about each company, in one transaction."""
    happened: list[Event] = [CompanyChanged(company_id=CompanyId(company_id)) for company_id in company_ids]
    await database.write(lambda tx: record_all(tx, happened, origin=SYSTEM, now=NOON))


async def moved(stretch: Stretch, *, to: int) -> None:
    """Wait until the stretch stands there."""
    async with asyncio.timeout(SOON):
        while stretch.position < to and not stretch.has_ended:
            await stretch.changed.wait()


async def ended(stretch: Stretch) -> None:
    """Wait until the stretch ended."""
    async with asyncio.timeout(SOON):
        while not stretch.has_ended:
            await stretch.changed.wait()


async def next_of(sent: AsyncGenerator[bytes, None], many: int = 1) -> list[bytes]:
    """Return what a stream tells next."""
    async with asyncio.timeout(SOON):
        return [await anext(sent) for _ in range(many)]


async def rest_of(sent: AsyncGenerator[bytes, None]) -> list[bytes]:
    """Return what a stream tells until it ends."""
    async with asyncio.timeout(SOON):
        return [text async for text in sent]


def touched(position: int, *, event_id: int | None = None, keys: frozenset[str] = frozenset()) -> Touched:
    """Return what was committed at a position."""
    return Touched(position, event_id or position + 100, keys)


# --- following -----------------------------------------------------------------------------------


async def test_a_commit_of_this_process_is_read_at_once(database: Database, tail: Tail) -> None:
    """T12: this tail would look by itself in an hour."""
    async with tail.streaming("a") as stretch:
        await commit(database, 1, 2)
        await moved(stretch, to=2)
        await commit(database, 3)
        await moved(stretch, to=3)
        found = stretch.after(0)
        assert found is not None
        assert [one.keys for one in found] == [{"company:1"}, {"company:2"}, {"company:3"}]
        assert (
            found[0].text
            == f'event: forget\nid: 1\ndata: {{"position": 1, "tags": ["{tag("company:1")}"]}}\n\n'.encode()
        )


async def test_a_commit_of_another_process_is_read_soon(database: Database, database_url: str) -> None:
    """T12."""
    elsewhere, tail = Database.open(database_url), Tail(database)
    async with tail.running(), tail.streaming("a") as stretch:
        for number in range(1, 4):
            await commit(elsewhere, number)
            await moved(stretch, to=number)
        assert not stretch.has_ended
    await elsewhere.close()


async def test_the_newest_position_is_read_and_not_remembered(
    database: Database, database_url: str, tail: Tail
) -> None:
    """T12: this tail has not heard of what another process committed, and a nonce must not be answered from it."""
    elsewhere = Database.open(database_url)
    async with tail.streaming("a") as stretch:
        await commit(elsewhere, 1, 2)
        assert (await tail.newest(), stretch.position) == (2, 0)
    await elsewhere.close()


async def test_more_than_is_read_at_once_is_read_to_the_end(database: Database, tail: Tail) -> None:
    """T12: one look, however much was committed before it."""
    async with tail.streaming("a") as stretch:
        await commit(database, *range(1, 901))
        await moved(stretch, to=900)
        assert [one.position for one in stretch.after(0) or ()] == list(range(1, 901))


async def test_while_nobody_follows_nothing_is_read(database: Database) -> None:
    """T12: and who comes then begins where things stand."""
    tail = Tail(database, pace=timedelta(milliseconds=5))
    async with tail.running():
        async with tail.streaming("a") as stretch:
            await commit(database, 1)
            await moved(stretch, to=1)
        await ended(stretch)
        await commit(database, 2)
        async with tail.streaming("a") as again:
            assert (again.position, again.after(2), len(again.recent)) == (2, [], 0)
        assert stretch.position == 1


async def test_a_client_has_so_many_streams_and_another_client_its_own(tail: Tail) -> None:
    """X1."""
    async with AsyncExitStack() as open_:
        for _ in range(MOST_STREAMS):
            await open_.enter_async_context(tail.streaming("a"))
        with pytest.raises(RateLimited):
            await open_.enter_async_context(tail.streaming("a"))
        assert not (await open_.enter_async_context(tail.streaming("b"))).has_ended
    async with tail.streaming("a") as again:
        assert not again.has_ended


# --- when the thread is lost ---------------------------------------------------------------------


async def test_streams_end_when_the_database_fails(database: Database) -> None:
    """T12: silence would look like nothing to forget."""
    await commit(database, 1)
    tail = Tail(database, pace=timedelta(milliseconds=5))
    async with tail.running():
        async with tail.streaming("a") as stretch:
            async with database.writer.begin() as connection:
                await connection.execute(text("ALTER TABLE events RENAME TO away"))
            await ended(stretch)
        async with database.writer.begin() as connection:
            await connection.execute(text("ALTER TABLE away RENAME TO events"))
        async with tail.streaming("a") as again:  # it lives on
            await commit(database, 2)
            await moved(again, to=2)


async def test_streams_end_when_the_database_does_not_answer(database: Database) -> None:
    """T12: all connections are lent, and none comes back."""
    tail = Tail(database, pace=timedelta(milliseconds=5), answered_within=timedelta(milliseconds=50))
    async with AsyncExitStack() as lent, tail.running(), tail.streaming("a") as stretch:
        for _ in range(10 if database.dialect == "postgresql" else 4):
            await lent.enter_async_context(database.read())
        await ended(stretch)


async def test_streams_end_when_the_database_went_back(database: Database) -> None:
    """T12: the newest event is not there any more, or is another one."""
    await commit(database, 1, 2)
    tail = Tail(database, pace=timedelta(milliseconds=5))
    for undo in (
        "DELETE FROM events WHERE feed_position = 2",
        "UPDATE events SET id = id + 1000 WHERE feed_position = 1",
    ):
        async with tail.running(), tail.streaming("a") as stretch:
            async with database.writer.begin() as connection:
                await connection.execute(text(undo))
            await ended(stretch)
        tail = Tail(database, pace=timedelta(milliseconds=5))


def test_a_stretch_goes_on_only_where_it_stands() -> None:
    """T12: another event at its place, none at it, one left out."""
    for found in ([], [touched(6)], [touched(5, event_id=1)], [touched(5), touched(7)]):
        with pytest.raises(CannotFollow):
            Stretch(5, 105).take(found)
    with pytest.raises(CannotFollow):
        Stretch(0, None).take([touched(2)])
    stretch = Stretch(5, 105)
    assert stretch.take([touched(5), touched(6), touched(7)]) == 2
    assert (stretch.position, stretch.event_id) == (7, 107)
    assert stretch.take([touched(7)]) == 0


def test_what_is_kept_for_those_behind_is_bounded() -> None:
    """T12: who is farther behind is told that it cannot go on, not what is left."""
    stretch = Stretch(0, None)
    stretch.take([touched(position) for position in range(1, MOST_KEPT + 3)])
    assert stretch.after(1) is None
    found = stretch.after(2)
    assert found is not None
    assert (len(found), found[0].position) == (MOST_KEPT, 3)
    assert [one.position for one in stretch.after(MOST_KEPT) or ()] == [MOST_KEPT + 1, MOST_KEPT + 2]
    assert stretch.after(MOST_KEPT + 2) == stretch.after(MOST_KEPT + 9) == []


async def test_nobody_joins_a_tail_that_leaves(database: Database) -> None:
    """T12."""
    tail = Tail(database)
    async with tail.running():
        pass
    with pytest.raises(Unavailable):
        async with tail.streaming("a"):
            raise AssertionError("it was let in")


# --- a stream ------------------------------------------------------------------------------------


def test_an_opening_gives_the_nonce_back_with_the_newest_position_alone() -> None:
    """T12."""
    at_newest = message("position", 7, {"position": 7, "lease": 2.0, "nonce": "n"})
    behind = message("position", 6, {"position": 6, "lease": 2.0})
    assert opening(after=None, newest=7, lease=2.0, nonce="n") == Opening(at_newest, 7, 7)
    assert opening(after=7, newest=7, lease=2.0, nonce="n") == Opening(at_newest, 7, 7)
    assert opening(after=6, newest=7, lease=2.0, nonce="n") == Opening(behind, 6, 7)
    anew = message("reset", 7, {"position": 7}) + at_newest
    assert opening(after=8, newest=7, lease=2.0, nonce="n") == Opening(anew, 7, 7)


def test_ten_thousand_positions_are_replayed_and_not_one_more() -> None:
    """T12."""
    assert opening(after=1, newest=10_001, lease=2.0, nonce=None).position == 1
    assert opening(after=0, newest=10_001, lease=2.0, nonce=None).position == 10_001


@pytest.fixture
async def follower(database: Database) -> Follower:
    """Return a resource server that stands."""
    tenants = Tenants(database)
    app = await tenants.app(await tenants.user("Dev"), "Gate", is_resource_server=True)
    async with database.read() as reader:
        secret_id = (await reader.execute(text("SELECT id FROM client_secrets"))).scalar_one()
    return Follower(Facts(database, ReadThrough()), app.client_id, SecretId(secret_id))


async def test_a_stream_that_is_read_too_slowly_ends(database: Database, tail: Tail, follower: Follower) -> None:
    """T12: rather than it be kept without end, or go on with a gap."""
    async with tail.streaming("a") as stretch:
        newest = await tail.newest()
        opened = opening(after=None, newest=newest, lease=2.0, nonce=None)
        sent = messages(opened, tail, stretch, follower)
        assert await next_of(sent) == [opened.text]
        for start in range(0, MOST_KEPT + 1, 500):
            await commit(database, *range(start, start + 500))
        await moved(stretch, to=newest + MOST_KEPT + 1)
        assert await rest_of(sent) == []


async def test_a_stream_that_is_a_little_behind_is_told_everything(
    database: Database, tail: Tail, follower: Follower
) -> None:
    """T12: what happened between opening and reading on, and more in the middle of it."""
    async with tail.streaming("a") as stretch:
        await commit(database, 1)
        newest = await tail.newest()
        sent = messages(opening(after=newest - 1, newest=newest, lease=2.0, nonce=None), tail, stretch, follower)
        found = await next_of(sent, 2)
        await commit(database, 2, 3)
        found += await next_of(sent, 2)
        await sent.aclose()
    assert [int(text.split(b"\n")[1].removeprefix(b"id: ")) for text in found] == [
        newest - 1,
        newest,
        newest + 1,
        newest + 2,
    ]


async def test_a_silent_stream_says_that_it_lives(tail: Tail, follower: Follower) -> None:
    """T12: so that whoever reads it notices when the line is dead."""
    async with tail.streaming("a") as stretch:
        opened = opening(after=None, newest=await tail.newest(), lease=2.0, nonce=None)
        sent = messages(opened, tail, stretch, follower, alive_every=timedelta(milliseconds=1))
        assert await next_of(sent, 3) == [opened.text, ALIVE, ALIVE]
        await sent.aclose()


async def test_who_fell_before_the_stream_began_is_told_nothing(
    database: Database, tail: Tail, follower: Follower
) -> None:
    """T12: its ending lies below the position that was read, so no event would tell of it."""
    async with tail.streaming("a") as stretch:
        async with database.writer.begin() as connection:
            await connection.execute(text("UPDATE apps SET blocked_at = created_at"))
        opened = opening(after=None, newest=await tail.newest(), lease=2.0, nonce=None)
        assert await rest_of(messages(opened, tail, stretch, follower)) == []


@pytest.mark.parametrize(
    "fall",
    [
        "UPDATE apps SET blocked_at = created_at",
        "UPDATE apps SET deleted_at = created_at",
        "UPDATE apps SET is_resource_server = false",
        "UPDATE apps SET is_confidential = false",
        "UPDATE client_secrets SET retired_at = created_at",
        "UPDATE client_secrets SET id = 'another'",
    ],
)
async def test_only_who_stands_follows(database: Database, follower: Follower, fall: str) -> None:
    """T12, D4, D6: the very secret that opened the stream must live."""
    assert await follower.stands()
    async with database.writer.begin() as connection:
        await connection.execute(text(fall))
    assert not await follower.stands()


async def test_an_event_of_its_client_is_looked_into_and_no_other(
    database: Database, tail: Tail, follower: Follower
) -> None:
    """T12: it falls in the midst of what it is told."""
    async with tail.streaming("a") as stretch:
        opened = opening(after=None, newest=await tail.newest(), lease=2.0, nonce=None)
        sent = messages(opened, tail, stretch, follower)
        await next_of(sent)
        async with database.writer.begin() as connection:
            await connection.execute(text("UPDATE apps SET blocked_at = created_at"))
        blocked = AppBlocked(app_id=1, client_id=follower.client_id)
        await commit(database, 1)
        await database.write(lambda tx: record_all(tx, [blocked], origin=SYSTEM, now=NOON))
        await commit(database, 2)
        assert len(await rest_of(sent)) == 1


async def test_a_stream_whose_reader_is_gone_ends(database: Database, tail: Tail, follower: Follower) -> None:
    """X1: and gives its place free."""
    sent: list[object] = []
    is_open, gone = asyncio.Event(), asyncio.Event()

    async def send(message: object) -> None:
        sent.append(message)
        if len(sent) == 2:
            is_open.set()

    async def receive() -> dict[str, str]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async with tail.streaming("a") as stretch:
        opened = opening(after=None, newest=await tail.newest(), lease=2.0, nonce=None)
        stream = EventStream(messages(opened, tail, stretch, follower))
        answering = asyncio.create_task(stream({"type": "http"}, receive, send))
        async with asyncio.timeout(SOON):
            await is_open.wait()
            gone.set()
            await answering
        await commit(database, 1)
    assert len(sent) == 2


async def test_a_stream_ends_when_its_client_cannot_be_looked_up(tail: Tail, follower: Follower) -> None:
    """T12."""
    broken = Database.open("sqlite:////nowhere/at/all.db")
    lost = Follower(Facts(broken, ReadThrough()), follower.client_id, follower.secret_id)
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async def receive() -> dict[str, str]:
        await asyncio.Event().wait()
        return {}

    async with tail.streaming("a") as stretch, asyncio.timeout(SOON):
        opened = opening(after=None, newest=0, lease=2.0, nonce=None)
        await EventStream(messages(opened, tail, stretch, lost))({"type": "http"}, receive, send)  # type: ignore[arg-type]
    await broken.close()
    assert [(one["type"], one.get("body")) for one in sent] == [
        ("http.response.start", None),
        ("http.response.body", b""),
    ]


def test_an_event_is_told_by_tags_which_name_nothing() -> None:
    """S2: no key, and no part of one."""
    keys = frozenset(f"{kind}:7:{number}" for kind in ("contact", "entry", "project") for number in range(99))
    text = told(touched(1, keys=keys)).text
    tags = json.loads(text.split(b"data: ")[1])["tags"]
    assert tags == sorted(map(tag, keys))
    assert {len(one) for one in tags} == {16}
    assert b":7" not in text


class Deaf(Tail):
    """A tail whose database raises an error of its own where it is cancelled, as a driver may."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, pace=timedelta(milliseconds=5))
        self.reading = asyncio.Event()

    async def _go_on(self, stretch: Stretch) -> None:
        self.reading.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise OSError from None


async def test_it_ends_though_the_database_swallows_that_it_was_cancelled(database: Database) -> None:
    """T12: else a server that leaves waits for it until it is killed."""
    await commit(database, 1)
    tail = Deaf(database)
    async with asyncio.timeout(SOON), tail.running(), tail.streaming("a"):
        await tail.reading.wait()
