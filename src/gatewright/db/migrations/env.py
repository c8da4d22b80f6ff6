"""What Alembic runs: the revisions, on the connection and in the transaction that `db/migrate.py` opened."""

from alembic import context

from gatewright.db.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
