"""The feed on SQLite: what any process committed, known before a fact is used (T12).

`PRAGMA data_version` moves when another connection commits. It is asked on a
connection that never writes, whose cursors are always run to their end: on one
with an open read the answer freezes, and answers of two connections cannot be
compared.
"""

import json
import os
import sqlite3
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

LONGEST_WAIT = timedelta(milliseconds=100)  # for a lock, in which the whole process waits
_NEWEST = "SELECT coalesce(max(id), 0) FROM events"
_SINCE = "SELECT id, keys FROM events WHERE id > ? ORDER BY id"


class SqliteFeed:
    """The tail of the events table of one SQLite file. Used by one thread."""

    keeps = True

    def __init__(self, path: Path) -> None:
        uri = f"file:{quote(os.fsencode(path))}?mode=ro"
        self._connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=LONGEST_WAIT.total_seconds())
        self._version = self._ask_version()
        self._position: int = self._connection.execute(_NEWEST).fetchall()[0][0]

    def touched(self) -> Iterable[str]:
        """Return the keys of the facts that any process touched since the last call."""
        version = self._ask_version()
        if version == self._version:
            return ()
        rows = self._connection.execute(_SINCE, (self._position,)).fetchall()
        self._version = version
        if rows:
            self._position = rows[-1][0]
        return [key for _, keys in rows for key in json.loads(keys)]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _ask_version(self) -> int:
        version: int = self._connection.execute("PRAGMA data_version").fetchall()[0][0]
        return version
