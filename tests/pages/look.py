"""Take pictures of the samples: `python -m tests.pages.look [--out DIR] [--widths 390,1280] [NAME …]`.

Each sample is drawn narrow and wide, light and dark; what the browser complains about is printed.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.pages.samples import EVERY, PAGES
from tests.pages.samples.parts import NOW
from tests.pages.serve import served
from tests.support.binaries import find_chromium

FLAGS = [
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
]
HEIGHT = 860
THEMES = ("light", "dark")


def main() -> int:
    """Write the pictures and print where they are; exit 1 where there is no browser."""
    asked = _arguments()
    out = Path(asked.out or tempfile.mkdtemp(prefix="gatewright-pages-"))
    out.mkdir(parents=True, exist_ok=True)
    with served() as address, sync_playwright() as playwright:
        browser = launch(playwright)
        if browser is None:
            print("no Chromium on this machine; `make test` installs one")
            return 1
        for width in asked.widths.split(","):
            for theme in asked.themes.split(","):
                _picture(browser, address, out, asked.names or list(PAGES), int(width), theme)
        browser.close()
    print(out)
    return 0


def launch(playwright: Playwright) -> Browser | None:
    """Return a Chromium, or None where the machine has none."""
    executable = find_chromium()
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    return playwright.chromium.launch(executable_path=executable, args=flags) if executable else None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *EVERY])
    parser.add_argument("--out")
    parser.add_argument("--widths", default="390,1280")
    parser.add_argument("--themes", default=",".join(THEMES))
    return parser.parse_args()


def _picture(browser: Browser, address: str, out: Path, names: list[str], width: int, theme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": HEIGHT}, timezone_id="UTC")
    page.clock.set_fixed_time(NOW)
    page.on("console", lambda said: print(f"{page.url} {said.type}: {said.text}"))
    for name in names:
        page.goto(f"{address}/{name}?theme={theme}")
        page.evaluate("document.fonts.ready")
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            print(f"{name} at {width}: {wide} wide")
        # As tall as the page, so that what sticks to the window's foot stands at the page's.
        page.set_viewport_size({"width": width, "height": page.evaluate("document.documentElement.scrollHeight")})
        page.screenshot(path=out / f"{name}-{width}-{theme}.png")
        page.set_viewport_size({"width": width, "height": HEIGHT})
    page.close()


if __name__ == "__main__":
    sys.exit(main())
