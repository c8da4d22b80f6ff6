"""The pages of a company's service accounts; a secret is shown by the answer that made it, once (S1 to S9)."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gatewright.base.errors import Conflict, Invalid, NotFound
from gatewright.base.ids import CompanyId, SecretId, ServiceAccountId
from gatewright.base.levels import Level
from gatewright.db.engine import Reader
from gatewright.directory.model import DIRECTORY, Company
from gatewright.directory.store.companies import find_company
from gatewright.service_accounts import service, store
from gatewright.service_accounts.model import DisabledReason, ServiceAccount, Use
from gatewright.service_accounts.service import service_account_unknown
from gatewright.web.access import Allow, Question, Viewer
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.html import redirect, render
from gatewright.web.lists import paging, shown_page
from gatewright.web.once import FIELD, form_id, mint_once
from gatewright.web.paths import company_admin, numbered

TAB = "Service accounts"
REASONS = {
    DisabledReason.ADDRESS_CHANGED: "The address of its contact was changed.",
    DisabledReason.ADDRESS_ELSEWHERE: "Its address entered another directory.",
}


async def show_all(request: Request) -> Response:
    """Show the company's accounts and the form for a new one."""
    _, _, company_id = await company_admin(request)
    return await _list_page(request, company_id, {"name": ""}, {})


async def create(request: Request) -> Response:
    """Make an account; its secret is in this answer and in no other (S6)."""
    form = await guarded_form(request)
    viewer, allow, company_id = await company_admin(request)
    core, name, sent = core_of(request), form.text("name"), form_id(request, viewer, form)
    try:
        made = await service.create_service_account(
            core.database,
            company_id=company_id,
            name=name,
            domain=core.settings.service_domain,
            keys=core.keys,
            form_id=sent,
            origin=allow.origin(request),
            now=seen(request).now,
        )
    except Invalid as refusal:
        errors = {p.field: f"{p.message[:1].upper()}{p.message[1:]}." for p in refusal.problems}
        return await _list_page(request, company_id, {"name": name}, errors, status=422)
    except Conflict:
        async with core.database.read() as reader:
            found = await store.find_by_client(reader, company_id, client_id=service.account_client_id(sent))
        return await _secret_page(request, viewer, _present(found), None)
    async with core.database.read() as reader:
        account = await store.load_service_account(reader, company_id, made.id)
    return await _secret_page(request, viewer, _present(account), made.secret)


async def show(request: Request) -> Response:
    """Show one account, what it holds, and what regenerating or deleting it would stop."""
    _, _, company_id = await company_admin(request)
    async with core_of(request).database.read() as reader:
        company = await _company(reader, company_id)
        account = _present(await store.load_service_account(reader, company_id, _account_id(request)))
        use = await store.load_use(reader, company_id, [account], now=seen(request).now)
    # The form is bound to the secret it was shown with: sent again it finds another one.
    context = {"company": _brief(company), "account": _account(account, use[account.id]), "once": account.secret_id}
    return await render(request, "company/service_account.html", context, place=f"company:{company_id}", tab=TAB)


async def regenerate(request: Request) -> Response:
    """Make a new secret; tokens, levels and memberships from before end at once (S7)."""
    form = await guarded_form(request)
    viewer, allow, company_id = await company_admin(request)
    core, account_id = core_of(request), _account_id(request)
    secret = None
    try:
        made = await service.regenerate_secret(
            core.database,
            company_id=company_id,
            service_account_id=account_id,
            domain=core.settings.service_domain,
            keys=core.keys,
            shown_secret_id=SecretId(form.text(FIELD)) or None,
            origin=allow.origin(request),
            now=seen(request).now,
        )
        secret = made.secret
    except Conflict as refusal:
        if refusal.code != "made_before":
            raise
    async with core.database.read() as reader:
        account = await store.load_service_account(reader, company_id, account_id)
    return await _secret_page(request, viewer, _present(account), secret, regenerated=True)


async def delete(request: Request) -> Response:
    """Delete the account; it and its tokens end at once (S9)."""
    await guarded_form(request)
    _, allow, company_id = await company_admin(request)
    deleted = await service.delete_service_account(
        core_of(request).database,
        company_id=company_id,
        service_account_id=_account_id(request),
        origin=allow.origin(request),
        now=seen(request).now,
    )
    if not deleted:
        raise service_account_unknown()
    return redirect(request, f"/companies/{company_id}/service-accounts", flash="Deleted. Its tokens have stopped.")


def _account_id(request: Request) -> ServiceAccountId:
    return ServiceAccountId(numbered(str(request.path_params["service_account_id"]), service_account_unknown()))


async def _company(reader: Reader, company_id: CompanyId) -> Company:
    company = await find_company(reader, company_id)
    if company is None:
        raise NotFound("company_unknown")
    return company


def _present(account: ServiceAccount | None) -> ServiceAccount:
    if account is None:
        raise service_account_unknown()
    return account


async def _list_page(
    request: Request,
    company_id: CompanyId,
    form: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    status: int = 200,
) -> Response:
    async with core_of(request).database.read() as reader:
        company = await _company(reader, company_id)
        total = await store.count_service_accounts(reader, company_id)
        part = shown_page(request, total)
        accounts = await store.load_service_accounts(reader, company_id, offset=part.offset, limit=part.size)
        use = await store.load_use(reader, company_id, accounts, now=seen(request).now)
    context = {
        "company": _brief(company),
        "accounts": [_account(account, use[account.id]) for account in accounts],
        "paging": paging(f"/companies/{company_id}/service-accounts", part, total, asked={}),
        "form": form,
        "errors": errors,
        "once": mint_once(),
    }
    place = f"company:{company_id}"
    return await render(request, "company/service_accounts.html", context, status=status, place=place, tab=TAB)


async def _secret_page(
    request: Request, viewer: Viewer, account: ServiceAccount, secret: str | None, *, regenerated: bool = False
) -> Response:
    """Return the page that shows a secret this once; without one, that it was shown before (409)."""
    async with core_of(request).database.read() as reader:
        company = await _company(reader, account.company_id)
    opens_levels = await _reads_directory(request, viewer, company.id)
    account_href = f"/companies/{company.id}/service-accounts/{account.id}"
    levels_href = f"/companies/{company.id}/directory/{account.contact_id}"
    context = {
        "account": {"name": account.name, "client_id": account.client_id},
        "client_secret": secret,
        "company": _brief(company),
        "made_by": viewer.name,
        "regenerated": regenerated,
        "continue_href": levels_href if opens_levels else account_href,
        "opens_levels": opens_levels,
        "account_href": account_href,
    }
    return await render(request, "company/secret.html", context, status=200 if secret else 409)


async def _reads_directory(request: Request, viewer: Viewer, company_id: CompanyId) -> bool:
    """Return whether the account's contact, with its levels, is open to the viewer too (M4)."""
    question = Question(company_id=company_id, needs_company=True, tool=DIRECTORY, level=Level.READ_ONLY)
    answer = await core_of(request).access.by_user(viewer.user_id, question, now=seen(request).now)
    return isinstance(answer, Allow)


def _brief(company: Company) -> dict[str, Any]:
    return {"id": company.id, "name": company.name}


def _account(account: ServiceAccount, use: Use) -> dict[str, Any]:
    reason = account.disabled_reason
    return {
        "id": account.id,
        "name": account.name,
        "client_id": account.client_id,
        "contact_id": account.contact_id,
        "email": account.email,
        "status": account.status,
        "status_reason": None if reason is None else REASONS[reason],
        "created_at": account.created_at,
        "created_by": account.created_by or "the operator",
        "through_app": account.through_app,
        "secret_made_at": account.secret_created_at,
        "last_used_at": account.last_used_at,
        "levels": use.levels,
        "projects": use.projects,
        "calls_since_yesterday": use.calls_since_yesterday,
    }


ACCOUNTS = "/companies/{company_id}/service-accounts"
ACCOUNT = f"{ACCOUNTS}/{{service_account_id}}"

routes = [
    Route(ACCOUNTS, show_all, methods=["GET"]),
    Route(ACCOUNTS, create, methods=["POST"]),
    Route(ACCOUNT, show, methods=["GET"]),
    Route(f"{ACCOUNT}/regenerate", regenerate, methods=["POST"]),
    Route(f"{ACCOUNT}/delete", delete, methods=["POST"]),
]
