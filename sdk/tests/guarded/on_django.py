"""The small API on Django, with sync and async views. Its settings are this module's too."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import JsonResponse
from django.test import override_settings
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from sdk.tests.guarded import said

from gatewright_sdk.django import requires
from gatewright_sdk.guarding import Guard

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=[
            "django.middleware.csrf.CsrfViewMiddleware",
            "gatewright_sdk.django.GatewrightMiddleware",
        ],
        ROOT_URLCONF=__name__,
        SECRET_KEY="for tests alone",
        USE_TZ=True,
    )
    django.setup()


@requires("directory", "read_only")
def contacts(request: Any, **_: object) -> Any:
    """The company is in the path, a header or the query."""
    return JsonResponse(said(request.gatewright))


@requires("rfis", "standard")
async def new_rfi(request: Any, project_id: str) -> Any:
    """The project is in the path."""
    return JsonResponse(said(request.gatewright))


@method_decorator(requires("directory", "admin", of="company"), name="dispatch")
class Project(View):  # type: ignore[misc]  # Django brings no types
    """A company tool, though the path names a project."""

    async def patch(self, request: Any, project_id: str) -> Any:
        """Change it."""
        return JsonResponse({"changed": int(project_id)})


def open_to_all(_request: Any) -> Any:
    """Nothing guards it."""
    return JsonResponse({})


api = [
    path("companies/<company_id>/contacts", contacts),
    path("contacts", contacts),
    path("projects/<str:project_id>/rfis", new_rfi),
    path("projects/<project_id>", Project.as_view()),
]
urlpatterns = [path("rest/v1.0/", include(api)), path("open", open_to_all)]


@contextmanager
def wsgi_app_of(guard: Guard) -> Iterator[Any]:
    """Lend the API, guarded, as a server with threads runs it."""
    with override_settings(GATEWRIGHT=guard):
        yield WSGIHandler()


@contextmanager
def asgi_app_of(guard: Guard) -> Iterator[Any]:
    """Lend the API, guarded, as a server with an event loop runs it."""
    with override_settings(GATEWRIGHT=guard):
        yield ASGIHandler()
