"""Why a contact may what it may, on a page (X4)."""

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gatewright.base.ids import CompanyId, ContactId, ProjectId
from gatewright.db.engine import Reader
from gatewright.decisions import explain_store
from gatewright.decisions.explain_model import Who
from gatewright.decisions.explaining import explain_level, find_contact
from gatewright.decisions.pages.viewing import company_name, directory_admin
from gatewright.decisions.store import load_tools
from gatewright.directory.rules import BUILT_IN
from gatewright.directory.service.levels import project_unknown
from gatewright.web.access import path_id
from gatewright.web.core import core_of
from gatewright.web.forms import query_parameters
from gatewright.web.html import render
from gatewright.web.paths import numbered

LONGEST_TOOL = 60


async def show(request: Request) -> Response:
    """Show the form, and beneath it the explanation of the tool and project that were chosen."""
    company_id = await directory_admin(request)
    query = query_parameters(request)
    tool = query.get("tool", "")[:LONGEST_TOOL]
    project = query.get("project_id", "")
    project_id = ProjectId(numbered(project, project_unknown())) if project else None
    async with core_of(request).database.read() as reader:
        who = await find_contact(reader, company_id, ContactId(path_id(request, "contact_id", "contact_unknown")))
        context = {
            "company": await company_name(reader, company_id),
            "contact": {"contact_id": who.contact_id, "name": who.name, "kind": who.kind},
            "tools": await _tools(reader, tool),
            "projects": [asdict(one) for one in await explain_store.list_projects(reader, company_id)],
            "tool": tool,
            "project_id": project_id,
            "explained": await _explained(reader, company_id, who, tool, project_id) if tool else None,
        }
    return await render(request, "company/explain.html", context, place=f"company:{company_id}", tab="Directory")


async def _tools(reader: Reader, chosen: str) -> list[dict[str, str]]:
    """Return the tools to choose from; the chosen one is among them, declared or not."""
    names = {tool.key: tool.name for tool in BUILT_IN} | {tool.key: tool.name for tool in await load_tools(reader)}
    if chosen:
        names.setdefault(chosen, chosen)
    return [{"key": key, "name": name} for key, name in names.items()]


async def _explained(
    reader: Reader, company_id: CompanyId, who: Who, tool: str, project_id: ProjectId | None
) -> dict[str, Any]:
    explained = await explain_level(reader, company_id, who, tool=tool, project_id=project_id)
    why = explained.explanation
    return {
        "sentence": why.sentence,
        "level": why.level.key,
        "checks": [asdict(check) for check in why.checks],
        "grant": None
        if why.grant is None
        else {"at": why.grant.at, "by": why.grant.by, "event_id": why.grant.event_id},
        "change": why.change,
        "project": explained.project,
    }
