"""What is told of a decided call: it is counted, and where it was refused it is kept for X4 (R3).

Ids and our own words alone: no name, no address, no query, nothing of a token.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.base.ids import AppId, CompanyId, ContactId, ProjectId, ServiceAccountId, UserId
from gatewright.decisions.model import Allowed, Asked, Refused, Situation
from gatewright.decisions.rules import held_level
from gatewright.oauth.model import AppClient, Claims, Client, LiveToken

LONGEST_PATH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Whose token a call came with."""

    app_id: AppId | None = None
    service_account_id: ServiceAccountId | None = None
    user_id: UserId | None = None
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCall:
    """One refused call as it was."""

    request_id: str
    user_id: UserId | None
    contact_id: ContactId | None
    project_id: ProjectId | None
    asked: Mapping[str, Any]  # method, path, tool, levels, scopes, and what was answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One decided call, for the counters (R3). `company_id` is None where no company may know of it (X4)."""

    company_id: CompanyId | None
    app_id: AppId | None
    service_account_id: ServiceAccountId | None
    result: str  # "allow", or the code of the refusal
    refused: RefusedCall | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The request that a call came as."""

    request_id: str
    method: str
    path: str  # the route's pattern: what stood in its places may be anything


def bearer_of(live: LiveToken) -> Bearer:
    """Return whose token this is."""
    if live.principal_kind == "service_account":
        return Bearer(service_account_id=ServiceAccountId(live.principal_id), scopes=live.scopes)
    return Bearer(app_id=live.app_id, user_id=UserId(live.principal_id), scopes=live.scopes)


def bearer_of_dead(claims: Claims, client: Client) -> Bearer:
    """Return whose token this was, by what it says of itself and the client that it was issued to."""
    if isinstance(client, AppClient):
        return Bearer(app_id=client.app_id, user_id=UserId(claims.principal_id), scopes=claims.scopes)
    return Bearer(service_account_id=client.service_account_id, scopes=claims.scopes)


def call_of(bearer: Bearer, asked: Asked, verdict: Allowed | Refused, facts: Situation, *, sent: Sent) -> Call:
    """Return what is told of a call; a company in which the caller has no contact is not told of it (X4)."""
    refused = verdict if isinstance(verdict, Refused) else None
    result = "allow" if refused is None else refused.code
    known = facts if result != "company_unknown" else Situation()
    return Call(
        company_id=None if known.contact is None else asked.company_id,
        app_id=bearer.app_id,
        service_account_id=bearer.service_account_id,
        result=result,
        refused=None if refused is None else _refused(bearer, asked, refused, known, sent),
    )


def _refused(bearer: Bearer, asked: Asked, refused: Refused, facts: Situation, sent: Sent) -> RefusedCall:
    told = {
        "method": sent.method,
        "path": sent.path[:LONGEST_PATH],
        "tool": asked.tool,
        "of_company": asked.of_company,
        "any_level": asked.any_level,
        "manage": asked.manage,
        "level": None if asked.level is None else asked.level.key,
        "held": None if asked.tool is None or facts.contact is None else held_level(asked, facts).key,
        "scopes": list(bearer.scopes),
        "sentence": refused.message,
        "help": refused.help,
    }
    return RefusedCall(
        request_id=sent.request_id,
        user_id=bearer.user_id,
        contact_id=None if facts.contact is None else facts.contact.id,
        project_id=asked.project_id,
        asked=told,
    )
