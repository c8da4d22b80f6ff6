"""The revisions of the schema, run by `db/migrate.py` inside its transaction."""
