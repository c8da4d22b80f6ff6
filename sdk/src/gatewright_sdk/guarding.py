"""What the middlewares share: which question a request asks, and a refusal where nothing can be answered.

Free of any framework. A view needs a level on a tool; the route names the project, the
request names the company. `Gatewright-Auth-*` headers mean nothing here.
"""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol
from uuid import uuid4

from gatewright_sdk.denials import UNAVAILABLE
from gatewright_sdk.model import LEVELS, LONGEST_ROUTE, Allow, Deny, Question, is_tool
from gatewright_sdk.requests import NOBODYS, bearer, named_company, plain_id

COMPANY = "company_id"  # the names of path parameters, and of the query's
PROJECT = "project_id"
_METHOD = re.compile(r"[A-Z]{1,20}", re.ASCII)
_log = logging.getLogger("gatewright_sdk.guard")

Pairs = Sequence[tuple[str, str]]


class Guard(Protocol):
    """What answers: `Gatewright`."""

    @property
    def company_headers(self) -> tuple[str, ...]:
        """Return the headers that name the company (X3)."""
        ...

    def check(self, question: Question) -> Allow | Deny:
        """Return the answer to a question."""
        ...


class AsyncGuard(Protocol):
    """What answers when awaited: `AsyncGatewright`."""

    @property
    def company_headers(self) -> tuple[str, ...]:
        """Return the headers that name the company (X3)."""
        ...

    async def check(self, question: Question) -> Allow | Deny:
        """Return the answer to a question."""
        ...


@dataclass(frozen=True, slots=True)
class Needs:
    """What a view needs its caller to hold. `of="company"`: a company tool, though the route names a project."""

    tool: str
    level: str
    of: Literal["company"] | None = None

    def __post_init__(self) -> None:
        """Refuse what nobody can hold, when the program starts and not when it is called."""
        if not is_tool(self.tool):
            raise ValueError(f"{self.tool!r} is no tool: a tool's key is of small letters, digits and _")
        if self.level not in LEVELS:
            raise ValueError(f"{self.level!r} is no level: a view needs one out of {', '.join(LEVELS)}")
        if self.of not in {None, "company"}:
            raise ValueError('of= is "company" or is left out')


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as its framework routed it. `pattern`: the route with `{name}` for its parameters."""

    method: str
    pattern: str
    parameters: Mapping[str, object]
    headers: Pairs = field(repr=False)
    query: Pairs = field(repr=False)


def question_of(call: Call, needs: Needs, *, company_headers: Iterable[str]) -> Question | Deny:
    """Return what has to be asked about a request; Deny when its token cannot be told."""
    token = bearer(call.headers, call.query)
    if isinstance(token, Deny):
        return token
    in_path = call.parameters.get(COMPANY)
    company = named_company(
        call.headers,
        call.query,
        None if in_path is None else str(in_path),
        company_headers=tuple(company_headers),
    )
    return Question(
        tool=needs.tool,
        level=needs.level,
        company_id=company,
        project_id=_project(call) if needs.of is None else None,
        token=token,
        route=_route(call),
    )


def _project(call: Call) -> int | None:
    """Return the project of the path; what cannot be an id is nobody's, and None: the route names none."""
    named = call.parameters.get(PROJECT)
    return None if named is None else plain_id(str(named)) or NOBODYS


def _route(call: Call) -> str:
    method = call.method if _METHOD.fullmatch(call.method) else "?"
    text = f"{method} {call.pattern}"[:LONGEST_ROUTE]
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def decide(guard: Guard, needs: Needs, call: Call) -> Allow | Deny:
    """Return the answer to a request; Deny whatever happens on the way."""
    try:
        question = question_of(call, needs, company_headers=guard.company_headers)
        answer = question if isinstance(question, Deny) else guard.check(question)
    except Exception as error:
        answer = _failed(error)
    return _told(answer, call)


async def decide_awaited(guard: AsyncGuard, needs: Needs, call: Call) -> Allow | Deny:
    """Return the answer to a request; Deny whatever happens on the way."""
    try:
        question = question_of(call, needs, company_headers=guard.company_headers)
        answer = question if isinstance(question, Deny) else await guard.check(question)
    except Exception as error:
        answer = _failed(error)
    return _told(answer, call)


def _failed(error: Exception) -> Deny:
    """Return the refusal that stands for a failure: who cannot be judged is not let in."""
    _log.error("the guard failed with %s; the request is refused", type(error).__name__, exc_info=error)
    return UNAVAILABLE


def _told(answer: object, call: Call) -> Allow | Deny:
    """Return the answer; anything but a clear yes is a refusal with an id that stands in the log too."""
    match answer:
        case Allow():
            return answer
        case Deny():
            deny = answer if answer.request_id else replace(answer, request_id=str(uuid4()))
            _log.info("refused %s: %s (request %s)", _route(call), deny.code, deny.request_id)
            return deny
        case _:
            return _failed(TypeError("a guard answers with Allow or Deny"))


def comma_separated(pairs: Iterable[tuple[str, str]], *, company_headers: Iterable[str]) -> list[tuple[str, str]]:
    """Return headers as they were sent, where a server joins repeated ones with a comma (RFC 3875 §4.1.18).

    Neither a bearer token nor a company id has a comma in it.
    """
    ids = {name.lower() for name in company_headers}
    split = []
    for name, value in pairs:
        is_bearer = name.lower() == "authorization" and value.lower().startswith("bearer")
        values = value.split(",") if is_bearer or name.lower() in ids else [value]
        split += [(name, one.strip()) for one in values]
    return split
