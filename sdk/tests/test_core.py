"""Questions, effect by effect, without any I/O (X1, X5)."""

import json
import threading
from collections.abc import Generator
from dataclasses import replace

from joserfc.jwk import ECKey
from sdk.tests.model_server import ModelServer

from gatewright_sdk.core import Core
from gatewright_sdk.denials import ASSERTION_INVALID, TOKEN_INVALID, UNAVAILABLE
from gatewright_sdk.deployment import deployment_of
from gatewright_sdk.effects import Effect, Send, Wait
from gatewright_sdk.model import LONGEST_ROUTE, Question
from gatewright_sdk.wire import KEYS_CALL, MOST_BYTES, Call, Reply

ISSUER = "https://id.example"
SIGNS = ECKey.generate_key("P-256", {"kid": "k1"})


def core() -> Core:
    to = deployment_of(
        ISSUER,
        client_id="gate",
        client_secret="s",
        timeout=2.0,
        address=None,
        audience=None,
        most_answers=10,
        insecure_http=False,
    )
    return Core(to, threading.Event)


def asked(token: str) -> Question:
    return Question(token=token, company_id=1, tool="rfis", level="standard")


def sent(effect: object) -> Call:
    assert isinstance(effect, Send)
    return effect.call


def test_who_waits_for_the_key_set_asks_for_it_when_the_first_gave_up() -> None:
    """X5: giving up fails nobody else."""
    guard, question = core(), asked(ModelServer(issuer=ISSUER).token())
    first, second = guard.answers([question]), guard.answers([question])
    assert sent(next(first)) is KEYS_CALL
    waits = next(second)
    assert isinstance(waits, Wait)
    first.close()
    assert waits.signal.is_set()
    assert sent(second.send(None)) is KEYS_CALL


def test_a_key_set_that_cannot_be_had_is_asked_for_once_a_second() -> None:
    """X1: the answer is 503, and the next question waits for nothing."""
    guard, question = core(), asked(ModelServer(issuer=ISSUER).token())
    flow = guard.answers([question])
    assert sent(next(flow)) is KEYS_CALL
    assert finished(flow.send, None) == [UNAVAILABLE]
    assert finished(next, guard.answers([question])) == [UNAVAILABLE]


def test_a_key_set_is_enough_to_refuse_a_forgery() -> None:
    """X2."""
    guard, other = core(), ECKey.generate_key("P-256", {"kid": "k1"})
    flow = guard.answers([asked(ModelServer(issuer=ISSUER).token())])
    assert sent(next(flow)) is KEYS_CALL
    published = json.dumps({"keys": [other.as_dict(private=False)]}).encode()
    assert finished(flow.send, Reply(200, published)) == [TOKEN_INVALID]


def leased_core() -> Core:
    """Return a core that has the key set and a lease."""
    made, server = core(), ModelServer(issuer=ISSUER, key=SIGNS)
    stream = made.following.follow()
    next(stream)
    for line in (Reply(200, b""), "event: position", 'data: {"position": 5}', ""):
        stream.send(line)
    renewal = made.following.renew()
    nonce = dict(sent(next(renewal)).query)["nonce"]
    renewal.send(Reply(200, json.dumps({"nonce": nonce, "position": 5, "lease": 60}).encode()))
    keys = made.identity(server.assertion())
    next(keys)
    finished(keys.send, Reply(200, json.dumps({"keys": [SIGNS.as_dict(private=False)]}).encode(), "tag"))
    return made


def test_who_waits_for_a_request_that_fails_is_told_with_it() -> None:
    """X1: and does not send one more to a server that is in trouble."""
    guard, question = leased_core(), asked(ModelServer(issuer=ISSUER, key=SIGNS).token())
    first, second = guard.answers([question]), guard.answers([question])
    assert sent(next(first)).path == "/authz/check"
    assert isinstance(next(second), Wait)
    assert finished(first.send, Reply(503, b"")) == [UNAVAILABLE]
    assert finished(second.send, None) == [UNAVAILABLE]


def test_no_request_is_larger_than_the_server_takes() -> None:
    """X1: a batch of long tokens is cut by its bytes, one of short ones by its count."""
    guard, server = leased_core(), ModelServer(issuer=ISSUER, key=SIGNS)
    long = [asked(server.token(sub=str(number), padding="x" * 2800)) for number in range(100)]
    routed = replace(asked(server.token()), route="\N{GRINNING FACE}" * LONGEST_ROUTE)
    for questions in (long, [replace(routed, company_id=number) for number in range(1, 101)]):
        bodies = bodies_of(guard.answers(questions))
        assert len(bodies) == 2
        assert max(map(len, bodies)) <= MOST_BYTES
        assert sum(len(json.loads(body)["questions"]) for body in bodies) == 100
    short = [replace(asked(server.token()), company_id=number) for number in range(1, 101)]
    assert len(bodies_of(guard.answers(short))) == 1


def bodies_of(flow: Generator[Effect, object, object]) -> list[bytes]:
    """Return the bodies of what is asked, when nothing is answered."""
    bodies, effect = [], next(flow)
    try:
        while True:
            bodies.append(sent(effect).body or b"")
            effect = flow.send(None)
    except StopIteration:
        return bodies


def test_a_key_set_that_was_overtaken_is_asked_for_again_before_anything_is_said() -> None:
    """T12: the stream opens while the first request is on its way."""
    guard, server = core(), ModelServer(issuer=ISSUER)
    flow = guard.identity(server.token(typ="gatewright-auth+jwt"))
    published = json.dumps({"keys": [server.key.as_dict(private=False)]}).encode()
    assert sent(next(flow)) is KEYS_CALL
    stream = guard.following.follow()
    next(stream)
    for line in (Reply(200, b""), "event: position", 'data: {"position": 5}', ""):
        stream.send(line)
    assert sent(flow.send(Reply(200, published, "tag"))) is KEYS_CALL
    assert finished(flow.send, Reply(200, published, "tag")) == ASSERTION_INVALID


def test_a_search_that_fails_is_a_503() -> None:
    """X2."""
    guard, server = core(), ModelServer(issuer=ISSUER)
    published = json.dumps({"keys": [server.key.as_dict(private=False)]}).encode()
    flow = guard.answers([asked(server.token(aud="https://other.example"))])
    assert sent(next(flow)) is KEYS_CALL
    assert finished(flow.send, Reply(200, published)) == [TOKEN_INVALID]
    flow = guard.answers([asked(server.token(headers={"kid": "k2"}))])
    assert sent(next(flow)) is KEYS_CALL
    assert finished(flow.send, Reply(503, b"")) == [UNAVAILABLE]


def finished(step: object, given: object) -> object:
    """Return what the flow comes to with this step; AssertionError when it asks for more."""
    assert callable(step)
    try:
        more = step(given)
    except StopIteration as end:
        return end.value
    raise AssertionError(f"asks for {more}")
