"""Somebody in front of a browser, who looks at each page that they come to."""

import re
from dataclasses import dataclass, field
from re import Pattern

from playwright.sync_api import Locator, Page, Request

from tests.support.axe import OF_COLOURS, faults, overflow

_IDS = re.compile(r"/(\d+|[0-9a-f-]{32,})(?=/|$)")
_LONGEST_TITLE = 100
_IS_FOCUSED = "found => found === document.activeElement"
Judged = set[tuple[str, str]]


@dataclass(slots=True)
class Visitor:
    """A page of a browser; `judged` holds the pages that axe-core has seen already, None without a script."""

    page: Page
    base_url: str
    judged: Judged | None
    seen: int = 0
    _abroad: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Note what is asked of other hosts."""
        own, abroad = (f"{self.base_url}/", "data:"), self._abroad

        def note(request: Request) -> None:
            if not request.url.startswith(own):
                abroad.append(request.url)

        self.page.on("request", note)

    def go(self, path: str) -> int:
        """Return the status of a page that is typed in."""
        answer = self.page.goto(self.base_url + path)
        assert answer is not None, path
        self.look()
        return answer.status

    def press(self, name: str | Pattern[str]) -> None:
        """Press a button that leads to a page."""
        self._lead_on(self.page.get_by_role("button", name=name).first)

    def follow(self, name: str | Pattern[str]) -> None:
        """Follow a link."""
        self._lead_on(self.page.get_by_role("link", name=name).first)

    def fill(self, label: str, value: str) -> None:
        """Write into a field."""
        self.page.get_by_label(label, exact=True).first.fill(value)

    def tick(self, label: str) -> None:
        """Tick a box, or choose one of several."""
        self.page.get_by_label(label).first.check()

    def open(self, name: str | Pattern[str]) -> None:
        """Open what is folded."""
        self.page.locator("summary").filter(has_text=name).first.click()

    def sign_in(self, email: str, password: str) -> None:
        """Sign in on the page that is shown."""
        self.fill("E-mail", email)
        self.fill("Password", password)
        self.press("Sign in")

    @property
    def heading(self) -> str:
        """Return the page's one heading of the first level."""
        return self.page.get_by_role("heading", level=1).inner_text()

    @property
    def said(self) -> str:
        """Return what the page says on its main part."""
        return self.page.locator("main").inner_text()

    def look(self) -> None:
        """Assert what is true of every page."""
        self.seen += 1
        where = f"{self.page.url}: {self.page.title()}"
        assert self.page.locator("h1").count() == 1, where
        assert re.fullmatch(rf"\S.{{1,{_LONGEST_TITLE}}} · Gatewright", self.page.title()), where
        assert overflow(self.page) <= 0, where
        wrong = self.page.locator("main [aria-invalid=true], main [role=alert]")
        if wrong.count():
            assert self.page.title().startswith("Error: "), where
            assert wrong.first.evaluate(_IS_FOCUSED), f"{where}: the focus is not on what is wrong"
        assert self._abroad == [], where
        self._judge(where)

    def _lead_on(self, found: Locator) -> None:
        with self.page.expect_navigation():
            found.click()
        self.look()

    def _judge(self, where: str) -> None:
        mark = (_IDS.sub("/…", self.page.url.partition("?")[0]), self.page.title())
        if self.judged is None or mark in self.judged:
            return
        self.judged.add(mark)
        assert not (found := faults(self.page)), f"{where}: {found}"
        self.page.emulate_media(color_scheme="dark", reduced_motion="reduce")  # at once, without a fade
        assert not (found := faults(self.page, *OF_COLOURS)), f"{where}, dark: {found}"
        self.page.emulate_media(color_scheme="light")
