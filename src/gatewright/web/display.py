"""How pages write names, numbers, times, levels and figures: pure functions, read by templates.

Templates call `FILTERS` by name; every instant is an aware `datetime`.
"""

import json
import math
import re
import shlex
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from jinja2 import Environment

from gatewright.base.levels import Level

LEVELS: Final = ("none", "read_only", "standard", "admin")
ROUND_TENTHS: Final = (10, 12, 14, 16, 20, 24, 30, 40, 50, 60, 80, 100)
RECORDED: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)")
PATTERN_SYNTAX: Final = frozenset("^$\\.*+?()[]{}|/")


def initials(name: str) -> str:
    """Return one or two capitals that stand for `name` in its tile, `?` when it has no letter."""
    words = [letters for word in name.split() if (letters := [c for c in word if c.isalnum()])]
    if not words:
        return "?"
    first, last = words[0][0], (words[-1][0] if len(words) > 1 else words[0][1:2])
    return "".join((first, *last)).upper()[:2]


def bare(text: str) -> str:
    """Return `text` for places that cannot isolate it (titles, labels).

    Direction overrides and other invisible characters go, else a name could reverse the words
    that stand after it.
    """
    return "".join(c for c in text if unicodedata.category(c) not in {"Cc", "Cf", "Zl", "Zp"})


def shell_quoted(text: str) -> str:
    """Return `text` as one word of a shell command, whatever stands in it."""
    return shlex.quote(text)


def string_literal(text: str) -> str:
    """Return `text` as a literal of Python and of JavaScript alike."""
    return json.dumps(text)


def number(value: int) -> str:
    """Return `value` with thousands set apart: `1,204`."""
    return f"{value:,}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return the count and its noun: `1 user`, `1,204 users`."""
    return f"{number(count)} {one if count == 1 else many or f'{one}s'}"


def day(at: date, now: datetime) -> str:
    """Return the day in words of the calendar, with its year where that is another one."""
    return f"{at.day} {at:%b}" if at.year == now.astimezone(UTC).year else f"{at.day} {at:%b %Y}"


def ago(at: datetime, now: datetime) -> str:
    """Return how long ago `at` was, or its day once that says more: `3 min ago`, `3 Nov`."""
    age = now - at
    if age < timedelta(minutes=1):
        return "just now"
    if age < timedelta(hours=1):
        return f"{age // timedelta(minutes=1)} min ago"
    if age < timedelta(hours=24):
        return f"{age // timedelta(hours=1)} h ago"
    yesterday = now.astimezone(UTC).date() - timedelta(days=1)
    return "yesterday" if at.astimezone(UTC).date() == yesterday else day(at.astimezone(UTC), now)


def exact(at: datetime) -> str:
    """Return the instant to the second, with its zone: `3 Nov 2026, 08:41:20 UTC`."""
    there = at.astimezone(UTC)
    return f"{there.day} {there:%b %Y, %H:%M:%S} UTC"


def moment(text: str) -> str:
    """Return what `rfc3339` or the record wrote of an instant as `exact` would; any other text as it is."""
    try:
        return exact(datetime.fromisoformat(text)) if RECORDED.fullmatch(text) else text
    except ValueError:  # a name that only looks like an instant
        return text


def clock(at: datetime) -> str:
    """Return the time of day to the second, with its zone: `14:02:11 UTC`."""
    return f"{at.astimezone(UTC):%H:%M:%S} UTC"


def rfc3339(at: datetime) -> str:
    """Return the instant as machines read it: `2026-11-03T08:41:20Z`."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def level_word(level: str) -> str:
    """Return the word that names a level on pages."""
    return Level.from_key(level).word


def level_stones(level: str) -> int:
    """Return how many of its three stones a level fills."""
    return LEVELS.index(level)


def host(url: str) -> str:
    """Return the host of `url` in its ASCII form, so that look-alike letters show.

    The empty string where there is none.
    """
    try:
        name = urlsplit(url).hostname or ""
        return name.encode("idna").decode("ascii") if not name.isascii() else name
    except ValueError:
        return ""


def typed_pattern(name: str) -> str:
    """Return the HTML `pattern` that exactly `name`, typed by hand, fulfils.

    Characters that nobody can see need not be typed; one space stands for any run of them.
    """
    return r"\s+".join(
        "".join(f"{_escaped(c)}?" if unicodedata.category(c) in {"Cc", "Cf"} else _escaped(c) for c in word)
        for word in name.split()
    )


def _escaped(character: str) -> str:
    return f"\\{character}" if character in PATTERN_SYNTAX else character


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a figure, in the figure's own units; `refused` stands on top of `allowed`."""

    x: float
    width: float
    allowed_y: float
    allowed_height: float
    refused_y: float
    refused_height: float
    is_empty: bool
    is_last: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawn series of days: its box, its bars, its two marked values and its sentence."""

    width: float
    height: float
    bars: tuple[Bar, ...]
    top: int
    half: int
    label: str


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of one day, by result."""

    date: date
    allowed: int
    refused: int


def spark(calls: Sequence[Calls]) -> Figure:
    """Return the small bars of a table row; its tallest bar fills the height."""
    highest = max((c.allowed + c.refused for c in calls), default=0)
    return _figure(calls, top=max(highest, 1), step=8.6, width=5.6, height=28, stub=1.5)


def chart(calls: Sequence[Calls]) -> Figure:
    """Return the large bars under an axis that ends on a round value."""
    highest = max((c.allowed + c.refused for c in calls), default=0)
    return _figure(calls, top=_round_above(highest), step=30, width=18, height=126, stub=0)


def _round_above(value: int) -> int:
    """Return the lowest round, even number that is not below `value`."""
    if value <= 10:
        return max(2, value + value % 2)
    tenth: int = 10 ** (int(math.log10(value)) - 1)
    return next(top for step in ROUND_TENTHS if (top := step * tenth) >= value and top % 2 == 0)


def _figure(calls: Sequence[Calls], *, top: int, step: float, width: float, height: float, stub: float) -> Figure:
    scale = height / top
    margin = (step - width) / 2 if stub == 0 else 0
    bars = tuple(
        _bar(
            one,
            x=margin + step * at,
            width=width,
            scale=scale,
            height=height,
            stub=stub,
            is_last=at == len(calls) - 1,
        )
        for at, one in enumerate(calls)
    )
    whole = step * len(calls) - (0 if stub == 0 else step - width)
    return Figure(round(max(whole, step), 1), height, bars, top, top // 2, _sentence(calls))


def _bar(
    calls: Calls,
    *,
    x: float,
    width: float,
    scale: float,
    height: float,
    stub: float,
    is_last: bool,
) -> Bar:
    refused, allowed = calls.refused * scale, calls.allowed * scale
    empty = calls.refused + calls.allowed == 0
    shown = max(allowed, stub) if empty or (allowed and allowed < stub) else allowed
    return Bar(
        round(x, 1),
        width,
        round(height - shown, 1),
        round(shown, 1),
        round(height - shown - refused, 1),
        round(refused, 1),
        empty,
        is_last,
    )


def _sentence(calls: Sequence[Calls]) -> str:
    """Return what the bars show, for those who do not see them."""
    totals = [c.allowed + c.refused for c in calls]
    if not any(totals):
        return f"No calls in {plural(len(totals), 'day')}."
    refused = sum(c.refused for c in calls)
    tail = f", {number(refused)} of all refused" if refused else ""
    return (
        f"Calls a day over {plural(len(totals), 'day')}, between {number(min(totals))} and "
        f"{number(max(totals))}; {number(totals[-1])} today{tail}."
    )


def axis_days(calls: Sequence[Calls], now: datetime) -> list[str]:
    """Return the labels under a chart: every seventh day from the first, then today."""
    days: Iterable[date] = (c.date for c in calls[:-2:7])
    return [day(each, now) for each in days]


FILTERS: Final[dict[str, Callable[..., object]]] = {
    each.__name__: each
    for each in (
        ago,
        axis_days,
        bare,
        chart,
        clock,
        day,
        exact,
        moment,
        host,
        initials,
        level_stones,
        level_word,
        number,
        plural,
        rfc3339,
        shell_quoted,
        spark,
        string_literal,
        typed_pattern,
    )
}


def register(environment: Environment) -> None:
    """Give a Jinja environment these filters, under their own names."""
    environment.filters.update(FILTERS)
