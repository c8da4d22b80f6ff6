"""Sign-in, one’s own account, and the pages that refuse."""

from tests.pages.samples.parts import TERMS, Context, Names, Pages, ago, frame, made_and_raised, signed_out


def sign_in(names: Names) -> Pages:
    """Yield the pages before and after a session."""
    plain: Context = {"form": {}, "errors": {}, "next": "", "app_name": None, "sign_up_href": None, "forgot_href": None}
    out = signed_out(names)
    yield "home", "home.html", {**out, "developer_href": "/developer/apps"}
    yield "sign_in", "login/sign_in.html", {**out, **plain}
    yield (
        "sign_in_waiting",
        "login/sign_in.html",
        {
            **out,
            **plain,
            "app_name": names.app,
            "next": "/oauth/authorize?client_id=1",
            "sign_up_href": "/sign-up",
            "forgot_href": "/password/forgot",
        },
    )
    yield (
        "sign_in_failed",
        "login/sign_in.html",
        {
            **out,
            **plain,
            "form": {"email": names.email},
            "errors": {"": "That e-mail and password do not belong together."},
        },
    )
    yield (
        "sign_in_throttled",
        "login/sign_in.html",
        {
            **out,
            **plain,
            "form": {"email": names.email},
            "errors": {"": "There were too many failed attempts. Try again in 12 minutes."},
        },
    )
    yield "signed_out", "login/signed_out.html", out


def own_account(names: Names) -> Pages:
    """Yield the pages of one's own account."""
    apps = [
        {
            "app_id": 3,
            "name": names.app,
            "developer": names.developer,
            "homepage": "https://sync.acme.example",
            "terms": TERMS[1],
            "authorized_at": ago(days=20),
            "last_used_at": ago(minutes=3),
            "scopes": ["company.manage"],
            "companies": [names.company, "Harbor Civil", "Pier Group", "Mill Street Trust"],
        },
        {
            "app_id": 4,
            "name": "Ledger Bridge",
            "developer": "Tally Works",
            "homepage": "",
            "terms": "",
            "authorized_at": ago(hours=2),
            "last_used_at": None,
            "scopes": [],
            "companies": [],
        },
    ]
    inside = frame(names, "account", "Connected apps")
    yield "start", "account/home.html", {**frame(names), "apps_count": 2}
    yield "start_alone", "account/home.html", {**frame(names, places=[]), "apps_count": 0}
    yield (
        "connected_apps",
        "account/apps.html",
        {
            **inside,
            "apps": apps,
            "flash": "Drawing Diff may no longer act for you. It stopped everywhere at 14:02:11 UTC.",
        },
    )
    yield "connected_apps_none", "account/apps.html", {**inside, "apps": []}
    yield from _security(names)
    yield from _sessions(names)
    made, raised = made_and_raised(names)
    yield (
        "end_app",
        "account/end_app.html",
        {
            **inside,
            "app": apps[0],
            "families": 2,
            "companies": [names.company, "Harbor Civil"],
            "made": made,
            "raised": raised,
        },
    )
    yield (
        "end_app_idle",
        "account/end_app.html",
        {**inside, "app": apps[1], "families": 0, "companies": [], "made": [], "raised": []},
    )


def _security(names: Names) -> Pages:
    inside = frame(names, "account", "Security")
    account = {
        "email": names.email,
        "email_proven_at": ago(days=30),
        "password_changed_at": ago(days=3),
        "created_at": ago(days=31),
    }
    sign_ins = [
        {"at": ago(minutes=5), "ip": "203.0.113.9", "device": "Firefox on Linux"},
        {"at": ago(days=2), "ip": "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "device": names.user},
        {"at": ago(days=9), "ip": None, "device": "Safari on iPhone"},
    ]
    terms = {"version": "2026-11", "accepted_at": ago(days=12)}
    more: Context = {"rule": "At least 12 characters.", "form": {}, "errors": {}}
    yield (
        "security",
        "account/security.html",
        {**inside, **more, "account": account, "terms": terms, "sign_ins": sign_ins},
    )
    bare = {**account, "email_proven_at": None, "password_changed_at": None}
    failed: Context = {"errors": {"current_password": "This is not your password."}}
    yield (
        "security_failed",
        "account/security.html",
        {**inside, **more, **failed, "account": bare, "terms": None, "sign_ins": []},
    )


def _sessions(names: Names) -> Pages:
    inside = frame(names, "account", "Sessions")
    here: Context = {
        "session_id": "0" * 32,
        "device": "Firefox on Linux",
        "ip": "203.0.113.9",
        "created_at": ago(hours=3),
        "last_seen_at": ago(minutes=1),
        "is_this": True,
    }
    there = {**here, "session_id": "1" * 32, "device": "Safari on iPhone", "ip": None, "is_this": False}
    program = {**there, "session_id": "2" * 32, "device": names.user, "ip": "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"}
    yield "sessions", "account/sessions.html", {**inside, "sessions": [here, there, program]}
    yield "sessions_alone", "account/sessions.html", {**inside, "sessions": [here]}


def refusals(names: Names) -> Pages:
    """Yield the pages that refuse."""
    inside = frame(names, "company:1")
    bare: Context = {
        "held": None,
        "who_can_help": [],
        "role_that_helps": None,
        "way_on": {"label": "To the start", "href": "/"},
    }
    yield (
        "refused",
        "error.html",
        {
            **inside,
            **bare,
            "status": 403,
            "code": "permission_insufficient",
            "heading": "App Management is for company admins",
            "explanation": "Either of these two can change that.",
            "held": f"In {names.company} you hold Admin: None.",
            "who_can_help": [
                {"name": names.user, "email": names.email},
                {"name": "Dana Reyes", "email": "dana@northwind.example"},
            ],
            "way_on": {"label": "Back to Directory", "href": "/companies/1/directory"},
        },
    )
    yield (
        "refused_by_role",
        "error.html",
        {
            **inside,
            **bare,
            "status": 403,
            "code": "permission_insufficient",
            "heading": "Service accounts are for company admins",
            "explanation": "",
            "held": f"In {names.company} you hold Admin: None.",
            "role_that_helps": f"Whoever holds Directory: Admin in {names.company} can raise that.",
        },
    )
    yield (
        "unknown",
        "error.html",
        {
            **signed_out(names),
            **bare,
            "status": 404,
            "code": "not_found",
            "heading": "There is no such page for you",
            "explanation": "It does not exist, or it belongs to a company that you are not in.",
        },
    )
    yield (
        "broken",
        "error.html",
        {
            **signed_out(names),
            **bare,
            "status": 500,
            "code": "internal_error",
            "heading": "Something broke on our side",
            "explanation": "It was written down under the request id below; the operator can find it by that.",
            "way_on": None,
        },
    )
