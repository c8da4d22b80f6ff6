"""Render a sample exactly as the server would: its environment, its filters, its undefined names."""

from typing import Any

from gatewright.web.html import environment
from tests.pages.pictures import BOARDS
from tests.pages.samples import EVERY
from tests.pages.samples.parts import PLAIN, frame


def render(name: str, **changes: Any) -> str:
    """Return the page of the sample called `name`; StrictUndefined fails on what it does not name."""
    template, context = EVERY[name]
    return environment().get_template(template).render({**context, **changes})


def render_board(name: str, theme: str) -> str:
    """Return the board called `name`: pieces of macros.html side by side, for docs/design.md."""
    template = environment().from_string((BOARDS / f"{name}.html").read_text())
    return template.render(frame(PLAIN, theme=theme))
