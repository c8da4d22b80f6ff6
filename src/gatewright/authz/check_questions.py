"""The body of `POST /authz/check`, read strictly: one thing out of shape, and nothing of it is answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gatewright.base.errors import BadRequest
from gatewright.base.ids import CompanyId, ContactId, ProjectId
from gatewright.base.levels import Level
from gatewright.directory.rules import is_tool_key
from gatewright.web.access import Question

PATH = "/authz/check"
MOST_QUESTIONS = 100
LONGEST_ROUTE = 200
CREDENTIALS = frozenset({"client_id", "client_secret"})
_KEYS = frozenset({"token", "contact_id", "company_id", "project_id", "tool", "level", "route"})
_LEVELS = {level.key: level for level in Level if level is not Level.NONE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Posed:
    """One question, and whom it is about: the bearer of a token, or a contact."""

    question: Question
    token: str | None = field(default=None, repr=False)  # T13
    contact_id: ContactId | None = None


def credentials_in(body: object) -> Mapping[str, str]:
    """Return the client's credentials beside the questions, if it sent any there; BadRequest for no object."""
    if not isinstance(body, dict):
        raise _bad("The body", 'must be an object: {"questions": […]}')
    for name in CREDENTIALS & body.keys():
        if not isinstance(body[name], str):
            raise _bad(name, "must be text")
    return {name: body[name] for name in CREDENTIALS & body.keys()}


def questions_in(body: Mapping[str, Any]) -> list[Posed]:
    """Return the questions in order; BadRequest names the first place that is out of shape."""
    _refuse_others(body, CREDENTIALS | {"questions"}, "")
    questions = body.get("questions")
    if not isinstance(questions, list) or not 1 <= len(questions) <= MOST_QUESTIONS:
        raise _bad("questions", f"must be a list of 1 to {MOST_QUESTIONS} questions")
    return [_posed(asked, f"questions[{place}]") for place, asked in enumerate(questions)]


def _posed(asked: object, place: str) -> Posed:
    if not isinstance(asked, dict):
        raise _bad(place, "must be an object")
    _refuse_others(asked, _KEYS, f"{place}.")
    contact_id, company_id, project_id = (
        _id(asked.get(name), f"{place}.{name}") for name in ("contact_id", "company_id", "project_id")
    )
    token = _token(asked.get("token"), f"{place}.token")
    if token is None and contact_id is None:
        raise _bad(place, "must have token or contact_id")
    if token is not None and contact_id is not None:
        raise _bad(place, "must not have both token and contact_id")
    method, path = _route(asked.get("route"), f"{place}.route")
    question = Question(
        needs_company=True,
        company_id=None if company_id is None else CompanyId(company_id),
        project_id=None if project_id is None else ProjectId(project_id),
        tool=_tool(asked.get("tool"), f"{place}.tool"),
        level=_level(asked.get("level"), f"{place}.level"),
        method=method,
        path=path,
    )
    return Posed(question=question, token=token, contact_id=None if contact_id is None else ContactId(contact_id))


def _refuse_others(body: Mapping[str, Any], known: frozenset[str], place: str) -> None:
    for name in body:
        if name not in known:
            raise _bad(f"{place}{name[:40]!a}", f"is not known; there are {', '.join(sorted(known))}")


def _id(value: object, place: str) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 2**53:
        raise _bad(place, "must be a whole number from 1 to 2^53 - 1")
    return value


def _token(value: object, place: str) -> str | None:
    if value is not None and (not isinstance(value, str) or not value):
        raise _bad(place, "must be text that is not empty")
    return value


def _tool(value: object, place: str) -> str:
    if not isinstance(value, str) or not is_tool_key(value):
        raise _bad(place, "must be the key of a tool")
    return value


def _level(value: object, place: str) -> Level:
    level = _LEVELS.get(value) if isinstance(value, str) else None
    if level is None:
        raise _bad(place, f"must be one of {', '.join(_LEVELS)}")
    return level


def _route(value: object, place: str) -> tuple[str, str]:
    """Return method and path of the route that the record of a refused call shows."""
    if value is None or value == "":
        return "POST", PATH
    if not isinstance(value, str) or len(value) > LONGEST_ROUTE or not value.isprintable():
        raise _bad(place, f"must be printable text of at most {LONGEST_ROUTE} letters")
    method, _, path = value.partition(" ")
    return (method, path) if path else ("", value)


def _bad(place: str, needed: str) -> BadRequest:
    return BadRequest("invalid_request", f"{place} {needed}.", help="Correct the program that asks.")
