"""The patches still apply and name real rules and tests; the harness tells caught from missed."""

import ast
from pathlib import Path

import pytest

from tests.mutants.mutant import PATCHES, ROOT, Mutant, Verdict, applies, judge, passes, read
from tests.rules.citations import TESTS, cited_by, rules

GUARD = "def may(level):\n    if level < 1:\n        return False\n    return True\n"
TEST = "import guard\n\ndef test_nobody_without_a_level():\n    assert not guard.may(0)\n\ndef test_true():\n    pass\n"
REMOVED = """\
Rule: T7
Guard: a level is asked for
Tests: tests/test_guard.py::test_nobody_without_a_level

--- a/src/guard.py
+++ b/src/guard.py
@@ -1,4 +1,2 @@
 def may(level):
-    if level < 1:
-        return False
     return True
"""


def test_every_patch_applies_and_names_real_rules_and_tests() -> None:
    cited, known = cited_by(TESTS), set(rules(TESTS / "rules.txt"))
    for mutant in (read(patch, cited=cited) for patch in sorted(PATCHES.glob("*.patch"))):
        assert applies(mutant, tree=ROOT) == "", mutant.name
        assert set(mutant.rules) <= known, mutant.name
        assert mutant.tests, f"{mutant.name}: no test cites {mutant.rules}"
        assert [test for test in mutant.tests if not _exists(test)] == [], mutant.name


def test_every_rule_has_a_mutant() -> None:
    known = rules(TESTS / "rules.txt")
    guarded = {rule for patch in PATCHES.glob("*.patch") for rule in read(patch, cited={}).rules}
    assert [rule for rule in known if rule not in guarded] == []


def _exists(test: str) -> bool:
    """Return whether a test, or the whole file that is named, is there."""
    path, *names = test.partition("[")[0].split("::")
    if not (ROOT / path).exists():
        return False
    inside: list[ast.stmt] = ast.parse((ROOT / path).read_text()).body
    for name in names:
        found = [node for node in inside if getattr(node, "name", None) == name]
        if not found:
            return False
        inside = getattr(found[0], "body", [])
    return True


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a small project with one guard and its test."""
    for path, text in (("src/guard.py", GUARD), ("tests/test_guard.py", TEST), ("pytest.ini", "[pytest]\n")):
        (tmp_path / "project" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "project" / path).write_text(text)
    return tmp_path / "project"


def planted(tmp_path: Path, text: str) -> Mutant:
    (tmp_path / "planted.patch").write_text(text)
    return read(tmp_path / "planted.patch", cited={"T8": {"tests/test_guard.py::test_true"}})


def test_a_removed_guard_is_caught_by_its_test(tree: Path, tmp_path: Path) -> None:
    mutant = planted(tmp_path, REMOVED)
    assert passes(mutant.tests, tree=tree) is None
    assert judge(mutant, tree=tree).verdict is Verdict.CAUGHT
    assert (tree / "src/guard.py").read_text() == GUARD


def test_a_test_that_cannot_fail_lets_the_mutant_survive(tree: Path, tmp_path: Path) -> None:
    blind = REMOVED.replace("Rule: T7", "Rule: T8").replace("Tests: ", "Formerly: ")
    mutant = planted(tmp_path, blind)
    assert mutant.tests == ("tests/test_guard.py::test_true",)
    assert judge(mutant, tree=tree).verdict is Verdict.SURVIVED


def test_a_patch_that_no_longer_applies_is_stale(tree: Path, tmp_path: Path) -> None:
    (tree / "src/guard.py").write_text(GUARD.replace("< 1", "< 2"))
    mutant = planted(tmp_path, REMOVED)
    assert applies(mutant, tree=tree)
    assert judge(mutant, tree=tree).verdict is Verdict.STALE


def test_a_mutant_that_only_breaks_the_tests_proves_nothing(tree: Path, tmp_path: Path) -> None:
    broken = REMOVED.replace("     return True", "-    return True\n+    return (").replace("-1,4 +1,2", "-1,4 +1,2")
    assert judge(planted(tmp_path, broken), tree=tree).verdict is Verdict.BROKEN
    nowhere = REMOVED.replace("::test_nobody_without_a_level", "::test_renamed")
    assert judge(planted(tmp_path, nowhere), tree=tree).verdict is Verdict.BROKEN


def test_tests_that_fail_untouched_are_told(tree: Path) -> None:
    (tree / "src/guard.py").write_text("def may(level):\n    return True\n")
    failed = passes(["tests/test_guard.py::test_nobody_without_a_level"], tree=tree)
    assert failed is not None
    assert "test_nobody_without_a_level" in failed.said


def test_a_patch_without_a_guard_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a line `Guard: …`"):
        planted(tmp_path, REMOVED.replace("Guard: ", "Gone: "))
