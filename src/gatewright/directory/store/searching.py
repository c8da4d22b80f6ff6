"""What a search finds: names that hold what was typed, in whatever case."""

from typing import Any

from sqlalchemy import ColumnElement, func, or_

LONGEST_SOUGHT = 254  # no name and no address is longer; SQLite fails on a pattern of 50,000 bytes


def holds(column: ColumnElement[Any], q: str) -> ColumnElement[bool]:
    """Return the condition that the column's text holds `q`.

    As it is typed too: a PostgreSQL database of the locale C knows the case of a to z alone.
    """
    lowered = func.lower(column).contains(q.lower(), autoescape=True)
    return or_(lowered, column.contains(q, autoescape=True))
