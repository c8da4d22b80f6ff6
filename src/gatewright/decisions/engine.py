"""The decision engine: tokens and rows in, yes or no out (X1, M6). It serves `web.access.Access`."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from gatewright.apps.installation_service import connect_on_first_call
from gatewright.base.errors import Unavailable
from gatewright.base.ids import CompanyId, ContactId, ProjectId, UserId
from gatewright.db.engine import Database
from gatewright.decisions import store
from gatewright.decisions.calls import Bearer, Call, bearer_of, bearer_of_dead, call_of
from gatewright.decisions.facts import (
    company_fact,
    contact_fact,
    entry_fact,
    installation_fact,
    membership_fact,
    project_fact,
    tools_fact,
)
from gatewright.decisions.memory import Known, Memory
from gatewright.decisions.model import Allowed, Asked, Caller, ContactRow, FirstCall, Refused, Situation
from gatewright.decisions.rules import TOKEN_MISSING, dead_token, decide
from gatewright.decisions.words import (
    about_contact,
    allowed_bearer,
    allowed_to,
    asked_by,
    caller_of,
    denied,
    fault_of,
    sent_by,
)
from gatewright.events.facts import Facts, noting
from gatewright.events.keys import signing_keys
from gatewright.oauth.facts import client_fact, user_fact
from gatewright.oauth.model import DeadToken, LiveToken, ServiceAccountClient
from gatewright.oauth.tokens import TokenReader
from gatewright.web.access import NOBODYS, Allow, Deny, Judged, Principal, Question
from gatewright.web.edge import Seen
from gatewright.web.limits import Budget, CallLimits

FIRST_CALL_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decides for the API and for the pages alike.

    `count` is told of every call of a known app or service account, the refused ones with what
    is kept of them (R3). A page that is refused is no call.
    """

    database: Database
    facts: Facts
    tokens: TokenReader
    count: Callable[[Call, datetime], None]
    limits: CallLimits
    memory: Memory = field(default_factory=Memory)

    async def by_token(self, token: str | None, question: Question, *, seen: Seen, spends: bool = True) -> Judged:
        """Return whether the bearer of an access token may (X2).

        `spends`: whether the call takes from its app's budget; one of many questions asked at once does not.
        """
        if (known := self._remembered(token, question, now=seen.now)) is not None:
            return await self._again(token, known, question, seen=seen, spends=spends)
        with noting() as given:
            judged, known = await self._by_token(token, question, seen=seen, spends=spends)
        # A membership of any project is no fact, and one more call may be one too many.
        if token is not None and known is not None and not question.any_level and self.facts.stand(given):
            self.memory.keep(token, question, replace(known, given=given))
        return judged

    async def _by_token(
        self, token: str | None, question: Question, *, seen: Seen, spends: bool
    ) -> tuple[Judged, Known | None]:
        """Return the answer, and what there is to remember of it."""
        asked = asked_by(question)
        live = await self._read(token, now=seen.now)
        if isinstance(live, Refused):
            if (bearer := await self._bearer_of_dead(token, live, now=seen.now)) is not None:
                self.count(call_of(bearer, asked, live, Situation(), sent=sent_by(question, seen)), seen.now)
            return Judged(denied(live)), None
        contact = await self._contact_in_reach(live, asked)
        budget = await self._spend(live, asked, contact) if spends else None
        if (fault := fault_of(budget, question)) is not None:
            facts = Situation(contact=contact)
            return self._told(live, question, fault, facts, budget=budget, seen=seen), None
        verdict, facts = await self._decide(caller_of(live), asked, seen=seen)
        judged = self._told(live, question, verdict, facts, budget=budget, seen=seen)
        verified = None if token is None else self.tokens.kept(token)
        if verified is None:
            return judged, None
        call = call_of(bearer_of(live), asked, verdict, facts, sent=sent_by(question, seen))
        return judged, Known(
            token=verified,
            live=live,
            asked=asked,
            verdict=verdict,
            facts=facts,
            answer=judged.answer,
            call=call if call.refused is None else None,
        )

    def _remembered(self, token: str | None, question: Question, *, now: datetime) -> Known | None:
        """Return what was decided before about the very same, where all it was made of stands."""
        known = None if token is None else self.memory.find(token, question)
        if token is None or known is None or not self.facts.stand(known.given):
            return None
        # The clock ends what no event does.
        return known if self.tokens.lives(known.token, known.given[signing_keys()], now=now) else None

    async def _again(self, token: str | None, known: Known, question: Question, *, seen: Seen, spends: bool) -> Judged:
        """Return the answer that was remembered; what the call costs and counts is not remembered."""
        budget = await self._spend(known.live, known.asked, known.facts.contact) if spends else None
        if (fault := fault_of(budget, question)) is not None:
            facts = Situation(contact=known.facts.contact)
            return self._told(known.live, question, fault, facts, budget=budget, seen=seen)
        if self.limits.shared is not None and not self.facts.stand(known.given):
            # It ended while another computer counted.
            judged, _ = await self._by_token(token, question, seen=seen, spends=False)
            return judged._replace(budget=budget)
        if known.call is None:
            return self._told(known.live, question, known.verdict, known.facts, budget=budget, seen=seen)
        self.count(known.call, seen.now)
        return Judged(known.answer, budget, known.beside)

    async def _spend(self, live: LiveToken, asked: Asked, contact: ContactRow | None) -> Budget | None:
        return await self.limits.spend(live.client_id, asked.company_id if contact else None)

    def _told(
        self,
        live: LiveToken,
        question: Question,
        verdict: Allowed | Refused,
        facts: Situation,
        *,
        budget: Budget | None,
        seen: Seen,
    ) -> Judged:
        self.count(call_of(bearer_of(live), asked_by(question), verdict, facts, sent=sent_by(question, seen)), seen.now)
        if isinstance(verdict, Allowed):
            return Judged(allowed_bearer(live, question, verdict), budget)
        retry_after = budget.retry_after if budget is not None and budget.is_exceeded else None
        return Judged(denied(verdict, retry_after=retry_after), budget)

    async def by_user(self, user_id: UserId, question: Question, *, now: datetime) -> Allow | Deny:
        """Return whether a signed-in user may, on the pages: no app, no scope (M6)."""
        user = await self.facts.get(user_fact(user_id))
        if user is None or not user.is_active:  # P4
            return denied(dead_token("principal_inactive", "This account is deactivated."))
        return await self._without_app(Principal("user", user_id, user.name, user.email), question)

    async def by_contact(self, contact_id: ContactId, question: Question) -> Allow | Deny:
        """Return whether the principal of a contact may, as a resource server asks that knows who it is.

        No app and no scope stand between (M6). A contact that is none of the company's answers
        like a company out of reach (P6).
        """
        entry = None
        if question.company_id is not None and not question.ambiguous:
            entry = await self.facts.get(entry_fact(question.company_id, contact_id))
        if entry is None:
            return about_contact(await self._without_app(Principal("user", NOBODYS, "", ""), question))
        if entry.kind == "user":
            return await self._by_user_of_contact(UserId(entry.principal_id), question)
        client = None if entry.client_id is None else await self.facts.get(client_fact(entry.client_id))
        if not isinstance(client, ServiceAccountClient):
            return denied(dead_token("principal_inactive", "Nobody signs in with this contact."))  # P2
        if not client.stands:  # S8, S9
            return denied(dead_token("service_account_disabled", "This service account is disabled."))
        principal = Principal("service_account", client.service_account_id, client.name, client.address)
        return await self._without_app(principal, question)

    async def _by_user_of_contact(self, user_id: UserId, question: Question) -> Allow | Deny:
        user = await self.facts.get(user_fact(user_id))
        if user is None or not user.is_active:  # P4
            return denied(dead_token("principal_inactive", "The user of this contact is deactivated."))
        return await self._without_app(Principal("user", user_id, user.name, user.email), question)

    async def _without_app(self, principal: Principal, question: Question) -> Allow | Deny:
        caller = Caller(kind=principal.kind, id=principal.id, on_pages=True)
        asked = asked_by(question)
        verdict = decide(caller, asked, await self._situation(caller, asked))
        match verdict:
            case Refused():
                return denied(verdict)
            case Allowed():
                return allowed_to(principal, question, verdict)
            case FirstCall():
                raise AssertionError("unreachable: no app stands between")
            case _:
                assert_never(verdict)

    async def _read(self, token: str | None, *, now: datetime) -> LiveToken | Refused:
        if token is None:
            return TOKEN_MISSING
        read = await self.tokens.read(token, now=now)
        return dead_token(read.code, read.description) if isinstance(read, DeadToken) else read

    async def _contact_in_reach(self, live: LiveToken, asked: Asked) -> ContactRow | None:
        """Return the caller's contact in the company that is named; None when it is out of their reach."""
        if asked.company_id is None or asked.ambiguous:
            return None
        return await self.facts.get(contact_fact(asked.company_id, live.principal_id))

    async def _bearer_of_dead(self, token: str | None, dead: Refused, *, now: datetime) -> Bearer | None:
        """Return whose token a dead one was; None for what was never a token of ours: nobody's is not counted."""
        if token is None or dead.code == "token_invalid":
            return None
        claims = await self.tokens.signed_claims(token, now=now)
        client = None if claims is None else await self.facts.get(client_fact(claims.client_id))
        return None if claims is None or client is None else bearer_of_dead(claims, client)

    async def _decide(self, caller: Caller, asked: Asked, *, seen: Seen) -> tuple[Allowed | Refused, Situation]:
        """Return the verdict and what decided; an app's first call in a company connects it, or asks for it (I2)."""
        for _ in range(FIRST_CALL_ATTEMPTS):
            facts = await self._situation(caller, asked)
            verdict = decide(caller, asked, facts)
            if not isinstance(verdict, FirstCall):
                return verdict, facts
            # An insert that overwrites nothing. Whoever was first, the row decides the next round (I5).
            await self._first_call(caller, asked, seen=seen)
        raise Unavailable(detail="an installation does not come to rest")

    async def _first_call(self, caller: Caller, asked: Asked, *, seen: Seen) -> None:
        if asked.company_id is None or caller.app_id is None:
            raise AssertionError("unreachable: a first call names a company, and an app makes it")
        await connect_on_first_call(
            self.database,
            company_id=asked.company_id,
            app_id=caller.app_id,
            user_id=UserId(caller.id),
            origin=seen.origin(caller.kind, caller.id, via_app_id=caller.app_id),
            now=seen.now,
        )
        # Where another process was first, nothing was committed here that would say so.
        self.facts.forget([installation_fact(asked.company_id, caller.app_id).key])

    async def _situation(self, caller: Caller, asked: Asked) -> Situation:
        """Return the rows that the question touches. In memory they cost no statement."""
        if asked.company_id is None or asked.ambiguous:
            return Situation()
        get = self.facts.get
        contact = await get(contact_fact(asked.company_id, caller.id))
        if contact is None:
            return Situation()
        needs_membership = asked.any_level and not any(contact.levels.values())
        situation = Situation(
            company=await get(company_fact(asked.company_id)),
            contact=contact,
            installation=await self._installation(caller, asked.company_id),
            tools=await get(tools_fact()) if asked.tool else (),
            has_membership=needs_membership and await self._has_membership(asked.company_id, contact.id),
        )
        return situation if asked.project_id is None else await self._on_project(situation, asked.project_id)

    async def _on_project(self, situation: Situation, project_id: ProjectId) -> Situation:
        company, contact = situation.company, situation.contact
        if company is None or contact is None:
            return situation
        return replace(
            situation,
            project_exists=await self.facts.get(project_fact(company.id, project_id)) is not None,
            membership=await self.facts.get(membership_fact(company.id, project_id, contact.id)),
        )

    async def _installation(self, caller: Caller, company_id: CompanyId) -> str | None:
        if caller.app_id is None:
            return None
        return await self.facts.get(installation_fact(company_id, caller.app_id))

    async def _has_membership(self, company_id: CompanyId, contact_id: ContactId) -> bool:
        # Of many rows, so no fact: read when it is needed.
        async with self.database.read() as reader:
            return await store.has_membership(reader, company_id, contact_id)
