"""Which exceptions mean that the database cannot be asked right now."""

import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# OSError: asyncpg passes a refused connection on as it is. sqlite3.Error: the feed asks without SQLAlchemy.
_FAILURES: tuple[type[Exception], ...] = (OperationalError, InterfaceError, PoolTimeout, OSError, sqlite3.Error)
# Where to look for one: `is_storage_failure` tells.
STORAGE_ERRORS: tuple[type[Exception], ...] = (*_FAILURES, DBAPIError)
_NOT_MIGRATED = {"42P01", "42703"}  # no such table, no such column
_READ_ONLY = "25006"  # connected to a standby, during a failover
_AWAY = {
    "08",  # the connection failed
    "28",  # we are not let in
    "3D",  # no such database
    "40",  # rolled back
    "53",  # out of resources
    "55",  # not accepting connections, or locked
    "57",  # shutting down
}


def is_storage_failure(error: Exception) -> bool:
    """Return whether asking again in a while may succeed: not connected, exhausted, shutting down, contended."""
    if isinstance(error, _FAILURES):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or state[:2] in _AWAY or state in {*_NOT_MIGRATED, _READ_ONLY}
