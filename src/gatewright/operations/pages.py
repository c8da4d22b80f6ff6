"""The operator's pages about the deployment itself: settings with their sources, health as sentences."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gatewright.operations.explaining import explained
from gatewright.operations.service import examine
from gatewright.web.access import operator_of
from gatewright.web.core import core_of
from gatewright.web.edge import seen
from gatewright.web.html import render

PLACE = "operator"


async def show_settings(request: Request) -> Response:
    """Show every setting: name, value, source, meaning."""
    await operator_of(request)
    core = core_of(request)
    rows = list(explained(core.settings, request.app.state.setting_sources))
    return await render(request, "operator/settings.html", {"settings": rows}, place=PLACE, tab="Settings")


async def show_health(request: Request) -> Response:
    """Show what was found, what stands in the way first."""
    await operator_of(request)
    core, now = core_of(request), seen(request).now
    waiting: int = request.app.state.counters.waiting
    tools: frozenset[tuple[str, str]] | None = request.app.state.tools_of_routes
    about = examine(core.database, core.settings, counts_waiting=waiting, tools_of_routes=tools, now=now)
    found = [one async for one in about]
    found.sort(key=lambda one: not one.is_wrong)
    shown = [{"about": one.about, "says": _sentence(one.says), "is_wrong": one.is_wrong} for one in found]
    context = {"findings": shown, "wrong": sum(one.is_wrong for one in found)}
    return await render(request, "operator/health.html", context, place=PLACE, tab="Health")


def _sentence(says: str) -> str:
    return f"{says[:1].upper()}{says[1:]}."


routes = [
    Route("/operator/settings", show_settings),
    Route("/operator/health", show_health),
]
