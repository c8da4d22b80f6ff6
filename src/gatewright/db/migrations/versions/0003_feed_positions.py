"""Feed positions: events that touch facts, numbered in the order of their commits."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Those there are were numbered before they were committed; nobody followed them, so that order will do.
_NUMBER = """
UPDATE events SET feed_position = numbered.position FROM (
    SELECT id, row_number() OVER (ORDER BY id) AS position FROM events WHERE CAST(keys AS TEXT) <> '[]'
) AS numbered WHERE events.id = numbered.id
"""


def upgrade() -> None:
    """Number the events that touch facts."""
    op.add_column("events", sa.Column("feed_position", sa.BigInteger(), nullable=True))
    op.execute(_NUMBER)
    op.create_index("uq_events_feed_position", "events", ["feed_position"], unique=True)


def downgrade() -> None:
    """Forget the numbers."""
    op.drop_index("uq_events_feed_position", "events")
    op.drop_column("events", "feed_position")
