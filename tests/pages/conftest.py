"""What tests of the pages may ask for."""

from collections.abc import Iterator

import pytest

from tests.pages.serve import served


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Lend a server that knows every sample."""
    with served() as where:
        yield where
