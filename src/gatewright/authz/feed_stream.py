"""One open stream: what it begins with, what it tells, and when it ends."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

import structlog
from starlette.types import Receive, Scope, Send

from gatewright.authz.feed_tail import Stretch, Tail, Told, message
from gatewright.base.ids import SecretId
from gatewright.db.failures import STORAGE_ERRORS, is_storage_failure
from gatewright.events import keys
from gatewright.events.facts import Facts
from gatewright.oauth.facts import client_fact
from gatewright.oauth.model import AppClient
from gatewright.web.intake import is_bare

MOST_REPLAYED = 10_000  # positions; whoever is farther behind begins anew
ALIVE_EVERY = timedelta(seconds=10)
ALIVE = b": alive\n\n"
HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold it back
)
_log = structlog.get_logger("gatewright.authz")


@dataclass(frozen=True, slots=True)
class Follower:
    """Who follows: a client, as the secret proved it."""

    facts: Facts
    client_id: str
    secret_id: SecretId

    @property
    def key(self) -> str:
        """Return the key of the fact that it stands by."""
        return keys.client(self.client_id)

    async def stands(self) -> bool:
        """Return whether it may still follow."""
        client = await self.facts.get(client_fact(self.client_id))
        if not isinstance(client, AppClient):
            return False
        return client.stands and client.is_resource_server and client.has_live_secret(self.secret_id)


@dataclass(frozen=True, slots=True)
class Opening:
    """What a stream begins with, where it begins, and the newest position then."""

    text: bytes
    position: int
    newest: int


def opening(*, after: int | None, newest: int, lease: float, nonce: str | None) -> Opening:
    """Return how a stream begins; `newest`: the newest position, read after it was asked for.

    The nonce is answered with the newest position or not at all: a lease for a cache that
    stands anywhere else would outlive an ending that was answered before.
    """
    is_far = after is not None and not newest - MOST_REPLAYED <= after <= newest
    position = newest if after is None or is_far else after
    answered = {"nonce": nonce} if nonce is not None and position == newest else {}
    text = message("position", position, {"position": position, "lease": lease, **answered})
    if is_far:
        text = message("reset", position, {"position": position}) + text
    return Opening(text, position, newest)


async def messages(
    opened: Opening, tail: Tail, stretch: Stretch, follower: Follower, *, alive_every: timedelta = ALIVE_EVERY
) -> AsyncGenerator[bytes, None]:
    """Yield what the stream tells, until it may or can tell no more."""
    if not await follower.stands():  # it may have fallen before the position that was read
        return
    yield opened.text
    async with aclosing(_happening(opened, tail, stretch, alive_every)) as happening:
        async for one in happening:
            if one is not None and follower.key in one.keys and not await follower.stands():
                return
            yield ALIVE if one is None else one.text


async def _happening(
    opened: Opening, tail: Tail, stretch: Stretch, alive_every: timedelta
) -> AsyncGenerator[Told | None, None]:
    """Yield each event after the opening's position, and None when nothing happened for a while."""
    position = opened.position
    while position < opened.newest:
        if not (missed := await tail.told_after(position)):
            return
        for one in missed:
            yield one
        position = missed[-1].position
    # The stretch began before the newest position was read: nothing lies between.
    while not stretch.has_ended:
        changed, found = stretch.changed, stretch.after(position)
        if found is None:
            _log.warning("feed_read_too_slowly", behind=stretch.position - position)
            return
        for one in found:
            yield one
            position = one.position
        if not found and not await _comes(changed, within=alive_every):
            yield None


async def _comes(awaited: asyncio.Event, *, within: timedelta) -> bool:
    try:
        await asyncio.wait_for(awaited.wait(), within.total_seconds())
    except TimeoutError:
        return False
    return True


class EventStream:
    """An ASGI answer that goes on until its messages end, or whoever asked is gone."""

    def __init__(self, messages: AsyncGenerator[bytes, None]) -> None:
        self._messages = messages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the messages; for HEAD with the headers alone."""
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        if is_bare(scope):
            await send({"type": "http.response.body", "body": b""})
            return
        telling = asyncio.create_task(self._tell(send))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait((telling, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (telling, gone):
                task.cancel()
            await asyncio.wait((telling, gone))
        if not telling.cancelled() and (error := telling.exception()) is not None:
            raise error

    async def _tell(self, send: Send) -> None:
        async with aclosing(self._messages) as each:
            try:
                async for text in each:
                    await send({"type": "http.response.body", "body": text, "more_body": True})
            except STORAGE_ERRORS as error:
                if not is_storage_failure(error):
                    raise
                _log.warning("feed_lost", error=type(error).__name__)
        await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
