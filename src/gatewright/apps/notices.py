"""Mail to a company's admins when an app asks to come in, or came in, by a call of its own (I2)."""

from dataclasses import dataclass
from datetime import datetime

from gatewright.apps import notice_store as store
from gatewright.base.secrets import ServerKeys
from gatewright.db.engine import Transaction
from gatewright.events.catalogue import InstallationConnected, InstallationRequested, Origin
from gatewright.mail.model import Message
from gatewright.mail.service import post

MOST_TOLD = 50  # admins of one company; the others see it on their pages


@dataclass(frozen=True, slots=True)
class AdminNotices:
    """Posts the mail inside the transaction that records the first call, so it is sent once or never."""

    keys: ServerKeys
    issuer: str

    async def tell(self, tx: Transaction, event: InstallationConnected, *, origin: Origin, now: datetime) -> None:
        """Post one message to each admin of the company, when the app's own call caused the event."""
        if origin.via_app_id != event.app_id:
            return  # an admin did it, or the operator beforehand
        names = await store.load_names(tx, event.company_id, event.app_id)
        template = "app_requested" if isinstance(event, InstallationRequested) else "app_connected"
        shows = {
            "company": names.company,
            "app": names.app,
            "developer": names.developer,
            "link": f"{self.issuer}/companies/{event.company_id}/apps/{event.app_id}",
        }
        for address in await store.load_admin_addresses(tx, event.company_id, limit=MOST_TOLD):
            await post(tx, Message(address, template, shows), keys=self.keys, now=now)
