"""What an explanation is made of (X4): who it is about, what gave the levels, and each check with its outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from gatewright.base.ids import AppId, ContactId, ProjectId, ServiceAccountId, UserId
from gatewright.base.levels import Level
from gatewright.decisions.model import Levels, Refused

Outcome = Literal["holds", "fails", "decides"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """A contact, and whether its principal may act at all."""

    contact_id: ContactId
    name: str
    kind: Literal["user", "service_account", "none"]
    stands: bool  # the user is active, the service account functions
    levels: Levels
    template: str | None = None  # the name of the permission template that it holds (M3)
    template_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """An event that gave levels or took them, as far as the company it happened in may know of it."""

    event_id: int
    kind: str
    at: datetime
    by: str
    before: Levels
    after: Levels


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What things are called in the company."""

    company: str
    project: str | None = None
    app: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question of the decision, in the order it is asked."""

    rule: str
    outcome: Outcome
    sentence: str
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a contact has the level it has."""

    sentence: str
    level: Level
    checks: tuple[Check, ...]  # the last one decides, or fails
    grant: Grant | None  # what gave that level; None: nothing recorded did
    change: str  # who can change it, and how


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRefusal:
    """A refused call as it was kept (R3), with the names of now."""

    request_id: str
    at: datetime
    code: str
    app_id: AppId | None
    app: str | None
    service_account_id: ServiceAccountId | None
    user_id: UserId | None
    contact_id: ContactId | None
    contact: str | None  # None: no longer in the directory
    project_id: ProjectId | None
    project: str | None
    asked: Mapping[str, Any]

    @property
    def sentence(self) -> str:
        """Return the sentence that the caller was told."""
        return str(self.asked["sentence"])

    @property
    def help(self) -> str:
        """Return who can fix it, as the caller was told."""
        return str(self.asked["help"])


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalExplained:
    """A refused call: each check as it went then, and what the same call would be answered now."""

    checks: tuple[Check, ...]  # in the order of X2; the last one failed
    needed: Level | None
    held: Level | None
    grant: Grant | None  # where the level held then came from
    now: Refused | None  # None: now it would be allowed
