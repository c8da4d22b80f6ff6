"""Names of apps that nobody can take for another's (D2), and the scopes there are (D7)."""

import pytest

from gatewright.apps.rules import fold_name, problems_of_name, problems_of_scopes


@pytest.mark.parametrize(
    "look_alike",
    [
        "punchlist sync",
        "PUNCHLIST SYNC",
        "Punchlist  Sync",
        "Punchlist-Sync",
        "PunchlistSync",
        "Punchlist\u00a0Sync",
        "Punchlist\u200bSync",
        "Ｐunchlist Sync",
        "Рunсhlist Sуnс",  # Cyrillic er, es, u
        "ΡUNCHLIST SYNC",  # Greek rho
        "PUΝCHLIST SYNC",  # Greek capital nu
        "Punchl1st Sync",
        "PunchIist Sync",  # capital I for small L
        "Punchlіst Sync",  # Ukrainian i
        "Pünchlíst Sync",
        "Punchlist Syɴc",
        "𝐏𝐮𝐧𝐜𝐡𝐥𝐢𝐬𝐭 𝐒𝐲𝐧𝐜",
    ],
)
def test_names_that_look_alike_fold_alike(look_alike: str) -> None:
    """D2: letters of other alphabets, widths, accents, digits and what stands between."""
    assert fold_name(look_alike) == fold_name("Punchlist Sync")


@pytest.mark.parametrize("pair", [("Modern", "Modem"), ("Savvy", "Sawy"), ("Ø7", "07"), ("Straße", "STRASSE")])
def test_pairs_that_read_as_one_fold_alike(pair: tuple[str, str]) -> None:
    assert fold_name(pair[0]) == fold_name(pair[1])  # D2


@pytest.mark.parametrize("other", ["Punchlist", "Punchlist Sync 2", "Punchlist Sink", "Lunchlist Sync", "同期"])
def test_names_that_differ_fold_differently(other: str) -> None:
    """D2: a name is not taken by one that nobody would mistake for it."""
    assert fold_name(other) != fold_name("Punchlist Sync")
    assert fold_name(other)


def test_every_script_keeps_its_letters() -> None:
    """D2: folding loses no alphabet."""
    names = ["同期アプリ", "מסמכים", "وثائق", "Документы", "Έγγραφα", "दस्तावेज़", "เอกสาร", "문서"]
    assert len({fold_name(name) for name in names}) == len(names)


@pytest.mark.parametrize("name", ["", " ", " x", "x ", "!!!", "—", "a\nb", "a\u202eb", "a\x00b", "x" * 121, "\ud800"])
def test_a_name_nobody_could_read_is_refused(name: str) -> None:
    """D2: blank, too long, invisible letters, nothing but marks (A192)."""
    assert len(problems_of_name(name)) == 1


def test_the_longest_name_fits() -> None:
    assert problems_of_name("x" * 120) == []  # D2


def test_only_the_scope_there_is_may_be_declared() -> None:
    """D7: `company.manage` and nothing else."""
    assert problems_of_scopes([]) == []
    assert problems_of_scopes(["company.manage"]) == []
    for bad in (["other"], ["company.manage", "company.manage"], ["Company.Manage"], [""]):
        assert len(problems_of_scopes(bad)) == 1, bad
