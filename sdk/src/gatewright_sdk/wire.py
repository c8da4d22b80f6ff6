"""The requests of the SDK as values, and the server's answers read back. No I/O.

What the server says otherwise than agreed is a `Garbled`: nothing is guessed.
"""

import base64
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from gatewright_sdk.model import Allow, Deny, Principal, Question

MOST_QUESTIONS = 100
MOST_BYTES = 256 * 1024  # of a request with questions
_BESIDE = 256  # bytes of a question beside its token and its route, at most
_LONGEST_ESCAPE = 12  # bytes of one letter in JSON
NO_ANSWER = "no answer"
MOST_TAGS = 64
MOST_ANSWERED = 2 * 1024 * 1024  # bytes; a hundred answers, with all their tags, are a tenth of it
LONGEST_LEASE = 3600.0
TAG_HEADER = "Gatewright-Tag"
UNPACKED = {"Accept-Encoding": "identity"}  # a small packed answer may be a large one
_TAG = re.compile(r"[\w-]{1,64}", re.ASCII)


class Garbled(Exception):
    """An answer of the server that cannot be read; says what is wrong, and none of its contents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to the server."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the server. `tag`: what the feed forgets when the body is no longer true, where it says so."""

    status: int
    body: bytes = field(repr=False)
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to one question, and the tags of the facts it hangs from; without any it must not be kept."""

    answer: Allow | Deny
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a stream begins, and for how long a cache that has applied so far is good."""

    position: int


@dataclass(frozen=True, slots=True)
class Forget:
    """What was committed at a position makes these tags stale."""

    position: int
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reset:
    """What came between cannot be told; the stream goes on from here."""

    position: int


Event = Position | Forget | Reset


@dataclass(frozen=True, slots=True)
class Renewed:
    """The newest committed position after a nonce arrived, and the lease in seconds that begins when it was sent."""

    position: int
    lease: float


@dataclass(frozen=True, slots=True)
class Credentials:
    """The client authentication of a resource server."""

    client_id: str
    client_secret: str = field(repr=False)

    def header(self) -> tuple[str, str]:
        """Return `Authorization: Basic …` (RFC 6749 §2.3.1: both halves form-encoded first)."""
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
        return "Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"


# --- asking --------------------------------------------------------------------------------------


def how_many_fit(questions: Sequence[Question]) -> int:
    """Return how many of these, from the first on, the server takes in one request; at least one."""
    left = MOST_BYTES - _BESIDE
    for count, one in enumerate(questions[:MOST_QUESTIONS]):
        left -= _BESIDE + len(one.token or "") + _LONGEST_ESCAPE * len(one.route)
        if left < 0:
            return max(count, 1)
    return min(len(questions), MOST_QUESTIONS)


def check_call(questions: Sequence[Question], credentials: Credentials) -> Call:
    """Return the request that asks as many questions as fit."""
    body = json.dumps({"questions": [_question(one) for one in questions]}, separators=(",", ":"))
    headers = (credentials.header(), ("Content-Type", "application/json"), ("Accept", "application/json"))
    return Call(method="POST", path="/authz/check", headers=headers, body=body.encode())


def stream_call(credentials: Credentials, *, after: int | None) -> Call:
    """Return the request that opens the stream: from now on, or with what came after a position."""
    headers = (credentials.header(), ("Accept", "text/event-stream"), ("Accept-Encoding", "identity"))
    resumed = () if after is None else (("Last-Event-ID", str(after)),)
    return Call(method="GET", path="/authz/feed", headers=headers + resumed)


def nonce_call(credentials: Credentials, nonce: str) -> Call:
    """Return the request that asks for the newest position."""
    headers = (credentials.header(), ("Accept", "application/json"))
    return Call(method="GET", path="/authz/feed", query=(("nonce", nonce),), headers=headers)


# What a cache on the way kept may be older than what the feed told of.
KEYS_CALL = Call(
    method="GET", path="/oauth/jwks", headers=(("Accept", "application/json"), ("Cache-Control", "no-cache"))
)


def _question(question: Question) -> dict[str, object]:
    who = {"contact_id": question.contact_id} if question.token is None else {"token": question.token}
    company_id = None if isinstance(question.company_id, Deny) else question.company_id
    asked: dict[str, object] = {**who, "company_id": company_id, "tool": question.tool, "level": question.level}
    if question.project_id is not None:
        asked["project_id"] = question.project_id
    if question.route:
        asked["route"] = question.route
    return asked


# --- reading -------------------------------------------------------------------------------------


@dataclass(slots=True)
class Body:
    """An answer as it comes in: so large and no larger, and whole within its time however it trickles."""

    until: float  # on the clock of `take`
    _parts: bytearray = field(default_factory=bytearray)

    def take(self, part: bytes, *, now: float) -> bool:
        """Take one part; return whether more may come."""
        self._parts += part
        return len(self._parts) <= MOST_ANSWERED and now < self.until

    def reply(self, status: int, headers: Mapping[str, str]) -> Reply:
        """Return what was read; a tag that is none counts as no tag."""
        tag = headers.get(TAG_HEADER, "")
        return Reply(status, bytes(self._parts), tag if _TAG.fullmatch(tag) else None)


def received(reply: object) -> Reply:
    """Return the answer that came; Garbled when none did."""
    if not isinstance(reply, Reply):
        raise Garbled(NO_ANSWER)
    return reply


def read_json(reply: Reply) -> Any:  # Any: JSON, taken apart right away
    """Return what a 200 says; Garbled for every other answer."""
    if reply.status != 200:
        raise Garbled(f"status {reply.status}{_named_code(reply.body)}")
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        raise Garbled("not JSON") from None


def read_answers(reply: Reply, questions: Sequence[Question]) -> list[Answered]:
    """Return the answers in the order of the questions."""
    said = read_json(reply)
    answers = said.get("answers") if isinstance(said, dict) else None
    if not isinstance(answers, list) or len(answers) != len(questions):
        raise Garbled("not one answer to each question")
    return [_answered(one, question) for one, question in zip(answers, questions, strict=True)]


def read_renewed(reply: Reply, *, nonce: str) -> Renewed:
    """Return the answer to this nonce."""
    said = read_json(reply)
    if not isinstance(said, dict) or said.get("nonce") != nonce:
        raise Garbled("not the answer to this nonce")
    lease = said.get("lease")
    if isinstance(lease, bool) or not isinstance(lease, int | float) or not 0 < lease <= LONGEST_LEASE:
        raise Garbled("lease is no time")
    return Renewed(_position(said), float(lease))


def read_event(name: str, data: str) -> Event | None:
    """Return an event of the stream; None for one that this version does not know."""
    if name not in {"position", "forget", "reset"}:
        return None
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        raise Garbled("an event is not JSON") from None
    if not isinstance(said, dict):
        raise Garbled("an event is not an object")
    if name == "position":
        return Position(_position(said))
    if name == "reset":
        return Reset(_position(said))
    return Forget(_position(said), _texts(said, "tags"))


@dataclass(slots=True)
class EventLines:
    """Lines of a stream put together to events (the format of server-sent events)."""

    _name: str = ""
    _data: list[str] = field(default_factory=list)

    def add(self, line: str) -> Event | None:
        """Return the event that this line completes, if it does."""
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "event":
                self._name = value
            elif name == "data":
                self._data.append(value)
            return None
        name, data = self._name, "\n".join(self._data)
        self._name, self._data = "", []
        return read_event(name, data) if data else None


def _answered(said: object, question: Question) -> Answered:
    if not isinstance(said, dict) or not isinstance(said.get("allow"), bool):
        raise Garbled("an answer is neither yes nor no")
    tags = tuple(sys.intern(tag) for tag in _texts(said, "tags"))  # thousands of answers hang from the same facts
    kept = tags if len(tags) <= MOST_TAGS else ()
    return Answered(_allow(said, question) if said["allow"] else _deny(said), kept)


def _allow(said: dict[str, Any], question: Question) -> Allow:
    who = said.get("principal")
    if not isinstance(who, dict) or who.get("kind") not in {"user", "service_account"}:
        raise Garbled("a yes without principal")
    if _whole(who, "company_id") != question.company_id:
        raise Garbled("a yes for another company")
    return Allow(
        principal=Principal(who["kind"], _whole(who, "id")),
        company_id=_whole(who, "company_id"),
        contact_id=_whole(who, "contact_id"),
        level=_text_or_none(who, "level"),
        client_id=_text_or_none(who, "client_id"),
        scopes=_texts(who, "scopes"),
    )


def _deny(said: dict[str, Any]) -> Deny:
    status = _whole(said, "status")
    if not 400 <= status <= 599:
        raise Garbled("a no with the status of a yes")
    return Deny(
        code=_text(said, "code"),
        status=status,
        message=_text(said, "message"),
        help=_text(said, "help"),
        request_id=_text_or_none(said, "request_id"),
    )


def _position(said: dict[str, Any]) -> int:
    return _whole(said, "position")


def _whole(said: dict[str, Any], name: str) -> int:
    value = said.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Garbled(f"{name} is no whole number")
    return value


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str):
        raise Garbled(f"{name} is no text")
    return value


def _text_or_none(said: dict[str, Any], name: str) -> str | None:
    return None if said.get(name) is None else _text(said, name)


def _texts(said: dict[str, Any], name: str) -> tuple[str, ...]:
    value = said.get(name)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Garbled(f"{name} is no list of texts")
    return tuple(value)


def _named_code(body: bytes) -> str:
    """Return ` (CODE)` when an error answer names one: it is what tells the operator most."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    error = said.get("error") if isinstance(said, dict) else None
    code = error.get("code") if isinstance(error, dict) else error
    return f" ({code})" if isinstance(code, str) and code.isidentifier() else ""
