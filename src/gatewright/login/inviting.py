"""Invitations of companies: how a contact gets a login (`web.core.Invitations`)."""

from dataclasses import dataclass
from datetime import datetime

from gatewright.base.ids import CompanyId, ContactId
from gatewright.base.secrets import ServerKeys
from gatewright.db.engine import Database
from gatewright.events.catalogue import Origin
from gatewright.login.invitation_service import invite_contact
from gatewright.login.invitation_store import find_open
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
        link = await invite_contact(
            self.database,
            company_id=company_id,
            contact_id=contact_id,
            is_mailed=self.settings.has_mail,
            issuer=self.settings.issuer,
            keys=self.keys,
            origin=origin,
            now=now,
        )
        # A link that proves an address must reach its owner alone (P7).
        return Invited(was_mailed=self.settings.has_mail, link=None if self.settings.has_mail else link)

    async def open_since(self, company_id: CompanyId, contact_id: ContactId, *, now: datetime) -> datetime | None:
        """Return when the contact's open invitation was made; None when there is none."""
        async with self.database.read() as reader:
            invitation = await find_open(reader, company_id, contact_id, now=now)
        return None if invitation is None else invitation.created_at
