"""A company’s overview, App Management and service accounts."""

from tests.pages.samples.parts import (
    FORTNIGHT,
    MONTH,
    NONE,
    NOW,
    RARE,
    TERMS,
    Context,
    Names,
    Pages,
    ago,
    asks,
    calls,
    frame,
    made_and_raised,
)


def company(names: Names) -> Pages:
    """Yield a company's overview and its App Management."""
    one = {"id": 1, "name": names.company, "app_access": "approval", "contacts": 212}
    facts = {
        "contacts": 212,
        "users": 180,
        "projects": 7,
        "apps_connected": 5,
        "calls_since_yesterday": 2361,
        "service_accounts": 3,
    }
    overview = {
        **frame(names, "company:1", "Overview"),
        "company": one,
        "facts": facts,
        "waiting": asks(names),
        "came": [{"app_id": 9, "name": names.app, "user": names.user, "at": ago(days=3)}],
        "may_set": True,
        "events": [
            {"who": names.user, "text": f"disconnected {names.app}", "at": ago(hours=3)},
            {"who": None, "text": "Timecard Mobile connected at its first call", "at": ago(days=40)},
        ],
    }
    yield "overview", "company/overview.html", overview
    yield (
        "overview_contact",
        "company/overview.html",
        {**overview, "waiting": [], "came": [], "may_set": False, "events": []},
    )
    rows = [
        ("Timecard Mobile", "connected", 31, ago(seconds=9), 884, FORTNIGHT),
        (names.app, "connected", 14, ago(minutes=3), 1204, FORTNIGHT),
        ("Model Checker", "connected", 2, ago(days=8), 0, RARE),
        ("Drawing Diff", "disconnected", 0, None, 0, NONE),
    ]
    apps = [
        {
            "app_id": at,
            "name": name,
            "developer": names.developer,
            "terms": TERMS[at % 2],
            "status": status,
            "users": users,
            "last_call_at": last,
            "calls_today": today,
            "calls": days,
        }
        for at, (name, status, users, last, today, days) in enumerate(rows)
    ]
    inside = frame(names, "company:1", "App Management")
    listing = {
        **inside,
        "company": one,
        "q": "",
        "status": "",
        "totals": {"all": 4, "connected": 3, "disconnected": 1},
        "waiting": asks(names),
        "apps": apps,
        "more_waiting": 12,
        "paging": {"page": 1, "last": 3, "total": 122, "previous": None, "next": "?page=2"},
        "unseen": [],
    }
    yield "app_management", "company/apps.html", listing
    yield (
        "app_management_none",
        "company/apps.html",
        {
            **listing,
            "company": {**one, "app_access": "open", "contacts": 3},
            "more_waiting": 0,
            "totals": {"all": 0, "connected": 0, "disconnected": 0},
            "waiting": [],
            "apps": [],
        },
    )
    yield (
        "app_management_not_found",
        "company/apps.html",
        {
            **listing,
            "q": names.app,
            "status": "connected",
            "more_waiting": 0,
            "waiting": [],
            "apps": [],
            "unseen": [{"app_id": 9, "name": names.app, "developer": names.developer}],
        },
    )
    yield from app_here(names, one, inside)


def app_here(names: Names, one: Context, inside: Context) -> Pages:
    """Yield one app in one company, in each of its states."""
    made, raised = made_and_raised(names)
    users = [
        {
            "name": name,
            "email": names.email,
            "authorized_at": ago(days=20),
            "last_used_at": ago(minutes=3),
            "contact_id": at,
        }
        for at, name in enumerate([names.user, "Ben Ito", "Elif Kaya", "Tomas Lind"])
    ]
    page = {
        **inside,
        "company": one,
        "app": {
            "app_id": 3,
            "name": names.app,
            "developer": names.developer,
            "homepage": "https://sync.acme.example",
            "terms": TERMS[0],
            "is_blocked": False,
            "status": "connected",
            "changed_by": "Ben Ito",
            "by_first_call": True,
            "changed_at": ago(days=20),
        },
        "facts": {
            "users": 14,
            "calls_since_yesterday": 1204,
            "calls_day_average": 548,
            "last_call_at": ago(minutes=3),
            "last_call_for": names.user,
            "refused_7d": 44,
            "calls_7d": 5019,
        },
        "calls": MONTH,
        "users": users,
        "made": made,
        "raised": raised,
        "receipt": None,
    }
    quiet = {
        "users": 0,
        "calls_since_yesterday": 0,
        "calls_day_average": 0,
        "last_call_at": None,
        "last_call_for": None,
        "refused_7d": 0,
        "calls_7d": 0,
    }
    yield "app", "company/app.html", page
    yield (
        "app_disconnected",
        "company/app.html",
        {
            **page,
            "app": {
                **page["app"],
                "status": "disconnected",
                "changed_by": "you",
                "by_first_call": False,
                "changed_at": ago(seconds=1),
            },
            "receipt": {"verb": "Disconnected", "at": NOW, "users": 14, "nodes": 3, "seconds": 0.2},
        },
    )
    yield (
        "app_reconnected",
        "company/app.html",
        {**page, "receipt": {"verb": "Reconnected", "at": NOW, "users": 1, "nodes": None, "seconds": None}},
    )
    yield (
        "app_asks",
        "company/app.html",
        {
            **page,
            "app": {**page["app"], "status": "requested"},
            "facts": quiet,
            "calls": calls([0] * 30),
            "users": [],
            "made": [],
            "raised": [],
        },
    )
    yield (
        "app_unseen",
        "company/app.html",
        {
            **page,
            "app": {
                **page["app"],
                "status": "unseen",
                "changed_by": None,
                "by_first_call": False,
                "changed_at": None,
                "terms": TERMS[1],
                "is_blocked": True,
                "homepage": "",
            },
            "facts": quiet,
            "calls": [],
            "users": [],
            "made": [],
            "raised": [],
        },
    )


def service_accounts(names: Names) -> Pages:
    """Yield a company's service accounts."""
    inside = {
        **frame(names, "company:1", "Service accounts"),
        "company": {"id": 1, "name": names.company},
        "once": "o" * 22,
    }
    rows = [
        {
            "id": 4,
            "name": names.account,
            "client_id": "svc_5r8m2c41xk",
            "status": "active",
            "levels": 4,
            "projects": 3,
            "last_used_at": ago(hours=12),
            "created_at": ago(days=20),
            "created_by": names.user,
        },
        {
            "id": 5,
            "name": "Ledger import",
            "client_id": "svc_9x",
            "status": "disabled",
            "levels": 0,
            "projects": 0,
            "last_used_at": None,
            "created_at": ago(days=400),
            "created_by": "Ben Ito",
        },
    ]
    paging = {"page": 1, "last": 40, "total": 2000, "previous": None, "next": "?page=2"}
    page = {**inside, "accounts": rows, "paging": paging, "form": {}, "errors": {}}
    yield "service_accounts", "company/service_accounts.html", page
    yield (
        "service_accounts_none",
        "company/service_accounts.html",
        {**page, "accounts": [], "form": {"name": " "}, "errors": {"name": "Write a name."}},
    )
    account = {
        "id": 4,
        "name": names.account,
        "client_id": "svc_5r8m2c41xk",
        "contact_id": 9,
        "email": "4f2a7c0d9e4b4c5f8a6b7c8d9e0f1a2b@service.northwind.example",
        "status": "active",
        "status_reason": None,
        "created_at": ago(days=20),
        "created_by": names.user,
        "through_app": names.app,
        "secret_made_at": ago(days=20),
        "last_used_at": ago(hours=12),
        "levels": 4,
        "projects": 3,
        "calls_since_yesterday": 61,
    }
    yield "service_account", "company/service_account.html", {**inside, "account": account}
    yield (
        "service_account_stopped",
        "company/service_account.html",
        {
            **inside,
            "account": {
                **account,
                "status": "disabled",
                "status_reason": "Its contact’s address was edited on 20 Nov.",
                "through_app": None,
                "levels": 0,
                "projects": 0,
                "last_used_at": None,
                "calls_since_yesterday": 0,
            },
        },
    )
