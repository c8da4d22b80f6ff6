"""Secrets digested anew under the current server key when they are used, so that an older one can go.

After the answer, never before it: only the digest changes, and both verify.
"""

from dataclasses import dataclass, field

import structlog

from gatewright.apps.store import renew_secret_digest
from gatewright.base.secrets import Digest, Purpose, ServerKeys
from gatewright.db.engine import Database, Transaction
from gatewright.db.failures import STORAGE_ERRORS
from gatewright.events import keys as fact_keys
from gatewright.oauth.model import AppClient, Authenticated, Client, LiveSecret
from gatewright.service_accounts.store import renew_account_digest

_log = structlog.get_logger("gatewright.secrets")


@dataclass(frozen=True, slots=True)
class Renewal:
    """A secret whose digest was made with an older server key, as it was just presented."""

    client: Client
    secret: LiveSecret
    text: str = field(repr=False)  # T13: not in crash reports

    async def carry_out(self, database: Database, keys: ServerKeys) -> None:
        """Exchange the digest, unless the secret was renewed or regenerated meanwhile."""
        digest = keys.digest(Purpose.CLIENT_SECRET, self.text)
        try:
            await database.write(lambda tx: self._exchange(tx, digest))
        except STORAGE_ERRORS as error:
            # The client was answered already; its next request tries again.
            _log.warning("secret_not_renewed", error=type(error).__name__)

    async def _exchange(self, tx: Transaction, digest: Digest) -> None:
        # Touched even when nothing changed: what this process remembers of it was out of date.
        tx.touch([fact_keys.client(self.client.client_id)])
        if isinstance(self.client, AppClient):
            await renew_secret_digest(tx, self.secret.id, was=self.secret.digest, digest=digest)
        else:
            account_id = self.client.service_account_id
            await renew_account_digest(
                tx, account_id, company_id=self.client.company_id, was=self.secret.digest, digest=digest
            )


def due_renewal(caller: Authenticated, presented: str | None, *, keys: ServerKeys) -> Renewal | None:
    """Return what is to be renewed; None when the secret is under the current server key, or there is none."""
    for secret in caller.client.secrets:
        if secret.id == caller.secret_id and presented and secret.digest.key_id != keys.current.id:
            return Renewal(caller.client, secret, presented)
    return None
