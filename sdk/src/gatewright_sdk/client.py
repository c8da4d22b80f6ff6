"""`Gatewright`: the driver with threads. It performs effects; the core decides everything."""

import os
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
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
LEAVING = 1.0  # seconds that a thread gets to notice that the object was closed


class Gatewright:
    """Answers "who is this, and may they" for an API; one object serves all threads.

    `issuer` is the server's address as it stands in tokens; `address`, where it is reached
    from here, if elsewhere; `audience`, where the server sets one of its own. `client_id`
    and `client_secret` are of an app that is a resource server. `verify` is what httpx takes.
    `insecure_http` allows an address without TLS that is not of this computer.
    Following the server starts with the first question; a forked process starts its own.
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
        self._begin()
        _guards.add(self)

    def __repr__(self) -> str:
        """Return the server's address alone: credentials are in no log."""
        return f"Gatewright({self._to.issuer!r})"

    def check(self, question: Question) -> Allow | Deny:
        """Return the answer to a question. What the server or the network do raises nothing: it is a Deny."""
        return self.check_all([question])[0]

    def check_all(self, questions: Sequence[Question]) -> list[Allow | Deny]:
        """Return an answer to each question, in order; up to a hundred share a request."""
        threads = self._threads
        if threads.is_closed:
            return [UNAVAILABLE for _ in questions]
        threads.follow()
        return threads.run(threads.core.answers(questions))

    def verify_assertion(self, text: str | None) -> Identity | Deny:
        """Return whom the proxy before this API let in; `text` is the header `Gatewright-Auth-Assertion`."""
        threads = self._threads
        return UNAVAILABLE if threads.is_closed else threads.run(threads.core.identity(text))

    def follow(self) -> None:
        """Begin to follow the server now, and not with the first question."""
        if not self._threads.is_closed:
            self._threads.follow()

    def close(self) -> None:
        """Stop following and close all connections; from now on every answer is a Deny."""
        self._dropped.detach()
        self._threads.close()

    def __enter__(self) -> Self:
        """Return itself; closed on the way out."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def begin_anew(self) -> None:
        """Leave connections, locks and memory to the process that this one was forked from."""
        is_closed = self._threads.is_closed
        self._dropped.detach()
        self._begin()
        if is_closed:
            self._threads.close()

    def _begin(self) -> None:
        self._threads = _Threads(self._to, self._verify)
        self._dropped = weakref.finalize(self, self._threads.close_elsewhere)  # its threads know nothing of this object
        self._dropped.atexit = False


class _Threads:
    """What belongs to one process: the core behind a lock, connections, and two threads that follow."""

    def __init__(self, to: Deployment, verify: ssl.SSLContext | bool) -> None:
        self.core = Core(to, threading.Event)
        self.is_closed = False
        self._timeout = to.timeout
        self._lock = threading.Lock()
        self._followers: list[threading.Thread] = []
        self._stream: httpx.Response | None = None
        self._lines: Iterator[str] = iter(())

        def connections() -> httpx.Client:
            # No proxy of the environment comes between: every request of the API hangs from this connection.
            return httpx.Client(
                base_url=to.address,
                timeout=to.timeout,
                headers=UNPACKED,
                verify=verify,
                trust_env=False,
            )

        self._asking, self._following = connections(), connections()

    def run(self, flow: Generator[Effect, object, R]) -> R:
        """Return what the flow comes to. Between two effects it has the lock."""
        try:
            with self._lock:
                effect = next(flow)
            while True:
                came = self._perform(effect)
                with self._lock:
                    effect = flow.send(came)
        except StopIteration as end:
            value: R = end.value
            return value
        finally:
            with self._lock:
                flow.close()

    def follow(self) -> None:
        """Start the two threads, unless they run."""
        if self._followers:
            return
        with self._lock:
            if self._followers or self.is_closed:
                return
            flows = (("stream", self.core.following.follow), ("lease", self.core.following.renew))
            threads = [
                threading.Thread(target=self._keep_running, args=(flow,), name=f"gatewright-{name}", daemon=True)
                for name, flow in flows
            ]
            for thread in threads:
                thread.start()
            self._followers = threads

    def _keep_running(self, flow: Callable[[], Generator[Effect, object, None]]) -> None:
        """Run a flow until following ends, again where it fails: without it nothing would be kept any more."""
        following = self.core.following
        while not following.stop.is_set():
            try:
                self.run(flow())
            except Exception as error:
                with self._lock:
                    pause = following.fail(error)
                self._perform(Wait(following.stop, pause))

    def close(self) -> None:
        """Stop the threads, wake who reads a stream, close what is open."""
        with self._lock:
            self.is_closed = True
            self.core.following.end()
        if (stream := self._stream) is not None:
            _wake_reader(stream)
        for thread in self._followers:
            if thread is not threading.current_thread():
                thread.join(LEAVING)
        self._asking.close()
        self._following.close()

    def close_elsewhere(self) -> None:
        """Close in a thread of its own: a garbage collector may call this in a thread that has our lock."""
        threading.Thread(target=self.close, name="gatewright-close", daemon=True).start()

    def _perform(self, effect: Effect) -> Reply | str | None:
        match effect:
            case Send(call, follows):
                return _sent(self._following if follows else self._asking, call, self._timeout)
            case Wait(threading.Event() as signal, seconds):
                signal.wait(seconds)
            case Open(call):
                return self._open(call)
            case NextLine():
                return self._next_line()
            case _:
                raise TypeError(f"cannot perform {effect}")
        return None

    def _open(self, call: Call) -> Reply | None:
        if self._stream is not None:
            self._stream.close()
        try:
            patience = httpx.Timeout(self._timeout, read=SILENCE)
            stream = self._following.send(_request(self._following, call, patience), stream=True)
        except (httpx.HTTPError, RuntimeError):  # RuntimeError: closed meanwhile
            self._stream = None
            return None
        self._stream, self._lines = stream, stream.iter_lines()
        if self.is_closed:
            stream.close()
        return Reply(stream.status_code, b"")

    def _next_line(self) -> str | None:
        line = None
        with suppress(httpx.HTTPError, httpx.StreamError, RuntimeError, StopIteration):
            line = next(self._lines)
        if line is None and self._stream is not None:
            self._stream.close()
        return line


def _sent(connections: httpx.Client, call: Call, within: float) -> Reply | None:
    try:
        answer = connections.send(_request(connections, call), stream=True)
        body = Body(until=time.monotonic() + within)
        try:
            for part in answer.iter_raw():  # as it came: nothing that was packed is unpacked here
                if not body.take(part, now=time.monotonic()):
                    return None
        finally:
            answer.close()
    except (httpx.HTTPError, RuntimeError):
        return None
    return body.reply(answer.status_code, answer.headers)


def _request(connections: httpx.Client, call: Call, patience: httpx.Timeout | None = None) -> httpx.Request:
    timeout = httpx.USE_CLIENT_DEFAULT if patience is None else patience
    return connections.build_request(
        call.method, call.path, params=call.query, headers=list(call.headers), content=call.body, timeout=timeout
    )


def _wake_reader(stream: httpx.Response) -> None:
    """Shut the socket down, so that the thread that waits for the next line stops waiting."""
    network = stream.extensions.get("network_stream")
    connection = network.get_extra_info("socket") if network is not None else None
    if isinstance(connection, socket.socket):
        with suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)  # below TLS, whose state the reader may be using


_guards: "weakref.WeakSet[Gatewright]" = weakref.WeakSet()


def _begin_anew_in_child() -> None:
    for guard in list(_guards):
        guard.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew_in_child)
