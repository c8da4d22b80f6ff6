"""Invitations of companies: how a contact gets a login (`web.core.Invitations`)."""

from dataclasses import dataclass
from datetime import datetime

from gatewright.base.ids import CompanyId, ContactId
from gatewright.base.secrets import ServerKeys
from gatewright.db.engine import Database
from gatewright.events.catalogue import Origin
from gatewright.settings import Settings
from gatewright.web.core import Invited


@dataclass(frozen=True, slots=True)
class InvitationDesk:
    """Invites contacts: by mail where it is configured, else by a link for the inviter to pass on (P7)."""

    settings: Settings
    database: Database
    keys: ServerKeys

    async def invite(self, company_id: CompanyId, contact_id: ContactId, *, origin: Origin, now: datetime) -> Invited:
        """Return what became of the invitation (`Invitations.invite`)."""
        raise NotImplementedError

    async def open_since(self, company_id: CompanyId, contact_id: ContactId, *, now: datetime) -> datetime | None:
        """Return when the contact's open invitation was made; None when there is none."""
        raise NotImplementedError
