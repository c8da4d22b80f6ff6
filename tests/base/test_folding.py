"""Folding of addresses, and what a name may hold."""

from time import perf_counter

import pytest

from gatewright.base.folding import LONGEST_EMAIL, fold_email, is_email_shaped, is_name_shaped


@pytest.mark.parametrize(
    "spelling",
    [
        "Ada@Northwind.example",
        "ADA@NORTHWIND.EXAMPLE",
        "ａda@northwind.example",
        "Ada@northwind。example".replace("。", "."),
    ],
)
def test_spellings_of_one_address_fold_alike(spelling: str) -> None:
    """P1: case and Unicode compatibility forms name the same address (A183)."""
    assert fold_email(spelling) == "ada@northwind.example"


def test_folding_twice_changes_nothing() -> None:
    """P1: ﬁ, İ and ẞ fold to themselves once folded."""
    for email in ("ﬁ@x.example", "İ@x.example", "STRAẞE@x.example", "ǅ@x.example"):
        assert fold_email(fold_email(email)) == fold_email(email)


def test_what_is_longer_than_an_address_is_not_folded() -> None:
    """P1: folding a run of combining marks takes time that grows with its square (A117)."""
    assert len(fold_email("\u0316" * LONGEST_EMAIL)) == LONGEST_EMAIL
    with pytest.raises(ValueError, match="too long"):
        fold_email("\u0316" * (LONGEST_EMAIL + 1))


def test_what_is_too_long_is_told_without_reading_it() -> None:
    """A117: letter by letter these would take seconds."""
    started = perf_counter()
    assert not is_email_shaped("a" * 20_000_000 + "@x.example")
    assert not is_name_shaped("a" * 20_000_000)
    assert perf_counter() - started < 0.5


@pytest.mark.parametrize(
    "email", ["", "ada", "@x", "ada@", "a b@x.example", "a\n@x.example", "a@b@c", "a" * 253 + "@x"]
)
def test_what_is_no_address_is_refused(email: str) -> None:
    assert not is_email_shaped(email)


@pytest.mark.parametrize("name", ["", " ", " Ada", "Ada ", "A\nB", "A\u202eB", "A\u200bB", "A\ud800", "x" * 121])
def test_names_that_mislead_the_eye_are_refused(name: str) -> None:
    """A192: a right-to-left override never reaches a page."""
    assert not is_name_shaped(name)


@pytest.mark.parametrize("name", ["Ada Park", "O’Brien & Søn", "株式会社", "{{7*7}}", "<script>", "x" * 120])
def test_ordinary_names_are_kept(name: str) -> None:
    assert is_name_shaped(name)
