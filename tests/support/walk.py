"""A walk over the pages as one person: every link followed, every form sent while nothing can be kept."""

import re
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from gatewright.db.engine import Database
from tests.support.forms import Form, Page

REFUSED = {401, 403, 404, 405}
BROKEN = 500
OF_A_BROWSER = {"accept": "text/html"}
_BESIDE = ("/static/", "/openapi.json")  # no pages
_SAME_EVERYWHERE = {"csrf_token", "next", "once"}
_MOST = 5000


@contextmanager
def nothing_committed(database: Database) -> Iterator[None]:
    """Have each commit fail meanwhile, as a full disk makes it: whatever was written is undone."""

    def fail(_connection: Any) -> None:
        raise OperationalError("COMMIT", {}, sqlite3.OperationalError("database or disk is full"))

    event.listen(database.writer.sync_engine, "commit", fail)
    try:
        yield
    finally:
        event.remove(database.writer.sync_engine, "commit", fail)


@dataclass(slots=True)
class Walk:
    """Where one person came by links and forms, and what they were led to in vain."""

    browser: httpx.AsyncClient
    database: Database
    opened: dict[str, str] = field(default_factory=dict)  # address → text
    dead_ends: list[str] = field(default_factory=list)
    links: int = 0
    forms: int = 0
    _asked: set[str] = field(default_factory=set)
    _sent: set[tuple[str, ...]] = field(default_factory=set)
    _waiting: deque[tuple[str, str]] = field(default_factory=deque)

    async def begin_at(self, addresses: Iterable[str]) -> None:
        """Open these, which may be closed, and go wherever their pages lead."""
        self._waiting.extend((address, "") for address in addresses)
        while self._waiting:
            assert len(self._asked) < _MOST, f"no end in sight: {sorted(self._asked)[-20:]}"
            await self._open(*self._waiting.popleft())

    async def _open(self, address: str, led_from: str) -> None:
        whole, _, anchor = address.partition("#")
        if whole not in self._asked:
            self._asked.add(whole)
            answer = await self.browser.get(whole, headers=OF_A_BROWSER)
            if answer.is_redirect:
                self._waiting.append((urljoin(whole, answer.headers["location"]), led_from or whole))
            elif answer.status_code in REFUSED:
                self._asked.discard(whole)  # whoever is led here later is led astray as well
                self._blame(led_from, f"leads to {whole}, which is {answer.status_code}")
            else:
                assert answer.status_code == 200, (whole, answer.status_code, answer.text)
                self.opened[whole] = answer.text
                if answer.headers["content-type"].startswith("text/html"):
                    await self._follow(whole, Page(answer))
        if anchor and whole in self.opened and f'id="{anchor}"' not in self.opened[whole]:
            self._blame(led_from, f"leads to {address}, where nothing has that id")

    async def _follow(self, here: str, page: Page) -> None:
        for link in page.links:
            self._note(here, link)
        posted = [form for form in page.forms if form.method == "post"]
        for form in page.forms:
            if form.method == "get":
                to, _, anchor = form.action.partition("#")
                self._note(here, f"{to}?{urlencode(form.fields)}#{anchor}")
        with nothing_committed(self.database):
            for form in posted:
                for pressed in form.buttons or [("", "")]:
                    await self._send(here, form, pressed)

    def _note(self, here: str, link: str) -> None:
        to = urlsplit(urljoin(f"http://here{here}", link))
        if to.netloc != "here" or to.path.startswith(_BESIDE):
            return
        asked = urlencode([(name, value) for name, value in parse_qsl(to.query) if value])
        address = to.path + (f"?{asked}" if asked else "") + (f"#{to.fragment}" if to.fragment else "")
        self.links += 1
        # One filter at a time: what several of them leave is a part of what each of them leaves.
        if not (asked and "?" in here and to.path == here.partition("?")[0]):
            self._waiting.append((address, here))

    async def _send(self, here: str, form: Form, pressed: tuple[str, str]) -> None:
        to = urlsplit(urljoin(f"http://here{here}", form.action or here)).path
        given = {**form.fields, **({pressed[0]: pressed[1]} if pressed[0] else {})}
        mark = (to, *sorted(f"{name}={value}" for name, value in given.items() if name not in _SAME_EVERYWHERE))
        if mark in self._sent:
            return
        self._sent.add(mark)
        self.forms += 1
        answer = await self.browser.post(to, data=given, headers=OF_A_BROWSER)
        if answer.status_code in REFUSED or answer.status_code == BROKEN:
            self._blame(here, f"has a form to {to}, which answers {answer.status_code}: {_code(answer.text)}")

    def _blame(self, led_from: str, what: str) -> None:
        if led_from:
            self.dead_ends.append(f"{led_from} {what}")


def _code(text: str) -> str:
    found = re.search(r"<code>(\d{3} \w+)</code>", text)
    return found[1] if found else ""
