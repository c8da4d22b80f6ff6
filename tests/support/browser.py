"""Pages in a real Chromium. What it complains about on its console fails the test.

The synchronous Playwright keeps an event loop running while it is open, so it lives
for one test module, and such a module holds no asynchronous tests.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.support.binaries import find_chromium

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
SMALLEST: ViewportSize = {"width": 320, "height": 640}
_FLAGS = [
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
_WAIT_MILLISECONDS = 10_000
# A refusal's status is part of what is tested; Chromium reports it on the console as well.
_EXPECTED = "Failed to load resource"

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Lend a Chromium for one module; skips, loudly, where none is to be had."""
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium on this machine; `make test` tries to install it")
    flags = [*_FLAGS, "--no-sandbox"] if os.geteuid() == 0 else _FLAGS
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Lend `open_page(viewport=…, javascript=…, **context)`: a page with cookies of its own."""
    complaints: list[str] = []
    contexts = []

    def open_one(viewport: ViewportSize = DESKTOP, *, javascript: bool = True, **options: Any) -> Page:
        context = browser.new_context(viewport=viewport, java_script_enabled=javascript, **options)
        context.set_default_timeout(_WAIT_MILLISECONDS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    told = [said for said in complaints if not said.startswith(_EXPECTED)]
    assert not told, f"the browser complained: {told}"


@pytest.fixture
def desktop(open_page: OpenPage) -> Page:
    """Return a page as wide as a desk."""
    return open_page(DESKTOP)


@pytest.fixture
def phone(open_page: OpenPage) -> Page:
    """Return a page as wide as a hand, with touch."""
    return open_page(PHONE, is_mobile=True, has_touch=True, device_scale_factor=2)
