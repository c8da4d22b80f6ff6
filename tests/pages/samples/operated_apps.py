"""The operator’s apps and terms of use."""

from tests.pages.samples.developers import TERMS
from tests.pages.samples.parts import Names, Pages, ago, frame


def operated_apps(names: Names) -> Pages:
    """Yield the operator's list of apps, one app in each state, and the terms of use."""
    inside = frame(names, "operator", "Apps")
    row = {
        "app_id": 3,
        "name": names.app,
        "client_id": "app_3n9v2kq7d1txm4s8",
        "developer": names.developer,
        "state": "active",
        "type": "confidential",
        "authorizations": 1138,
        "companies": 9,
        "created_at": ago(days=200),
    }
    listing = {
        **inside,
        "q": "",
        "state": "",
        "totals": {"all": 122, "active": 120, "blocked": 1, "deleted": 1},
        "apps": [
            row,
            {**row, "app_id": 4, "name": "Field Notes", "state": "blocked", "authorizations": 0, "companies": 0},
            {**row, "app_id": 5, "name": "Old Timecards", "state": "deleted", "authorizations": 0, "companies": 0},
        ],
        "paging": {"page": 2, "last": 3, "total": 122, "previous": "?page=1", "next": "?page=3"},
    }
    yield "operator_apps", "operator/apps.html", listing
    one_page = {"page": 1, "last": 1, "total": 0, "previous": None, "next": None}
    nothing = {"all": 0, "active": 0, "blocked": 0, "deleted": 0}
    empty = {**listing, "apps": [], "totals": nothing, "paging": one_page}
    yield "operator_apps_not_found", "operator/apps.html", {**empty, "q": names.app, "state": "blocked"}
    yield "operator_apps_none", "operator/apps.html", empty
    app = {
        **row,
        "homepage": "https://sync.acme.example",
        "is_resource_server": False,
        "scopes": ["company.manage"],
        "redirect_uris": ["https://sync.acme.example/callback", f"http://localhost:3000/{'x' * 60}"],
        "developer_email": names.email,
        "terms": "accepted the terms of use 2025-01, and has not accepted the current ones, 2026-11",
        "blocked_at": None,
        "deleted_at": None,
    }
    yield "operator_app", "operator/app.html", {**inside, "app": app}
    over = {"authorizations": 0, "companies": 0}
    guard = {**app, **over, "is_resource_server": True, "redirect_uris": [], "scopes": []}
    yield "operator_app_resource_server", "operator/app.html", {**inside, "app": guard}
    blocked = {**app, **over, "state": "blocked", "blocked_at": ago(hours=2)}
    yield "operator_app_blocked", "operator/app.html", {**inside, "app": blocked}
    deleted = {**app, **over, "state": "deleted", "deleted_at": ago(days=2), "terms": "", "homepage": ""}
    yield "operator_app_deleted", "operator/app.html", {**inside, "app": deleted}
    versions = [
        {"version": "2026-11", "text": TERMS, "published_at": ago(days=2), "accepted": 1},
        {"version": "2025-01", "text": TERMS, "published_at": ago(days=600), "accepted": 1204},
    ]
    page = {**frame(names, "operator", "Terms of use"), "developers": 31, "form": {}, "errors": {}}
    yield "operator_terms", "operator/terms.html", {**page, "versions": versions}
    failed = {
        "form": {"version": "2026-11", "text": "</textarea>"},
        "errors": {"version": "Version 2026-11 is published with another text; name a new version."},
    }
    yield "operator_terms_failed", "operator/terms.html", {**page, "versions": [], **failed}
