"""Following, effect by effect, without any I/O (T12)."""

import json
import threading
import time
from collections.abc import Generator, Iterable

from gatewright_sdk.cache import Cache
from gatewright_sdk.clock import passed
from gatewright_sdk.effects import Effect, NextLine, Open, Send, Wait
from gatewright_sdk.following import FIRST_RETRY, LAST_RETRY, Following
from gatewright_sdk.model import Allow, Deny
from gatewright_sdk.troubles import Troubles
from gatewright_sdk.wire import Credentials, Reply

Flow = Generator[Effect, object, None]
OPENED = Reply(200, b"")


class Scene:
    """A cache, what follows for it, and the means to play its driver."""

    def __init__(self) -> None:
        self.cache: Cache[Allow | Deny] = Cache()
        self.following = Following(self.cache, Credentials("gate", "s"), Troubles(), threading.Event)

    def stream(self, *lines: str) -> None:
        """Open a stream that says these lines, and stays open."""
        flow = self.following.follow()
        assert isinstance(next(flow), Open)
        assert isinstance(last_of(flow, [OPENED, *lines]), NextLine)

    def renewed(self, **said: object) -> Effect:
        """Return what is asked for after a nonce was answered so."""
        flow = self.following.renew()
        sent = next(flow)
        assert isinstance(sent, Send)
        answer = {"nonce": dict(sent.call.query)["nonce"], "position": 5, "lease": 2.0, **said}
        return flow.send(Reply(200, json.dumps(answer).encode()))

    def has_lease(self) -> bool:
        return self.cache.has_lease(passed())


def last_of(flow: Flow, answers: Iterable[object]) -> Effect:
    """Return the last effect after these answers."""
    effect: Effect = NextLine()
    for answer in answers:
        effect = flow.send(answer)
    return effect


def position(number: int) -> tuple[str, str, str]:
    return "event: position", f'data: {{"position": {number}}}', ""


def test_a_stream_and_a_nonce_make_a_lease() -> None:
    """T12: neither does alone."""
    scene = Scene()
    flow = scene.following.renew()
    assert next(flow) == Wait(scene.following.renewal_due, LAST_RETRY)
    scene.stream(*position(5))
    assert not scene.has_lease()
    assert scene.following.renewal_due.is_set()
    assert scene.renewed() == Wait(scene.following.renewal_due, 0.5)
    assert scene.has_lease()


def test_an_answer_to_another_nonce_makes_no_lease() -> None:
    """T12."""
    scene = Scene()
    scene.stream(*position(5))
    scene.renewed(nonce="another")
    assert not scene.has_lease()


def test_a_line_that_cannot_be_read_ends_what_is_in_memory() -> None:
    """T12: who knows what it said; the stream is opened anew."""
    scene = Scene()
    scene.stream(*position(5))
    scene.renewed()
    assert scene.has_lease()
    flow = scene.following.follow()
    opened = next(flow)
    assert isinstance(opened, Open)
    assert ("Last-Event-ID", "5") in opened.call.headers
    asked = last_of(flow, [OPENED, *position(5), "event: forget", "data: {", ""])
    assert isinstance(asked, Wait)
    assert not scene.has_lease()
    again = flow.send(None)
    assert isinstance(again, Open)
    assert "Last-Event-ID" not in dict(again.call.headers)


def test_a_server_that_does_not_answer_is_asked_less_and_less_often() -> None:
    """T12: never the same pause for all who lost it."""
    scene = Scene()
    flow = scene.following.follow()
    next(flow)
    pauses = []
    for answer in (None, Reply(503, b""), Reply(401, b""), None, None, None, None, None):
        waited = flow.send(answer)
        assert isinstance(waited, Wait)
        pauses.append(waited.seconds)
        flow.send(None)
    for failures, pause in enumerate(pauses, 1):
        longest = min(LAST_RETRY, FIRST_RETRY * 2**failures)
        assert longest / 2 <= pause <= longest
    assert isinstance(last_of(flow, [OPENED, *position(5)]), NextLine)
    waited = flow.send(None)
    assert isinstance(waited, Wait)
    assert waited.seconds <= FIRST_RETRY


def test_a_lease_that_ends_after_the_stream_was_lost_is_not_renewed() -> None:
    """T12: nobody tells what to forget any more."""
    scene = Scene()
    flow = scene.following.follow()
    assert isinstance(next(flow), Open)
    last_of(flow, [OPENED, *position(5)])
    scene.renewed(lease=0.3)
    assert scene.has_lease()
    assert isinstance(flow.send(None), Wait)
    time.sleep(0.3)
    renewal = scene.following.renew()
    assert next(renewal) == Wait(scene.following.renewal_due, LAST_RETRY)


def test_both_end_when_told() -> None:
    """T12."""
    scene = Scene()
    scene.following.end()
    assert list(scene.following.follow()) == list(scene.following.renew()) == []
