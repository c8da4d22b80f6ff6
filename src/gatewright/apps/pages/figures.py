"""Calls a day as the pages draw them: every day there is, those without a call too."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gatewright.apps.developer_store import RefusedDay
from gatewright.apps.model import DayOfCalls
from gatewright.web.display import Calls


def since(now: datetime, days: int) -> str:
    """Return the first of the last `days` days, today among them, as the database writes it."""
    return _first(now, days).isoformat()


def spread(calls: Iterable[DayOfCalls], *, now: datetime, count: int) -> list[Calls]:
    """Return one entry for each of the last `count` days in UTC, oldest first, today last."""
    known = {day.day: day for day in calls}
    days = (_first(now, count) + timedelta(days=n) for n in range(count))
    return [_calls(day, known.get(day.isoformat())) for day in days]


def total_of(days: Sequence[Calls]) -> Calls:
    """Return the sum of some days, under the last one's date."""
    return Calls(days[-1].date, sum(day.allowed for day in days), sum(day.refused for day in days))


def day_heads(now: datetime, count: int) -> list[date]:
    """Return the last `count` days in UTC, oldest first, today last."""
    return [_first(now, count) + timedelta(days=n) for n in range(count)]


def refused_rows(found: Iterable[RefusedDay], *, now: datetime, week: int) -> list[dict[str, Any]]:
    """Return a row for each code: its counts of the last `week` days, and its total of all that was found."""
    counts: dict[str, dict[str, int]] = {}
    for one in found:
        counts.setdefault(one.code, {})[one.day] = one.count
    days = [day.isoformat() for day in day_heads(now, week)]
    rows = [
        {"code": code, "days": [of_code.get(day, 0) for day in days], "total": sum(of_code.values())}
        for code, of_code in counts.items()
    ]
    return sorted(rows, key=lambda row: (-row["total"], row["code"]))


def _first(now: datetime, days: int) -> date:
    return now.astimezone(UTC).date() - timedelta(days=days - 1)


def _calls(day: date, counted: DayOfCalls | None) -> Calls:
    return Calls(day, 0, 0) if counted is None else Calls(day, counted.allowed, counted.refused)
