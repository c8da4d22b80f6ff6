"""Judge the mutants, two at a time; exit 1 unless every one is caught.

python -m tests.mutants.run             all of them
python -m tests.mutants.run T7 redirect those of a rule, or with this in their name
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.mutants.mutant import PATCHES, ROOT, Mutant, Outcome, Verdict, judge, passes, read
from tests.rules.citations import TESTS, cited_by

AT_ONCE = 2


def chosen(words: Sequence[str]) -> list[Mutant]:
    """Return the mutants whose rule or name the words name; all without words."""
    cited = cited_by(TESTS)
    mutants = [read(patch, cited=cited) for patch in sorted(PATCHES.glob("*.patch"))]
    return [m for m in mutants if not words or any(word in m.rules or word in m.name for word in words)]


def show(outcome: Outcome, *, why: bool) -> None:
    """Print one row of the table, and below it, when asked why, the end of what was said."""
    mutant = outcome.mutant
    print(f"{outcome.verdict:<9} {','.join(mutant.rules):<8} {mutant.name:<44} {mutant.guard}", flush=True)
    if why:
        print("".join(f"    | {line}\n" for line in outcome.said.strip().splitlines()[-25:]), flush=True)


def main(words: Sequence[str]) -> int:
    """Return 0 when the untouched tests pass and every chosen mutant is caught."""
    mutants = chosen(words)
    if not mutants:
        print(f"no mutant is named by {' '.join(words) or 'tests/mutants/*.patch'}", file=sys.stderr)
        return 1
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    print(f"{len(mutants)} mutants, {len(tests)} tests; first the tests on the untouched tree", flush=True)
    if failed := passes(tests, tree=ROOT):
        show(failed, why=True)
        return 1
    with ThreadPoolExecutor(AT_ONCE) as threads:
        outcomes = []
        for outcome in threads.map(lambda mutant: judge(mutant, tree=ROOT), mutants):
            show(outcome, why=outcome.verdict is not Verdict.CAUGHT)
            outcomes.append(outcome)
    missed = [outcome for outcome in outcomes if outcome.verdict is not Verdict.CAUGHT]
    print(f"{len(mutants) - len(missed)} caught, {len(missed)} not")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
