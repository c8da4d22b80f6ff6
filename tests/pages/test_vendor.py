"""What others made is exactly what they published, and fetches nothing."""

import hashlib
import re

from gatewright.web.html import STATIC, static

VENDOR = STATIC / "vendor"
FETCHED = re.compile(r"""(?:@import\s+|url\(\s*)["']?(?!data:|url\()([^"')\s]+)""")


def test_vendored_files_are_the_published_ones() -> None:
    listed = dict(line.split("  ", 1)[::-1] for line in (VENDOR / "MANIFEST.sha256").read_text().splitlines())
    found = {
        str(file.relative_to(VENDOR)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.rglob("*")
        if file.is_file() and file.name != "MANIFEST.sha256"
    }
    assert listed == found


def test_each_vendored_part_comes_with_its_licence() -> None:
    assert {file.stem for file in (VENDOR / "licenses").iterdir()} == {
        "htmx",
        "inter",
        "jetbrains-mono",
        "tabler",
        "tabler-icons",
    }


def test_styles_and_scripts_fetch_only_what_lies_here() -> None:
    for file in (*STATIC.rglob("*.css"), *STATIC.rglob("*.js"), *STATIC.rglob("*.svg")):
        text = file.read_text()
        assert "sourceMappingURL" not in text, file
        for address in FETCHED.findall(text) if file.suffix == ".css" else []:
            path, _, version = address.partition("?")
            assert (file.parent / path).is_file(), f"{file.name} fetches {address}"
            assert static(path).endswith(f"?{version}"), f"{file.name}: {address} is not today's digest"
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(|https?://", (STATIC / "gatewright.js").read_text())


def test_every_class_in_the_templates_is_drawn_somewhere() -> None:
    drawn = set(re.findall(r"\.(gw-[a-z0-9_-]+)", "".join(file.read_text() for file in STATIC.glob("*.css"))))
    templates = STATIC.parent / "templates"
    used = {
        name
        for file in templates.rglob("*.html")
        for name in re.findall(r"(?<![\w-])gw-[a-z0-9_-]*[a-z0-9](?![\w-]|')", file.read_text())
    }
    assert used - drawn == set()
