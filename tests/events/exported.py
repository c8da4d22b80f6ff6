"""A real record, written by the product's own verbs and exported by its own service."""

from dataclasses import replace

from gatewright.activity.record_service import begin_export
from gatewright.base.ids import NO_COMPANY, CompanyId
from tests.support.tenants import NOON, OPERATOR, Tenants, by

ISSUER = "https://gatewright.example"


async def exported(tenants: Tenants, company_id: CompanyId = NO_COMPANY) -> list[bytes]:
    """Return the lines of the company's exported record, each with its line feed."""
    export = await begin_export(
        tenants.database, company_id=company_id, keys=tenants.keys, issuer=ISSUER, origin=OPERATOR, now=NOON
    )
    whole = b"".join([piece async for piece in export.lines(tenants.database)])
    return whole.splitlines(keepends=True)


async def company_with_record(tenants: Tenants, name: str = "Alder") -> CompanyId:
    """Return a company whose record has ten entries: its making, nine contacts of people in several scripts."""
    company_id = await tenants.company(name)
    for at in range(9):
        await tenants.contact(company_id, f"Åsa{at}.“Ω”@example.com")
    return company_id


SOMEBODY = replace(by(7), user_agent='Mozilla/5.0 "é" \\ <x>')
