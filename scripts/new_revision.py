"""Write a revision that brings the migrated schema to what db/schema.py says.

python scripts/new_revision.py "add the leases"

What it writes is a beginning: read it, complete it for both databases, and let
tests/db/test_migrations.py judge it.
"""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from gatewright.db.migrate import configuration, migrate


def main(message: str) -> None:
    """Write the revision's file and print where it is."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/empty.db"
        migrate(url)
        with create_engine(url).connect() as connection:
            config = configuration(connection)
            number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
            made = command.revision(config, message=message, rev_id=f"{number:04}", autogenerate=True)
    for script in [made] if not isinstance(made, list) else made:
        if script is not None:
            print(Path(script.path))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
