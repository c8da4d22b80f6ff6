"""What the sign-in slice knows of accounts, sessions and invitations."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from gatewright.base.ids import NO_COMPANY, CompanyId, ContactId, UserId


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

    def is_still(self, standing: "Account | None") -> bool:
        """Return whether what was judged still stands; the same password may be hashed anew meanwhile."""
        return standing is not None and replace(standing, password_hash=self.password_hash) == self


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
class Opened:
    """An account that showed its password, and the cookie of the session that began with it."""

    account: Account
    session_token: str = field(repr=False)  # T13: not in crash reports


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What stands about an account, for its owner."""

    email: str
    email_proven_at: datetime | None
    password_changed_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AcceptedTerms:
    """A version of the terms of use, and when the user accepted it (D1)."""

    version: str
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class PastSignIn:
    """A sign-in as the record holds it; erased data is None (R4)."""

    at: datetime
    ip: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class Invitation:
    """An offer to begin an account, or to join a company with one, made by a one-time link (P7)."""

    id: str
    email: str = field(repr=False)
    makes_operator: bool
    created_at: datetime
    expires_at: datetime
    company_id: CompanyId = NO_COMPANY  # none: from the operator
    contact_id: ContactId | None = None  # the contact that accepting joins to a user (P2)
    was_mailed: bool = False  # then following the link proves the address
    created_by: int | None = None
    consumed_at: datetime | None = None
    withdrawn_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Return whether it can still be accepted."""
        return self.consumed_at is None and self.withdrawn_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True)
class Standing:
    """An account's rank, and whether its address was shown to be theirs (P7)."""

    is_operator: bool
    is_proven: bool


class LinkFor(StrEnum):
    """What a one-time link about an account is for."""

    PASSWORD_RESET = "password_reset"
    NEW_ADDRESS = "new_address"
    SIGN_UP = "sign_up"
    TOLD = "told"  # no link at all: mail without one, which is counted alike


@dataclass(frozen=True, slots=True)
class AccountLink:
    """A one-time link about an account (P7, P8, P9)."""

    id: str
    purpose: str
    user_id: UserId | None  # none: signing up
    email: str = field(repr=False)  # what following the link proves, when it was mailed
    was_mailed: bool
    created_at: datetime
    expires_at: datetime
    consumed_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Return whether the link still opens something."""
        return self.consumed_at is None and now < self.expires_at
