"""`/authz/forward`: a proxy asks whether the request it holds back may pass (http.md, "Decisions for others").

Answered at the edge, for it is asked before every request of the platform's API. A yes writes no
line into the log: it is counted (R3). A refusal writes one, and is kept for X4 beside.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from starlette.types import Scope

from gatewright.authz.assertion import Assertions, Headers, Signed
from gatewright.authz.identity import NOBODY, identity_of
from gatewright.authz.questions import (
    PATH,
    Companies,
    Forwarded,
    Sent,
    appended,
    bad,
    bearer_token,
    forwarded_by,
    header_name,
    named_by,
    question_in,
    question_of,
    question_without_route,
    refuse_overrides,
    refuse_second_form,
    refuse_second_token,
    sent_headers,
    watched_headers,
)
from gatewright.authz.route_model import Found, PathUnclear, RouteUnknown, UnknownAllowed
from gatewright.authz.route_rules import RouteMap
from gatewright.base.errors import BadRequest, Refusal, Unauthenticated, Unavailable, WrongMethod
from gatewright.db.failures import STORAGE_ERRORS, is_storage_failure
from gatewright.decisions.engine import Decisions
from gatewright.settings import Settings
from gatewright.web.access import Deny, Question
from gatewright.web.api import refusal_body, refusal_headers, status_of
from gatewright.web.edge import Network, Plain, Seen, is_among, networks
from gatewright.web.limits import Budget

METHODS = ("GET", "HEAD")
_SIGNED = "signed"
_log = structlog.get_logger("gatewright.authz")


@dataclass(slots=True)
class Forward:
    """Answers `/authz/forward` for one process."""

    settings: Settings
    decisions: Decisions
    assertions: Assertions
    routes: RouteMap | None = None
    _trusted: Sequence[Network] = field(init=False)
    _watched: frozenset[bytes] = field(init=False)
    _company_headers: tuple[bytes, ...] = field(init=False)
    _fixed: Headers = field(init=False)  # what every answer carries

    def __post_init__(self) -> None:
        """Read the settings once."""
        names = self.settings.company_headers
        self._trusted = networks(self.settings.trusted_proxies)
        self._watched = watched_headers(names)
        self._company_headers = tuple(map(header_name, names))
        # A216: whoever keeps answers all the same must not give one client's to another.
        vary = ", ".join(("Authorization", "X-Forwarded-Method", "X-Forwarded-Uri", *names))
        self._fixed = ((b"cache-control", b"no-store"), (b"vary", vary.encode()))

    async def answer(self, scope: Scope, noted: Seen) -> Plain:
        """Return the answer to one request: 200, 401 or 403, and 400 or 405 for what is no question."""
        try:
            return await self._answer(scope, noted)
        except Refusal as refusal:
            return self._refused(refusal, noted, status=400 if isinstance(refusal, BadRequest) else None)
        except STORAGE_ERRORS as error:
            if not is_storage_failure(error):
                raise
            return self._refused(Unavailable(detail=type(error).__name__), noted)

    async def _answer(self, scope: Scope, noted: Seen) -> Plain:
        sent = sent_headers(scope["headers"], self._watched)
        refuse_overrides(sent)
        token = bearer_token(sent)
        companies = tuple([named_by(sent, name) for name in self._company_headers])
        if scope["path"] == PATH and scope["method"] not in METHODS:
            raise WrongMethod(METHODS)
        if scope["path"] == PATH and scope["query_string"]:
            refuse_second_form(sent, is_trusted=self._is_trusted(scope))
            question = question_in(scope["query_string"], companies, scope["method"])
            return await self._judge(token, question, noted)
        return await self._by_route_map(self._forwarded(scope, sent), token, companies, noted)

    def _forwarded(self, scope: Scope, sent: Sent) -> Forwarded:
        """Return the request that is held back, as one of our proxies names it."""
        is_trusted = self._is_trusted(scope)
        if scope["path"] == PATH:
            return forwarded_by(sent, is_trusted=is_trusted)
        return appended(scope["raw_path"], scope["query_string"], scope["method"], sent, is_trusted=is_trusted)

    async def _by_route_map(self, held: Forwarded, token: str | None, companies: Companies, noted: Seen) -> Plain:
        if self.routes is None:
            raise bad("There is no route map here: GATEWRIGHT_ROUTES names none.")
        refuse_second_token(held.uri, token)
        match self.routes.find(held.method, held.uri):
            case Found(route=route) if route.needs.asks == "public":
                return await self._unasked(noted)  # whoever it is, no token is looked at
            case Found() as found:
                return await self._judge(token, question_of(found, companies), noted)
            case UnknownAllowed() if token is None:
                return await self._unasked(noted)
            case UnknownAllowed():
                return await self._judge(token, Question(method="GET", path=PATH), noted)
            case (RouteUnknown() | PathUnclear()) as why:
                return await self._judge(token, question_without_route(why), noted)

    async def _judge(self, token: str | None, question: Question, noted: Seen) -> Plain:
        answer, budget, beside = await self.decisions.by_token(token, question, seen=noted)
        if isinstance(answer, Deny):
            return self._refused(answer.refusal(), noted, budget=budget)
        signed = None if beside is None else self.assertions.again(beside.get(_SIGNED), now=noted.now)
        if signed is None:
            signed = await self.assertions.about(identity_of(answer, question), now=noted.now)
            if beside is not None:
                beside[_SIGNED] = signed
        return self._allowed(signed, budget)

    async def _unasked(self, noted: Seen) -> Plain:
        """Return the yes to a request whose bearer is not looked at."""
        return self._allowed(await self.assertions.about(NOBODY, now=noted.now), None)

    def _allowed(self, signed: Signed, budget: Budget | None) -> Plain:
        return Plain(200, [*signed.headers, *self._fixed, *_budget_headers(budget)], is_logged=False)

    def _refused(
        self, refusal: Refusal, noted: Seen, *, budget: Budget | None = None, status: int | None = None
    ) -> Plain:
        """Return a refusal as proxies pass it on; `status` where it is not 401 or 403.

        nginx can read headers of this answer, not its body: so one of them holds the body too.
        """
        if isinstance(refusal, Unavailable):
            _log.error("unavailable", detail=refusal.detail, request_id=noted.request_id)
        body = json.dumps(refusal_body(refusal, request_id=noted.request_id)).encode("ascii")
        told = {
            "content-type": "application/json; charset=utf-8",
            "gatewright-code": refusal.code,
            "gatewright-status": str(status_of(refusal)),
            "gatewright-error": body.decode("ascii"),
            **{name: value for name, value in refusal_headers(refusal).items() if name != "cache-control"},
        }
        headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in told.items()]
        return Plain(status or _status(refusal), [*headers, *self._fixed, *_budget_headers(budget)], body)

    def _is_trusted(self, scope: Scope) -> bool:
        return bool(self._trusted) and is_among(scope["client"][0] if scope.get("client") else None, self._trusted)


def _status(refusal: Refusal) -> int:
    """Return the status that proxies understand: 401 or 403; every other one they would turn into 500."""
    if isinstance(refusal, WrongMethod):
        return 405
    return 401 if isinstance(refusal, Unauthenticated) else 403


def _budget_headers(budget: Budget | None) -> Headers:
    if budget is None:
        return ()
    return tuple((name.encode(), value.encode()) for name, value in budget.headers.items())
