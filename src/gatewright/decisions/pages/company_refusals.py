"""The calls that were refused in a company, and why each of them was (X4)."""

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gatewright.decisions import refusal_store as store
from gatewright.decisions.explain_model import KeptRefusal, RefusalExplained
from gatewright.decisions.explaining import explain_request
from gatewright.decisions.pages.viewing import Filters, company_name, directory_admin, kept_days, shown_grant
from gatewright.web.core import core_of
from gatewright.web.edge import seen
from gatewright.web.forms import query_parameters
from gatewright.web.html import redirect, render

TAB = "Refused calls"
LONGEST_ID = 36


async def show_all(request: Request) -> Response:
    """Show the refused calls, newest first, or go to the one whose request id was looked for."""
    company_id = await directory_admin(request)
    sought = query_parameters(request).get("request_id", "").strip()[:LONGEST_ID].lower()
    filters, now = Filters.of(request), seen(request).now
    async with core_of(request).database.read() as reader:
        if sought and await store.find_refusal(reader, company_id, sought, now=now) is not None:
            return redirect(request, f"/companies/{company_id}/refusals/{sought}")
        found, total = await store.list_refusals(
            reader, company_id, filters.wanted, now=now, offset=filters.page.offset, limit=filters.page.size
        )
        context = {
            "company": await company_name(reader, company_id),
            "refusals": [_line(kept) for kept in found],
            "paging": filters.paging(total),
            "form": filters.shown(),
            "apps": [asdict(app) for app in await store.refused_apps(reader, company_id, now=now)],
            "codes": await store.refused_with(reader, company_id, now=now),
            "days": kept_days(request),
            "sought": sought,
        }
    return await render(request, "company/refusals.html", context, place=f"company:{company_id}", tab=TAB)


async def show(request: Request) -> Response:
    """Show why one call was refused, and how the same call would go now."""
    company_id = await directory_admin(request)
    async with core_of(request).database.read() as reader:
        company = await company_name(reader, company_id)
        kept, explained = await explain_request(
            reader, company_id, str(request.path_params["request_id"]), now=seen(request).now
        )
    context = {"company": company, "call": _line(kept) | _asked(kept), "explained": _explained(explained)}
    return await render(request, "company/refusal.html", context, place=f"company:{company_id}", tab=TAB)


def _line(kept: KeptRefusal) -> dict[str, Any]:
    return {
        "request_id": kept.request_id,
        "at": kept.at,
        "code": kept.code,
        "app": kept.app,
        "app_id": kept.app_id,
        "contact": kept.contact,
        "contact_id": kept.contact_id,
        "kind": "user" if kept.service_account_id is None else "service_account",
        "sentence": kept.sentence,
        "method": kept.asked["method"],
        "path": kept.asked["path"],
    }


def _asked(kept: KeptRefusal) -> dict[str, Any]:
    return {"help": kept.help, "scopes": kept.asked["scopes"]}


def _explained(explained: RefusalExplained) -> dict[str, Any]:
    now = explained.now
    return {
        "checks": [asdict(check) for check in explained.checks],
        "needed": None if explained.needed is None else explained.needed.key,
        "held": None if explained.held is None else explained.held.key,
        "grant": shown_grant(explained.grant),
        "now": None if now is None else {"code": now.code, "sentence": now.message, "help": now.help},
    }
