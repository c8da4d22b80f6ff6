"""What a service account is: a client that belongs to one company and acts as its own contact (S1, S5)."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gatewright.base.ids import AppId, CompanyId, ContactId, SecretId, ServiceAccountId


class DisabledReason(StrEnum):
    """Why an account ceased to function (S8)."""

    ADDRESS_CHANGED = "address_changed"
    ADDRESS_ELSEWHERE = "address_elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """A service account as the admins of its company see it."""

    company_id: CompanyId
    id: ServiceAccountId
    name: str
    client_id: str
    contact_id: ContactId
    email: str  # of its contact: shown to `admin: admin` of its company alone (S2)
    address_folded: str  # the one the server generated
    secret_id: SecretId
    secret_created_at: datetime
    disabled_reason: DisabledReason | None
    created_at: datetime
    created_by: str | None
    created_via_app_id: AppId | None
    regenerated_via_app_id: AppId | None
    through_app: str | None  # the name of the app it was made through, or its secret regenerated (M8)
    last_used_at: datetime | None

    @property
    def status(self) -> str:
        """Return `active` or `disabled`."""
        return "active" if self.disabled_reason is None else "disabled"


@dataclass(frozen=True, slots=True)
class CreatedServiceAccount:
    """A new account; its secret is in clear here and nowhere else, ever (S6)."""

    id: ServiceAccountId
    client_id: str
    secret: str = field(repr=False)  # T13: not in crash reports
    contact_id: ContactId
    address: str


@dataclass(frozen=True, slots=True)
class RegeneratedSecret:
    """An account's new secret, in clear here and nowhere else, ever (S6, S7)."""

    client_id: str
    secret: str = field(repr=False)  # T13: not in crash reports
    address: str


@dataclass(frozen=True, slots=True)
class Use:
    """What an account holds and how much it calls, for its page."""

    levels: int  # held above none, company and projects
    projects: int
    calls_since_yesterday: int
