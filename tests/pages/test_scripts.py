"""What the pages' own script does in a real browser, and that every page is complete without it."""

import re

from tests.pages.samples.parts import NOW
from tests.support.browser import DESKTOP, OpenPage


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
    page.clock.set_fixed_time(NOW)
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
