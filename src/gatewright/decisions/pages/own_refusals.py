"""The refused calls of a developer's own apps: code and sentence, nobody's name and no company (X4)."""

from dataclasses import asdict, replace
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from gatewright.apps.service import app_unknown
from gatewright.decisions import refusal_store as store
from gatewright.decisions.pages.viewing import Filters, kept_days
from gatewright.web.access import viewer_of
from gatewright.web.core import core_of
from gatewright.web.edge import seen
from gatewright.web.html import render


async def show(request: Request) -> Response:
    """Show how often the apps were refused by code and day, and the newest calls one by one."""
    viewer = await viewer_of(request)
    filters, now = Filters.of(request), seen(request).now
    async with core_of(request).database.read() as reader:
        apps = await store.own_apps(reader, viewer.user_id)
        own = [app.id for app in apps]
        if filters.app_id is not None and filters.app_id not in own:
            raise app_unknown()  # P6: another developer's answers like none
        wanted, page = filters.wanted, filters.page
        found, total = await store.told_refusals(reader, own, wanted, now=now, offset=page.offset, limit=page.size)
        counts = await store.counted_refusals(reader, own, replace(wanted, day=None), now=now)
    context = {
        "apps": [asdict(app) for app in apps],
        "refusals": [asdict(one) for one in found],
        "counts": [asdict(one) | {"day": date.fromisoformat(one.day)} for one in counts],
        "paging": filters.paging(total),
        "form": filters.shown(),
        "codes": sorted({one.code for one in counts} | ({filters.code} if filters.code else set())),
        "days": kept_days(request),
    }
    return await render(request, "developer/refusals.html", context, place="developer", tab="Refused calls")
