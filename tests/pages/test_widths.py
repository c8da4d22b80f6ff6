"""No page is wider than its window, whatever somebody is called. Beside `test_axe.py`: two workers share them."""

import pytest
from playwright.sync_api import ViewportSize

from tests.pages.samples import EVERY
from tests.support.axe import overflow
from tests.support.browser import DESKTOP, SMALLEST, OpenPage

LONGEST_NAMES = [name for name in EVERY if name.startswith("hostile")]  # plain ones are drawn as wide for axe-core


@pytest.mark.parametrize(
    ("window", "names"), [(SMALLEST, list(EVERY)), (DESKTOP, LONGEST_NAMES)], ids=["smallest", "desktop"]
)
def test_pages_are_no_wider_than_their_window_with_any_name(
    window: ViewportSize, names: list[str], address: str, open_page: OpenPage
) -> None:
    page = open_page(window)
    told = {}
    for name in names:
        page.goto(f"{address}/{name}", wait_until="domcontentloaded")
        told[name] = overflow(page)
    assert told
    assert {name: wide for name, wide in told.items() if wide > 0} == {}
