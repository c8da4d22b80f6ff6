"""A company’s directory and its contacts."""

from typing import Final

from tests.pages.samples.parts import (
    Context,
    Names,
    Pages,
    frame,
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
            "levels": [{"tool_name": "Directory", "level": "admin"}, {"tool_name": "Admin", "level": "admin"}],
            "projects": 7,
        },
        {
            "contact_id": 2,
            "name": "Ben Ito",
            "email": "ben@northwind.example",
            "kind": "user",
            "levels": [{"tool_name": "Directory", "level": "read_only"}],
            "projects": 1,
        },
        {
            "contact_id": 3,
            "name": names.account,
            "email": "nightly-export.4f2a@svc.northwind.example",
            "kind": "service_account",
            "levels": [],
            "projects": 0,
        },
        {
            "contact_id": 4,
            "name": "Concrete supplier",
            "email": "orders@concrete.example",
            "kind": "none",
            "levels": [],
            "projects": 0,
        },
        {
            "contact_id": 5,
            "name": "Ledger import",
            "email": None,
            "kind": "service_account",
            "levels": [{"tool_name": "Reports", "level": "standard"}],
            "projects": 2,
        },
    ]
    paging = {"page": 2, "last": 5, "total": 212, "previous": "?page=1", "next": "?page=3"}
    page = {
        **inside,
        "company": one,
        "q": "",
        "contacts": contacts,
        "paging": paging,
        "may_add": True,
        "form": {},
        "errors": {},
        "invitation": None,
    }
    yield "directory", "company/directory.html", page
    yield (
        "directory_added",
        "company/directory.html",
        {**page, "invitation": {"email": names.email, "link": "https://id.northwind.example/invitation/" + "x" * 43}},
    )
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
            "removal": {"projects": 3, "apps": [], "locked": None},
        },
    )
    yield (
        "contact_read",
        "company/contact.html",
        {**page, "may_edit": False, "projects": [{**project, "may_remove": False} for project in projects]},
    )
    yield (
        "contact_bare",
        "company/contact.html",
        {
            **page,
            "contact": {**account, "kind": "none", "email": None, "service_account_id": None},
            "projects": [],
            "other_projects": [],
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
