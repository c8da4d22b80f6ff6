"""SQL of what waits and of declared tools; what a database is asked for its health stands in `db/health.py`."""

from sqlalchemy import func, select

from gatewright.db.engine import Reader
from gatewright.db.schema import mail_outbox, tools
from gatewright.operations.model import Outbox


async def load_outbox(reader: Reader) -> Outbox:
    """Return how much mail waits, and since when the oldest."""
    waiting, oldest_at = func.count().label("waiting"), func.min(mail_outbox.c.created_at).label("oldest_at")
    found = (await reader.execute(select(waiting, oldest_at).select_from(mail_outbox))).one()
    return Outbox(found.waiting, found.oldest_at)


async def load_tool_keys(reader: Reader) -> frozenset[tuple[str, str]]:
    """Return scope and key of each declared tool (M1)."""
    return frozenset((row.scope, row.key) for row in await reader.execute(select(tools.c.scope, tools.c.key)))
