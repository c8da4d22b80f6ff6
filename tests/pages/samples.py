"""Every page with something on it: full, empty and stressed (long, hostile and reversing names).

`PAGES` maps a sample's name to its template and context; `FRAMES` to the frame around it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gatewright.web.core import Place, Tab
from gatewright.web.display import Calls

Context = Mapping[str, Any]

NOW: Final = datetime(2026, 11, 23, 14, 2, 11, tzinfo=UTC)
LONG: Final = "Northwind Builders and Sons International Construction Holdings of the Northern Provinces"
UNBROKEN: Final = "Nightly-export-of-everything-to-the-data-warehouse-in-Frankfurt-am-Main-and-back-again"
HOSTILE: Final = "<script>alert('gw')</script> & \"Sons\""
REVERSING: Final = "Acme \u202egnitluasnoC\u202c \u2066Tools"


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a sample is filled with."""

    company: str = "Northwind Builders"
    app: str = "Punchlist Sync"
    developer: str = "Acme Field Tools"
    user: str = "Ada Park"
    email: str = "ada@northwind.example"
    account: str = "Nightly export"
    project: str = "Pier 9"


PLAIN: Final = Names()
STRESS: Final = Names(LONG, HOSTILE, REVERSING, "Wolfeschlegelsteinhausenbergerdorff " * 2 + "Jr", f"{'a' * 60}@{'b' * 60}.example", UNBROKEN, HOSTILE)


def ago(**age: float) -> datetime:
    """Return the instant that long before the samples' now."""
    return NOW - timedelta(**age)


def calls(allowed: list[int], refused: list[int] | None = None) -> list[Calls]:
    """Return days that end today."""
    first = NOW.date() - timedelta(days=len(allowed) - 1)
    return [
        Calls(first + timedelta(days=at), count, (refused or [0] * len(allowed))[at])
        for at, count in enumerate(allowed)
    ]


MONTH: Final = calls(
    [70, 520, 540, 590, 600, 640, 180, 80, 610, 655, 700, 690, 720, 210, 95, 735, 610, 660, 640, 655, 200, 80, 640, 720, 810, 905, 1010, 260, 110, 1204],
    [2, 3, 2, 0, 0, 4, 2, 3, 5, 2, 1, 0, 6, 4, 3, 2, 5, 1, 0, 3, 4, 5, 1, 0, 6, 7, 90, 3, 11, 8],
)
FORTNIGHT: Final = calls([610, 660, 640, 655, 200, 80, 640, 720, 810, 905, 1010, 260, 110, 1204])
RARE: Final = calls([0, 14, 0, 0, 0, 0, 22, 0, 30, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0])
NONE: Final = calls([0] * 14)


def frame(names: Names, place: str = "", tab: str = "", **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return what html.py gives every page."""
    places = [
        Place("account", names.user, "Your account", "/account/apps", "person"),
        Place("company:1", names.company, "Company admin", "/companies/1", "company"),
        Place("company:2", "Harbor Civil", "Contact", "/companies/2", "company"),
        Place("developer", "Developer", "3 apps", "/developer/apps", "developer"),
    ]
    tabs = {
        "account": [Tab("Connected apps", "/account/apps")],
        "company:1": [
            Tab("Overview", "/companies/1"),
            Tab("App Management", "/companies/1/apps", 1),
            Tab("Directory", "/companies/1/directory"),
            Tab("Service accounts", "/companies/1/service-accounts"),
        ],
        "developer": [Tab("Apps", "/developer/apps")],
    }.get(place, [])
    return {
        "viewer": {"name": names.user, "email": names.email, "user_id": 1},
        "place": next((one for one in places if one.key == place), None),
        "places": [{"place": one, "current": one.key == place} for one in places],
        "tabs": [{"tab": one, "current": one.name == tab} for one in tabs],
        "csrf_token": "c" * 64,
        "flash": None,
        "theme": "",
        "request_id": "0c7f9a52-7a55-4b32-8d7e-0c5b1f7f3a10",
        "now": NOW,
        "path": "/here",
        **changes,
    }


def signed_out(names: Names) -> dict[str, Any]:
    """Return the frame for nobody signed in."""
    return frame(names, viewer=None, places=[], place=None)


def asks(names: Names) -> list[Context]:
    """Return one app that waits for a decision."""
    return [{"app_id": 7, "name": "Blueprint Lens" if names is PLAIN else names.app, "developer": names.developer, "asked_by": names.user, "asked_at": ago(minutes=20)}]


def sign_in(names: Names) -> Iterator[tuple[str, str, Context]]:
    """Yield the pages before and after a session."""
    plain = {"form": {}, "errors": {}, "next": "", "app_name": None, "sign_up_href": None, "forgot_href": None}
    out = signed_out(names)
    yield "home", "home.html", {**out, "developer_href": "/developer/apps"}
    yield "sign_in", "login/sign_in.html", {**out, **plain}
    yield "sign_in_waiting", "login/sign_in.html", {**out, **plain, "app_name": names.app, "next": "/oauth/authorize?client_id=1", "sign_up_href": "/sign-up", "forgot_href": "/password/forgot"}
    yield "sign_in_failed", "login/sign_in.html", {**out, **plain, "form": {"email": names.email}, "errors": {"": "That e-mail and password do not belong together."}}
    yield "signed_out", "login/signed_out.html", out
    invitation = {"email": names.email, "inviter": names.company, "role": "operator"}
    yield "invitation", "login/invitation.html", {**out, "invitation": invitation, "form": {}, "errors": {}, "password_length": 12}
    yield "invitation_failed", "login/invitation.html", {**out, "invitation": {**invitation, "role": None}, "form": {"name": names.user}, "errors": {"password": "This password is on lists of common ones. Choose another."}, "password_length": 12}


def ceremonies(names: Names) -> Iterator[tuple[str, str, Context]]:
    """Yield consent, codes and one-time secrets."""
    app = {"app_id": 3, "name": names.app, "developer": names.developer, "homepage": "https://sync.acme.example/", "terms_version": "2026-11", "client_id": "gwc_3n9v2kq7d1txm4s8"}
    inside = frame(names)
    consent = {
        **inside, "request": "r" * 32, "app": app, "scopes": ["company.manage"], "managed": [names.company, "Harbor Civil"],
        "companies": [{"name": names.company, "state": "connects"}, {"name": "Harbor Civil", "state": "approval"}, {"name": "Pier Group", "state": "connected"}, {"name": "Mill Street Trust", "state": "refused"}],
        "return_to": {"kind": "web", "host": "sync.acme.example"}, "switch_href": "/login?next=/oauth/authorize",
    }
    yield "consent", "oauth/consent.html", consent
    yield "consent_bare", "oauth/consent.html", {**consent, "scopes": [], "managed": [], "companies": [], "return_to": {"kind": "loopback", "host": "127.0.0.1"}, "app": {**app, "homepage": "", "terms_version": None}}
    yield "consent_code", "oauth/consent.html", {**consent, "managed": [], "return_to": {"kind": "code", "host": ""}}
    yield "code", "oauth/code.html", {**inside, "code": "gwa_" + "Yt7Qm2Vx0aJr9LkE4uWb1NsDp6HcZf3TgOi8RvKqMe5_x4Kd", "app": app, "lifetime_minutes": 10}
    yield "authorize_refused", "oauth/refused.html", {
        **signed_out(names), "heading": "This redirect URI is not registered", "explanation": f"{names.app} asked to send you to an address that its developer has not registered, so you were sent nowhere.",
        "who": "The app’s developer registers it under Apps, Redirect URIs. It is compared character by character.", "code": "invalid_request", "status": 400,
        "facts": [{"label": "Sent", "value": f"https://{'x' * 90}.example/callback"}], "way_on": {"label": "To the start", "href": "/"},
    }
    secret = "gws_Yt7Qm2Vx0aJr9LkE4uWb1NsDp6HcZf3TgOi8RvKqMe5_x4Kd"
    account = {**inside, "account": {"name": names.account, "client_id": "svc_5r8m2c41xk"}, "company": {"id": 1, "name": names.company}, "made_by": names.user, "regenerated": False, "continue_href": "/companies/1/directory/9", "account_href": "/companies/1/service-accounts/4"}
    yield "account_secret", "company/secret.html", {**account, "client_secret": secret}
    yield "account_secret_again", "company/secret.html", {**account, "client_secret": None}
    yield "app_secret", "developer/secret.html", {**inside, "app": app, "client_secret": secret, "second": True}
    yield "app_secret_again", "developer/secret.html", {**inside, "app": app, "client_secret": None, "second": False}


def own_account(names: Names) -> Iterator[tuple[str, str, Context]]:
    """Yield the pages of one's own account."""
    apps = [
        {"app_id": 3, "name": names.app, "developer": names.developer, "homepage": "https://sync.acme.example", "terms_version": "2026-11", "authorized_at": ago(days=20), "last_used_at": ago(minutes=3), "scopes": ["company.manage"], "companies": [names.company, "Harbor Civil", "Pier Group", "Mill Street Trust"]},
        {"app_id": 4, "name": "Ledger Bridge", "developer": "Tally Works", "homepage": "", "terms_version": None, "authorized_at": ago(hours=2), "last_used_at": None, "scopes": [], "companies": []},
    ]
    inside = frame(names, "account", "Connected apps")
    yield "start", "account/home.html", {**frame(names), "apps_count": 2}
    yield "start_alone", "account/home.html", {**frame(names, places=[]), "apps_count": 0}
    yield "connected_apps", "account/apps.html", {**inside, "apps": apps, "flash": "Drawing Diff may no longer act for you. It stopped everywhere at 14:02:11 UTC."}
    yield "connected_apps_none", "account/apps.html", {**inside, "apps": []}
    made, raised = made_and_raised(names)
    yield "end_app", "account/end_app.html", {**inside, "app": apps[0], "families": 2, "companies": [names.company, "Harbor Civil"], "made": made, "raised": raised}
    yield "end_app_idle", "account/end_app.html", {**inside, "app": apps[1], "families": 0, "companies": [], "made": [], "raised": []}


def made_and_raised(names: Names) -> tuple[list[Context], list[Context]]:
    """Return what an app made and what else it raised."""
    made = [{"id": 4, "name": names.account, "detail": f"in {names.company}, made 3 Nov"}, {"id": 5, "name": "Ledger import", "detail": "in Harbor Civil, secret regenerated yesterday"}]
    raised = [{"id": 8115, "text": f"RFIs on {names.project} for Ben Ito: Read only → Admin", "at": ago(days=2)}]
    return made, raised


def company(names: Names) -> Iterator[tuple[str, str, Context]]:
    """Yield a company's overview and its App Management."""
    one = {"id": 1, "name": names.company, "app_access": "approval", "contacts": 212}
    facts = {"contacts": 212, "users": 180, "projects": 7, "apps_connected": 5, "calls_24h": 2361, "service_accounts": 3}
    overview = {**frame(names, "company:1", "Overview"), "company": one, "facts": facts, "waiting": asks(names), "may_set": True, "events": [{"who": names.user, "text": f"disconnected {names.app}", "at": ago(hours=3)}, {"who": None, "text": "Timecard Mobile connected at its first call", "at": ago(days=40)}]}
    yield "overview", "company/overview.html", overview
    yield "overview_contact", "company/overview.html", {**overview, "waiting": [], "may_set": False, "events": []}
    rows = [
        ("Timecard Mobile", "connected", 31, ago(seconds=9), 884, FORTNIGHT), (names.app, "connected", 14, ago(minutes=3), 1204, FORTNIGHT),
        ("Model Checker", "connected", 2, ago(days=8), 0, RARE), ("Drawing Diff", "disconnected", 0, None, 0, NONE),
    ]
    apps = [{"app_id": at, "name": name, "developer": names.developer, "status": status, "users": users, "last_call_at": last, "calls_today": today, "calls": days} for at, (name, status, users, last, today, days) in enumerate(rows)]
    inside = frame(names, "company:1", "App Management")
    listing = {**inside, "company": one, "q": "", "status": "", "totals": {"all": 4, "connected": 3, "disconnected": 1}, "waiting": asks(names), "apps": apps, "unseen": []}
    yield "app_management", "company/apps.html", listing
    yield "app_management_none", "company/apps.html", {**listing, "company": {**one, "app_access": "open", "contacts": 3}, "totals": {"all": 0, "connected": 0, "disconnected": 0}, "waiting": [], "apps": []}
    yield "app_management_not_found", "company/apps.html", {**listing, "q": names.app, "status": "connected", "waiting": [], "apps": [], "unseen": [{"app_id": 9, "name": names.app, "developer": names.developer}]}
    yield from app_here(names, one, inside)


def app_here(names: Names, one: Context, inside: Context) -> Iterator[tuple[str, str, Context]]:
    """Yield one app in one company, in each of its states."""
    made, raised = made_and_raised(names)
    users = [{"name": name, "email": names.email, "authorized_at": ago(days=20), "last_used_at": ago(minutes=3), "contact_id": at} for at, name in enumerate([names.user, "Ben Ito", "Elif Kaya", "Tomas Lind"])]
    page = {
        **inside, "company": one,
        "app": {"app_id": 3, "name": names.app, "developer": names.developer, "homepage": "https://sync.acme.example", "terms_version": "2026-11", "status": "connected", "changed_by": "Ben Ito", "by_first_call": True, "changed_at": ago(days=20)},
        "facts": {"users": 14, "calls_24h": 1204, "calls_day_average": 548, "last_call_at": ago(minutes=3), "last_call_for": names.user, "refused_7d": 44, "calls_7d": 5019},
        "calls": MONTH, "users": users, "made": made, "raised": raised, "receipt": None,
    }
    quiet = {"users": 0, "calls_24h": 0, "calls_day_average": 0, "last_call_at": None, "last_call_for": None, "refused_7d": 0, "calls_7d": 0}
    yield "app", "company/app.html", page
    yield "app_disconnected", "company/app.html", {**page, "app": {**page["app"], "status": "disconnected", "changed_by": "you", "by_first_call": False, "changed_at": ago(seconds=1)}, "receipt": {"verb": "Disconnected", "at": NOW, "users": 14, "nodes": 3, "seconds": 0.2}}
    yield "app_reconnected", "company/app.html", {**page, "receipt": {"verb": "Reconnected", "at": NOW, "users": 1, "nodes": None, "seconds": None}}
    yield "app_asks", "company/app.html", {**page, "app": {**page["app"], "status": "requested"}, "facts": quiet, "calls": calls([0] * 30), "users": [], "made": [], "raised": []}
    yield "app_unseen", "company/app.html", {**page, "app": {**page["app"], "status": "unseen", "changed_by": None, "by_first_call": False, "changed_at": None, "terms_version": None, "homepage": ""}, "facts": quiet, "calls": [], "users": [], "made": [], "raised": []}


def directory(names: Names) -> Iterator[tuple[str, str, Context]]:
    """Yield a company's directory and its contacts."""
    inside = frame(names, "company:1", "Directory")
    one = {"id": 1, "name": names.company}
    contacts = [
        {"contact_id": 1, "name": names.user, "email": names.email, "kind": "user", "levels": [{"tool_name": "Directory", "level": "admin"}, {"tool_name": "Admin", "level": "admin"}], "projects": 7},
        {"contact_id": 2, "name": "Ben Ito", "email": "ben@northwind.example", "kind": "user", "levels": [{"tool_name": "Directory", "level": "read_only"}], "projects": 1},
        {"contact_id": 3, "name": names.account, "email": "nightly-export.4f2a@svc.northwind.example", "kind": "service_account", "levels": [], "projects": 0},
        {"contact_id": 4, "name": "Concrete supplier", "email": "orders@concrete.example", "kind": "none", "levels": [], "projects": 0},
        {"contact_id": 5, "name": "Ledger import", "email": None, "kind": "service_account", "levels": [{"tool_name": "Reports", "level": "standard"}], "projects": 2},
    ]
    paging = {"page": 2, "last": 5, "total": 212, "previous": "?page=1", "next": "?page=3"}
    page = {**inside, "company": one, "q": "", "contacts": contacts, "paging": paging, "may_add": True, "form": {}, "errors": {}, "invitation": None}
    yield "directory", "company/directory.html", page
    yield "directory_added", "company/directory.html", {**page, "invitation": {"email": names.email, "link": "https://id.northwind.example/invitation/" + "x" * 43}}
    yield "directory_failed", "company/directory.html", {**page, "form": {"name": names.user, "email": "not an address"}, "errors": {"email": "Write an e-mail address, like name@company.example."}}
    yield "directory_not_found", "company/directory.html", {**page, "q": names.app, "contacts": [], "may_add": False}
    yield "directory_empty", "company/directory.html", {**page, "contacts": [], "paging": {**paging, "last": 1}, "may_add": False}
    yield from contact(names, one, inside)


TOOLS: Final = ("RFIs", "Drawings", "Daily log", "Budget", "Documents")
ALL: Final = ["none", "read_only", "standard", "admin"]


def cells(levels: list[str], tools: tuple[str, ...] = TOOLS, locked: str | None = None) -> list[Context]:
    """Return one row of the levels grid; `admin` cells are locked where a reason is given."""
    return [
        {"tool": tool.lower().replace(" ", "_"), "tool_name": tool, "level": level, "levels": ["none", "admin"] if tool == "Admin" else ALL, "locked": locked if level == "admin" else None}
        for tool, level in zip(tools, levels, strict=True)
    ]


def contact(names: Names, one: Context, inside: Context) -> Iterator[tuple[str, str, Context]]:
    """Yield contacts: a user, a service account that asks for too much, one that may only be read."""
    whole = ("Directory", "Admin", "Documents", "Reports", "Webhooks")
    projects = [
        {"id": at, "name": name, "number": number, "cells": cells(levels), "may_remove": True}
        for at, (name, number, levels) in enumerate([(names.project, "P-9", ["read_only", "read_only", "none", "none", "none"]), ("Harbor Yard", "HY-2", ["standard", "admin", "none", "none", "admin"]), ("Mill Street School", None, ["read_only", "read_only", "read_only", "none", "none"])])
    ]
    page = {
        **inside, "company": one, "contact": {"contact_id": 3, "name": names.user, "email": names.email, "kind": "user", "service_account_id": None}, "may_edit": True,
        "company_row": cells(["admin", "admin", "none", "read_only", "standard"], whole, f"{names.user} is the last active user with Directory: Admin here; someone else must hold it first."), "projects": projects,
        "other_projects": [{"id": 8, "name": "North Quay"}, {"id": 9, "name": names.project}], "form": {"name": names.user, "email": names.email}, "errors": {}, "needs_confirm": None,
        "removal": {"projects": 3, "apps": [names.app], "locked": f"{names.user} is the last active user with Directory: Admin here; someone else must hold it first."},
    }
    account = {"contact_id": 4, "name": names.account, "email": "nightly-export.4f2a@svc.northwind.example", "kind": "service_account", "service_account_id": 4}
    yield "contact", "company/contact.html", page
    yield "contact_account", "company/contact.html", {
        **page, "contact": account, "company_row": cells(["admin", "none", "none", "none", "none"], whole), "form": {"name": names.account, "email": account["email"]},
        "errors": {"": "Nothing is saved yet."}, "needs_confirm": "With Directory: Admin a program can change every level in this company, its own too, without a person.", "removal": {"projects": 3, "apps": [], "locked": None},
    }
    yield "contact_read", "company/contact.html", {**page, "may_edit": False, "projects": [{**project, "may_remove": False} for project in projects]}
    yield "contact_bare", "company/contact.html", {**page, "contact": {**account, "kind": "none", "email": None, "service_account_id": None}, "projects": [], "other_projects": [], "removal": {"projects": 0, "apps": [], "locked": None}}
    many = tuple(f"Tool {number}" for number in range(1, 12))
    yield "contact_many_tools", "company/contact.html", {**page, "company_row": cells(["read_only"] * 11, many), "projects": [{**projects[0], "cells": cells(["standard"] * 11, many)}]}


def service_accounts(names: Names) -> Iterator[tuple[str, str, Context]]:
    """Yield a company's service accounts."""
    inside = {**frame(names, "company:1", "Service accounts"), "company": {"id": 1, "name": names.company}, "once": "o" * 22}
    rows = [
        {"id": 4, "name": names.account, "client_id": "svc_5r8m2c41xk", "status": "active", "levels": 4, "projects": 3, "last_used_at": ago(hours=12), "created_at": ago(days=20), "created_by": names.user},
        {"id": 5, "name": "Ledger import", "client_id": "svc_9x", "status": "disabled", "levels": 0, "projects": 0, "last_used_at": None, "created_at": ago(days=400), "created_by": "Ben Ito"},
    ]
    page = {**inside, "accounts": rows, "form": {}, "errors": {}}
    yield "service_accounts", "company/service_accounts.html", page
    yield "service_accounts_none", "company/service_accounts.html", {**page, "accounts": [], "form": {"name": " "}, "errors": {"name": "Write a name."}}
    account = {"id": 4, "name": names.account, "client_id": "svc_5r8m2c41xk", "contact_id": 9, "email": "4f2a7c0d9e4b4c5f8a6b7c8d9e0f1a2b@service.northwind.example", "status": "active", "status_reason": None, "created_at": ago(days=20), "created_by": names.user, "through_app": names.app, "secret_made_at": ago(days=20), "last_used_at": ago(hours=12), "levels": 4, "projects": 3, "calls_24h": 61}
    yield "service_account", "company/service_account.html", {**inside, "account": account}
    yield "service_account_stopped", "company/service_account.html", {**inside, "account": {**account, "status": "disabled", "status_reason": "Its contact’s address was edited on 20 Nov.", "through_app": None, "levels": 0, "projects": 0, "last_used_at": None, "calls_24h": 0}}


def developer(names: Names) -> Iterator[tuple[str, str, Context]]:
    """Yield the developer's pages."""
    inside = {**frame(names, "developer", "Apps"), "once": "o" * 22}
    row = {"app_id": 3, "name": names.app, "client_id": "gwc_3n9v2kq7d1txm4s8", "type": "confidential", "status": "active", "authorizations": 138, "companies": 9, "created_at": ago(days=200)}
    yield "developer_apps", "developer/apps.html", {**inside, "apps": [row, {**row, "app_id": 4, "name": "Field Notes", "type": "public", "status": "blocked", "authorizations": 1, "companies": 1}], "terms": {"version": "2026-11", "href": "/developer/terms"}}
    yield "developer_apps_none", "developer/apps.html", {**inside, "apps": [], "terms": None}
    yield "new_app", "developer/new_app.html", {**inside, "form": {}, "errors": {}}
    yield "new_app_failed", "developer/new_app.html", {**inside, "form": {"name": names.app, "type": "public", "homepage": "ftp://x", "redirect_uris": "https://a.example/</textarea>\nhttp://b.example/", "scopes": ["company.manage"]}, "errors": {"homepage": "Start with https://.", "redirect_uris": "Line 2: http is only for this computer. Write https://b.example/, or remove the line."}}
    secrets = [{"id": 1, "prefix": "gws_Yt7Q…x4Kd", "made_at": ago(days=3), "last_used_at": ago(minutes=1), "families": 131}, {"id": 2, "prefix": "gws_m0Pe…t9Aw", "made_at": ago(days=203), "last_used_at": None, "families": 0}]
    form = {"redirect_uris": "https://sync.acme.example/callback\nhttp://localhost:3000/callback", "name": names.app, "homepage": "https://sync.acme.example", "scopes": ["company.manage"]}
    page = {**inside, "app": row, "secrets": secrets, "form": form, "errors": {}, "issuer": "https://id.northwind.example", "redirect_uri": "https://sync.acme.example/callback", "may_change": True}
    yield "developer_app", "developer/app.html", page
    yield "developer_app_failed", "developer/app.html", {**page, "secrets": secrets[:1], "form": {**form, "redirect_uris": "https://sync.acme.example/callback\nhttp://sync.acme.example/callback"}, "errors": {"redirect_uris": "Line 2: http is only for this computer. Write https://sync.acme.example/callback, or remove the line."}}
    yield "developer_app_public", "developer/app.html", {**page, "app": {**row, "type": "public"}, "secrets": [], "may_change": False}


def refusals(names: Names) -> Iterator[tuple[str, str, Context]]:
    """Yield the pages that refuse."""
    inside = frame(names, "company:1")
    bare: Context = {"held": None, "who_can_help": [], "role_that_helps": None, "way_on": {"label": "To the start", "href": "/"}}
    yield "refused", "error.html", {**inside, **bare, "status": 403, "code": "permission_insufficient", "heading": "App Management is for company admins", "explanation": "Either of these two can change that.", "held": f"In {names.company} you hold Admin: None.", "who_can_help": [{"name": names.user, "email": names.email}, {"name": "Dana Reyes", "email": "dana@northwind.example"}], "way_on": {"label": "Back to Directory", "href": "/companies/1/directory"}}
    yield "refused_by_role", "error.html", {**inside, **bare, "status": 403, "code": "permission_insufficient", "heading": "Service accounts are for company admins", "explanation": "", "held": f"In {names.company} you hold Admin: None.", "role_that_helps": f"Whoever holds Directory: Admin in {names.company} can raise that."}
    yield "unknown", "error.html", {**signed_out(names), **bare, "status": 404, "code": "not_found", "heading": "There is no such page for you", "explanation": "It does not exist, or it belongs to a company that you are not in."}
    yield "broken", "error.html", {**signed_out(names), **bare, "status": 500, "code": "internal_error", "heading": "Something broke on our side", "explanation": "It was written down under the request id below; the operator can find it by that.", "way_on": None}


SOURCES: Final = (sign_in, ceremonies, own_account, company, directory, service_accounts, developer, refusals)
PAGES: Final[dict[str, tuple[str, Context]]] = {
    name: (template, context) for source in SOURCES for name, template, context in source(PLAIN)
}
STRESSED: Final[dict[str, tuple[str, Context]]] = {
    f"stress_{name}": (template, context)
    for stress in (STRESS, replace(STRESS, company=HOSTILE, app=LONG, developer=LONG, account=HOSTILE, user=REVERSING))
    for source in SOURCES
    for name, template, context in source(stress)
}
EVERY: Final = {**PAGES, **STRESSED}
