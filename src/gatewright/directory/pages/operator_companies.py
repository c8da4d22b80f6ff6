"""The operator's companies: found, looked at, founded with a first admin who is invited."""

from collections.abc import Mapping
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response

from gatewright.base.errors import Invalid, NotFound, RateLimited
from gatewright.base.ids import CompanyId, ContactId
from gatewright.directory import service
from gatewright.directory.model import Company
from gatewright.directory.pages.inviting import invite_and_answer, said_of, sent_before
from gatewright.directory.pages.viewing import page_errors
from gatewright.directory.service.levels import contact_unknown
from gatewright.directory.store import companies, operated, overview
from gatewright.web.access import operator_of, path_id
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.forms import query_parameters
from gatewright.web.html import redirect, render
from gatewright.web.lists import paging, shown_page

PLACE, TAB = "operator", "Companies"
PATH = "/operator/companies"
_MOST_ADMINS = 50
_NEW_COMPANY = {"company_name": "", "name": "", "email": ""}
_NEW_ADMIN = {"name": "", "email": ""}


async def show_all(request: Request) -> Response:
    """Show the companies whose name holds `q`, fifty at a time."""
    await operator_of(request)
    return await _list_page(request)


async def create(request: Request) -> Response:
    """Found a company: its directory, and the contact of its first admin, who is invited (P7)."""
    form = await guarded_form(request)
    viewer = await operator_of(request)
    given, origin = {name: form.text(name) for name in _NEW_COMPANY}, seen(request).origin("operator", viewer.user_id)
    try:
        company_id, contact_id = await service.found_company(
            core_of(request).database,
            name=given["company_name"],
            admin_name=given["name"],
            admin_email=given["email"],
            origin=origin,
            now=seen(request).now,
        )
    except (Invalid, RateLimited) as refusal:
        return await _list_page(request, form=given, errors=page_errors(refusal, *_NEW_COMPANY))
    named = (company_id, given["company_name"])
    return await invite_and_answer(request, named, contact_id, origin=origin, back=f"{PATH}/{company_id}")


async def show(request: Request) -> Response:
    """Show one company: its figures, and who administers it."""
    await operator_of(request)
    return await _page(request)


async def rename(request: Request) -> Response:
    """Give the company another name."""
    form = await guarded_form(request)
    viewer = await operator_of(request)
    company_id, name = _company_id(request), form.text("company_name")
    try:
        changed = await service.change_company(
            core_of(request).database,
            company_id=company_id,
            name=name,
            origin=seen(request).origin("operator", viewer.user_id),
            now=seen(request).now,
        )
    except Invalid as refusal:
        why = f"It {refusal.problems[0].message}."
        return await _page(request, form={"company_name": name}, errors={"company_name": why})
    return redirect(request, f"{PATH}/{company_id}", flash="Renamed." if changed else "Nothing was changed.")


async def add_admin(request: Request) -> Response:
    """Put another admin into the company's directory and invite them (P7)."""
    form = await guarded_form(request)
    viewer = await operator_of(request)
    company_id, given = _company_id(request), {name: form.text(name) for name in _NEW_ADMIN}
    origin = seen(request).origin("operator", viewer.user_id)
    try:
        contact_id = await service.add_admin(
            core_of(request).database, company_id=company_id, **given, origin=origin, now=seen(request).now
        )
    except (Invalid, RateLimited) as refusal:
        return await _page(request, form=given, errors=page_errors(refusal, *_NEW_ADMIN))
    company = await _company(request, company_id)
    named = (company_id, company.name)
    return await invite_and_answer(request, named, contact_id, origin=origin, back=f"{PATH}/{company_id}")


async def invite(request: Request) -> Response:
    """Invite an admin again who has not accepted yet (P7)."""
    form = await guarded_form(request)
    viewer = await operator_of(request)
    company = await _company(request, _company_id(request))
    contact_id = ContactId(path_id(request, "contact_id", "contact_unknown"))
    async with core_of(request).database.read() as reader:
        admins = await operated.list_admins(reader, company.id, limit=_MOST_ADMINS)
    if contact_id not in {admin.contact_id for admin in admins}:
        raise contact_unknown()  # the rest of the directory is the company's own
    return await invite_and_answer(
        request,
        (company.id, company.name),
        contact_id,
        origin=seen(request).origin("operator", viewer.user_id),
        back=f"{PATH}/{company.id}",
        sent_again=await sent_before(request, form, company.id, contact_id),
    )


async def _list_page(
    request: Request, *, form: Mapping[str, str] = _NEW_COMPANY, errors: Mapping[str, str] | None = None
) -> Response:
    q = query_parameters(request).get("q", "")
    async with core_of(request).database.read() as reader:
        total = await operated.count_companies(reader, q=q)
        page = shown_page(request, total)
        found = await operated.list_companies(reader, q=q, limit=page.size, offset=page.offset)
    context = {
        "q": q,
        "companies": [asdict(row) for row in found],
        "paging": paging(PATH, page, total, asked={"q": q}),
        "form": form,
        "errors": errors or {},
    }
    status = 422 if errors else 200
    return await render(request, "operator/companies.html", context, status=status, place=PLACE, tab=TAB)


async def _page(
    request: Request, *, form: Mapping[str, str] = _NEW_ADMIN, errors: Mapping[str, str] | None = None
) -> Response:
    company = await _company(request, _company_id(request))
    async with core_of(request).database.read() as reader:
        facts = await overview.company_facts(reader, company.id, now=seen(request).now)
        admins = await operated.list_admins(reader, company.id, limit=_MOST_ADMINS)
        since = await operated.open_invitations(reader, company.id, admins, now=seen(request).now)
    context = {
        "company": {"id": company.id, "name": company.name, "app_access": company.app_access},
        "facts": asdict(facts),
        "admins": [{**asdict(admin), "invitation": said_of(since.get(admin.contact_id))} for admin in admins],
        "form": {"company_name": company.name, **_NEW_ADMIN, **form},
        "errors": errors or {},
    }
    status = 422 if errors else 200
    return await render(request, "operator/company.html", context, status=status, place=PLACE, tab=TAB)


async def _company(request: Request, company_id: CompanyId) -> Company:
    async with core_of(request).database.read() as reader:
        company = await companies.find_company(reader, company_id)
    if company is None:
        raise NotFound("company_unknown")
    return company


def _company_id(request: Request) -> CompanyId:
    return CompanyId(path_id(request, "company_id", "company_unknown"))
