"""A company's overview, and its settings."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from gatewright.base.errors import Invalid
from gatewright.base.levels import Level
from gatewright.db.engine import Reader
from gatewright.directory import service
from gatewright.directory.model import ADMIN
from gatewright.directory.pages.viewing import Viewing, allowed, page_errors, viewing
from gatewright.directory.store import overview
from gatewright.events.reading import Wanted, load_recorded
from gatewright.events.sentences import COMPANY_KINDS, OF_PROJECTS, line
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.html import redirect, render

_MOST_WAITING = 20
_MOST_EVENTS = 8
_TOLD_FOR = timedelta(days=14)  # of an app that its first call connected
_SAID = {
    "open": "New apps connect at their first call.",
    "approval": "New apps wait for approval from now on.",
}


async def show(request: Request) -> Response:
    """Show the company in figures, what waits for a decision, and how new apps come in (I2)."""
    here = await viewing(request, await allowed(request))
    company = here.company
    async with core_of(request).database.read() as reader:
        facts = await overview.company_facts(reader, company.id, now=seen(request).now)
        happened = await _happened(reader, here) if here.may_set else []
        waiting = await overview.waiting_apps(reader, company.id, limit=_MOST_WAITING) if here.may_set else []
        came = await _came(reader, here, now=seen(request).now)
    context = {
        "company": asdict(company),
        "facts": asdict(facts),
        "waiting": [asdict(row) for row in waiting],
        "came": [asdict(row) for row in came],
        "may_set": here.may_set,
        "events": happened,
    }
    return await render(request, "company/overview.html", context, place=f"company:{company.id}", tab="Overview")


async def _happened(reader: Reader, here: Viewing) -> list[dict[str, object]]:
    # P6: what a project's event says names the project, of which they may be no member.
    kinds = tuple(kind for kind in COMPANY_KINDS if here.may_edit or kind not in OF_PROJECTS)
    found = await load_recorded(reader, here.company.id, Wanted(kinds=kinds), limit=_MOST_EVENTS)
    return [line(event) for event in found]


async def _came(reader: Reader, here: Viewing, *, now: datetime) -> list[overview.FirstCall]:
    """Return the apps that came in by themselves lately: the admins of an open company are told (I2)."""
    if not here.may_set:
        return []
    return await overview.first_calls(reader, here.company.id, since=now - _TOLD_FOR, limit=_MOST_WAITING)


async def show_settings(request: Request) -> Response:
    """Show the company's settings to those who may change them."""
    return await _settings_page(request, await _setting(request))


async def save_settings(request: Request) -> Response:
    """Change how new apps come in (I2). Needs admin: admin."""
    form, here = await guarded_form(request), await _setting(request)
    app_access = form.text("app_access")
    try:
        await service.change_company(
            core_of(request).database,
            company_id=here.company.id,
            app_access=app_access,
            origin=here.allow.origin(request),
            now=seen(request).now,
        )
    except Invalid as refusal:
        return await _settings_page(request, here, errors=page_errors(refusal))
    return redirect(request, f"/companies/{here.company.id}", flash=_SAID[app_access])


async def _settings_page(request: Request, here: Viewing, *, errors: Mapping[str, str] | None = None) -> Response:
    context = {"company": asdict(here.company), "errors": errors or {}}
    status, place = 422 if errors else 200, f"company:{here.company.id}"
    return await render(request, "company/settings.html", context, status=status, place=place, tab="Overview")


async def _setting(request: Request) -> Viewing:
    return await viewing(request, await allowed(request, tool=ADMIN, level=Level.ADMIN))
