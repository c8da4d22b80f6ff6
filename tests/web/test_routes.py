"""Every route of the API asks who is calling before it does anything (X2, M6)."""

from collections.abc import Iterator

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from gatewright.app import create_app
from gatewright.settings import Settings


def _calls(dependant: Dependant) -> Iterator[str]:
    for inner in dependant.dependencies:
        yield getattr(inner.call, "__qualname__", "")
        yield from _calls(inner)


def test_every_route_of_the_api_requires_a_caller() -> None:
    """X2: `requires` judges the token, and tells then what is wrong with the body."""
    routes = [route for route in create_app(Settings()).routes if isinstance(route, APIRoute)]
    assert len(routes) > 20
    for route in routes:
        assert "requires.<locals>.caller" in set(_calls(route.dependant)), route.path
