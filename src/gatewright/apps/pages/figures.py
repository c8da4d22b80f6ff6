"""Calls a day as the pages draw them: every day there is, those without a call too."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

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


def _first(now: datetime, days: int) -> date:
    return now.astimezone(UTC).date() - timedelta(days=days - 1)


def _calls(day: date, counted: DayOfCalls | None) -> Calls:
    return Calls(day, 0, 0) if counted is None else Calls(day, counted.allowed, counted.refused)
