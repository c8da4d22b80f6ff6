"""The deployment's tools: listed, declared, renamed (M1, M7)."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gatewright.base.errors import Conflict, Invalid
from gatewright.base.levels import Level
from gatewright.directory import service
from gatewright.directory.model import Scope, Tool
from gatewright.directory.pages.viewing import page_errors
from gatewright.directory.rules import BUILT_IN
from gatewright.directory.store import companies
from gatewright.web.access import operator_of
from gatewright.web.core import core_of
from gatewright.web.csrf import guarded_form
from gatewright.web.edge import seen
from gatewright.web.forms import PageForm
from gatewright.web.html import redirect, render

PLACE, TAB = "operator", "Tools"
PATH = "/operator/tools"
_NO_FORM: dict[str, Any] = {"scope": "project", "key": "", "name": "", "levels": [level.key for level in Level]}


async def show(request: Request) -> Response:
    """Show the tools, company-level and project-level."""
    await operator_of(request)
    return await _page(request)


async def declare(request: Request) -> Response:
    """Declare a new tool, which is none for every contact (M7)."""
    form = await guarded_form(request)
    viewer = await operator_of(request)
    tool = _tool(form)
    if await _standing(request, tool) is not None:
        return await _page(request, form=_given(tool), errors={"key": "It is the key of a tool already."})
    try:
        await service.declare_tool(
            core_of(request).database,
            tool=tool,
            origin=seen(request).origin("operator", viewer.user_id),
            now=seen(request).now,
        )
    except Invalid as refusal:
        return await _page(request, form=_given(tool), errors=page_errors(refusal, "key", "name", "levels"))
    return redirect(request, PATH, flash=f"{tool.name} is declared. Everybody holds none on it.")


async def rename(request: Request) -> Response:
    """Give a tool another name; its key and its levels stay."""
    form = await guarded_form(request)
    viewer = await operator_of(request)
    named = _tool(form)
    standing = await _standing(request, named)
    if standing is None:
        raise Conflict("tool_unknown", "There is no such tool.", help="Reload the page.")
    tool = Tool(standing.scope, standing.key, form.text("name"), standing.levels)
    try:
        changed = await service.declare_tool(
            core_of(request).database,
            tool=tool,
            origin=seen(request).origin("operator", viewer.user_id),
            now=seen(request).now,
        )
    except Invalid as refusal:
        return await _page(request, errors=page_errors(refusal))
    return redirect(request, PATH, flash="Renamed." if changed else "Nothing was changed.")


async def _page(
    request: Request, *, form: Mapping[str, Any] = _NO_FORM, errors: Mapping[str, str] | None = None
) -> Response:
    async with core_of(request).database.read() as reader:
        tools = await companies.list_tools(reader)
    built_in = {(tool.scope, tool.key) for tool in BUILT_IN}
    context = {
        "tools": [
            {
                "scope": tool.scope,
                "key": tool.key,
                "name": tool.name,
                "levels": [level.key for level in tool.levels],
                "is_built_in": (tool.scope, tool.key) in built_in,
            }
            for tool in tools
        ],
        "form": form,
        "errors": errors or {},
    }
    status = 422 if errors else 200
    return await render(request, "operator/tools.html", context, status=status, place=PLACE, tab=TAB)


async def _standing(request: Request, named: Tool) -> Tool | None:
    async with core_of(request).database.read() as reader:
        tools = await companies.list_tools(reader)
    return next((tool for tool in tools if (tool.scope, tool.key) == (named.scope, named.key)), None)


def _given(tool: Tool) -> dict[str, Any]:
    levels = [level.key for level in tool.levels]
    return {"scope": tool.scope, "key": tool.key, "name": tool.name, "levels": levels}


def _tool(form: PageForm) -> Tool:
    scope: Scope = "company" if form.text("scope") == "company" else "project"
    ticked = set(form.all("levels")) | {Level.NONE.key}
    levels = tuple(level for level in Level if level.key in ticked)
    return Tool(scope, form.text("key"), form.text("name"), levels)
