"""Who is asking, and may they: the one question every route asks (M6, X1).

The answer is decided on a higher floor and injected by `app.py`.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, Protocol

from starlette.requests import HTTPConnection, Request

from gatewright.base.errors import BadRequest, NotAllowed, NotFound, RateLimited, Refusal, Unauthenticated
from gatewright.base.ids import AppId, CompanyId, ContactId, ProjectId, UserId
from gatewright.base.levels import Level
from gatewright.events.catalogue import Origin
from gatewright.web.edge import Seen, note_headers, seen
from gatewright.web.limits import Budget

NOBODYS = 0  # an id that nothing has, for numbers that no id can be
_PLAIN = re.compile(r"[1-9][0-9]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in person looking at pages."""

    user_id: UserId
    name: str
    email: str
    is_operator: bool
    session_id: str


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts: a user or a service account. `id` is of their shared sequence (P1)."""

    kind: Literal["user", "service_account"]
    id: int
    name: str
    login: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody wants to do (X1). Nothing named: only who they are is asked."""

    company_id: CompanyId | None = None
    needs_company: bool = False
    ambiguous: str = ""  # why the company cannot be told (X3)
    project_id: ProjectId | None = None
    tool: str | None = None  # project-level when a project is named, else company-level
    of_company: bool = False  # a company-level tool, for something done to the project that is named
    level: Level | None = None
    manage: bool = False  # M8: a security object
    any_level: bool = False  # any level or membership in the company will do
    fault: "Deny | None" = None  # what is wrong with the request: told to whoever acts with a live token
    method: str = ""  # of the request that asks, kept where it is refused (R3)
    path: str = ""  # the pattern of its route


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """Yes, and who it is. What the question did not touch is None."""

    principal: Principal
    client_id: str | None = None  # None: a person on the pages
    app_id: AppId | None = None
    scopes: tuple[str, ...] = ()
    company_id: CompanyId | None = None
    contact_id: ContactId | None = None
    level: Level | None = None  # the level held on the tool asked about
    is_company_admin: bool = False  # holds directory: admin
    issued_at: datetime | None = None
    expires_at: datetime | None = None

    def origin(self, connection: HTTPConnection) -> Origin:
        """Return where an event comes from when this caller causes it."""
        return seen(connection).origin(self.principal.kind, self.principal.id, via_app_id=self.app_id)


@dataclass(frozen=True, slots=True)
class Deny:
    """No: one code of X2, one sentence, and who can fix it (roles, never persons)."""

    code: str
    message: str
    help: str
    retry_after: timedelta | None = None  # of a call that came too soon

    def refusal(self) -> Refusal:
        """Return the exception that tells it."""
        if self.retry_after is not None:
            return RateLimited(self.message, help=self.help, retry_after=self.retry_after)
        kind = _KINDS.get(self.code, NotAllowed)
        return Denied(self) if kind is NotAllowed else _raised(kind, self)


class Judged(NamedTuple):
    """What the bearer of a token was told, and what the call left of the app's budget; None: not limited.

    `beside`: where an answer was remembered, a place to keep what is made of it. Then nothing
    was waited for since it was asked what others committed.
    """

    answer: Allow | Deny
    budget: Budget | None = None
    beside: dict[str, Any] | None = None


class Denied(NotAllowed):
    """A decision that says no with 403."""

    def __init__(self, deny: Deny) -> None:
        super().__init__(deny.code, deny.message, help=deny.help)


class Unknown(NotFound):
    """A decision that says there is no such company or project."""

    def __init__(self, deny: Deny) -> None:
        super().__init__(deny.code, deny.message)
        self.help = deny.help


_KINDS: dict[str, type[Refusal]] = {
    **dict.fromkeys(
        (
            "token_missing",
            "token_invalid",
            "token_expired",
            "token_revoked",
            "principal_inactive",
            "service_account_disabled",
        ),
        Unauthenticated,
    ),
    "company_ambiguous": BadRequest,
    "company_required": BadRequest,
    "path_unclear": BadRequest,
    "company_unknown": NotFound,
    "project_unknown": NotFound,
    "route_unknown": NotFound,
}


def _raised(kind: type[Refusal], deny: Deny) -> Refusal:
    return Unknown(deny) if kind is NotFound else kind(deny.code, deny.message, help=deny.help)


class Access(Protocol):
    """The decision engine, as routes see it."""

    async def by_token(self, token: str | None, question: Question, *, seen: Seen) -> Judged:
        """Answer for the bearer of an access token (API); an app's first call may connect it (I2)."""
        ...

    async def by_user(self, user_id: UserId, question: Question, *, now: datetime) -> Allow | Deny:
        """Answer for a signed-in user on the pages: no app, no scope (M6)."""
        ...


class Sessions(Protocol):
    """The sign-in slice, as pages see it."""

    async def viewer(self, request: Request) -> Viewer | None:
        """Return who is signed in in this browser, or None."""
        ...


class SignInNeeded(Exception):
    """A page needs a signed-in viewer; `app.py` sends the browser to `/login` and back."""


def bearer(request: Request) -> str | None:
    """Return the token of `Authorization: Bearer …`; None when there is none.

    The header is the only place (RFC 6750 §2.1): a token in a query or a body is not
    read, and refused beside one in the header (A144). So is a repeated header.
    """
    values = request.headers.getlist("authorization")
    if len(values) > 1:
        raise BadRequest("invalid_request", "Authorization is repeated.", help="Send it once.")
    scheme, _, token = (values[0] if values else "").partition(" ")
    if token and "access_token" in request.query_params:
        where = "Send it in Authorization alone; an address is kept in logs and histories."
        raise BadRequest("invalid_request", "An access token was sent in the query too.", help=where)
    return token.strip() or None if scheme.lower() == "bearer" else None


async def viewer_of(request: Request) -> Viewer:
    """Return who is signed in; SignInNeeded when nobody is."""
    sessions: Sessions = request.app.state.core.sessions
    viewer = await sessions.viewer(request)
    if viewer is None:
        raise SignInNeeded
    return viewer


async def operator_of(request: Request) -> Viewer:
    """Return who is signed in, an operator of this deployment; NotAllowed for anybody else."""
    viewer = await viewer_of(request)
    if not viewer.is_operator:
        raise NotAllowed(
            "operator_only",
            "This page is for the operators of this deployment.",
            help="An operator can do it, or make you one under Operator, Users.",
        )
    return viewer


async def viewer_may(request: Request, question: Question) -> tuple[Viewer, Allow]:
    """Return who is signed in and the yes; the refusal of a no is raised (M6)."""
    viewer = await viewer_of(request)
    access: Access = request.app.state.core.access
    answer = await access.by_user(viewer.user_id, question, now=seen(request).now)
    if isinstance(answer, Deny):
        raise answer.refusal()
    return viewer, answer


def requires(
    tool: str | None = None,
    level: Level | None = None,
    *,
    manage: bool = False,
    any_level: bool = False,
    company: bool = True,
    on_project: bool = False,
) -> Callable[[Request], Awaitable[Allow]]:
    """Return a FastAPI dependency that answers with the caller, or raises the refusal (X2).

    The company is named as X3 says. `on_project`: the path names a project too, which has to
    be known before the company-level tool is judged.
    """
    asked = Question(
        needs_company=company, tool=tool, of_company=on_project, level=level, manage=manage, any_level=any_level
    )

    async def caller(request: Request) -> Allow:
        access: Access = request.app.state.core.access
        question = _about_company(asked, request)
        if on_project:
            project_id = plain_id(str(request.path_params["project_id"])) or NOBODYS
            question = replace(question, project_id=ProjectId(project_id))
        return _allowed(request, await access.by_token(bearer(request), question, seen=seen(request)))

    return caller


def _allowed(request: Request, judged: Judged) -> Allow:
    """Return the yes; the refusal of a no is raised, and after it what was put off."""
    answer, budget, _ = judged
    if budget is not None:
        note_headers(request, budget.headers)
    if isinstance(answer, Deny):
        raise answer.refusal()
    refusal: Refusal | None = request.scope["state"].get("put_off")
    if refusal is not None:
        raise refusal
    return answer


def put_off(request: Request, refusal: Refusal) -> None:
    """Note what is wrong with the body, to be told once the caller is known and allowed (X2)."""
    request.scope["state"]["put_off"] = refusal


def _about_company(asked: Question, request: Request) -> Question:
    """Return the question about the company that the request names, if one can be told.

    Where none is needed it has to be tellable all the same (X3), and is not looked at.
    """
    asked = replace(asked, method=request.method, path=request.scope["route"].path)
    named = named_company(request, headers=request.app.state.core.settings.company_headers)
    if isinstance(named, Ambiguous):
        return replace(asked, ambiguous=named.why)
    return replace(asked, company_id=named) if asked.needs_company else asked


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The company cannot be told from the request, and why (X3)."""

    why: str


def named_company(request: HTTPConnection, *, headers: tuple[str, ...]) -> CompanyId | Ambiguous | None:
    """Return the company that headers, path and query name; None when none does (X3).

    Each names it at most once, as ASCII digits without sign or leading zero, and all
    of them the same. A number that no id can be is nobody's: it answers like any
    unknown id (P6).
    """
    places = [request.headers.getlist(header) for header in headers]
    places.append(request.query_params.getlist("company_id"))
    from_path = request.path_params.get("company_id")
    return agreed_company([*places, [] if from_path is None else [str(from_path)]])


def agreed_company(places: Sequence[Sequence[str]]) -> CompanyId | Ambiguous | None:
    """Return the company that all places name; `places` holds what each of them says (X3)."""
    if any(len(values) > 1 for values in places):
        return Ambiguous("The company is named twice in one place.")
    named = [value for values in places for value in values]
    if len(set(named)) > 1:
        return Ambiguous("The headers, the path and the query name different companies.")
    if not named:
        return None
    if not _PLAIN.fullmatch(named[0]):
        return Ambiguous("The company is not named by plain digits.")
    return CompanyId(plain_id(named[0]) or NOBODYS)


def plain_id(text: str) -> int | None:
    """Return the id written as ASCII digits without sign or leading zero, below 2^53; else None."""
    if not _PLAIN.fullmatch(text) or len(text) > 16:
        return None
    number = int(text)
    return number if number < 2**53 else None


def path_id(request: HTTPConnection, name: str, code: str = "not_found") -> int:
    """Return an id of the path; NotFound with that code when it cannot be one (P6)."""
    number = plain_id(str(request.path_params.get(name, "")))
    if number is None:
        raise NotFound(code)
    return number
