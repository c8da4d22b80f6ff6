"""Which new passwords will do (A189, A190)."""

import unicodedata

import pytest

from gatewright.login.password_rules import (
    JUDGED_LETTERS,
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    judged_part,
    normal,
    weakness,
)

EMAIL, NAME = "ada.park@northwind.example", "Ada Park"
LONG = "several words, of which none has to do with the one before: "


def told(password: str, *words: str) -> str | None:
    return weakness(password, email=EMAIL, name=NAME, words=words)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "vxzmqpwkrtyl",
        "漢字仮名交じり文は長いほど良い",
        "ab cd é 漢字 🗝️ " * 10,
        "   twelve spaces at the ends   ",
        LONG * 2,
        "no digit and no capital in it",
        "!%&=}~*;?§/\\>",
        "ada park walks seven grey herons",
    ],
)
def test_what_is_long_and_not_guessable_will_do_whatever_it_is_made_of(password: str) -> None:
    """A190: spaces, Unicode, 64 characters and more; no rule about kinds of characters."""
    assert told(password) is None


@pytest.mark.parametrize(
    ("password", "because"),
    [
        ("Password123!", "many people use"),
        ("P@ssw0rd1234", "many people use"),
        ("iloveyou1234", "many people use"),
        ("qwertyuiopqwertyuiop", "many people use"),
        ("aaaaaaaaaaaa", "pattern"),
        ("abcabcabcabc", "pattern"),
        ("112233112233", "many people use"),
        ("abcdefghijkl", "pattern"),
        ("a1" * 36, "pattern"),
        ("1" * LONGEST_PASSWORD, "pattern"),
        ("gatewright2026", "a word from here"),
        ("Ada Park Ada Park", "a word from here"),
        ("northwind 2026", "a word from here"),
        (EMAIL, "the address itself"),
        (EMAIL.upper(), "the address itself"),
        ("correcthorse", "easily guessed"),
    ],
)
def test_what_is_on_a_list_or_a_pattern_or_about_its_owner_will_not(password: str, because: str) -> None:
    """A189: the sentence says which."""
    assert because in (told(password) or ""), told(password)


def test_words_that_a_guesser_would_try_here_count() -> None:
    """A189: the company, say; and each call has its own."""
    assert told("halvorsen marine") is None
    assert "a word from here" in (told("halvorsen marine", "Halvorsen Marine") or "")
    assert told("halvorsen marine") is None


def test_the_bounds_of_length_are_counted_in_characters() -> None:
    """A189, A190: a pair at each bound."""
    assert told("vxzmqpwkrtyl"[:SHORTEST_PASSWORD]) is None
    assert told("vxzmqpwkrtyl"[: SHORTEST_PASSWORD - 1]) == f"Use at least {SHORTEST_PASSWORD} characters."
    assert told("") == f"Use at least {SHORTEST_PASSWORD} characters."
    whole = (LONG * LONGEST_PASSWORD)[:LONGEST_PASSWORD]
    assert told(whole) is None
    assert told(whole + "x") == "Use at most 4,096 characters."


def test_two_ways_to_compose_a_letter_are_one_password() -> None:
    """A190: NFKC, once; a decomposed letter does not count twice."""
    composed = "é" * 6 + "xzqvwk"[:5]
    assert normal(unicodedata.normalize("NFD", composed)) == composed
    assert told(unicodedata.normalize("NFD", composed)) == f"Use at least {SHORTEST_PASSWORD} characters."


def test_the_work_of_judging_is_bounded_whatever_is_typed() -> None:
    """A117, A189: a limited part is estimated, and many signs have few readings as letters."""
    for hostile in ("4@8({[<369!1|07$5+%2" * 200, "({[<|" * 800, "\ufdfa" * LONGEST_PASSWORD):
        assert len(judged_part(hostile)) == JUDGED_LETTERS
        told(hostile)
    assert not set("@{[<9!|$+") & set(judged_part("4@8({[<369!1|07$5+%2"))
    assert judged_part("p@$$w0rd!") == "p@$$w0rd!"
