"""The developer’s pages."""

from tests.pages.samples.parts import Names, Pages, ago, frame


def developer(names: Names) -> Pages:
    """Yield the developer's pages."""
    inside = {**frame(names, "developer", "Apps"), "once": "o" * 22}
    row = {
        "app_id": 3,
        "name": names.app,
        "client_id": "gwc_3n9v2kq7d1txm4s8",
        "type": "confidential",
        "status": "active",
        "authorizations": 138,
        "companies": 9,
        "created_at": ago(days=200),
    }
    yield (
        "developer_apps",
        "developer/apps.html",
        {
            **inside,
            "apps": [
                row,
                {
                    **row,
                    "app_id": 4,
                    "name": "Field Notes",
                    "type": "public",
                    "status": "blocked",
                    "authorizations": 1,
                    "companies": 1,
                },
            ],
            "terms": {"version": "2026-11", "href": "/developer/terms"},
        },
    )
    yield "developer_apps_none", "developer/apps.html", {**inside, "apps": [], "terms": None}
    yield "new_app", "developer/new_app.html", {**inside, "form": {}, "errors": {}}
    yield (
        "new_app_failed",
        "developer/new_app.html",
        {
            **inside,
            "form": {
                "name": names.app,
                "type": "public",
                "homepage": "ftp://x",
                "redirect_uris": "https://a.example/</textarea>\nhttp://b.example/",
                "scopes": ["company.manage"],
            },
            "errors": {
                "homepage": "Start with https://.",
                "redirect_uris": "Line 2: http is only for this computer. Write https://b.example/.",
            },
        },
    )
    secrets = [
        {"id": 1, "prefix": "gws_Yt7Q…x4Kd", "made_at": ago(days=3), "last_used_at": ago(minutes=1), "families": 131},
        {"id": 2, "prefix": "gws_m0Pe…t9Aw", "made_at": ago(days=203), "last_used_at": None, "families": 0},
    ]
    form = {
        "redirect_uris": "https://sync.acme.example/callback\nhttp://localhost:3000/callback",
        "name": names.app,
        "homepage": "https://sync.acme.example",
        "scopes": ["company.manage"],
    }
    page = {
        **inside,
        "app": row,
        "secrets": secrets,
        "form": form,
        "errors": {},
        "issuer": "https://id.northwind.example",
        "redirect_uri": "https://sync.acme.example/callback",
        "may_change": True,
    }
    yield "developer_app", "developer/app.html", page
    yield (
        "developer_app_failed",
        "developer/app.html",
        {
            **page,
            "secrets": secrets[:1],
            "form": {**form, "redirect_uris": "https://sync.acme.example/callback\nhttp://sync.acme.example/callback"},
            "errors": {"redirect_uris": "Line 2: http is only for this computer. Remove the line."},
        },
    )
    yield (
        "developer_app_public",
        "developer/app.html",
        {**page, "app": {**row, "type": "public"}, "secrets": [], "may_change": False},
    )
