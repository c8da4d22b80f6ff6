"""The facts of a decision: each one row, or its absence, under its identity."""

from functools import partial
from typing import Literal

from gatewright.db.engine import Reader
from gatewright.decisions import store
from gatewright.decisions.model import CompanyRow, ContactRow, EntryRow, MembershipRow, ToolRow
from gatewright.events import keys
from gatewright.events.facts import Fact


def company_fact(company_id: int) -> Fact[CompanyRow | None]:
    """Return the fact of one company."""
    return Fact(keys.company(company_id), partial(store.load_company, company_id=company_id))


def contact_fact(company_id: int, principal_id: int) -> Fact[ContactRow | None]:
    """Return the fact of a principal's contact in a company."""
    load = partial(store.load_contact, company_id=company_id, principal_id=principal_id)
    return Fact(keys.contact(company_id, principal_id), load)


def entry_fact(company_id: int, contact_id: int) -> Fact[EntryRow | None]:
    """Return the fact whose a contact of a company is."""
    load = partial(store.load_entry, company_id=company_id, contact_id=contact_id)
    return Fact(keys.entry(company_id, contact_id), load, keeps_absence=False)


def installation_fact(company_id: int, app_id: int) -> Fact[str | None]:
    """Return the fact of an app's status in a company."""
    load = partial(store.load_installation, company_id=company_id, app_id=app_id)
    return Fact(keys.installation(company_id, app_id), load)


def project_fact(company_id: int, project_id: int) -> Fact[Literal[True] | None]:
    """Return the fact that a company has a project; None: it has not."""

    async def load(reader: Reader) -> Literal[True] | None:
        return True if await store.project_exists(reader, company_id, project_id) else None

    return Fact(keys.project(company_id, project_id), load)


def membership_fact(company_id: int, project_id: int, contact_id: int) -> Fact[MembershipRow | None]:
    """Return the fact of a contact's membership of a project."""
    load = partial(store.load_membership, company_id=company_id, project_id=project_id, contact_id=contact_id)
    return Fact(keys.membership(company_id, project_id, contact_id), load)


def tools_fact() -> Fact[tuple[ToolRow, ...]]:
    """Return the fact of the deployment's tools."""
    return Fact(keys.tools(), store.load_tools)
