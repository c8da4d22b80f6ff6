"""docs/design.md shows each component of macros.html, and its pictures are those that `make screenshots` takes."""

import re

from gatewright.web.html import HERE
from tests.pages.document import read
from tests.pages.pictures import BOARDS, FOLDER, GUIDE, PICTURES, ROOT
from tests.pages.render import render_board
from tests.pages.samples import PAGES

README = ROOT / "README.md"
MACROS = HERE / "templates" / "macros.html"
# Parts of another macro, or nothing that is seen.
NOT_SEEN_ALONE = {"after_field", "bars", "csrf", "described", "htmx", "narrows", "once_only", "stones"}
IMAGE = re.compile(r'(?:src|srcset)="([^"]+\.png)"')


def shown(guide: str) -> set[str]:
    """Return the names of the pictures that a page of the docs shows."""
    return {address.rsplit("/", 1)[-1] for address in IMAGE.findall(guide)}


def unnamed(macros: str, guide: str) -> set[str]:
    """Return the components of macros.html that the guide does not name."""
    drawn = set(re.findall(r"{% macro (\w+)\(", macros)) - NOT_SEEN_ALONE
    return {name for name in drawn if f"`m.{name}(" not in guide}


def test_each_component_is_named_in_the_guide() -> None:
    assert unnamed(MACROS.read_text(), GUIDE.read_text()) == set()
    assert set(re.findall(r"{% macro (\w+)\(", MACROS.read_text())) >= NOT_SEEN_ALONE


def test_a_component_without_a_word_in_the_guide_is_noticed() -> None:
    assert unnamed("{% macro veil(name) -%}", GUIDE.read_text()) == {"veil"}


def test_the_guide_shows_the_pictures_that_are_taken_and_no_others() -> None:
    taken = {file for one in PICTURES for file in one.files.values()}
    assert shown(GUIDE.read_text()) == taken
    assert {file.name for file in FOLDER.iterdir()} == taken
    assert shown(README.read_text()) <= taken


def test_each_picture_says_what_it_shows() -> None:
    for file in (GUIDE, README):
        images = re.findall(r"<img [^>]*>", file.read_text())
        assert images
        assert [image for image in images if not re.search(r'alt="[^"]{12,}"', image)] == []


def test_each_picture_is_taken_of_a_page_that_is_there() -> None:
    boards = {f"boards/{file.stem}" for file in BOARDS.glob("*.html")}
    asked = {one.page for one in PICTURES}
    assert asked - boards <= set(PAGES)
    assert boards <= asked
    for board in sorted(boards):
        read(render_board(board.removeprefix("boards/"), "light"))


def test_the_pictures_stay_small() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 2_600_000
