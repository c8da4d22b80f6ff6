"""A mutant: one small patch that removes one guard, and what its tests say to it.

The head of `NAME.patch` names the rule, the guard that is gone, and the tests that
must notice; without `Tests:` these are the tests that cite the rule.

    Rule: T7
    Guard: the client is compared before the generation is judged
    Tests: tests/flows/test_refresh.py::test_another_client_changes_nothing
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[2]
PATCHES = Path(__file__).resolve().parent
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "var", "build", "dist", "*.egg-info"
)
_HEAD = re.compile(r"^(Rule|Guard|Tests): *(.+)$")
_SECONDS = 300
_SECONDS_A_TEST = 4  # on top, where many run together on a slow machine


class Verdict(StrEnum):
    """What became of a mutant; only `CAUGHT` is good."""

    CAUGHT = "caught"
    SURVIVED = "SURVIVED"
    STALE = "STALE"  # the patch no longer applies
    BROKEN = "BROKEN"  # the tests could not run, which proves nothing
    HUNG = "HUNG"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One patch, read."""

    name: str
    rules: tuple[str, ...]
    guard: str
    tests: tuple[str, ...]
    patch: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """A mutant's verdict, and the end of what pytest or git said."""

    mutant: Mutant
    verdict: Verdict
    said: str = ""


def read(patch: Path, *, cited: Mapping[str, AbstractSet[str]]) -> Mutant:
    """Return the mutant of a patch file; ValueError says what its head lacks."""
    head: dict[str, list[str]] = {}
    for line in patch.read_text().split("\n--- ", 1)[0].splitlines():
        if found := _HEAD.match(line):
            head.setdefault(found[1], []).append(found[2].strip())
    missing = {"Rule", "Guard"} - head.keys()
    if missing:
        raise ValueError(f"{patch.name} needs a line `{min(missing)}: …` before its first ---")
    rules = tuple(re.split(r"[,\s]+", " ".join(head["Rule"])))
    named = " ".join(head.get("Tests", [])).split()
    tests = named or sorted(set().union(*(cited.get(rule, set()) for rule in rules)))
    return Mutant(patch.stem, rules, head["Guard"][0], tuple(tests), patch)


def applies(mutant: Mutant, *, tree: Path) -> str:
    """Return an empty string when the patch applies to `tree`, else what git says."""
    return _git_apply("--check", patch=mutant.patch, tree=tree)


def passes(tests: Sequence[str], *, tree: Path) -> Outcome | None:
    """Return None when the tests pass in an untouched copy; else no mutant can prove anything."""
    whole = Mutant("(untouched)", (), "nothing is removed", tuple(tests), Path())
    with tempfile.TemporaryDirectory(prefix="gatewright-mutant-") as folder:
        outcome = _judge(whole, copy=_copy(tree, Path(folder)))
    return None if outcome.verdict is Verdict.SURVIVED else outcome


def judge(mutant: Mutant, *, tree: Path) -> Outcome:
    """Return what the mutant's tests say to a copy of `tree` from which its guard is removed."""
    with tempfile.TemporaryDirectory(prefix="gatewright-mutant-") as folder:
        copy = _copy(tree, Path(folder))
        if said := _git_apply(patch=mutant.patch, tree=copy):
            return Outcome(mutant, Verdict.STALE, said)
        return _judge(mutant, copy=copy)


def _copy(tree: Path, folder: Path) -> Path:
    folder.chmod(0o755)  # a test's PostgreSQL may run as another user
    return shutil.copytree(tree, folder / "tree", ignore=_LEFT_OUT)


def _git_apply(*options: str, patch: Path, tree: Path) -> str:
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(tree.parent)}
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "apply", *options, patch],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stderr or "git apply failed"


def _judge(mutant: Mutant, *, copy: Path) -> Outcome:
    if not mutant.tests:
        return Outcome(mutant, Verdict.BROKEN, f"no test cites {', '.join(mutant.rules)}")
    report = copy.parent / "report.xml"
    sources = os.pathsep.join(str(copy / folder) for folder in ("src", "sdk/src"))
    environment = os.environ | {"PYTHONPATH": sources, "PYTHONDONTWRITEBYTECODE": "1"}
    seconds = _SECONDS + _SECONDS_A_TEST * len(mutant.tests)
    options = ["-q", "-x", "-p", "no:cacheprovider", "--no-header", f"--junitxml={report}"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *mutant.tests],
            cwd=copy,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(mutant, Verdict.HUNG, f"no answer within {seconds} s")
    verdict = _verdict(done.returncode, report)
    return Outcome(mutant, verdict, (done.stdout + done.stderr)[-3000:])


def _verdict(status: int, report: Path) -> Verdict:
    """Return what pytest found: a failed test catches; an error outside of one proves nothing."""
    if status == 0:
        return Verdict.SURVIVED
    if status != 1 or not report.exists():
        return Verdict.BROKEN
    suites = ET.parse(report).getroot().iter("testsuite")  # noqa: S314  (pytest wrote it just now)
    failed = sum(int(suite.get("failures", 0)) for suite in suites)
    return Verdict.CAUGHT if failed else Verdict.BROKEN
