"""The API of service accounts (S1 to S9, M8). A secret is in the answer that made it, and in no other (S6)."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gatewright.base.clock import rfc3339
from gatewright.base.ids import CompanyId, ServiceAccountId
from gatewright.service_accounts import service, store
from gatewright.service_accounts.model import DisabledReason, ServiceAccount
from gatewright.service_accounts.service import service_account_unknown
from gatewright.web.api import NO_STORE, asked_page, list_answer
from gatewright.web.core import core_of
from gatewright.web.edge import seen
from gatewright.web.paths import COMPANY, CompanyAdmin, InCompany, NoBody, numbered

router = APIRouter(tags=["service accounts"])

SERVICE_ACCOUNTS = f"{COMPANY}/service_accounts"
SERVICE_ACCOUNT = f"{SERVICE_ACCOUNTS}/{{service_account_id}}"


class NewServiceAccount(BaseModel):
    """What a new account needs."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str


class ServiceAccountEntry(BaseModel):
    """One service account."""

    id: int
    name: str
    client_id: str
    contact_id: int
    email: str
    status: str
    status_reason: DisabledReason | None
    created_at: datetime
    created_by: str | None
    last_used_at: datetime | None


class ServiceAccountWithSecret(ServiceAccountEntry):
    """One service account and the secret that this request made."""

    client_secret: str


async def _service_account_id(service_account_id: Annotated[str, Path()]) -> ServiceAccountId:
    return ServiceAccountId(numbered(service_account_id, service_account_unknown()))


OfServiceAccount = Annotated[ServiceAccountId, Depends(_service_account_id)]


@router.get(SERVICE_ACCOUNTS, response_model=list[ServiceAccountEntry])
async def list_service_accounts(request: Request, _caller: CompanyAdmin, here: InCompany) -> JSONResponse:
    """List the company's service accounts by id."""
    core, page = core_of(request), asked_page(request)
    async with core.database.read() as reader:
        found = await store.load_service_accounts(reader, here, offset=page.offset, limit=page.size)
        total = await store.count_service_accounts(reader, here)
    return list_answer(request, [_entry(one) for one in found], page=page, total=total, issuer=core.settings.issuer)


@router.post(SERVICE_ACCOUNTS, response_model=ServiceAccountWithSecret, status_code=201)
async def create_service_account(
    request: Request, caller: CompanyAdmin, here: InCompany, body: NewServiceAccount
) -> JSONResponse:
    """Make a service account. It holds none on everything, and this answer alone holds its secret."""
    core = core_of(request)
    made = await service.create_service_account(
        core.database,
        company_id=here,
        name=body.name,
        domain=core.settings.service_domain,
        keys=core.keys,
        origin=caller.origin(request),
        now=seen(request).now,
    )
    return await _answer(request, here, made.id, secret=made.secret, status=201)


@router.get(SERVICE_ACCOUNT, response_model=ServiceAccountEntry)
async def show_service_account(
    request: Request, _caller: CompanyAdmin, here: InCompany, account_id: OfServiceAccount
) -> JSONResponse:
    """Show one service account, never its secret."""
    return await _answer(request, here, account_id)


@router.post(f"{SERVICE_ACCOUNT}/regenerate_secret", response_model=ServiceAccountWithSecret)
async def regenerate_secret(
    request: Request, caller: CompanyAdmin, here: InCompany, account_id: OfServiceAccount, _body: NoBody | None = None
) -> JSONResponse:
    """Make a new secret: every token issued before stops, every level and membership returns to none (S7)."""
    core = core_of(request)
    made = await service.regenerate_secret(
        core.database,
        company_id=here,
        service_account_id=account_id,
        domain=core.settings.service_domain,
        keys=core.keys,
        origin=caller.origin(request),
        now=seen(request).now,
    )
    return await _answer(request, here, account_id, secret=made.secret)


@router.delete(SERVICE_ACCOUNT, status_code=204)
async def delete_service_account(
    request: Request, caller: CompanyAdmin, here: InCompany, account_id: OfServiceAccount
) -> Response:
    """Delete a service account: it and its tokens end at once (S9)."""
    deleted = await service.delete_service_account(
        core_of(request).database,
        company_id=here,
        service_account_id=account_id,
        origin=caller.origin(request),
        now=seen(request).now,
    )
    if not deleted:
        raise service_account_unknown()
    return Response(status_code=204, headers=NO_STORE)


async def _answer(
    request: Request, company_id: CompanyId, account_id: ServiceAccountId, *, secret: str = "", status: int = 200
) -> JSONResponse:
    async with core_of(request).database.read() as reader:
        account = await store.load_service_account(reader, company_id, account_id)
    if account is None:
        raise service_account_unknown()
    shown = _entry(account) | ({"client_secret": secret} if secret else {})
    return JSONResponse(shown, status, headers=NO_STORE)


def _entry(account: ServiceAccount) -> dict[str, object]:
    return {
        "id": account.id,
        "name": account.name,
        "client_id": account.client_id,
        "contact_id": account.contact_id,
        "email": account.email,
        "status": account.status,
        "status_reason": account.disabled_reason,
        "created_at": rfc3339(account.created_at),
        "created_by": account.created_by,
        "last_used_at": None if account.last_used_at is None else rfc3339(account.last_used_at),
    }
