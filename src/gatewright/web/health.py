"""Whether the process lives, and whether it would answer requests."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gatewright.db.failures import STORAGE_ERRORS
from gatewright.db.migrate import SchemaState, schema_state
from gatewright.web.api import NO_STORE
from gatewright.web.core import core_of

_REASONS = {
    SchemaState.EMPTY: "The database holds no schema yet. Run: gatewright migrate",
    SchemaState.OLDER: "The database's schema is older than this version. Run: gatewright migrate",
    SchemaState.NEWER: "The database was migrated by a newer version. Run that version.",
}


async def live(_request: Request) -> Response:
    """Answer 200 while the process lives."""
    return JSONResponse({"alive": True}, headers=NO_STORE)


async def ready(request: Request) -> Response:
    """Answer 200 only when requests would be answered, else 503 with the reason."""
    reason = await _why_not(request)
    return JSONResponse({"ready": reason is None, "reason": reason}, 200 if reason is None else 503, headers=NO_STORE)


async def _why_not(request: Request) -> str | None:
    try:
        state = await schema_state(core_of(request).database)
        core_of(request).facts.hear()
    except STORAGE_ERRORS:
        return "The database cannot be reached."
    return _REASONS.get(state)


routes = [Route("/healthz", live, methods=["GET"]), Route("/readyz", ready, methods=["GET"])]
