"""`POST /authz/check`: a resource server asks many questions at once (http.md, "Decisions for others")."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gatewright.authz.check_questions import PATH, Posed, credentials_in, questions_in
from gatewright.base.errors import Unavailable
from gatewright.db.failures import STORAGE_ERRORS, is_storage_failure
from gatewright.decisions.engine import Decisions
from gatewright.events.facts import noting
from gatewright.events.keys import tag
from gatewright.oauth.answers import work_after
from gatewright.oauth.callers import resource_server_of
from gatewright.web.access import Allow, Deny
from gatewright.web.api import NO_STORE, status_of
from gatewright.web.edge import Seen, seen
from gatewright.web.intake import read_json

MOST_BYTES = 256 * 1024
# What these say hangs from no fact, or from the moment: nobody may keep it.
NEVER_KEPT = frozenset({"token_missing", "token_invalid", "token_expired", "rate_limited", "temporarily_unavailable"})
_log = structlog.get_logger("gatewright.authz")


async def _check(request: Request) -> JSONResponse:
    """Answer each question in its turn; Refusal for a caller who may not ask, or a body that is out of shape."""
    body = await read_json(request, most=MOST_BYTES)
    await resource_server_of(request, credentials_in(body))
    decisions: Decisions = request.app.state.core.access
    answers = []
    with decisions.facts.sharing():
        for posed in questions_in(body):
            # An id of its own: under it a refusal is kept, and explained (X4).
            answers.append(await _answer(decisions, posed, replace(seen(request), request_id=str(uuid4()))))
            await asyncio.sleep(0)  # a hundred questions hold up nobody else's one
    return JSONResponse({"answers": answers}, headers=NO_STORE, background=work_after(request))


async def _answer(decisions: Decisions, posed: Posed, noted: Seen) -> dict[str, Any]:
    with noting() as keys:
        answer = await _decided(decisions, posed, noted)
    if isinstance(answer, Allow):
        return _told(noted, keys, allow=True, status=200) | {"principal": _principal(answer)}
    refusal = answer.refusal() if isinstance(answer, Deny) else answer
    kept = () if refusal.code in NEVER_KEPT else keys
    told = _told(noted, kept, allow=False, status=status_of(refusal))
    return told | {"code": refusal.code, "message": refusal.message, "help": refusal.help}


async def _decided(decisions: Decisions, posed: Posed, noted: Seen) -> Allow | Deny | Unavailable:
    try:
        if posed.contact_id is not None:
            return await decisions.by_contact(posed.contact_id, posed.question)
        # The budget is the app's, and it did not choose how many questions its one call is worth.
        return (await decisions.by_token(posed.token, posed.question, seen=noted, spends=False)).answer
    except Unavailable as refusal:
        detail = refusal.detail
    except STORAGE_ERRORS as error:
        if not is_storage_failure(error):
            raise
        detail = type(error).__name__
    _log.error("unavailable", detail=detail, request_id=noted.request_id)
    return Unavailable(detail=detail)


def _told(noted: Seen, keys: Iterable[str], *, allow: bool, status: int) -> dict[str, Any]:
    return {
        "allow": allow,
        "code": None,
        "status": status,
        "message": None,
        "help": None,
        "request_id": noted.request_id,
        "tags": sorted(tag(key) for key in keys),
    }


def _principal(allow: Allow) -> dict[str, Any]:
    """Return who was allowed, by ids alone: a service account's address is its company's secret (S2)."""
    return {
        "kind": allow.principal.kind,
        "id": allow.principal.id,
        "company_id": allow.company_id,
        "contact_id": allow.contact_id,
        "level": None if allow.level is None else allow.level.key,
        "client_id": allow.client_id,
        "scopes": list(allow.scopes),
    }


routes = [Route(PATH, _check, methods=["POST"])]
