"""What is counted: calls per day, company, app or service account, and result (R3)."""

from dataclasses import dataclass
from datetime import datetime

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
