"""Statements counted at the driver, on every engine of an application."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event

from gatewright.db.engine import Database


@dataclass(slots=True)
class Counted:
    """What was sent to the database, and how many writing transactions were committed."""

    statements: list[str] = field(default_factory=list)
    commits: int = 0


@contextmanager
def counted(database: Database) -> Iterator[Counted]:
    """Lend the counts of what happens inside the block."""
    seen = Counted()

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.statements.append(statement)

    def note_commit(_connection: Any) -> None:
        seen.commits += 1

    engines = {database.writer.sync_engine, database.reader.sync_engine}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    event.listen(database.writer.sync_engine, "commit", note_commit)
    try:
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
        event.remove(database.writer.sync_engine, "commit", note_commit)
