"""What is Flask's own: blueprints, class-based and async views, and the list of unguarded routes."""

from typing import Any, ClassVar

import pytest
from flask import Flask, g
from flask.typing import ResponseReturnValue
from flask.views import MethodView
from sdk.tests.guarded import on_flask
from sdk.tests.table import AwaitedTable, Table

from gatewright_sdk.flask import protect, requires, unguarded

GOOD = {"Authorization": "Bearer good", "Gatewright-Company-Id": "1"}
asks = requires("rfis", "standard")


class Half(MethodView):
    """One of its methods was forgotten."""

    @asks
    def get(self) -> ResponseReturnValue:
        """Guarded."""
        return str(g.gatewright.principal.id)

    def delete(self) -> ResponseReturnValue:
        """Forgotten."""
        return "deleted"


class Whole(MethodView):
    """All of it is guarded."""

    decorators: ClassVar[list[Any]] = [asks]

    def get(self) -> ResponseReturnValue:
        """Guarded."""
        return str(g.gatewright.principal.id)


class OwnHead(MethodView):
    """What answers other methods than GET was forgotten."""

    @asks
    def get(self) -> ResponseReturnValue:
        """Guarded."""
        return str(g.gatewright.principal.id)

    def head(self) -> ResponseReturnValue:
        """Forgotten."""
        return "", 204

    def options(self) -> ResponseReturnValue:
        """Forgotten."""
        return "", 204


def bare() -> ResponseReturnValue:
    """Open to anybody."""
    return "open"


@asks
async def awaited() -> ResponseReturnValue:
    """A view that is awaited."""
    return str(g.gatewright.level)


@pytest.fixture
def app() -> Flask:
    """Return an app with all kinds of views."""
    made = Flask("kinds")
    protect(made, Table())
    made.add_url_rule("/half", view_func=Half.as_view("half"))
    made.add_url_rule("/whole", view_func=Whole.as_view("whole"))
    made.add_url_rule("/awaited", view_func=awaited)
    made.add_url_rule("/<path:rest>/bare", view_func=bare, methods=["GET", "POST"])
    return made


def test_the_small_apis_only_open_route_is_found() -> None:
    made = on_flask.app_of(Table())
    assert unguarded(made) == ["GET /open"]
    assert unguarded(made, public={"/open"}) == []


def test_routes_are_found_wherever_they_are(app: Flask) -> None:
    # X1: what nothing guards is open to anybody
    assert unguarded(app) == ["DELETE /half", "GET /static/{filename}", "GET /{rest}/bare", "POST /{rest}/bare"]


def test_head_and_options_are_listed_where_a_view_answers_them_itself() -> None:
    # X1: what is not listed cannot be called, or is answered by Flask alone or as the GET beside it
    made = Flask("methods", static_folder=None)
    protect(made, Table())
    made.add_url_rule("/own", view_func=OwnHead.as_view("own"))
    made.add_url_rule("/head", "head", bare, methods=["HEAD"])
    made.add_url_rule("/options", "options", bare, methods=["OPTIONS"], provide_automatic_options=False)
    made.add_url_rule("/automatic", "automatic", bare, methods=["POST"])
    expected = ["HEAD /head", "HEAD /own", "OPTIONS /options", "OPTIONS /own", "POST /automatic"]
    assert unguarded(made) == expected
    client = made.test_client()
    for method, path in (one.split() for one in expected):
        assert client.open(path, method=method).status_code in {200, 204}, "it is open indeed"
    assert client.options("/automatic").text == ""


def test_a_guard_that_stands_above_the_route_is_told_of() -> None:
    made = Flask("upside-down", static_folder=None)
    asks(made.get("/")(bare))
    assert unguarded(made) == ["GET /"]


@pytest.mark.parametrize(("path", "told"), [("/half", "42"), ("/whole", "42"), ("/awaited", "standard")])
def test_every_kind_of_view_is_guarded(app: Flask, path: str, told: str) -> None:
    client = app.test_client()
    assert client.get(path, headers=GOOD).text == told
    assert client.get(path).status_code == 401
    assert client.head(path).status_code == 401


def test_an_app_without_protect_lets_nobody_in() -> None:
    # X1
    made = Flask("forgotten")
    made.testing = True
    made.add_url_rule("/", view_func=asks(bare))
    with pytest.raises(RuntimeError, match="protect"):
        made.test_client().get("/", headers=GOOD)


def test_a_guard_that_has_to_be_awaited_is_refused() -> None:
    with pytest.raises(TypeError, match="AsyncGatewright"):
        protect(Flask("other"), AwaitedTable(Table()))  # type: ignore[arg-type]
