"""The files that take longest begin first, so that no worker is left alone with one at the end.

A file stays on one worker (`--dist loadfile`), and xdist would begin with the files of many tests.
"""

import pytest

LONGEST = (
    "tests/journeys/test_journeys.py",
    "tests/pages/test_axe.py",
    "tests/pages/test_widths.py",
    "tests/flows/test_walk.py",
    "tests/flows/test_workers.py",
    "tests/flows/test_endings.py",
    "tests/flows/test_endings_remembered.py",
    "tests/sdk/test_endings.py",
    "tests/flows/test_crash.py",
    "tests/flows/test_attacks_sign_in.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the longest files in front; the order within a file stays."""
    items.sort(key=lambda item: _rank(item.nodeid.partition("::")[0]))


def _rank(file: str) -> int:
    return LONGEST.index(file) if file in LONGEST else len(LONGEST)
