"""The pages of apps: App Management for a company's admins, the developer's own apps."""

from starlette.routing import Route

from gatewright.apps.pages import app_management, developer, developer_app, operator_apps, operator_terms, terms
from gatewright.apps.pages.terms import leading_to_terms

APPS = "/companies/{company_id}/apps"
APP = f"{APPS}/{{app_id}}"
OWN = "/developer/apps"
OWN_APP = f"{OWN}/{{app_id}}"
OPERATED = f"{operator_apps.PATH}/{{app_id}}"

# What a developer changes: the terms of use may wait before each.
CHANGES = {
    OWN: developer.create,
    f"{OWN_APP}/edit": developer_app.edit,
    f"{OWN_APP}/redirect-uris": developer_app.save_redirect_uris,
    f"{OWN_APP}/secrets": developer_app.add_secret,
    f"{OWN_APP}/secrets/reset": developer_app.reset_secrets,
    f"{OWN_APP}/secrets/{{secret_id}}/retire": developer_app.retire_secret,
    f"{OWN_APP}/delete": developer_app.delete,
}

routes = [
    Route(APPS, app_management.show_all, methods=["GET"]),
    Route(APP, app_management.show, methods=["GET"]),
    Route(f"{APP}/disconnect", app_management.disconnect, methods=["POST"]),
    Route(f"{APP}/reconnect", app_management.reconnect, methods=["POST"]),
    Route(OWN, developer.show_all, methods=["GET"]),
    Route(f"{OWN}/new", developer.show_new, methods=["GET"]),
    Route(OWN_APP, developer_app.show, methods=["GET"]),
    *(Route(path, leading_to_terms(change), methods=["POST"]) for path, change in CHANGES.items()),
    Route(terms.PATH, terms.show, methods=["GET"]),
    Route(terms.PATH, terms.accept, methods=["POST"]),
    Route(operator_apps.PATH, operator_apps.show_all, methods=["GET"]),
    Route(OPERATED, operator_apps.show, methods=["GET"]),
    Route(f"{OPERATED}/block", operator_apps.block, methods=["POST"]),
    Route(f"{OPERATED}/unblock", operator_apps.unblock, methods=["POST"]),
    Route(operator_terms.PATH, operator_terms.show, methods=["GET"]),
    Route(operator_terms.PATH, operator_terms.publish, methods=["POST"]),
]
