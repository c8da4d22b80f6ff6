"""What Alembic runs: the revisions, on the connection and in the transaction that `db/migrate.py` opened."""

from typing import Any, Literal

from alembic import context

from gatewright.db.schema import metadata
from gatewright.db.types import Instant


def _written(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Return how a new revision writes a type of ours: a revision must not change when our code does."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Instant) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    render_item=_written,
    transactional_ddl=True,
)
context.run_migrations()
