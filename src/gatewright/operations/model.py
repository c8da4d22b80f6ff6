"""What was looked at, and what is waiting."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `is_wrong` ones stand in the way."""

    about: str
    says: str
    is_wrong: bool = False


@dataclass(frozen=True, slots=True)
class Outbox:
    """Mail that waits to be sent."""

    waiting: int
    oldest_at: datetime | None
