"""Explanations put together for the API and the pages alike (X4): what is asked, the rows, the rules."""

from dataclasses import dataclass
from datetime import datetime

from gatewright.base.errors import NotFound
from gatewright.base.ids import CompanyId, ContactId, ProjectId
from gatewright.db.engine import Reader
from gatewright.decisions import explain_store, refusal_store
from gatewright.decisions.explain_model import Explanation, KeptRefusal, Names, RefusalExplained, Who
from gatewright.decisions.explain_rules import explain
from gatewright.decisions.model import Asked, Situation
from gatewright.decisions.refusal_rules import explain_refusal
from gatewright.decisions.rules import tool_name
from gatewright.directory.rules import is_company_admin
from gatewright.directory.service.levels import company_unknown, contact_unknown, project_unknown


@dataclass(frozen=True, slots=True)
class LevelExplained:
    """An explanation, and what it is about."""

    who: Who
    tool: str
    tool_name: str
    project_id: ProjectId | None
    project: str | None
    explanation: Explanation


async def find_contact(reader: Reader, company_id: CompanyId, contact_id: ContactId) -> Who:
    """Return the contact; NotFound when it is none of this company (P6)."""
    who = await explain_store.load_contact(reader, company_id, contact_id)
    if who is None:
        raise contact_unknown()
    return who


async def explain_level(
    reader: Reader, company_id: CompanyId, who: Who, *, tool: str, project_id: ProjectId | None
) -> LevelExplained:
    """Return why the contact holds what it holds on the tool; NotFound for a project of another company (P6)."""
    project = None
    if project_id is not None:
        project = await explain_store.find_project_name(reader, company_id, project_id)
        if project is None:
            raise project_unknown()
    facts = await explain_store.load_situation(reader, company_id, who, project_id=project_id, app_id=None)
    asked = Asked(company_id=company_id, needs_company=True, project_id=project_id, tool=tool)
    grants_on = None if is_company_admin(who.levels) else project_id  # M4: given in the company
    grants = await explain_store.load_grants(reader, company_id, who, project_id=grants_on)
    names = Names(company=_company(facts), project=project)
    explanation = explain(who, asked, facts, grants, names=names)
    return LevelExplained(who, tool, tool_name(asked, facts), project_id, project, explanation)


async def explain_request(
    reader: Reader, company_id: CompanyId, request_id: str, *, now: datetime
) -> tuple[KeptRefusal, RefusalExplained]:
    """Return the refused call and its explanation; NotFound when this company has none of that id (P6)."""
    kept = await refusal_store.find_refusal(reader, company_id, request_id, now=now)
    if kept is None:
        raise refusal_unknown()
    principal_id = kept.service_account_id or kept.user_id or 0
    who = await explain_store.load_principal(reader, company_id, principal_id)
    facts = await explain_store.load_situation(reader, company_id, who, project_id=kept.project_id, app_id=kept.app_id)
    is_on_project = kept.project_id is not None and not kept.asked["of_company"]
    is_admin = who is not None and is_company_admin(who.levels)
    grants_on = kept.project_id if is_on_project and not is_admin else None
    grants = [] if who is None else await explain_store.load_grants(reader, company_id, who, project_id=grants_on)
    names = Names(company=_company(facts), project=kept.project, app=kept.app)
    return kept, explain_refusal(kept, who, facts, grants, company_id=company_id, names=names)


def refusal_unknown() -> NotFound:
    """Return the refusal of a request id that no refused call of this company has."""
    told = "No refused call of this company has this request id. One is kept within a second, and for seven days."
    return NotFound("refusal_unknown", told)


def _company(facts: Situation) -> str:
    if facts.company is None:
        raise company_unknown()
    return facts.company.name
