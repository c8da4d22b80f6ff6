"""What is Django's own: settings, the middleware, class-based views, CSRF, and the list of unguarded routes."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from sdk.tests.guarded import on_django
from sdk.tests.table import AwaitedTable, Table

from gatewright_sdk import Gatewright
from gatewright_sdk.django import GatewrightMiddleware, requires, unguarded

GOOD = {"Authorization": "Bearer good", "Gatewright-Company-Id": "1"}
asks = requires("rfis", "standard")


@method_decorator(asks, name="dispatch")
class Sync(View):  # type: ignore[misc]  # Django brings no types
    """A class whose methods are called."""

    def get(self, request: Any) -> Any:
        """Guarded."""
        return HttpResponse(request.gatewright.level)


class Awaited(View):  # type: ignore[misc]
    """A class whose methods are awaited."""

    async def get(self, request: Any) -> Any:
        """Guarded where it is listed."""
        return HttpResponse(request.gatewright.level)


def bare(_request: Any) -> Any:
    """Open to anybody."""
    return HttpResponse("open")


urlpatterns = [
    path("sync", Sync.as_view()),
    path("awaited", asks(Awaited.as_view())),
    path("<int:number>/bare", bare),
]


def test_the_small_apis_only_open_route_is_found() -> None:
    with override_settings(ROOT_URLCONF=on_django.__name__):
        assert unguarded() == ["/open"]
        assert unguarded(public={"/open"}) == []


def test_routes_of_classes_are_found() -> None:
    # X1: what nothing guards is open to anybody
    with override_settings(ROOT_URLCONF=__name__):
        assert unguarded() == ["/{number}/bare"]


@pytest.mark.parametrize("where", ["/sync", "/awaited"])
def test_classes_are_guarded(where: str) -> None:
    with override_settings(ROOT_URLCONF=__name__, GATEWRIGHT=Table()):
        assert Client().get(where, headers=GOOD).content == b"standard"
        assert Client().get(where).status_code == 401


def test_a_guarded_view_needs_no_csrf_token_and_others_do() -> None:
    with override_settings(GATEWRIGHT=Table()):
        client = Client(enforce_csrf_checks=True)
        assert client.post("/rest/v1.0/projects/7/rfis", headers=GOOD).status_code == 200
        assert client.post("/open").status_code == 403


def test_a_view_without_the_middleware_lets_nobody_in() -> None:
    # X1
    with pytest.raises(ImproperlyConfigured, match="MIDDLEWARE"):
        asks(bare)(RequestFactory().get("/", headers=GOOD))


@pytest.mark.parametrize(
    "given",
    [
        None,
        7,
        {},
        {"issuer": "https://id.example"},
        {"issuer": "https://id.example", "client_id": "a", "client_secret": "b", "more": 1},
        {"issuer": "nowhere", "client_id": "a", "client_secret": "b"},
        AwaitedTable(Table()),
    ],
)
def test_settings_that_make_no_guard_are_told_of_when_django_starts(given: object) -> None:
    with override_settings(GATEWRIGHT=given), pytest.raises(ImproperlyConfigured, match="GATEWRIGHT"):
        GatewrightMiddleware(bare)


def test_settings_make_the_guard() -> None:
    given: Mapping[str, object] = {
        "issuer": "https://id.example",
        "client_id": "a",
        "client_secret": "b",
        "company_headers": ["X-Tenant"],
    }
    with override_settings(GATEWRIGHT=given):
        guard = GatewrightMiddleware(bare).guard
        assert GatewrightMiddleware(bare).guard is guard, "one a process, however many handlers"
    with override_settings(GATEWRIGHT=dict(given) | {"company_headers": ["X-Tenant"]}):
        assert GatewrightMiddleware(bare).guard is guard
    with override_settings(GATEWRIGHT=dict(given) | {"client_secret": "c"}):
        another = GatewrightMiddleware(bare).guard
    assert isinstance(another, Gatewright)
    assert another is not guard
    another.close()
    assert isinstance(guard, Gatewright)
    assert guard.company_headers == ("X-Tenant",)
    guard.close()
