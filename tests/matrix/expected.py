"""What must be answered, by the rules of the domain alone: plain dicts in, code, status and identity out.

An independent reading: nothing here, nor in what it imports, comes from the product.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.matrix.described import (
    COMPANIES,
    CONTACTS,
    FRESH,
    FRESH_HOLDERS,
    INSTALLATIONS,
    LEVELS,
    MANAGE,
    PROJECTS,
    SERVICE_ACCOUNTS,
    TEMPLATES,
    TOKENS,
    TOOLS,
    USERS,
)

# X2: "The first five and service_account_disabled are 401, company_ambiguous and company_required
# are 400, *_unknown 404, the rest 403."
STATUSES = {
    "token_missing": 401,
    "token_invalid": 401,
    "token_expired": 401,
    "token_revoked": 401,
    "principal_inactive": 401,
    "service_account_disabled": 401,
    "company_ambiguous": 400,
    "company_required": 400,
    "company_unknown": 404,
    "project_unknown": 404,
    "app_not_connected": 403,
    "app_approval_required": 403,
    "scope_insufficient": 403,
    "permission_insufficient": 403,
}
TOKEN_CODES = {
    "missing": "token_missing",
    "garbage": "token_invalid",
    "forged": "token_invalid",
    "signed elsewhere": "token_invalid",
    "refresh token": "token_invalid",  # it is for the token endpoint alone
    "expired": "token_expired",  # T3
    "expired, revoked": "token_expired",  # expired stands before revoked
    "revoked": "token_revoked",  # T9
    "refresh token revoked": "token_revoked",  # T9: both stop
    "replayed": "token_revoked",  # T6: the family ends
    "authorization ended": "token_revoked",  # T10
    "secret retired": "token_revoked",  # D4, T11
    "app blocked": "token_revoked",  # D6, T11
    "app deleted": "token_revoked",  # D6
    "ended by deactivation": "token_revoked",  # P4: and a reactivation revives none
    "secret regenerated": "token_revoked",  # S7
    "account deleted": "token_revoked",  # S9
}


def expected(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return code and status, and on allow who acts: by X2 the first that fails answers."""
    code = next(_refusals(cell), None)
    if code is not None:
        return {"code": code, "status": STATUSES[code]}
    token = TOKENS.get(cell["token"] or "", {})
    is_anywhere = cell["asks"] == "token"  # who acts, in no company
    return {
        "code": None,
        "status": 200,
        "principal": _principal(cell),
        "company": None if is_anywhere else cell["company"],
        "contact": None if is_anywhere else (_principal(cell), cell["company"]),
        "level": held(cell) if cell["asks"] == "tool" else None,
        "app": token.get("app"),
        "scopes": token.get("scopes", ()),
    }


def installed_after(cell: Mapping[str, Any]) -> str | None:
    """Return the installation that stands after the first call in a fresh company (I2); None: there is none."""
    if _company_refusal(cell) or next(_token_refusals(cell), None) or not TOKENS[cell["token"]]["app"]:
        return None
    return {"open": "connected", "approval": "requested"}[FRESH[cell["company"]]]


def _refusals(cell: Mapping[str, Any]) -> Iterator[str]:
    """Yield every refusal, in the order of X2."""
    if cell["token"] is not None:
        yield from _token_refusals(cell)
    yield from _naming_refusals(cell)
    if cell["asks"] == "token":
        return
    if _company_refusal(cell):
        yield "company_unknown"
    elif cell["contact"] is not None:
        yield from _principal_refusals(_principal(cell))
    yield from _installation_refusals(cell)
    yield from _project_refusals(cell)
    # M8: on the pages, and where the principal's contact is asked about, no token stands between.
    if cell["scope"] and MANAGE not in TOKENS[cell["token"]]["scopes"]:
        yield "scope_insufficient"
    if not _is_permitted(cell):
        yield "permission_insufficient"


def _token_refusals(cell: Mapping[str, Any]) -> Iterator[str]:
    token = TOKENS[cell["token"]]
    if token["state"] != "alive":
        yield TOKEN_CODES[token["state"]]
    yield from _principal_refusals(token["who"])


def _principal_refusals(who: str) -> Iterator[str]:
    if USERS.get(who) == "deactivated" or who == "nobody":  # P4; P2: an entry without a login can do nothing
        yield "principal_inactive"
    if SERVICE_ACCOUNTS.get(who, {}).get("state") == "disabled":  # S8
        yield "service_account_disabled"


def _naming_refusals(cell: Mapping[str, Any]) -> Iterator[str]:
    if cell["company"] == "named twice":  # X3
        yield "company_ambiguous"
    if cell["company"] is None and cell["asks"] != "token":
        yield "company_required"


def _company_refusal(cell: Mapping[str, Any]) -> bool:
    """Return whether the company is out of reach: there is none, or the principal is not in its directory (P6, S1)."""
    if cell["contact"] is not None and cell["contact"][1] != cell["company"]:
        return True  # the contact of another company
    return _contact(cell) is None


def _installation_refusals(cell: Mapping[str, Any]) -> Iterator[str]:
    app = None if cell["token"] is None else TOKENS[cell["token"]]["app"]
    if app is None:  # a service account is no app; nor stands one before a contact
        return
    kind = FRESH.get(cell["company"])
    standing = {"open": "connected", "approval": "requested"}[kind] if kind else None  # I2: by this very call
    standing = standing or INSTALLATIONS.get((app, cell["company"]))
    if standing == "requested":
        yield "app_approval_required"
    if standing == "disconnected":
        yield "app_not_connected"


def _project_refusals(cell: Mapping[str, Any]) -> Iterator[str]:
    """P6: a project of which the caller is no member is unknown, unless they hold `directory: admin`."""
    project = cell["project"]
    if project is None:
        return
    contact = _contact(cell) or {"levels": {}, "projects": {}}
    is_there = PROJECTS.get(project) == cell["company"]
    if not is_there or not (project in contact["projects"] or _is_company_admin(contact)):
        yield "project_unknown"


def _is_permitted(cell: Mapping[str, Any]) -> bool:
    if cell["asks"] == "member":  # any level, or membership in the company
        contact = _contact(cell) or {"levels": {}, "projects": {}}
        return bool(contact["projects"]) or any(level != "none" for level in contact["levels"].values())
    return LEVELS.index(held(cell)) >= LEVELS.index(cell["level"])


def held(cell: Mapping[str, Any]) -> str:
    """Return the level held on the tool: M2, M4, and M7 for one that nobody declared in that place."""
    contact, tool = _contact(cell), cell["tool"]
    is_on_project = cell["project"] is not None and not cell["of_company"]
    if contact is None or TOOLS.get(tool) != ("project" if is_on_project else "company"):
        return "none"
    if _is_company_admin(contact):
        return "admin"
    stated = contact["projects"].get(cell["project"], {}) if is_on_project else contact["levels"]
    return str(stated.get(tool, "none"))


def _is_company_admin(contact: Mapping[str, Any]) -> bool:
    return bool(contact["levels"].get("directory") == "admin")


def _principal(cell: Mapping[str, Any]) -> str:
    return str(cell["contact"][0] if cell["contact"] is not None else TOKENS[cell["token"]]["who"])


def _contact(cell: Mapping[str, Any]) -> dict[str, Any] | None:
    who, company = _principal(cell), cell["company"]
    if company in FRESH:
        return FRESH_HOLDERS.get(who)
    if company not in COMPANIES or (who, company) not in CONTACTS:
        return None
    return levels_of(CONTACTS[who, company])


def levels_of(contact: Mapping[str, Any]) -> dict[str, Any]:
    """Return a contact's levels, those of its template worked out (M3)."""
    if "template" in contact:
        template = TEMPLATES[contact["template"]]["now"]
        return {"levels": template["company"], "projects": dict.fromkeys(contact["members_of"], template["project"])}
    if "hand_set" in contact:  # detached: later changes of the template do not reach it
        before = TEMPLATES[contact["template_before"]]["before"]["project"]
        return {"levels": contact["hand_set"], "projects": dict.fromkeys(contact["members_of"], before)}
    return dict(contact)
