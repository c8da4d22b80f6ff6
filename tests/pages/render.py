"""Render a sample exactly as the server would: its environment, its filters, its undefined names."""

from typing import Any

from gatewright.web.html import environment
from tests.pages.samples import EVERY


def render(name: str, **changes: Any) -> str:
    """Return the page of the sample called `name`; StrictUndefined fails on what it does not name."""
    template, context = EVERY[name]
    return environment().get_template(template).render({**context, **changes})
