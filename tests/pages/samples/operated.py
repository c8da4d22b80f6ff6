"""The operator's companies, users and tools."""

from tests.pages.samples.parts import Names, Pages, ago, frame


def operated(names: Names) -> Pages:
    """Yield the operator's companies, users and tools."""
    yield from _companies(names)
    yield from _users(names)
    yield from _tools(names)


def _companies(names: Names) -> Pages:
    inside = frame(names, "operator", "Companies")
    paging = {"page": 1, "last": 2, "total": 61, "previous": None, "next": "?page=2"}
    page = {
        **inside,
        "q": "",
        "companies": [
            {"id": 1, "name": names.company, "contacts": 20_114, "admins": 3, "created_at": ago(days=200)},
            {"id": 2, "name": "Harbor Civil", "contacts": 1, "admins": 0, "created_at": ago(hours=2)},
        ],
        "paging": paging,
        "form": {},
        "errors": {},
    }
    yield "operator_companies", "operator/companies.html", page
    yield "operator_companies_first", "operator/companies.html", {**page, "companies": []}
    failed = {"form": {"company_name": names.company}, "errors": {"company_name": "It is the name of another company."}}
    yield "operator_companies_failed", "operator/companies.html", {**page, **failed, "q": names.app, "companies": []}
    open_ = {"since": ago(days=1), "shown_with": "2026-11-22T14:02:11+00:00"}
    admins = [
        {
            "contact_id": 1,
            "name": names.user,
            "email": names.email,
            "user_id": 1,
            "is_active": True,
            "invitation": open_,
        },
        {"contact_id": 2, "name": "Ben", "email": "b@b.example", "user_id": 2, "is_active": False, "invitation": open_},
        {
            "contact_id": 3,
            "name": "Cleo",
            "email": "c@b.example",
            "user_id": None,
            "is_active": False,
            "invitation": open_,
        },
        {
            "contact_id": 4,
            "name": names.developer,
            "email": "d@b.example",
            "user_id": None,
            "is_active": False,
            "invitation": {"since": None, "shown_with": ""},
        },
    ]
    shown = {
        **inside,
        "company": {"id": 1, "name": names.company, "app_access": "open"},
        "facts": {
            "contacts": 212,
            "users": 190,
            "projects": 14,
            "apps_connected": 3,
            "calls_since_yesterday": 1204,
            "service_accounts": 2,
        },
        "admins": admins,
        "form": {"company_name": names.company},
        "errors": {},
    }
    yield "operator_company", "operator/company.html", shown
    errors = {"email": "It is in this company's directory already."}
    yield "operator_company_alone", "operator/company.html", {**shown, "admins": [], "errors": errors}


def _users(names: Names) -> Pages:
    inside = frame(names, "operator", "Users")
    paging = {"page": 1, "last": 2, "total": 61, "previous": None, "next": "?page=2"}
    user = {
        "id": 5,
        "name": names.user,
        "email": names.email,
        "is_active": True,
        "is_operator": False,
        "is_proven": True,
        "created_at": ago(days=90),
    }
    gone = {**user, "id": 6, "name": "Ben Ito", "is_active": False, "is_operator": True, "is_proven": False}
    page = {**inside, "q": "", "users": [user, gone], "paging": paging}
    yield "operator_users", "operator/users.html", page
    yield "operator_users_none", "operator/users.html", {**page, "q": names.app, "users": []}
    ends = {"sessions": 2, "authorizations": 1, "companies": 3, "last_admin_of": [], "is_last_operator": False}
    shown = {**inside, "user": user, "ends": ends, "errors": {}}
    yield "operator_user", "operator/user.html", shown
    yield "operator_user_inactive", "operator/user.html", {**shown, "user": gone}
    last = {**ends, "last_admin_of": [{"id": 1, "name": names.company}, {"id": 2, "name": "Harbor Civil"}]}
    refused = {"": "This user is the last active company admin of a company."}
    yield "operator_user_last_admin", "operator/user.html", {**shown, "ends": last, "errors": refused}
    operator = {"user": {**user, "is_operator": True}, "ends": {**ends, "is_last_operator": True}}
    yield "operator_user_last_operator", "operator/user.html", {**shown, **operator}


def _tools(names: Names) -> Pages:
    every = ["none", "read_only", "standard", "admin"]
    tools = [
        {"scope": "company", "key": "directory", "name": "Directory", "levels": every, "is_built_in": True},
        {"scope": "company", "key": "admin", "name": "Admin", "levels": ["none", "admin"], "is_built_in": True},
        {"scope": "project", "key": "rfis", "name": names.project, "levels": every, "is_built_in": False},
    ]
    form = {"scope": "project", "key": "", "name": "", "levels": every}
    page = {**frame(names, "operator", "Tools"), "tools": tools, "form": form, "errors": {}}
    yield "operator_tools", "operator/tools.html", page
    errors = {"key": "It must be a-z, 0-9 and _.", "levels": "It must be none and at least one more."}
    yield "operator_tools_failed", "operator/tools.html", {**page, "errors": errors}
