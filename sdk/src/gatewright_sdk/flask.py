"""Guards the views of a Flask app: `protect(app, guard)`, then `@requires("rfis", "standard")`.

`requires` stands below `@app.get(…)`, next to the function. A view without it is open to
anybody; `unguarded(app)` lists those.
"""

import functools
import inspect
import re
from collections.abc import Callable, Collection
from typing import Any, Literal, TypeVar

from flask import Flask, current_app, g, request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response
from werkzeug.routing import Rule

from gatewright_sdk.guarding import Call, Guard, Needs, comma_separated, decide
from gatewright_sdk.model import Deny

__all__ = ["protect", "requires", "unguarded"]

NEEDS = "__gatewright_needs__"
_EXTENSION = "gatewright"
_PARAMETER = re.compile(r"<(?:[^:<>]*:)?([^<>]+)>")
View = TypeVar("View", bound=Callable[..., Any])


def protect(app: Flask, guard: Guard) -> None:
    """Let `guard`, a `Gatewright`, answer for the views of `app`."""
    if inspect.iscoroutinefunction(guard.check):
        raise TypeError("Flask asks without await: give it a Gatewright, not an AsyncGatewright.")
    app.extensions[_EXTENSION] = guard


def requires(tool: str, level: str, *, of: Literal["company"] | None = None) -> Callable[[View], View]:
    """Return a decorator: only callers with this level on this tool reach the view.

    The view finds the caller in `flask.g.gatewright`, an `Allow`. For a MethodView:
    `decorators = [requires(…)]`, or before each of its methods.
    """
    needs = Needs(tool, level, of)

    def guarded(view: View) -> View:
        @functools.wraps(view)
        def judged(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            guard: Guard | None = current_app.extensions.get(_EXTENSION)
            if guard is None:
                raise RuntimeError("No guard answers for this app: call protect(app, guard).")
            answer = decide(guard, needs, _call(guard))
            if isinstance(answer, Deny):
                return _refusal(answer)
            g.gatewright = answer
            made: ResponseReturnValue = current_app.ensure_sync(view)(*args, **kwargs)
            return made

        setattr(judged, NEEDS, needs)
        return judged  # type: ignore[return-value]  # Flask's views are called by Flask alone

    return guarded


def _call(guard: Guard) -> Call:
    rule = "" if request.url_rule is None else request.url_rule.rule
    return Call(
        method=request.method,
        pattern=_PARAMETER.sub(r"{\1}", rule),
        parameters=request.view_args or {},
        headers=comma_separated(request.headers.items(), company_headers=guard.company_headers),
        query=list(request.args.items(multi=True)),
    )


def _refusal(deny: Deny) -> Response:
    """Return the answer to a refused request: status, error body and headers of the platform's API."""
    return current_app.make_response((deny.body(), deny.status, deny.headers()))


def unguarded(app: Flask, *, public: Collection[str] = ()) -> list[str]:
    """Return the routes that nothing guards, as `GET /path`, but for the paths in `public`.

    For a test of your own: `assert unguarded(app, public={"/healthz", "/static/{filename}"}) == []`.
    """
    found = []
    for rule in app.url_map.iter_rules():
        path = _PARAMETER.sub(r"{\1}", rule.rule)
        view = app.view_functions.get(rule.endpoint)
        if path not in public:
            found += [f"{method} {path}" for method in _methods(rule, view) if not _is_guarded(view, method)]
    return sorted(found)


def _methods(rule: Rule, view: object) -> set[str]:
    """Return the methods with which a view can be called, but for a HEAD that is answered as its GET is."""
    methods = set(rule.methods or ())
    if "GET" in methods and not hasattr(getattr(view, "view_class", None), "head"):
        methods.discard("HEAD")
    if getattr(rule, "provide_automatic_options", False):  # Flask answers by itself
        methods.discard("OPTIONS")
    return methods


def _is_guarded(view: object, method: str) -> bool:
    of_class = getattr(getattr(view, "view_class", None), method.lower(), None)
    return any(isinstance(getattr(one, NEEDS, None), Needs) for one in (view, of_class))
