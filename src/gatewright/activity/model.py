"""What is counted and kept of calls: tallies per day, company, caller and result; refusals one by one (R3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

NOT_APPLICABLE = 0  # a company, app or service account that a count has not


@dataclass(frozen=True, slots=True)
class CallKey:
    """What calls are counted by."""

    company_id: int
    day: str
    app_id: int
    service_account_id: int
    result: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How many calls since the last flush, and when the last one was."""

    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One refused call. Company 0: shown to no company (X4)."""

    company_id: int
    request_id: str
    at: datetime
    code: str
    app_id: int
    service_account_id: int
    user_id: int | None
    contact_id: int | None
    project_id: int | None
    asked: Mapping[str, Any]
