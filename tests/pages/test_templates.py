"""Each page, rendered from each sample: what must hold for all of them, without a browser."""

import re

import pytest

from gatewright.web.html import STATIC, environment
from tests.pages.document import Element, read
from tests.pages.render import render
from tests.pages.samples import EVERY, PAGES
from tests.pages.samples.parts import HOSTILE

HANDLERS = re.compile(r"^on[a-z]+$")
OUR_SCRIPT, HTMX = "/static/gatewright.js", "/static/vendor/htmx.min.js"
HTMX_ATTRIBUTES = {
    "hx-get",
    "hx-validate",
    "hx-trigger",
    "hx-sync",
    "hx-target",
    "hx-select",
    "hx-swap",
    "hx-select-oob",
}
PIECES = {
    *("base.html", "arch.html", "macros.html", "secret_card.html", "company/levels.html", "explained.html"),
    *(f"developer/quickstart{language}.html" for language in ("", "_curl", "_python", "_javascript")),
    *(f"developer/guard_{language}.html" for language in ("curl", "python", "javascript")),
}
NOT_OUR_WORDS = re.compile(r"\b(robot|member(?! of)|connection|application|please|sorry|oops)\b|!", re.IGNORECASE)


@pytest.fixture(params=EVERY, scope="module")
def page(request: pytest.FixtureRequest) -> Element:
    """Return one sample, rendered and read."""
    return read(render(request.param))


def test_every_template_has_a_sample() -> None:
    shown = {template for template, _ in PAGES.values()}
    assert {name for name in environment().list_templates() if name not in PIECES} - shown == set()


def test_nothing_is_styled_or_scripted_in_the_page(page: Element) -> None:
    for element in page.every():
        assert element.tag != "style"
        assert element.get("style") is None, element
        assert not [name for name in element.attributes if HANDLERS.match(name)], element
        assert not any((element.get(name) or "").startswith("javascript:") for name in ("href", "src", "action"))
    assert not any(script.text for script in page.every("script"))
    sources = [(script.get("src") or "").partition("?v=")[0] for script in page.every("script")]
    assert sources in ([OUR_SCRIPT], [OUR_SCRIPT, HTMX])


def test_htmx_is_there_where_a_list_narrows_and_does_nothing_else(page: Element) -> None:
    """Its attributes stand on forms that work without it, and none of them is evaluated."""
    narrowing = [one for one in page.every() if any(name.startswith(("hx-", "data-hx-")) for name in one.attributes)]
    loaded = [script for script in page.every("script") if (script.get("src") or "").startswith(HTMX)]
    assert loaded or not narrowing
    for form in narrowing:
        assert (form.tag, form.get("method")) == ("form", "get")
        assert {name for name in form.attributes if "hx-" in name} == HTMX_ATTRIBUTES
        assert form.get("hx-get") == (form.get("action") or "").partition("#")[0]
        target = (form.get("hx-target") or "").removeprefix("#")
        assert [one.get("id") for one in page.every() if one.get("id") in (target, f"{target}-said")] == [
            f"{target}-said",
            target,
        ]


def test_nothing_is_fetched_from_elsewhere(page: Element) -> None:
    for element in page.every("link", "script", "img", "use", "form"):
        for name in ("href", "src", "action"):
            address = element.get(name)
            assert address is None or address.startswith(("/", "?")), element


def test_each_icon_is_in_the_sprite(page: Element) -> None:
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text()))
    assert {(use.get("href") or "").partition("#")[2] for use in page.every("use")} <= drawn


def test_each_id_stands_once_and_each_reference_is_answered(page: Element) -> None:
    ids = [identity for element in page.every() if (identity := element.get("id")) is not None]
    assert len(ids) == len(set(ids))
    for element in page.every():
        for name in ("for", "aria-labelledby", "aria-describedby", "form", "data-copy"):
            for reference in (element.get(name) or "").split():
                assert reference in ids, f"{name}={reference}"
        href = element.get("href") or ""
        assert not href.startswith("#") or href[1:] in ids, href


def test_each_field_has_a_label(page: Element) -> None:
    labelled = {label.get("for") for label in page.every("label")}
    within = {id(field) for label in page.every("label") for field in label.every("input", "select", "textarea")}
    for element in page.every("select", "textarea", "input"):
        hidden = element.get("type") == "hidden" or element.get("hidden") is not None
        named = element.get("id") in labelled or id(element) in within or element.get("aria-label")
        assert hidden or named, element


def test_each_form_that_changes_something_carries_the_token(page: Element) -> None:
    for form in page.every("form"):
        tokens = [field for field in form.every("input") if field.get("name") == "csrf_token"]
        assert len(tokens) == (1 if form.get("method") == "post" else 0), form


def test_each_button_says_what_it_is(page: Element) -> None:
    for button in page.every("button"):
        assert button.get("type") in {"submit", "button"}
        assert button.text
        assert button.get("type") == "submit" or button.get("hidden") is not None, "needs a script, so it hides without"


def test_a_page_asks_one_question(page: Element) -> None:
    assert len(list(page.every("h1"))) == 1
    assert len(list(page.every("main"))) == 1
    filled = [
        element for element in page.every("a", "button") if "gw-btn-primary" in (element.get("class") or "").split()
    ]
    assert len(filled) <= 1, [element.text for element in filled]


def test_names_never_become_markup(page: Element) -> None:
    assert "gw" not in {name for element in page.every("script") for name in element.texts}
    assert all(script.get("src") for script in page.every("script"))


def test_hostile_names_are_shown_as_written() -> None:
    html = render("stress_app")
    assert HOSTILE not in html
    assert "&lt;script&gt;alert(&#39;gw&#39;)&lt;/script&gt;" in html


@pytest.mark.parametrize("name", [name for name in EVERY if name.startswith(("stress", "hostile"))])
def test_a_reversing_name_stays_in_its_place(name: str) -> None:
    for element in read(render(name)).every():
        if any("\u202e" in text for text in element.texts):
            assert element.tag in {"bdi", "textarea"}, element
        assert not any("\u202e" in (element.get(label) or "") for label in ("aria-label", "title", "placeholder"))


@pytest.mark.parametrize("name", PAGES)
def test_pages_keep_to_the_words(name: str) -> None:
    page = read(render(name))
    for code in page.every("pre"):  # programs and bytes have words of their own
        code.children, code.texts = [], []
    assert NOT_OUR_WORDS.findall(page.text) == []
