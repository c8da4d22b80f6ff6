"""What a page in a browser is measured by: axe-core's findings, and its width."""

from pathlib import Path

from playwright.sync_api import Page

AXE = (Path(__file__).parents[1] / "pages" / "vendor" / "axe.min.js").read_text()
GRAVE = {"serious", "critical"}
# The layered import trips axe's preloading of styles.
RUN = "rules => axe.run({preload: false, resultTypes: ['violations'], ...(rules.length ? {runOnly: rules} : {})})"
OF_COLOURS = ("color-contrast",)  # all that another theme can change


def faults(page: Page, *rules: str) -> list[str]:
    """Return what axe-core holds against the page, grave things alone; by some of its rules, or by all."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate(RUN, rules)
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))
