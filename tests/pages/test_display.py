"""How pages write names, numbers, times and levels."""

import re
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from gatewright.web import display
from gatewright.web.display import Calls

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ada Park", "AP"),
        ("ada", "AD"),
        ("Ada van der Park", "AP"),
        ("Ø", "Ø"),
        ("4 Seasons", "4S"),
        ("<script> &", "SC"),
        ("ßen ito", "SS"),
        ("", "?"),
        ("—  —", "?"),
        ("\u202eevil", "EV"),
    ],
)
def test_initials_are_one_or_two_letters_that_can_be_seen(name: str, letters: str) -> None:
    assert display.initials(name) == letters


def test_bare_text_cannot_turn_the_words_after_it() -> None:
    assert display.bare("a\u202eb\u2066c\u200bd\ne") == "abcde"
    assert display.bare("Ünïcode 5") == "Ünïcode 5"


def test_numbers_and_counts() -> None:
    assert display.number(1234567) == "1,234,567"
    assert display.plural(1, "user") == "1 user"
    assert display.plural(0, "user") == "0 users"
    assert display.plural(1204, "company", "companies") == "1,204 companies"


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(seconds=3599), "59 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=24, seconds=-1), "23 h ago"),
        (timedelta(hours=24), "yesterday"),
        (timedelta(hours=36), "yesterday"),
        (timedelta(hours=36, seconds=1), "21 Nov"),
        (timedelta(days=326), "1 Jan"),
        (timedelta(days=327), "31 Dec 2025"),
    ],
)
def test_ages_turn_into_days_once_those_say_more(age: timedelta, words: str) -> None:
    assert display.ago(NOON - age, NOON) == words


def test_exact_times_carry_their_zone_whatever_zone_they_came_in() -> None:
    there = datetime(2026, 11, 3, 9, 41, 20, tzinfo=timezone(timedelta(hours=1)))
    assert display.exact(there) == "3 Nov 2026, 08:41:20 UTC"
    assert display.clock(there) == "08:41:20 UTC"
    assert display.rfc3339(there) == "2026-11-03T08:41:20Z"


def test_a_recorded_instant_is_told_and_a_name_that_looks_like_one_stays() -> None:
    assert display.moment("2026-11-23T22:42:01.545450+00:00") == "23 Nov 2026, 22:42:01 UTC"
    assert display.moment("2026-11-03T08:41:20Z") == "3 Nov 2026, 08:41:20 UTC"
    assert display.moment("2026-99-99T1+00:00") == "2026-99-99T1+00:00"
    assert display.moment("Pier 9") == "Pier 9"


def test_levels_fill_as_many_stones_as_they_rank() -> None:
    assert [display.level_stones(level) for level in display.LEVELS] == [0, 1, 2, 3]
    assert [display.level_word(level) for level in display.LEVELS] == ["None", "Read only", "Standard", "Admin"]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://sync.acme.example/a?b", "sync.acme.example"),
        ("https://acme.example@evil.example/", "evil.example"),
        ("https://аpple.example/", "xn--pple-43d.example"),
        ("https://[::1", ""),
        ("", ""),
        ("javascript:alert(1)", ""),
    ],
)
def test_hosts_show_who_is_really_asked(url: str, host: str) -> None:
    assert display.host(url) == host


@pytest.mark.parametrize("name", ["Nightly export", "a.b*c (d) [e]", "^$\\|/{}?+", "  two   spaces "])
def test_a_typed_name_fits_its_own_pattern_and_no_other(name: str) -> None:
    pattern = re.compile(display.typed_pattern(name))
    assert pattern.fullmatch(" ".join(name.split()))
    assert not pattern.fullmatch(" ".join(name.split()) + "x")


def test_what_cannot_be_seen_need_not_be_typed() -> None:
    assert re.fullmatch(display.typed_pattern("a\u202eb"), "ab")


def days(*counts: tuple[int, int]) -> list[Calls]:
    first = date(2026, 11, 23) - timedelta(days=len(counts) - 1)
    return [Calls(first + timedelta(days=at), allowed, refused) for at, (allowed, refused) in enumerate(counts)]


def test_the_tallest_bar_fills_a_spark_and_an_empty_day_leaves_a_stub() -> None:
    figure = display.spark(days((10, 0), (5, 5), (0, 0)))
    assert [(bar.allowed_height, bar.refused_height) for bar in figure.bars] == [(28, 0), (14, 14), (1.5, 0)]
    assert [bar.is_empty for bar in figure.bars] == [False, False, True]
    assert [bar.is_last for bar in figure.bars] == [False, False, True]
    assert figure.bars[1].refused_y == 0


def test_bars_stay_inside_their_figure() -> None:
    for figure in (display.spark(days((3, 9), (7, 0))), display.chart(days((3, 9), (7, 0)))):
        for bar in figure.bars:
            assert 0 <= bar.x <= figure.width - bar.width
            assert bar.refused_y >= 0
            assert bar.allowed_y + bar.allowed_height == pytest.approx(figure.height)


@pytest.mark.parametrize(
    ("highest", "top"),
    [(0, 2), (1, 2), (3, 4), (10, 10), (11, 12), (61, 80), (100, 100), (101, 120), (1204, 1400), (9999, 10000)],
)
def test_a_charts_axis_ends_on_a_round_value(highest: int, top: int) -> None:
    figure = display.chart(days((highest, 0)))
    assert (figure.top, figure.half) == (top, top // 2)


def test_a_figure_says_in_a_sentence_what_it_shows() -> None:
    assert display.spark(days((0, 0), (0, 0))).label == "No calls in 2 days."
    said = display.chart(days((70, 0), (1200, 4))).label
    assert said == "Calls a day over 2 days, between 70 and 1,204; 1,204 today, 4 of all refused."
    assert display.spark([]).label == "No calls in 0 days."


def test_axis_labels_stand_on_every_seventh_day_and_leave_room_for_today() -> None:
    month = days(*[(1, 0)] * 30)
    assert display.axis_days(month, NOON) == ["25 Oct", "1 Nov", "8 Nov", "15 Nov"]
