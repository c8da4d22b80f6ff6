"""`/authz/feed` over HTTP: who may follow, what a stream tells, what a nonce is answered with."""

import asyncio
import base64
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from gatewright.apps import service as apps
from gatewright.authz.feed_tail import MOST_STREAMS
from gatewright.base import clock
from gatewright.base.ids import AppId, SecretId
from gatewright.directory import service as directory
from gatewright.events import keys
from gatewright.events.catalogue import SYSTEM, TermsPublished
from gatewright.events.keys import tag
from gatewright.events.log import record
from tests.support.databases import DIALECTS
from tests.support.streams import Sent, Stream, stream
from tests.support.world import World

PATH = "/authz/feed"
SOON = 20


def basic(world: World, app: str = "gate", *, secret: str | None = None) -> dict[str, str]:
    """Return the client authentication of an app."""
    credentials = f"{world.apps[app].client_id}:{secret or world.apps[app].secret}"
    return {"authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}


def following(world: World, *, query: str = "", after: str | None = None, **more: str) -> Any:
    """Lend a stream of the world's resource server."""
    last = {} if after is None else {"last-event-id": after}
    return stream(world.app, PATH, query=query, headers={**basic(world), **last, **more})


async def position(world: World, nonce: str = "n") -> int:
    """Return the newest position as a nonce is answered with it."""
    return int((await renewed(world, nonce))["position"])


async def renewed(world: World, nonce: str = "n") -> dict[str, Any]:
    """Return the answer to a nonce."""
    headers = {**basic(world), "accept": "application/json"}
    answer = await world.client.get(PATH, params={"nonce": nonce}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    said: dict[str, Any] = answer.json()
    return said


async def raise_levels(world: World, *, level: str = "standard") -> None:
    """Change what wim may do in alder."""
    await world.set_levels("alder", world.people["wim"].contacts["alder"], directory=level)


def of_wim(world: World) -> list[str]:
    """Return the tags of the facts that wim's levels in alder hang from."""
    company, wim = world.companies["alder"], world.people["wim"]
    return sorted(map(tag, (keys.entry(company, wim.contacts["alder"]), keys.contact(company, wim.id))))


async def asked(
    world: World,
    query: str = "",
    *more: tuple[str, str],
    headers: Mapping[str, str] | None = None,
    accept: str | None = None,
    method: str = "GET",
) -> httpx.Response:
    """Return an answer that is no stream; a stream, which never ends, is given up."""
    given = [*(basic(world) if headers is None else headers).items(), *more]
    async with asyncio.timeout(SOON):
        return await world.client.request(
            method, f"{PATH}{query}", headers=given + ([("accept", accept)] if accept else [])
        )


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_stream_begins_with_the_newest_position_and_tells_what_is_touched(
    world: World, flow_dialect: str
) -> None:
    """T12, X5: in order, each once, with tags that name nothing."""
    newest = await position(world)
    assert newest > 10
    async with following(world) as opened:
        assert await opened.next() == Sent("position", str(newest), {"position": newest, "lease": 2.0})
        assert opened.status == 200
        assert opened.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert opened.headers["cache-control"] == "no-store"
        assert opened.headers["x-accel-buffering"] == "no"
        await raise_levels(world)
        told = {"position": newest + 1, "tags": of_wim(world)}
        assert await opened.next() == Sent("forget", str(newest + 1), told)
        await world.add_company("cedar", "Cedar Works")
        told = {"position": newest + 2, "tags": [tag(keys.company(world.companies["cedar"]))]}
        assert await opened.next() == Sent("forget", str(newest + 2), told)
        assert await position(world) == newest + 2
        assert b"wim" not in opened.body.lower()
        assert b"contact:" not in opened.body


async def test_what_touches_no_fact_moves_no_position(world: World) -> None:
    """T12: a follower is told of every position up to the newest, so its lease is granted."""
    newest = await position(world)
    async with following(world) as opened:
        await opened.next()
        event = TermsPublished(version="2")
        await world.house.database.write(lambda tx: record(tx, event, origin=SYSTEM, now=clock.now()))
        assert await position(world) == newest
        await raise_levels(world)
        assert (await opened.next()).data["position"] == newest + 1


async def test_a_nonce_is_answered_with_what_was_committed_before_it_came(world: World) -> None:
    """T12: read from the database, while nobody follows and right after a commit."""
    newest = await position(world)
    for more in range(1, 4):
        await raise_levels(world, level=("read_only", "standard")[more % 2])
        assert await renewed(world, "N_-9" * 32) == {"nonce": "N_-9" * 32, "position": newest + more, "lease": 2.0}


async def test_the_nonce_of_a_stream_is_answered_with_the_newest_position_alone(world: World) -> None:
    """T12: a lease for a cache that is behind would outlive an ending that was answered before."""
    newest = await position(world)
    async with following(world, query="nonce=abc") as opened:
        assert (await opened.next()).data == {"position": newest, "lease": 2.0, "nonce": "abc"}
    async with following(world, query=f"nonce=abc&after={newest - 1}") as opened:
        assert (await opened.next()).data == {"position": newest - 1, "lease": 2.0}


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_stream_goes_on_from_where_another_ended(world: World, flow_dialect: str) -> None:
    """T12: the header of who connects again counts, whatever the query was."""
    newest = await position(world)
    await raise_levels(world)
    async with following(world, after=str(newest)) as opened:
        assert await opened.next() == Sent("position", str(newest), {"position": newest, "lease": 2.0})
        assert (await opened.next()).data == {"position": newest + 1, "tags": of_wim(world)}
        await raise_levels(world, level="read_only")
        assert (await opened.next()).data["position"] == newest + 2
    async with following(world, query="after=0") as opened:
        sent = await opened.several(newest + 3)
        assert [one.data["position"] for one in sent] == list(range(newest + 3))
    async with following(world, query="after=0", after=str(newest + 1)) as opened:
        assert [one.data["position"] for one in await opened.several(2)] == [newest + 1, newest + 2]


async def test_a_position_that_cannot_be_gone_on_from_begins_anew(world: World) -> None:
    """T12: it is in the future, since the database went back; then the cache goes on from here."""
    newest = await position(world)
    for after in (newest + 1, 9 * 10**15):
        async with following(world, after=str(after)) as opened:
            anew = {"position": newest}
            assert [await opened.next(), await opened.next()] == [
                Sent("reset", str(newest), anew),
                Sent("position", str(newest), {**anew, "lease": 2.0}),
            ]
    async with following(world, after=str(newest + 1)) as opened:
        await opened.several(2)
        await raise_levels(world)
        assert (await opened.next()).data["position"] == newest + 1


async def test_only_a_resource_server_follows(world: World) -> None:
    """X1: an app of a developer, a service account, a person's token, nobody."""
    tokens = await world.tokens("ada", "crane")
    robot = world.robots["robot"]
    of_robot = base64.b64encode(f"{robot.client_id}:{robot.secret}".encode()).decode()
    wrong: list[tuple[dict[str, str], int, str]] = [
        ({}, 401, "invalid_client"),
        (basic(world, secret="gws_wrong"), 401, "invalid_client"),
        ({"authorization": "Basic ?"}, 401, "invalid_client"),
        ({"authorization": f"Bearer {tokens.access}"}, 401, "invalid_client"),
        (basic(world, "crane"), 403, "unauthorized_client"),
        ({"authorization": f"Basic {of_robot}"}, 403, "unauthorized_client"),
    ]
    for accept in ("application/json", "text/event-stream"):
        for headers, status, code in wrong:
            answer = await asked(world, "?nonce=n", headers=headers, accept=accept)
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), headers
            assert answer.headers["cache-control"] == "no-store"
    query = f"?client_id={world.apps['gate'].client_id}&client_secret={world.apps['gate'].secret}"
    assert (await asked(world, query, headers={})).status_code == 401


MALFORMED = [
    "x=1",
    "nonce=a&nonce=a",
    "after=1&after=1",
    "nonce=",
    "nonce=a%20b",
    "nonce=%00",
    "nonce=%ff",
    "nonce=%C3%A9",
    f"nonce={'a' * 129}",
    "after=",
    "after=-1",
    "after=01",
    "after=1.0",
    "after=x",
    "after=%D9%A1",
    f"after={'9' * 17}",
]


@pytest.mark.parametrize("query", MALFORMED)
async def test_what_cannot_be_read_is_refused_with_a_sentence(world: World, query: str) -> None:
    """X1: never a 500."""
    for accept in ("application/json", "text/event-stream", "*/*"):
        answer = await asked(world, f"?{query}", accept=accept)
        assert answer.status_code == 400, (query, accept)
        assert answer.json()["error"]["code"] == "invalid_request"
        assert len(answer.json()["error"]["message"]) > 20


async def test_positions_and_nonces_are_asked_for_in_one_way(world: World) -> None:
    """X1: JSON without a nonce or with a position, a header that is none or two, another method."""
    for query in ("", "?after=1", "?nonce=a&after=1"):
        assert (await asked(world, query, accept="application/json")).status_code == 400
    for last in ("", "-1", "x", " 1 2", "9" * 17):
        answer = await asked(world, headers={**basic(world), "last-event-id": last})
        assert answer.status_code == 400, last
    assert (await asked(world, "", ("last-event-id", "1"), ("last-event-id", "1"))).status_code == 400
    for method in ("POST", "PUT", "DELETE"):
        assert (await asked(world, method=method)).status_code == 405


async def test_head_is_answered_with_the_headers_alone(world: World) -> None:
    """X1: a stream without a body would never end."""
    async with stream(world.app, PATH, headers=basic(world), method="HEAD") as opened:
        assert await opened.end() == []
        assert (opened.status, opened.body) == (200, b"")


async def retire(world: World) -> None:
    """Retire the secret of the resource server; another one lives on."""
    async with world.house.database.read() as reader:
        found = text("SELECT id FROM client_secrets WHERE app_id = :app ORDER BY created_at")
        [secret_id] = (await reader.execute(found, {"app": world.apps["gate"].id})).scalars()
    app_id, now = AppId(world.apps["gate"].id), clock.now()
    database, keys_ = world.house.database, world.house.keys
    await apps.add_secret(database, app_id=app_id, keys=keys_, origin=SYSTEM, now=now)
    await apps.retire_secret(database, app_id=app_id, secret_id=SecretId(secret_id), origin=SYSTEM, now=now)


async def block(world: World) -> None:
    """Block the resource server."""
    await apps.block_app(world.house.database, app_id=AppId(world.apps["gate"].id), origin=SYSTEM, now=clock.now())


async def delete(world: World) -> None:
    """Delete the resource server."""
    await apps.delete_app(world.house.database, app_id=AppId(world.apps["gate"].id), origin=SYSTEM, now=clock.now())


@pytest.mark.parametrize("flow_dialect", DIALECTS)
@pytest.mark.parametrize("fall", [retire, block, delete])
async def test_a_stream_ends_when_its_client_stands_no_longer(world: World, fall: Any, flow_dialect: str) -> None:
    """T12, D4, D6: at the event itself; what comes after it is not told."""
    async with following(world) as opened, following(world) as another:
        await opened.next()
        await another.next()
        await fall(world)
        await raise_levels(world)
        for each in (opened, another):
            assert not any(one.data["tags"] == of_wim(world) for one in await each.end())
    answer = await asked(world, "?nonce=n", accept="application/json")
    assert answer.status_code == 401


async def test_a_stream_goes_on_when_another_client_falls(world: World) -> None:
    """T12."""
    async with following(world) as opened:
        newest = (await opened.next()).data["position"]
        await apps.block_app(world.house.database, app_id=AppId(world.apps["crane"].id), origin=SYSTEM, now=clock.now())
        await raise_levels(world)
        assert [one.data["position"] for one in await opened.several(2)] == [newest + 1, newest + 2]


async def test_a_client_has_so_many_streams_and_no_more(world: World) -> None:
    """X1: and has room again once they ended."""
    async with AsyncExitStack() as stack:
        opened: list[Stream] = [await stack.enter_async_context(following(world)) for _ in range(MOST_STREAMS)]
        for each in opened:
            await each.next()
        answer = await asked(world)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limited")
        assert int(answer.headers["retry-after"]) > 0
        assert (await renewed(world))["nonce"] == "n"
    async with following(world) as again:
        assert (await again.next()).event == "position"


async def test_all_streams_end_when_the_process_leaves(world: World) -> None:
    """T12: and none is opened any more."""
    async with following(world) as opened, following(world) as another:
        await opened.next()
        await another.next()
        world.app.state.tail.leave()
        assert [*await opened.end(), *await another.end()] == []
    answer = await asked(world)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "temporarily_unavailable")


async def test_many_streams_are_told_the_same_by_one_tail(world: World) -> None:
    """T12: whatever is committed while they open, none misses anything."""

    async def follow() -> list[int]:
        async with following(world) as opened:
            first = (await opened.next()).data["position"]
            while not opened.sent() or opened.sent()[-1].data["position"] < last:
                await opened.next()
            return [one.data["position"] - first for one in opened.sent()]

    last = await position(world) + 40
    readers = []
    for number in range(40):
        if number % 4 == 0:
            readers.append(asyncio.create_task(follow()))
        await raise_levels(world, level=("standard", "read_only")[number % 2])
    for told in await asyncio.gather(*readers):
        assert told == list(range(len(told)))


async def test_tags_of_an_answer_are_those_of_the_stream(world: World) -> None:
    """X5: what `/authz/check` says an answer hangs from is what the stream tells to forget."""
    token = (await world.tokens("wim", "crane")).access
    question = {"token": token, "company_id": world.companies["alder"], "tool": "directory", "level": "read_only"}
    body = json.dumps({"questions": [question]})

    async def ask() -> Any:
        headers = {**basic(world), "content-type": "application/json"}
        answer: httpx.Response = await world.client.post("/authz/check", content=body, headers=headers)
        return answer.json()["answers"][0]

    await ask()  # connects the app
    answer = await ask()
    assert answer["allow"], answer
    async with following(world) as opened:
        await opened.next()
        await directory.deactivate_user(
            world.house.database, user_id=world.people["wim"].id, origin=SYSTEM, now=clock.now()
        )
        told = await opened.next()
        while not set(told.data["tags"]) & set(answer["tags"]):
            told = await opened.next()
        assert tag(keys.user(world.people["wim"].id)) in told.data["tags"]
    assert not (await ask())["allow"]
