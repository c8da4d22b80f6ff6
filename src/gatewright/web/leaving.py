"""Answers that have no end of their own: they are told when the process begins to leave."""

from collections.abc import Callable

from starlette.types import Scope

_NOTED = "when_leaving"


def when_leaving(scope: Scope, act: Callable[[], None]) -> None:
    """Note what makes the answer to this request end."""
    scope["state"][_NOTED] = act


def end_for_leaving(scope: Scope) -> None:
    """Make the answer end, if it is one that lasts."""
    act: Callable[[], None] | None = scope.get("state", {}).get(_NOTED)
    if act is not None:
        act()
