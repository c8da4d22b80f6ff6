"""RFIs, drawings and daily logs in SQLite. Every statement names the company and the project it is about."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Row = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rfis (
  id INTEGER PRIMARY KEY AUTOINCREMENT, company_id INTEGER NOT NULL, project_id INTEGER NOT NULL,
  number INTEGER NOT NULL, subject TEXT NOT NULL, question TEXT NOT NULL, answer TEXT, status TEXT NOT NULL,
  created_at TEXT NOT NULL, created_by TEXT NOT NULL, updated_at TEXT NOT NULL,
  UNIQUE (company_id, project_id, number)
);
CREATE TABLE IF NOT EXISTS drawings (
  id INTEGER PRIMARY KEY AUTOINCREMENT, company_id INTEGER NOT NULL, project_id INTEGER NOT NULL,
  number TEXT NOT NULL, title TEXT NOT NULL, revision TEXT NOT NULL,
  created_at TEXT NOT NULL, created_by TEXT NOT NULL,
  UNIQUE (company_id, project_id, number, revision)
);
CREATE TABLE IF NOT EXISTS daily_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT, company_id INTEGER NOT NULL, project_id INTEGER NOT NULL,
  date TEXT NOT NULL, notes TEXT NOT NULL, workers INTEGER NOT NULL,
  created_at TEXT NOT NULL, created_by TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS daily_log_of_project ON daily_log (company_id, project_id, id);
"""
_SHOWN = {
    "rfis": "id, number, subject, question, answer, status, created_at, created_by, updated_at",
    "drawings": "id, number, title, revision, created_at, created_by",
    "daily_log": "id, date, notes, workers, created_at, created_by",
}
_HERE = "company_id = :company_id AND project_id = :project_id"
_NEXT_RFI = """
INSERT INTO rfis (company_id, project_id, number, subject, question, status, created_at, created_by, updated_at)
SELECT :company_id, :project_id, coalesce(max(number), 0) + 1, :subject, :question, 'open', :now, :by, :now
FROM rfis WHERE company_id = :company_id AND project_id = :project_id
"""


class Taken(Exception):
    """The project has one of that name already."""


class Closed(Exception):
    """The RFI is closed; nothing of it changes any more."""


@dataclass(frozen=True, slots=True)
class Place:
    """One project of one company, as it was decided: nothing else is read or written."""

    company_id: int
    project_id: int

    @property
    def keys(self) -> dict[str, Any]:
        """Return both as parameters of a statement."""
        return {"company_id": self.company_id, "project_id": self.project_id}


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted."""

    number: int = 1
    size: int = 100


class Store:
    """The platform's own database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as database:
            database.executescript(f"PRAGMA journal_mode = WAL; {_SCHEMA}")

    def all(self, table: str, place: Place, page: Page) -> tuple[list[Row], int]:
        """Return one page of a project's rows, and how many there are."""
        wanted = {**place.keys, "most": page.size, "skip": (page.number - 1) * page.size}
        with self._open() as database:
            found = database.execute(
                f"SELECT {_SHOWN[table]} FROM {table} WHERE {_HERE} ORDER BY id LIMIT :most OFFSET :skip",  # noqa: S608
                wanted,
            )
            rows = [dict(row) for row in found]
            count = f"SELECT count(*) FROM {table} WHERE {_HERE}"  # noqa: S608
            return rows, database.execute(count, place.keys).fetchone()[0]

    def one(self, table: str, place: Place, row_id: int) -> Row | None:
        """Return one row of a project; None for any other, another project's too."""
        with self._open() as database:
            return _one(database, table, place, row_id)

    def add(self, table: str, place: Place, values: Mapping[str, Any], *, by: str, now: datetime) -> Row:
        """Return the new row; Taken when its number is another's."""
        columns = {**place.keys, **values, "created_by": by, "created_at": _written(now)}
        names, marks = ", ".join(columns), ", ".join(f":{name}" for name in columns)
        with self._open() as database:
            made = database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", columns)  # noqa: S608
            return _one(database, table, place, made.lastrowid or 0) or {}

    def add_rfi(self, place: Place, values: Mapping[str, Any], *, by: str, now: datetime) -> Row:
        """Return a new open RFI, numbered within its project."""
        columns = {**place.keys, **values, "by": by, "now": _written(now)}
        with self._open() as database:
            made = database.execute(_NEXT_RFI, columns)
            return _one(database, "rfis", place, made.lastrowid or 0) or {}

    def change_rfi(self, place: Place, row_id: int, values: Mapping[str, Any], *, now: datetime) -> Row | None:
        """Return the RFI with these columns changed; None when the project has none of that id, Closed when it is."""
        columns = {**values, "updated_at": _written(now)}
        setting = ", ".join(f"{name} = :{name}" for name in columns)
        named = {**columns, **place.keys, "id": row_id}
        with self._open() as database:
            statement = f"UPDATE rfis SET {setting} WHERE id = :id AND status = 'open' AND {_HERE}"  # noqa: S608
            is_changed = database.execute(statement, named).rowcount == 1
            row = _one(database, "rfis", place, row_id)
        if row is not None and not is_changed:
            raise Closed
        return row

    def remove_rfi(self, place: Place, row_id: int) -> bool:
        """Return whether the project had this RFI; it is gone now."""
        with self._open() as database:
            statement = f"DELETE FROM rfis WHERE id = :id AND {_HERE}"  # noqa: S608
            return database.execute(statement, {**place.keys, "id": row_id}).rowcount == 1

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection; what was done is kept whole, or not at all."""
        database = sqlite3.connect(self._path, timeout=10)
        database.row_factory = sqlite3.Row
        try:
            with database:
                yield database
        except sqlite3.IntegrityError:
            raise Taken from None
        finally:
            database.close()


def _one(database: sqlite3.Connection, table: str, place: Place, row_id: int) -> Row | None:
    statement = f"SELECT {_SHOWN[table]} FROM {table} WHERE id = :id AND {_HERE}"  # noqa: S608
    found = database.execute(statement, {**place.keys, "id": row_id}).fetchone()
    return None if found is None else dict(found)


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
