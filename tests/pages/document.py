"""Read a rendered page as a tree of plain elements, with nothing but the standard library."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass(slots=True)
class Element:
    """One element: its tag, its attributes, what stands in it."""

    tag: str
    attributes: dict[str, str]
    line: int = 0
    children: list["Element"] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def every(self, *tags: str) -> Iterator["Element"]:
        """Yield this element and those within it, only those of `tags` where some are named."""
        if not tags or self.tag in tags:
            yield self
        for child in self.children:
            yield from child.every(*tags)

    def get(self, attribute: str) -> str | None:
        """Return the attribute's value, the empty string where it has none, None where it is absent."""
        return self.attributes.get(attribute)

    @property
    def text(self) -> str:
        """Return all text within, in no particular order of nesting."""
        return " ".join(text for element in self.every() for text in element.texts).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("page", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"line {self.getpos()[0]}: <{tag}> repeats an attribute"
        element = Element(tag, {name: value or "" for name, value in attrs}, self.getpos()[0])
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"line {self.getpos()[0]}: </{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].texts.append(data)


def read(html: str) -> Element:
    """Return the page's root; AssertionError where an element is not closed or closes another."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert len(reader.open) == 1, f"<{reader.open[-1].tag}> is never closed"
    return reader.root
