"""Between what routes say (`web.access`) and what the rules say (`decisions.model`)."""

from datetime import timedelta

from gatewright.decisions.calls import Sent
from gatewright.decisions.model import Allowed, Asked, Caller, Refused
from gatewright.decisions.rules import rate_limited
from gatewright.oauth.model import LiveToken
from gatewright.web.access import Allow, Deny, Principal, Question
from gatewright.web.edge import Seen
from gatewright.web.limits import Budget


def caller_of(live: LiveToken) -> Caller:
    """Return who asks with a token."""
    return Caller(
        kind=live.principal_kind,
        id=live.principal_id,
        app_id=live.app_id,
        home_company_id=live.company_id,
        scopes=live.scopes,
    )


def asked_by(question: Question) -> Asked:
    """Return what the rules are asked."""
    return Asked(
        company_id=question.company_id,
        needs_company=question.needs_company,
        ambiguous=question.ambiguous,
        project_id=question.project_id,
        tool=question.tool,
        of_company=question.of_company,
        level=question.level,
        manage=question.manage,
        any_level=question.any_level,
    )


def sent_by(question: Question, seen: Seen) -> Sent:
    """Return the request that the question came as."""
    return Sent(seen.request_id, question.method, question.path)


def fault_of(budget: Budget | None, question: Question) -> Refused | None:
    """Return what refuses a live token's bearer before anything is decided."""
    if budget is not None and budget.is_exceeded:
        return rate_limited(budget.window)
    fault = question.fault
    return None if fault is None else Refused(fault.code, fault.message, fault.help)


def allowed_bearer(live: LiveToken, question: Question, allowed: Allowed) -> Allow:
    """Return the yes to the bearer of a token."""
    return Allow(
        principal=Principal(live.principal_kind, live.principal_id, live.name, live.login),
        company_id=question.company_id,
        contact_id=allowed.contact_id,
        level=allowed.level,
        is_company_admin=allowed.is_company_admin,
        client_id=live.client_id,
        app_id=live.app_id,
        scopes=live.scopes,
        issued_at=live.issued_at,
        expires_at=live.expires_at,
    )


def allowed_to(principal: Principal, question: Question, allowed: Allowed) -> Allow:
    """Return the yes to somebody between whom and the question no app stands."""
    return Allow(
        principal=principal,
        company_id=question.company_id,
        contact_id=allowed.contact_id,
        level=allowed.level,
        is_company_admin=allowed.is_company_admin,
    )


def about_contact(answer: Allow | Deny) -> Allow | Deny:
    """Return the answer about a contact that is not in the company: who asked named two ids."""
    if isinstance(answer, Allow) or answer.code != "company_unknown":
        return answer
    told = "There is no contact with this id in a company with this id."
    return Deny(answer.code, told, "The program that asks corrects company_id or contact_id.")


def denied(refused: Refused, *, retry_after: timedelta | None = None) -> Deny:
    """Return the no; `retry_after` of a call that came too soon."""
    return Deny(refused.code, refused.message, refused.help, retry_after)
