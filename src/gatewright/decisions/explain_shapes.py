"""What explanations look like on the API (X4)."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from gatewright.base.clock import rfc3339
from gatewright.base.ids import AppId, ContactId, ProjectId, ServiceAccountId
from gatewright.decisions.explain_model import Check, Grant, KeptRefusal, RefusalExplained
from gatewright.decisions.explaining import LevelExplained


class CheckShape(BaseModel):
    """One check, in the order it is asked; the last one decides, or fails."""

    rule: str
    outcome: Literal["holds", "fails", "decides"]
    sentence: str
    help: str


class GrantShape(BaseModel):
    """The event that gave the level."""

    event_id: int
    kind: str
    at: datetime
    by: str


class ContactShape(BaseModel):
    """The contact that it is about."""

    id: ContactId
    name: str
    kind: Literal["user", "service_account", "none"]


class ToolShape(BaseModel):
    """The tool."""

    key: str
    name: str


class Named(BaseModel):
    """Something with an id and a name."""

    id: int
    name: str | None


class LevelExplanation(BaseModel):
    """Why a contact holds what it holds on a tool."""

    contact: ContactShape
    tool: ToolShape
    project: Named | None
    level: Literal["none", "read_only", "standard", "admin"]
    sentence: str
    checks: list[CheckShape]
    grant: GrantShape | None
    change: str


class Now(BaseModel):
    """What the same call would be answered now."""

    allowed: bool
    code: str | None
    message: str | None
    help: str | None


class RefusalExplanation(BaseModel):
    """Why a call was refused, and how it would go now."""

    request_id: str
    at: datetime
    code: str
    message: str
    help: str
    method: str
    path: str
    app: Named | None
    service_account_id: ServiceAccountId | None
    contact: Named | None
    project: Named | None
    tool: str | None
    level_needed: str | None
    level_held: str | None
    scopes: list[str]
    checks: list[CheckShape]
    grant: GrantShape | None
    now: Now


def level_explanation(explained: LevelExplained) -> dict[str, Any]:
    """Return the explanation of a level as the API tells it."""
    who, why = explained.who, explained.explanation
    return {
        "contact": {"id": who.contact_id, "name": who.name, "kind": who.kind},
        "tool": {"key": explained.tool, "name": explained.tool_name},
        "project": _named(explained.project_id, explained.project),
        "level": why.level.key,
        "sentence": why.sentence,
        "checks": [_check(check) for check in why.checks],
        "grant": _grant(why.grant),
        "change": why.change,
    }


def refusal_explanation(kept: KeptRefusal, explained: RefusalExplained) -> dict[str, Any]:
    """Return the explanation of a refused call as the API tells it."""
    now = explained.now
    return {
        "request_id": kept.request_id,
        "at": rfc3339(kept.at),
        "code": kept.code,
        "message": kept.sentence,
        "help": kept.help,
        "method": kept.asked["method"],
        "path": kept.asked["path"],
        "app": _named(kept.app_id, kept.app),
        "service_account_id": kept.service_account_id,
        "contact": _named(kept.contact_id, kept.contact),
        "project": _named(kept.project_id, kept.project),
        "tool": kept.asked["tool"],
        "level_needed": None if explained.needed is None else explained.needed.key,
        "level_held": None if explained.held is None else explained.held.key,
        "scopes": kept.asked["scopes"],
        "checks": [_check(check) for check in explained.checks],
        "grant": _grant(explained.grant),
        "now": {
            "allowed": now is None,
            "code": None if now is None else now.code,
            "message": None if now is None else now.message,
            "help": None if now is None else now.help,
        },
    }


def _named(id_: AppId | ContactId | ProjectId | None, name: str | None) -> dict[str, Any] | None:
    return None if not id_ else {"id": id_, "name": name}


def _check(check: Check) -> dict[str, str]:
    return {"rule": check.rule, "outcome": check.outcome, "sentence": check.sentence, "help": check.help}


def _grant(grant: Grant | None) -> dict[str, Any] | None:
    if grant is None:
        return None
    return {"event_id": grant.event_id, "kind": grant.kind, "at": rfc3339(grant.at), "by": grant.by}
