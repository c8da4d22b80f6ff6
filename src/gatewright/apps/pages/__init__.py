"""The pages of apps: App Management for a company's admins, the developer's own apps."""

from starlette.routing import Route

from gatewright.apps.pages import app_management, developer, developer_app

APPS = "/companies/{company_id}/apps"
APP = f"{APPS}/{{app_id}}"
OWN = "/developer/apps"
OWN_APP = f"{OWN}/{{app_id}}"

routes = [
    Route(APPS, app_management.show_all, methods=["GET"]),
    Route(APP, app_management.show, methods=["GET"]),
    Route(f"{APP}/disconnect", app_management.disconnect, methods=["POST"]),
    Route(f"{APP}/reconnect", app_management.reconnect, methods=["POST"]),
    Route(OWN, developer.show_all, methods=["GET"]),
    Route(OWN, developer.create, methods=["POST"]),
    Route(f"{OWN}/new", developer.show_new, methods=["GET"]),
    Route(OWN_APP, developer_app.show, methods=["GET"]),
    Route(f"{OWN_APP}/edit", developer_app.edit, methods=["POST"]),
    Route(f"{OWN_APP}/redirect-uris", developer_app.save_redirect_uris, methods=["POST"]),
    Route(f"{OWN_APP}/secrets", developer_app.add_secret, methods=["POST"]),
    Route(f"{OWN_APP}/secrets/{{secret_id}}/retire", developer_app.retire_secret, methods=["POST"]),
]
