"""The developer’s pages."""

from datetime import timedelta

from tests.pages.samples.parts import NOW, Context, Names, Pages, ago, frame

TERMS = "1. Keep the tokens of your users to yourself.\n\n2. Say who you are.\n\n" + "x" * 90


def developer(names: Names) -> Pages:
    """Yield the developer's pages."""
    inside = {**frame(names, "developer", "Apps"), "once": "o" * 22}
    row = {
        "app_id": 3,
        "name": names.app,
        "client_id": "gwc_3n9v2kq7d1txm4s8",
        "type": "confidential",
        "is_resource_server": False,
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
            "terms": "2026-11",
        },
    )
    yield "developer_apps_none", "developer/apps.html", {**inside, "apps": [], "terms": None}
    yield "new_app", "developer/new_app.html", {**inside, "form": {}, "errors": {}, "terms": "2026-11"}
    yield (
        "new_app_failed",
        "developer/new_app.html",
        {
            **inside,
            "terms": None,
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
        {"id": 1, "prefix": "gws_Yt7Q…x4Kd", "made_at": ago(days=3), "last_used_at": ago(minutes=1), "families": 131}
        | {"made_by": names.user},
        {"id": 2, "prefix": "gws_m0Pe…t9Aw", "made_at": ago(days=203), "last_used_at": None, "families": 0}
        | {"made_by": None},
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
        "terms": None,
        "days": [NOW.date() - timedelta(days=6 - n) for n in range(7)],
        "refused": [
            {"code": "permission_insufficient", "days": [0, 12, 3, 0, 0, 1204, 8], "total": 20441},
            {"code": "app_not_connected", "days": [0, 0, 0, 0, 0, 0, 0], "total": 3},
        ],
    }
    yield "developer_app", "developer/app.html", page
    yield (
        "developer_app_failed",
        "developer/app.html",
        {
            **page,
            "app": {**row, "status": "blocked"},
            "secrets": secrets[:1],
            "form": {**form, "redirect_uris": "https://sync.acme.example/callback\nhttp://sync.acme.example/callback"},
            "errors": {
                "redirect_uris": "Line 2: http is only for this computer. Remove the line.",
                "typed": "Type the name exactly as it stands above.",
            },
        },
    )
    yield (
        "developer_app_public",
        "developer/app.html",
        {**page, "app": {**row, "type": "public"}, "secrets": [], "terms": "2026-11", "refused": []},
    )
    guard = {**row, "is_resource_server": True, "authorizations": 0, "companies": 0}
    asks = {
        **page,
        "app": guard,
        "form": {**form, "redirect_uris": "", "scopes": []},
        "redirect_uri": "",
        "refused": [],
    }
    yield "developer_app_resource_server", "developer/app.html", asks
    yield from terms({**frame(names, "developer", "Terms of use"), "next": "", "errors": {}})


def terms(inside: Context) -> Pages:
    """Yield the terms of use, waiting, accepted and none."""
    current = {"version": "2026-11", "text": TERMS, "published_at": ago(days=2)}
    before = [{"version": "2025-01", "accepted_at": ago(days=400), "ip": "2001:db8:85a3:8d3:1319:8a2e:370:7348"}]
    waiting = {**inside, "terms": current, "accepted": before, "is_accepted": False}
    now = {"version": "2026-11", "accepted_at": ago(hours=1), "ip": None}
    yield "terms", "developer/terms.html", waiting
    outdated = {"errors": {"": "Another version is current by now. Read it; then accept that one."}}
    yield "terms_outdated", "developer/terms.html", {**waiting, **outdated}
    yield "terms_accepted", "developer/terms.html", {**waiting, "accepted": [now, *before], "is_accepted": True}
    yield "terms_none", "developer/terms.html", {**waiting, "terms": None, "accepted": []}
