"""Each page in a real browser: axe-core finds nothing serious, nothing is wider than the window.

Drawn once narrow and dark, once wide and light; the browser's own complaints (a broken policy,
a missing file) fail the test as well.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, ViewportSize

from tests.pages.samples import EVERY, PAGES
from tests.pages.serve import served
from tests.support.axe import faults, overflow
from tests.support.browser import DESKTOP, PHONE, OpenPage

SMALLEST: ViewportSize = {"width": 320, "height": 640}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Lend a server that knows every sample."""
    with served() as where:
        yield where


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


@pytest.mark.parametrize("window", [SMALLEST, DESKTOP], ids=lambda window: str(window["width"]))
def test_pages_are_no_wider_than_their_window_with_any_name(
    window: ViewportSize, address: str, open_page: OpenPage
) -> None:
    page = open_page(window)
    told = {}
    for name in EVERY:
        page.goto(f"{address}/{name}", wait_until="domcontentloaded")
        told[name] = overflow(page)
    assert {name: wide for name, wide in told.items() if wide > 0} == {}


def test_a_grave_fault_and_an_overflow_are_noticed(address: str, open_page: OpenPage) -> None:
    page = open_page(SMALLEST)
    page.goto(f"{address}/sign_in")
    page.evaluate("document.querySelector('label').remove(); document.body.append('x'.repeat(400))")
    assert any(fault.startswith("label") for fault in faults(page))
    assert overflow(page) > 0


def test_menus_open_without_a_script(address: str, open_page: OpenPage) -> None:
    page = open_page(DESKTOP, javascript=False)
    page.goto(f"{address}/app_management")
    page.get_by_text("Company admin").first.click()
    assert page.get_by_role("link", name="Harbor Civil").is_visible()
    assert page.locator("[data-copy]").count() == 0


def test_buttons_that_need_a_script_hide_without_it(address: str, open_page: OpenPage) -> None:
    page = open_page(DESKTOP, javascript=False)
    page.goto(f"{address}/account_secret")
    assert [button.is_visible() for button in page.locator("[data-copy]").all()] == [False, False]
    page = open_page(DESKTOP)
    page.goto(f"{address}/account_secret")
    assert [button.is_visible() for button in page.locator("[data-copy]").all()] == [True, True]


def test_times_are_told_in_the_zone_of_whoever_reads(address: str, open_page: OpenPage) -> None:
    """Without a script they are in UTC; with one the UTC stands in the title."""
    page = open_page(DESKTOP, timezone_id="Pacific/Auckland", javascript=False)
    page.goto(f"{address}/operator_keys")
    utc = page.locator("time:not([title])").first.inner_text()
    assert utc.endswith(", 14:02:11 UTC")
    page = open_page(DESKTOP, timezone_id="Pacific/Auckland")
    page.goto(f"{address}/operator_keys")
    here = page.get_by_title(utc, exact=True).first.inner_text()
    assert re.fullmatch(r"26 Aug 2026, 02:02:11 (GMT\+12|NZST)", here), here
    day = page.locator("time[title]").last
    assert day.inner_text() == "8 May"
    assert re.fullmatch(r"8 May 2026, .* \(7 May 2026, .* UTC\)", day.get_attribute("title") or "")


def test_the_save_bar_names_each_change(address: str, open_page: OpenPage) -> None:
    page = open_page(DESKTOP)
    page.goto(f"{address}/contact")
    page.get_by_label("RFIs on Pier 9").select_option("standard")
    assert page.get_by_role("button", name="Save 1 change").is_visible()
    assert page.get_by_text("RFIs on Pier 9: Read only → Standard.").is_visible()


def test_a_loss_waits_for_its_name(address: str, open_page: OpenPage) -> None:
    page = open_page(DESKTOP)
    page.goto(f"{address}/service_account")
    page.get_by_text("Delete…").click()
    typed = page.locator("#delete-name")
    typed.fill("Nightly")
    assert typed.evaluate("field => field.validity.patternMismatch")
    typed.fill("Nightly export")
    assert typed.evaluate("field => field.checkValidity()")
