"""Why a database cannot be used, in one sentence for whoever operates it."""

import socket
from sqlite3 import Error as SqliteError

import asyncpg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

# By SQLSTATE, or the first two letters of it: PostgreSQL, appendix A.
_BY_STATE = {
    "28P01": "refuses that password; correct it in DATABASE_URL",
    "28000": "does not let that user in; correct the user in DATABASE_URL, or the server's pg_hba.conf",
    "3D000": "has no such database; create it, or correct the name in DATABASE_URL",
    "42501": "forbids it to that user; let the user own the database",
    "53300": "has no connection left; raise max_connections, or close other programs",
    "57P03": "is starting or stopping; try again in a moment",
    "08": "cannot be reached; start it, or correct DATABASE_URL",
}
_BY_WORDS = {
    "unable to open": "cannot be opened; make its folder, let this user write to it, or correct DATABASE_URL",
    "readonly": "cannot be written to; let this user write to the file and its folder",
    "not a database": "is no SQLite database; correct DATABASE_URL, or move the file away",
    "malformed": "is damaged; restore it from a backup",
    "locked": "is held by another program; end that program, and try again",
    "full": "has no room left; free some on its disk",
    "no such table": "holds no tables of this version; run: gatewright migrate",
}
_UNREACHABLE = "cannot be reached; start it, or correct DATABASE_URL"


def reason(error: BaseException, *, database: str) -> str | None:
    """Return what is wrong with `database` (an address without its password) and how to mend it.

    None when the error says nothing about a database.
    """
    said = _said(error)
    return said and f"The database {database} {said}."


def _said(error: BaseException) -> str | None:
    if isinstance(error, DBAPIError) and error.orig is not None:
        return _said(error.orig.__cause__ or error.orig)
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return _BY_STATE.get(state) or _BY_STATE.get(state[:2]) or f"refuses what was asked of it (SQLSTATE {state})"
    if isinstance(error, SqliteError):
        words = str(error).lower()
        known = (told for start, told in _BY_WORDS.items() if start in words)
        return next(known, "fails; look at its file and its disk")
    if isinstance(error, asyncpg.InterfaceError | ConnectionError | socket.gaierror | TimeoutError):
        return _UNREACHABLE
    return "cannot be used" if isinstance(error, SQLAlchemyError) else None
