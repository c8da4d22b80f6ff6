"""When each client secret authenticated its client last: kept in memory, written off every request's path (D4)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from gatewright.apps.store import note_secrets_used
from gatewright.base.ids import SecretId
from gatewright.db.batches import flushing
from gatewright.db.engine import Database
from gatewright.db.failures import is_storage_failure

WRITE_EVERY = timedelta(minutes=1)
MOST_WAITING = 10_000  # so many secrets are remembered while the database is away
_log = structlog.get_logger("gatewright.apps")


@dataclass(slots=True)
class SecretUses:
    """The uses that this process noted and did not write yet.

    A process that is killed forgets at most a minute of them; what families say of their
    secrets is written with each refresh, so a secret in use never looks silent for long.
    """

    database: Database
    _uses: dict[SecretId, datetime] = field(default_factory=dict)

    def note(self, secret_id: SecretId, *, at: datetime) -> None:
        """Note one use; nothing is written yet."""
        if secret_id in self._uses or len(self._uses) < MOST_WAITING:
            self._uses[secret_id] = at

    async def flush(self) -> None:
        """Write what was noted, in one transaction; what cannot be written now is kept for the next time.

        Never raises: what can be written at no time is let go, lest nothing be written ever again.
        """
        uses, self._uses = self._uses, {}
        if not uses:
            return
        try:
            await self.database.write(lambda tx: note_secrets_used(tx, uses))
        except Exception as error:
            if not is_storage_failure(error):
                _log.error("secret_uses_lost", error=type(error).__name__)
                return
            _log.warning("secret_uses_kept", error=type(error).__name__)
            self._uses = uses | self._uses

    @asynccontextmanager
    async def running(self, *, every: timedelta = WRITE_EVERY) -> AsyncIterator[None]:
        """Flush once in a while until the end, and once more then."""
        async with flushing(self.flush, every=every):
            yield
