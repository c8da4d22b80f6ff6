"""Guards the views of a Django project.

    MIDDLEWARE = [..., "gatewright_sdk.django.GatewrightMiddleware"]
    GATEWRIGHT = {"issuer": "https://id.example", "client_id": "...", "client_secret": "..."}

and `@requires("rfis", "standard")` before each view. A view without it is open to
anybody; `unguarded()` lists those.
"""

import asyncio
import functools
import inspect
import re
import threading
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Literal, TypeVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import JsonResponse
from django.urls import URLPattern, URLResolver, get_resolver

from gatewright_sdk.client import Gatewright
from gatewright_sdk.guarding import Call, Guard, Needs, comma_separated, decide
from gatewright_sdk.model import Allow, Deny

__all__ = ["GatewrightMiddleware", "requires", "unguarded"]

NEEDS = "__gatewright_needs__"
_GUARD = "_gatewright_guard"
_PARAMETER = re.compile(r"<(?:[^:<>]*:)?([^<>]+)>")
View = TypeVar("View", bound=Callable[..., Any])


class GatewrightMiddleware:
    """Gives each request the guard that `settings.GATEWRIGHT` describes, for `requires` to ask.

    The setting holds the arguments of `Gatewright`, or is a guard itself. However many handlers a process makes, it
    has one guard of the same settings, which lives as long as the process.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self._get_response = get_response
        self.guard = _configured()
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        """Return the response; a coroutine of it where Django runs asynchronously."""
        setattr(request, _GUARD, self.guard)
        return self._get_response(request)


def _configured() -> Guard:
    given = getattr(settings, "GATEWRIGHT", None)
    if isinstance(given, Mapping):
        try:
            return _guard_of(given)
        except (TypeError, ValueError) as error:
            raise ImproperlyConfigured(f"settings.GATEWRIGHT: {error}") from None
    if given is None or not hasattr(given, "check") or inspect.iscoroutinefunction(given.check):
        raise ImproperlyConfigured('settings.GATEWRIGHT is {"issuer": …, "client_id": …, "client_secret": …}.')
    guard: Guard = given
    return guard


_made: list[tuple[dict[str, Any], Gatewright]] = []
_making = threading.Lock()


def _guard_of(given: Mapping[str, Any]) -> Gatewright:
    with _making:
        for settings_then, guard in _made:
            if settings_then == given:
                return guard
        guard = Gatewright(**given)
        _made.append((dict(given), guard))
        return guard


def requires(tool: str, level: str, *, of: Literal["company"] | None = None) -> Callable[[View], View]:
    """Return a decorator: only callers with this level on this tool reach the view, sync or async.

    The view finds the caller in `request.gatewright`, an `Allow`. A class-based view takes
    `@method_decorator(requires(…), name="dispatch")`. The view needs no CSRF token: it
    answers to a bearer token, which no browser adds by itself.
    """
    needs = Needs(tool, level, of)

    def guarded(view: View) -> View:
        judged = _awaited(view, needs) if _is_awaited(view) else _called(view, needs)
        setattr(judged, NEEDS, needs)
        setattr(judged, "csrf_exempt", True)  # noqa: B010  (the name is Django's)
        return judged  # type: ignore[return-value]  # the view with a question before it

    return guarded


def _is_awaited(view: Any) -> bool:
    """Return whether a view is async; or the `dispatch` of a class with async methods, as `method_decorator` has it."""
    owner = getattr(getattr(view, "func", None), "__self__", None)
    return iscoroutinefunction(view) or bool(getattr(type(owner), "view_is_async", False))


def _called(view: Callable[..., Any], needs: Needs) -> Callable[..., Any]:
    @functools.wraps(view)
    def judged(request: Any, *args: Any, **kwargs: Any) -> Any:
        answer = decide(_guard(request), needs, _call(request))
        return _refusal(answer) if isinstance(answer, Deny) else view(_told(request, answer), *args, **kwargs)

    return judged


def _awaited(view: Callable[..., Awaitable[Any]], needs: Needs) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(view)
    async def judged(request: Any, *args: Any, **kwargs: Any) -> Any:
        # Under WSGI each request has an event loop of its own; one guard with threads serves them all.
        answer = await asyncio.to_thread(decide, _guard(request), needs, _call(request))
        return _refusal(answer) if isinstance(answer, Deny) else await view(_told(request, answer), *args, **kwargs)

    return judged


def _guard(request: Any) -> Guard:
    guard: Guard | None = getattr(request, _GUARD, None)
    if guard is None:
        raise ImproperlyConfigured("No guard answers: add gatewright_sdk.django.GatewrightMiddleware to MIDDLEWARE.")
    return guard


def _told(request: Any, answer: Allow) -> Any:
    request.gatewright = answer
    return request


def _call(request: Any) -> Call:
    matched = request.resolver_match
    return Call(
        method=str(request.method),
        pattern=_pattern(matched.route),
        parameters=matched.kwargs,
        headers=comma_separated(request.headers.items(), company_headers=_guard(request).company_headers),
        query=[(name, value) for name, values in request.GET.lists() for value in values],
    )


def _refusal(deny: Deny) -> Any:
    """Return the answer to a refused request: status, error body and headers of the platform's API."""
    return JsonResponse(deny.body(), status=deny.status, headers=deny.headers())


def unguarded(*, public: Collection[str] = ()) -> list[str]:
    """Return the paths of the project's routes that nothing guards, but for those in `public`.

    For a test of your own: `assert unguarded(public={"/healthz"}) == []`.
    """
    return sorted(path for path in _open(get_resolver().url_patterns, "") if path not in public)


def _open(patterns: Iterable[Any], front: str) -> Iterator[str]:
    for pattern in patterns:
        route = front + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _open(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and not isinstance(getattr(pattern.callback, NEEDS, None), Needs):
            yield _pattern(route)


def _pattern(route: str) -> str:
    return "/" + _PARAMETER.sub(r"{\1}", route).removeprefix("/")
