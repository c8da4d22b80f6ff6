"""Why a contact may what it may, and the calls that were refused."""

from datetime import date

from tests.pages.samples.parts import NOW, Context, Names, Pages, ago, frame

REQUEST = "0c7f9a52-7a55-4b32-8d7e-0c5b1f7f3a10"


def check(rule: str, sentence: str, outcome: str = "holds", help: str = "") -> Context:
    """Return one check of an explanation."""
    return {"rule": rule, "outcome": outcome, "sentence": sentence, "help": help}


def explanations(names: Names) -> Pages:
    """Yield the explanation of a level, of a refused call, and the lists of refused calls."""
    yield from levels(names)
    yield from company(names)
    yield from own(names)


def levels(names: Names) -> Pages:
    """Yield a level explained: nothing chosen yet, decided by a template, and out of reach."""
    page = {
        **frame(names, "company:1", "Directory"),
        "company": {"id": 1, "name": names.company},
        "contact": {"contact_id": 3, "name": names.account, "kind": "service_account"},
        "tools": [{"key": "directory", "name": "Directory"}, {"key": "rfis", "name": "RFIs"}],
        "projects": [{"id": 9, "name": names.project}],
        "tool": "",
        "project_id": None,
        "explained": None,
    }
    yield "explain_start", "company/explain.html", page
    change = "Someone who holds Directory: Admin in this company can set it by hand, or change the template for all."
    passed = [
        check("P2", f"{names.account} is in the directory of {names.company}"),
        check("S5", "The service account functions"),
    ]
    explained = {
        "sentence": f"{names.account} may read RFIs on {names.project}, and no more.",
        "level": "read_only",
        "checks": [
            *passed,
            check("P3", f"{names.account} is on {names.project}"),
            check("M3", "Template Site reader gives RFIs: Read only", "decides", change),
        ],
        "grant": {"at": ago(days=20), "by": f"{names.user}, through {names.app}", "event_id": 8115},
        "change": change,
        "project": names.project,
    }
    chosen = {**page, "tool": "rfis", "project_id": 9}
    yield "explain", "company/explain.html", {**chosen, "explained": explained}
    fails = [*passed, check("P3", f"It is not on {names.project}", "fails", "Somebody can add it.")]
    out = {**explained, "level": "none", "checks": fails, "grant": None, "change": "Somebody can add it."}
    yield "explain_out_of_reach", "company/explain.html", {**chosen, "explained": out}


def company(names: Names) -> Pages:
    """Yield a company's refused calls, and one of them."""
    sentence = "This needs RFIs: Standard in this project. The user of this token holds Read only."
    call = {
        "request_id": REQUEST,
        "at": ago(minutes=3),
        "code": "permission_insufficient",
        "app": names.app,
        "app_id": 3,
        "contact": names.user,
        "contact_id": 1,
        "kind": "user",
        "sentence": sentence,
        "method": "POST",
        "path": "/rest/v1.0/projects/{project_id}/rfis",
    }
    alone = {**call, "app": None, "app_id": None, "contact": None, "contact_id": 7, "kind": "service_account"}
    inside, one = frame(names, "company:1", "Refused calls"), {"id": 1, "name": names.company}
    page = {
        **inside,
        "company": one,
        "refusals": [call, alone],
        "paging": {"page": 1, "last": 3, "total": 102, "previous": None, "next": "?page=2"},
        "form": {"app_id": "3", "code": "permission_insufficient", "day": ""},
        "apps": [{"id": 3, "name": names.app}],
        "codes": ["app_not_connected", "permission_insufficient"],
        "days": [NOW.date()],
        "sought": "",
    }
    yield "refusals", "company/refusals.html", page
    none = {**page, "refusals": [], "sought": REQUEST}
    yield "refusals_not_found", "company/refusals.html", none
    yield (
        "refusals_none",
        "company/refusals.html",
        {**none, "sought": "", "form": {"app_id": "", "code": "", "day": ""}},
    )
    help_ = "Someone who holds Directory: Admin in this company can raise it."
    asked = {"help": help_, "scopes": []}
    explained = {
        "checks": [
            check("T11", "The access token was alive"),
            check("P4", "The user was active"),
            check("P2", f"{names.user} was in the directory of {names.company}"),
            check("I2", f"{names.app} was connected"),
            check("M2", sentence, "fails", help_),
        ],
        "grant": {"at": ago(days=2), "by": names.user, "event_id": 8120},
        "needed": "standard",
        "held": "read_only",
        "now": None,
    }
    page = {**inside, "company": one, "call": {**call, **asked}, "explained": explained}
    yield "refusal", "company/refusal.html", page
    now = {"code": "app_not_connected", "sentence": "App is not connected to this company", "help": help_}
    left = {**explained, "grant": None, "needed": None, "held": None, "now": now}
    yield "refusal_still", "company/refusal.html", {**page, "call": {**alone, **asked}, "explained": left}


def own(names: Names) -> Pages:
    """Yield the refused calls of a developer's apps."""
    refusal = {
        "request_id": REQUEST,
        "at": ago(minutes=3),
        "code": "app_not_connected",
        "app": names.app,
        "method": "GET",
        "path": "/rest/v1.0/projects",
        "sentence": "App is not connected to this company",
    }
    page = {
        **frame(names, "developer", "Refused calls"),
        "apps": [{"id": 3, "name": names.app}],
        "refusals": [refusal, {**refusal, "code": "token_expired", "sentence": "The access token has expired."}],
        "counts": [
            {"day": date(2026, 11, 23), "code": "app_not_connected", "count": 1204},
            {"day": date(2026, 11, 22), "code": "token_expired", "count": 2},
        ],
        "paging": {"page": 1, "last": 1, "total": 2, "previous": None, "next": None},
        "form": {"app_id": "", "code": "", "day": ""},
        "codes": ["app_not_connected", "token_expired"],
        "days": [NOW.date()],
    }
    yield "own_refusals", "developer/refusals.html", page
    yield "own_refusals_none", "developer/refusals.html", {**page, "refusals": [], "counts": []}
    yield "own_refusals_no_app", "developer/refusals.html", {**page, "apps": [], "refusals": [], "counts": []}
