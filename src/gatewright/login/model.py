"""What the sign-in slice knows of accounts, sessions and invitations."""

from dataclasses import dataclass, field
from datetime import datetime

from gatewright.base.ids import UserId


@dataclass(frozen=True, slots=True)
class Account:
    """A user, as far as signing in is concerned."""

    user_id: UserId
    name: str
    email: str
    password_hash: str | None = field(repr=False)  # None: the account has no password yet
    is_active: bool
    epoch: int  # raised by every deactivation
    password_changed_at: datetime | None  # none: it is the first


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that stands, and whose it is."""

    session_id: str
    user_id: UserId
    name: str
    email: str
    is_operator: bool
    last_seen_at: datetime  # to within some minutes


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A session that stands, as its user sees it in a list."""

    session_id: str
    ip: str | None
    user_agent: str | None
    created_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """An offer to begin an account, proven by a one-time link (P7)."""

    id: str
    email: str
    makes_operator: bool
    expires_at: datetime
    consumed_at: datetime | None

    def is_open(self, now: datetime) -> bool:
        """Return whether it can still be accepted."""
        return self.consumed_at is None and now < self.expires_at
