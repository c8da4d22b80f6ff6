"""Each page in a real browser: axe-core finds nothing serious, nothing is wider than the window.

Drawn once narrow and dark, once wide and light; the browser's own complaints (a broken policy,
a missing file) fail the test as well.
"""

from playwright.sync_api import Page

from tests.pages.samples import PAGES
from tests.support.axe import faults, overflow
from tests.support.browser import DESKTOP, PHONE, SMALLEST, OpenPage


def judge(page: Page, address: str, theme: str) -> dict[str, list[str]]:
    """Return the faults of each sample that has some, its overflow among them."""
    told = {}
    for name in PAGES:
        page.goto(f"{address}/{name}?theme={theme}")
        told[name] = faults(page) + ([f"{wide} px too wide"] if (wide := overflow(page)) > 0 else [])
    return {name: found for name, found in told.items() if found}


def test_pages_are_accessible_wide_and_light(address: str, open_page: OpenPage) -> None:
    assert judge(open_page(DESKTOP), address, "light") == {}


def test_pages_are_accessible_narrow_and_dark(address: str, open_page: OpenPage) -> None:
    assert judge(open_page(PHONE, has_touch=True), address, "dark") == {}


def test_a_grave_fault_and_an_overflow_are_noticed(address: str, open_page: OpenPage) -> None:
    page = open_page(SMALLEST)
    page.goto(f"{address}/sign_in")
    page.evaluate("document.querySelector('label').remove(); document.body.append('x'.repeat(400))")
    assert any(fault.startswith("label") for fault in faults(page))
    assert overflow(page) > 0
