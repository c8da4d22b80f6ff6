"""`AsyncGatewright`: the driver with tasks. It performs effects; the core decides everything."""

import asyncio
import os
import ssl
import time
import weakref
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import suppress
from typing import Self, TypeVar

import httpx

from gatewright_sdk.cache import MOST_ANSWERS
from gatewright_sdk.core import Core
from gatewright_sdk.denials import UNAVAILABLE
from gatewright_sdk.deployment import Deployment, deployment_of
from gatewright_sdk.effects import Effect, NextLine, Open, Send, Wait
from gatewright_sdk.following import SILENCE
from gatewright_sdk.model import Allow, Deny, Identity, Question
from gatewright_sdk.requests import COMPANY_HEADERS
from gatewright_sdk.wire import UNPACKED, Body, Call, Reply

R = TypeVar("R")


class AsyncGatewright:
    """Answers "who is this, and may they" for an API; one object serves all tasks of an event loop.

    The arguments are those of `Gatewright`. In a forked process, or in another event loop once
    the one before is closed, it follows the server anew.
    """

    def __init__(
        self,
        issuer: str,
        *,
        client_id: str,
        client_secret: str,
        company_headers: Sequence[str] = COMPANY_HEADERS,
        timeout: float = 2.0,
        address: str | None = None,
        audience: str | None = None,
        most_answers: int = MOST_ANSWERS,
        verify: ssl.SSLContext | bool = True,
        insecure_http: bool = False,
    ) -> None:
        self.company_headers = tuple(company_headers)
        self._to = deployment_of(
            issuer,
            client_id=client_id,
            client_secret=client_secret,
            timeout=timeout,
            address=address,
            audience=audience,
            most_answers=most_answers,
            insecure_http=insecure_http,
        )
        self._verify = httpx.create_ssl_context() if verify is True else verify
        self._tasks: _Tasks | None = None
        self._dropped: weakref.finalize[..., AsyncGatewright] | None = None
        self._is_closed = False
        _guards.add(self)

    def __repr__(self) -> str:
        """Return the server's address alone: credentials are in no log."""
        return f"AsyncGatewright({self._to.issuer!r})"

    async def check(self, question: Question) -> Allow | Deny:
        """Return the answer to a question. What the server or the network do raises nothing: it is a Deny."""
        return (await self.check_all([question]))[0]

    async def check_all(self, questions: Sequence[Question]) -> list[Allow | Deny]:
        """Return an answer to each question, in order; up to a hundred share a request."""
        if self._is_closed:
            return [UNAVAILABLE for _ in questions]
        tasks = self._here()
        tasks.follow()
        return await tasks.run(tasks.core.answers(questions))

    async def verify_assertion(self, text: str | None) -> Identity | Deny:
        """Return whom the proxy before this API let in; `text` is the header `Gatewright-Auth-Assertion`."""
        if self._is_closed:
            return UNAVAILABLE
        tasks = self._here()
        return await tasks.run(tasks.core.identity(text))

    async def follow(self) -> None:
        """Begin to follow the server now, and not with the first question."""
        if not self._is_closed:
            self._here().follow()

    async def aclose(self) -> None:
        """Stop following and close all connections; from now on every answer is a Deny."""
        self._is_closed = True
        tasks = self._tasks
        self._forget_tasks()
        if tasks is not None and tasks.loop is asyncio.get_running_loop():
            await tasks.close()
        elif tasks is not None:
            tasks.end_from_outside()

    async def __aenter__(self) -> Self:
        """Return itself; closed on the way out."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()

    def begin_anew(self) -> None:
        """Leave connections and memory to the process that this one was forked from."""
        self._forget_tasks()

    def _here(self) -> "_Tasks":
        loop, tasks = asyncio.get_running_loop(), self._tasks
        if tasks is not None and tasks.loop is loop:
            return tasks
        if tasks is not None and not tasks.loop.is_closed():
            raise RuntimeError(
                "this AsyncGatewright serves another event loop, which is not closed; make one for each event loop"
            )
        self._forget_tasks()  # they ended with their event loop, and what they had open is closed with them
        tasks = self._tasks = _Tasks(self._to, self._verify, loop)
        self._dropped = weakref.finalize(self, tasks.end_from_outside)  # nobody is left to close it
        self._dropped.atexit = False
        return tasks

    def _forget_tasks(self) -> None:
        if self._dropped is not None:
            self._dropped.detach()
        self._tasks = self._dropped = None


class _Tasks:
    """What belongs to one event loop: the core, connections, and two tasks that follow."""

    def __init__(self, to: Deployment, verify: ssl.SSLContext | bool, loop: asyncio.AbstractEventLoop) -> None:
        self.core = Core(to, asyncio.Event)
        self.loop = loop
        self._timeout = to.timeout
        self._follower: asyncio.Task[None] | None = None
        self._stream: httpx.Response | None = None
        self._lines: AsyncIterator[str] | None = None

        def connections() -> httpx.AsyncClient:
            # No proxy of the environment comes between: every request of the API hangs from this connection.
            return httpx.AsyncClient(
                base_url=to.address,
                timeout=to.timeout,
                headers=UNPACKED,
                verify=verify,
                trust_env=False,
            )

        self._asking, self._following = connections(), connections()

    async def run(self, flow: Generator[Effect, object, R]) -> R:
        """Return what the flow comes to. Between two effects nothing is awaited."""
        try:
            effect = next(flow)
            while True:
                effect = flow.send(await self._perform(effect))
        except StopIteration as end:
            value: R = end.value
            return value
        finally:
            flow.close()  # of a task that is cancelled too: who waits for its question asks again

    def follow(self) -> None:
        """Start following, unless it is done already."""
        if self._follower is None:
            self._follower = self.loop.create_task(self._follow())

    async def close(self) -> None:
        """End the tasks and close what is open."""
        self._end()
        if self._follower is not None:
            await asyncio.gather(self._follower, return_exceptions=True)
        await self._close_connections()

    def end_from_outside(self) -> None:
        """Let the tasks end that still run in their event loop; called in any thread, of another event loop or none."""
        with suppress(RuntimeError):  # its event loop is closed
            self.loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self.core.following.end()
        if self._follower is not None:
            self._follower.cancel()

    async def _follow(self) -> None:
        """Follow until this is cancelled: by `close`, or by the end of an event loop that nobody told us of."""
        following = self.core.following
        try:
            await asyncio.gather(self._keep_running(following.follow), self._keep_running(following.renew))
        except asyncio.CancelledError:
            await self._close_connections()
            raise

    async def _keep_running(self, flow: Callable[[], Generator[Effect, object, None]]) -> None:
        """Run a flow until following ends, again where it fails: without it nothing would be kept any more."""
        following = self.core.following
        while not following.stop.is_set():
            try:
                await self.run(flow())
            except Exception as error:
                await self._perform(Wait(following.stop, following.fail(error)))

    async def _close_connections(self) -> None:
        await self._close_stream()
        await self._asking.aclose()
        await self._following.aclose()

    async def _perform(self, effect: Effect) -> Reply | str | None:
        match effect:
            case Send(call, follows):
                return await _sent(self._following if follows else self._asking, call, self._timeout)
            case Wait(asyncio.Event() as signal, seconds):
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await signal.wait()
            case Open(call):
                return await self._open(call)
            case NextLine():
                return await self._next_line()
            case _:
                raise TypeError(f"cannot perform {effect}")
        return None

    async def _open(self, call: Call) -> Reply | None:
        await self._close_stream()
        try:
            patience = httpx.Timeout(self._timeout, read=SILENCE)
            stream = await self._following.send(_request(self._following, call, patience), stream=True)
        except (httpx.HTTPError, RuntimeError):  # RuntimeError: closed meanwhile
            return None
        self._stream, self._lines = stream, stream.aiter_lines()
        return Reply(stream.status_code, b"")

    async def _next_line(self) -> str | None:
        line = None
        if self._lines is not None:
            with suppress(httpx.HTTPError, httpx.StreamError, RuntimeError, StopAsyncIteration):
                line = await anext(self._lines)
        if line is None:
            await self._close_stream()
        return line

    async def _close_stream(self) -> None:
        stream, self._stream, self._lines = self._stream, None, None
        if stream is not None:
            await stream.aclose()


async def _sent(connections: httpx.AsyncClient, call: Call, within: float) -> Reply | None:
    try:
        answer = await connections.send(_request(connections, call), stream=True)
        body = Body(until=time.monotonic() + within)
        try:
            async for part in answer.aiter_raw():  # as it came: nothing that was packed is unpacked here
                if not body.take(part, now=time.monotonic()):
                    return None
        finally:
            await answer.aclose()
    except (httpx.HTTPError, RuntimeError):
        return None
    return body.reply(answer.status_code, answer.headers)


def _request(connections: httpx.AsyncClient, call: Call, patience: httpx.Timeout | None = None) -> httpx.Request:
    timeout = httpx.USE_CLIENT_DEFAULT if patience is None else patience
    return connections.build_request(
        call.method, call.path, params=call.query, headers=list(call.headers), content=call.body, timeout=timeout
    )


_guards: "weakref.WeakSet[AsyncGatewright]" = weakref.WeakSet()


def _begin_anew_in_child() -> None:
    for guard in list(_guards):
        guard.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew_in_child)
