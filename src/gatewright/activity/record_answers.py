"""A record over HTTP, for programs and browsers alike: its file, streamed, and its entries as JSON."""

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse

from gatewright.activity.record_service import begin_export
from gatewright.base.clock import rfc3339
from gatewright.base.ids import CompanyId
from gatewright.events import record_file
from gatewright.events.catalogue import Origin
from gatewright.events.reading import Recorded
from gatewright.web.api import NO_STORE
from gatewright.web.core import core_of
from gatewright.web.edge import seen


async def exported(request: Request, company_id: CompanyId, origin: Origin) -> StreamingResponse:
    """Return the company's record (0: the deployment's) as a file; what can be refused is refused before it begins."""
    core = core_of(request)
    export = await begin_export(
        core.database,
        company_id=company_id,
        keys=core.keys,
        issuer=core.settings.issuer,
        origin=origin,
        now=seen(request).now,
    )
    pieces: AsyncIterator[bytes] = export.lines(core.database)
    headers = {**NO_STORE, "content-disposition": f'attachment; filename="{export.filename}"'}
    return StreamingResponse(pieces, media_type=record_file.MEDIA_TYPE, headers=headers)


def entry(event: Recorded) -> dict[str, Any]:
    """Return one entry as the API shows it."""
    erased = [name for name, is_so in (("from", event.is_origin_erased), ("names", event.is_whom_erased)) if is_so]
    return {
        "id": event.id,
        "at": rfc3339(event.at),
        "kind": event.kind,
        "about": dict(event.about),
        "by": {
            "kind": event.by_kind,
            "id": event.by_id,
            "name": event.who,
            "app_id": event.via_app_id,
            "app_name": event.via_app,
        },
        "from": {"ip": event.ip, "user_agent": event.user_agent, "request_id": event.request_id},
        "before": event.before,
        "after": event.after,
        "erased": erased,
    }
