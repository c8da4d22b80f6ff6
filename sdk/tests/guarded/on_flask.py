"""The small API on Flask."""

from flask import Blueprint, Flask, g
from flask.typing import ResponseReturnValue
from flask.views import MethodView
from sdk.tests.guarded import said

from gatewright_sdk.flask import protect, requires
from gatewright_sdk.guarding import Guard


class Project(MethodView):
    """A project."""

    @requires("directory", "admin", of="company")
    def patch(self, project_id: str) -> ResponseReturnValue:
        """A company tool, though the path names a project."""
        return {"changed": int(project_id)}


def app_of(guard: Guard) -> Flask:
    """Return the API, guarded."""
    app = Flask("guarded", static_folder=None)
    protect(app, guard)
    api = Blueprint("api", "guarded", url_prefix="/rest/v1.0")

    @api.get("/companies/<company_id>/contacts")
    @requires("directory", "read_only")
    def contacts_of_company(company_id: str) -> ResponseReturnValue:
        return said(g.gatewright)

    @api.get("/contacts")
    @requires("directory", "read_only")
    def contacts() -> ResponseReturnValue:
        return said(g.gatewright)

    @api.post("/projects/<project_id>/rfis")
    @requires("rfis", "standard")
    def new_rfi(project_id: str) -> ResponseReturnValue:
        return said(g.gatewright)

    @app.get("/open")
    def open_to_all() -> ResponseReturnValue:
        return {}

    api.add_url_rule("/projects/<project_id>", view_func=Project.as_view("project"))
    app.register_blueprint(api)
    return app
