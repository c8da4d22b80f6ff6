"""Every rule is cited by a test, and what a test cites is a rule."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from tests.rules.citations import TESTS, citations, cited_by, rules

ALL = rules(TESTS / "rules.txt")


def gaps(*, known: list[str], cited: Mapping[str, AbstractSet[str]]) -> Iterator[str]:
    """Yield what does not add up between the rules and the tests."""
    for rule in known:
        if rule not in cited:
            yield f"{rule}: no test cites it; write one that can fail, and cite `# {rule}` in it"
    for rule in sorted(set(cited) - set(known)):
        yield f"{rule}: cited by {min(cited[rule])} but is no rule"


def test_the_list_holds_every_rule_once() -> None:
    last = {"P": 9, "M": 8, "D": 8, "T": 14, "I": 6, "S": 10, "X": 5, "R": 4}
    assert [f"{letter}{number}" for letter, end in last.items() for number in range(1, end + 1)] == ALL


def test_every_rule_is_cited() -> None:
    assert list(gaps(known=ALL, cited=cited_by())) == []


def test_a_gap_is_caught() -> None:
    known, test = ["A1", "A2"], {"tests/test_a.py::test_a"}
    assert list(gaps(known=known, cited={"A1": test, "A2": test})) == []
    assert "A2: no test cites it" in next(gaps(known=known, cited={"A1": test}))
    assert "A9: cited by" in next(gaps(known=["A1"], cited={"A1": test, "A9": test}))


def test_citations_are_read_from_comments_and_docstrings_of_tests() -> None:
    text = '''
"""T1: a module cites nothing."""
# T2 stands above a helper, not a test
def helper():
    # T3
    pass

# T4, T5: above the test
@mark
def test_one():
    """T6: the head of a docstring.

    T7, T8: and of another line. Not P1 within one.
    """
    assert one  # T9
    other = 1  # like T10 in passing

class TestTwo:
    async def test_two(self):
        """X1."""
        # M1 and M2
        # R1, A144: with S256
        pass
'''
    cited = {(c.rule, c.test) for c in citations(text, path="tests/test_x.py")}
    one, two = "tests/test_x.py::test_one", "tests/test_x.py::TestTwo::test_two"
    assert cited == {(f"T{n}", one) for n in range(4, 10)} | {(rule, two) for rule in ("M1", "M2", "R1", "X1")}
