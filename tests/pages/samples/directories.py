"""A company’s directory and its contacts."""

from typing import Final

from tests.pages.samples.parts import (
    Context,
    Names,
    Pages,
    ago,
    frame,
    signed_out,
)


def directory(names: Names) -> Pages:
    """Yield a company's directory and its contacts."""
    inside = frame(names, "company:1", "Directory")
    one = {"id": 1, "name": names.company}
    contacts = [
        {
            "contact_id": 1,
            "name": names.user,
            "email": names.email,
            "kind": "user",
            "template": "Site engineer",
            "levels": [{"tool_name": "Directory", "level": "admin"}, {"tool_name": "Admin", "level": "admin"}],
            "projects": 7,
        },
        {
            "contact_id": 2,
            "name": "Ben Ito",
            "email": "ben@northwind.example",
            "kind": "user",
            "template": "Site engineer",
            "levels": [{"tool_name": "Directory", "level": "read_only"}],
            "projects": 1,
        },
        {
            "contact_id": 3,
            "name": names.account,
            "email": "nightly-export.4f2a@svc.northwind.example",
            "kind": "service_account",
            "template": None,
            "levels": [],
            "projects": 0,
        },
        {
            "contact_id": 4,
            "name": "Concrete supplier",
            "email": "orders@concrete.example",
            "kind": "none",
            "template": None,
            "levels": [],
            "projects": 0,
        },
        {
            "contact_id": 5,
            "name": "Ledger import",
            "email": None,
            "kind": "service_account",
            "template": None,
            "levels": [{"tool_name": "Reports", "level": "standard"}],
            "projects": 2,
        },
    ]
    paging = {"page": 2, "last": 5, "total": 212, "previous": "?page=1", "next": "?page=3"}
    page = {
        **inside,
        "company": one,
        "q": "",
        "kind": "",
        "template": "",
        "templates": [{"id": 4, "name": "Site engineer"}, {"id": 5, "name": names.app}],
        "contacts": contacts,
        "paging": paging,
        "may_add": True,
        "form": {"invite": "yes"},
        "errors": {},
    }
    yield "directory", "company/directory.html", page
    invited = {
        **signed_out(names),
        "company": one,
        "contact": {"name": names.user, "email": names.email},
        "back": "/companies/1/directory/4",
        "link": "https://id.northwind.example/invitation/" + "x" * 43,
    }
    yield "invited", "company/invited.html", invited
    yield "invited_again", "company/invited.html", {**invited, "link": None}
    yield (
        "directory_failed",
        "company/directory.html",
        {
            **page,
            "form": {"name": names.user, "email": "not an address"},
            "errors": {"email": "Write an e-mail address, like name@company.example."},
        },
    )
    yield "directory_not_found", "company/directory.html", {**page, "q": names.app, "contacts": [], "may_add": False}
    yield (
        "directory_empty",
        "company/directory.html",
        {**page, "contacts": [], "paging": {**paging, "last": 1}, "may_add": False},
    )
    yield from contact(names, one, inside)
    yield from template(names)
    yield from project(names)


LAST: Final = "is the last active user with Directory: Admin here; someone else must hold it first."
TOOLS: Final = ("RFIs", "Drawings", "Daily log", "Budget", "Documents")
ALL: Final = ["none", "read_only", "standard", "admin"]


def cells(levels: list[str], tools: tuple[str, ...] = TOOLS, locked: str | None = None) -> list[Context]:
    """Return one row of the levels grid; `admin` cells are locked where a reason is given."""
    return [
        {
            "tool": tool.lower().replace(" ", "_"),
            "tool_name": tool,
            "level": level,
            "levels": ["none", "admin"] if tool == "Admin" else ALL,
            "locked": locked if level == "admin" else None,
        }
        for tool, level in zip(tools, levels, strict=True)
    ]


def contact(names: Names, one: Context, inside: Context) -> Pages:
    """Yield contacts: a user, a service account that asks for too much, one that may only be read."""
    whole = ("Directory", "Admin", "Documents", "Reports", "Webhooks")
    projects = [
        {"id": at, "name": name, "number": number, "cells": cells(levels), "may_remove": True}
        for at, (name, number, levels) in enumerate(
            [
                (names.project, "P-9", ["read_only", "read_only", "none", "none", "none"]),
                ("Harbor Yard", "HY-2", ["standard", "admin", "none", "none", "admin"]),
                ("Mill Street School", None, ["read_only", "read_only", "read_only", "none", "none"]),
            ]
        )
    ]
    page = {
        **inside,
        "company": one,
        "contact": {
            "contact_id": 3,
            "name": names.user,
            "email": names.email,
            "kind": "user",
            "service_account_id": None,
        },
        "may_edit": True,
        "template": {"id": 4, "name": names.app},
        "templates": [{"id": 4, "name": names.app}, {"id": 5, "name": "Office"}],
        "chosen_template": "4",
        "needs_confirm_of_template": None,
        "invitation": None,
        "explained": [
            {"name": "Whole company", "questions": [{"query": f"tool={tool}", "name": tool} for tool in whole]},
            {"name": names.project, "questions": [{"query": "tool=rfis&project_id=1", "name": "RFIs"}]},
        ],
        "company_row": cells(
            ["admin", "admin", "none", "read_only", "standard"],
            whole,
            f"{names.user} {LAST}",
        ),
        "projects": projects,
        "other_projects": [{"id": 8, "name": "North Quay"}, {"id": 9, "name": names.project}],
        "form": {"name": names.user, "email": names.email},
        "errors": {},
        "needs_confirm": None,
        "removal": {
            "projects": 3,
            "apps": [names.app],
            "locked": f"{names.user} {LAST}",
        },
    }
    account = {
        "contact_id": 4,
        "name": names.account,
        "email": "nightly-export.4f2a@svc.northwind.example",
        "kind": "service_account",
        "service_account_id": 4,
    }
    yield "contact", "company/contact.html", page
    yield (
        "contact_account",
        "company/contact.html",
        {
            **page,
            "contact": account,
            "company_row": cells(["admin", "none", "none", "none", "none"], whole),
            "form": {"name": names.account, "email": account["email"]},
            "errors": {"": "Nothing is saved yet."},
            "needs_confirm": "With Directory: Admin a program can change every level here, its own too.",
            "template": None,
            "removal": {"projects": 3, "apps": [], "locked": "This contact goes with its service account."},
        },
    )
    yield (
        "contact_read",
        "company/contact.html",
        {
            **page,
            "may_edit": False,
            "explained": [],
            "projects": [{**project, "may_remove": False} for project in projects],
        },
    )
    yield (
        "contact_bare",
        "company/contact.html",
        {
            **page,
            "contact": {**account, "kind": "none", "email": None, "service_account_id": None},
            "projects": [],
            "other_projects": [],
            "templates": [],
            "template": None,
            "invitation": {"since": ago(days=2), "shown_with": "2026-11-21T14:02:11Z"},
            "removal": {"projects": 0, "apps": [], "locked": None},
        },
    )
    many = tuple(f"Tool {number}" for number in range(1, 12))
    yield (
        "contact_many_tools",
        "company/contact.html",
        {
            **page,
            "company_row": cells(["read_only"] * 11, many),
            "projects": [{**projects[0], "cells": cells(["standard"] * 11, many)}],
        },
    )


def template(names: Names) -> Pages:
    """Yield permission templates: all of them, one, and whom a change would touch."""
    inside = frame(names, "company:1", "Templates")
    one = {"id": 1, "name": names.company}
    held = [{"tool_name": "Directory", "level": "read_only"}, {"tool_name": "Documents", "level": "standard"}]
    page = {
        **inside,
        "company": one,
        "templates": [
            {"id": 4, "name": names.app, "contacts": 14, "company": held, "project": held[1:]},
            {"id": 5, "name": "Office", "contacts": 0, "company": [], "project": []},
        ],
        "paging": {"page": 1, "last": 3, "total": 112, "previous": None, "next": "?page=2"},
        "form": {},
        "errors": {},
    }
    yield "templates", "company/templates.html", page
    failed = {"form": {"name": names.app}, "errors": {"name": "It is the name of another template already."}}
    yield "templates_failed", "company/templates.html", {**page, **failed}
    yield "templates_empty", "company/templates.html", {**page, "templates": []}
    shown = {
        **inside,
        "company": one,
        "template": {"id": 4, "name": names.app, "contacts": 14},
        "company_row": cells(["read_only", "none", "standard"], ("Directory", "Admin", "Documents")),
        "project_row": cells(["standard", "read_only", "none", "none", "none"]),
        "form": {"name": names.app},
        "errors": {},
    }
    yield "template", "company/template.html", shown
    yield (
        "template_unheld",
        "company/template.html",
        {
            **shown,
            "template": {**shown["template"], "contacts": 0},
            "errors": {"": "You hold Read only on budget, so you cannot give Admin."},
        },
    )
    preview = {
        **inside,
        "company": one,
        "template": {"id": 4, "name": names.app, "contacts": 14},
        "company_moves": [
            {"tool_name": "Directory", "before": "read_only", "after": "none"},
            {"tool_name": "Documents", "before": "standard", "after": "admin"},
        ],
        "project_moves": [{"tool_name": "RFIs", "before": "none", "after": "read_only"}],
        "renamed": names.project,
        "contacts": [
            {"contact_id": 1, "name": names.user, "kind": "user", "projects": 3},
            {"contact_id": 2, "name": names.account, "kind": "service_account", "projects": 0},
        ],
        "paging": {"page": 1, "last": 1, "total": 14, "previous": None, "next": None},
        "sent": {"name": names.project, "company.directory": "none"},
        "needs_confirm": None,
    }
    yield "template_preview", "company/template_preview.html", preview
    warned: Context = {"needs_confirm": "A service account holds this template.", "project_moves": [], "renamed": None}
    yield "template_confirm", "company/template_preview.html", {**preview, **warned}
    nothing: Context = {"company_moves": [], "project_moves": [], "renamed": None, "contacts": []}
    yield "template_same", "company/template_preview.html", {**preview, **nothing}


def project(names: Names) -> Pages:
    """Yield projects: all of them, one with its members, one that is only known by name; and the settings."""
    inside = frame(names, "company:1", "Projects")
    one = {"id": 1, "name": names.company, "app_access": "approval"}
    paging = {"page": 1, "last": 2, "total": 61, "previous": None, "next": "?page=2"}
    page = {
        **inside,
        "company": one,
        "q": "",
        "sees_all": True,
        "projects": [
            {"id": 1, "name": names.project, "number": "P-9", "is_active": True, "contacts": 14},
            {"id": 2, "name": "Mill Street School", "number": None, "is_active": False, "contacts": 0},
        ],
        "paging": paging,
        "form": {},
        "errors": {},
    }
    yield "projects", "company/projects.html", page
    yield "projects_empty", "company/projects.html", {**page, "projects": [], "sees_all": False}
    failed = {"q": names.app, "projects": [], "errors": {"name": "It is the name of another project already."}}
    yield "projects_failed", "company/projects.html", {**page, **failed, "form": {"name": names.project}}
    held = [{"tool_name": "RFIs", "level": "read_only"}, {"tool_name": "Drawings", "level": "standard"}]
    shown = {
        **inside,
        "company": one,
        "project": {"id": 1, "name": names.project, "number": "P-9", "is_active": True},
        "contacts": [
            {"contact_id": 1, "name": names.user, "kind": "user", "levels": [], "is_company_admin": True},
            {"contact_id": 2, "name": "Ben Ito", "kind": "user", "levels": held, "is_company_admin": False},
            {
                "contact_id": 3,
                "name": names.account,
                "kind": "service_account",
                "levels": [],
                "is_company_admin": False,
            },
        ],
        "q": "",
        "find": "co",
        "found": [{"contact_id": 4, "name": "Concrete supplier", "kind": "none", "email": "orders@concrete.example"}],
        "paging": paging,
        "may_read": True,
        "may_edit": True,
        "form": {"name": names.project, "project_number": "P-9", "is_active": "yes"},
        "errors": {},
    }
    yield "project", "company/project.html", shown
    bare = {"contacts": [], "found": [], "may_read": False, "may_edit": False, "paging": {**paging, "last": 1}}
    yield "project_known", "company/project.html", {**shown, **bare}
    none = {"contacts": [], "found": [], "q": names.app, "find": names.user, "errors": {"": "You hold none on rfis."}}
    yield "project_nobody", "company/project.html", {**shown, **none}
    set_ = {**frame(names, "company:1", "Overview"), "company": one, "errors": {}}
    yield "settings", "company/settings.html", set_
    yield "settings_failed", "company/settings.html", {**set_, "errors": {"": "app_access must be open or approval."}}
