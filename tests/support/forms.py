"""HTML pages as a program that drives them sees them: forms with their fields, links, texts."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx


@dataclass(slots=True)
class Form:
    """One form of a page, its fields filled as the page fills them."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """A parsed page: its forms, its links, the texts in `<code>`."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.codes: list[str] = []
        self._open: Form | None = None
        self._select = ""
        self._in_code = False
        self.feed(response.text)

    def form(self, *, action: str = "", field: str = "") -> Form:
        """Return the first form with that action's end, or that field or button."""
        for form in self.forms:
            names = {*form.fields, *(name for name, _ in form.buttons)}
            if form.action.endswith(action) and (not field or field in names):
                return form
        raise AssertionError(f"no form {action!r} {field!r} among {[(f.action, list(f.fields)) for f in self.forms]}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag opens."""
        at = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(at.get("action", ""), at.get("method", "get").lower())
            self.forms.append(self._open)
        elif tag == "a" and "href" in at:
            self.links.append(at["href"])
        elif tag == "code":
            self._in_code = True
            self.codes.append("")
        elif self._open is not None and "name" in at:
            self._note_field(tag, at)
        elif tag == "option" and self._open is not None and self._select and "selected" in at:
            self._open.fields[self._select] = at.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Note what the tag closes."""
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = ""
        elif tag == "code":
            self._in_code = False

    def handle_data(self, data: str) -> None:
        """Note the text of `<code>`."""
        if self._in_code:
            self.codes[-1] += data

    def _note_field(self, tag: str, at: dict[str, str]) -> None:
        assert self._open is not None
        if tag == "button" or at.get("type") == "submit":
            self._open.buttons.append((at["name"], at.get("value", "")))
        elif tag == "select":
            self._select = at["name"]
            self._open.fields.setdefault(at["name"], "")
        elif at.get("type") in {"checkbox", "radio"}:
            if "checked" in at:
                self._open.fields[at["name"]] = at.get("value", "on")
        else:
            self._open.fields[at["name"]] = at.get("value", "")
