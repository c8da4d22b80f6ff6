"""The world of the matrix in plain words: who is where, with what, through which app, with which token.

The table reads it, and `built.py` makes it with the product's verbs. It imports nothing of the product.
"""

from collections.abc import Mapping
from typing import Any

TOOLS = {
    "directory": "company",  # built in (M1)
    "admin": "company",
    "budget": "company",
    "rfis": "project",
    "drawings": "project",
}
UNDECLARED = "ghost"
LEVELS = ("none", "read_only", "standard", "admin")

COMPANIES = {"alder": "open", "birch": "open", "cedar": "approval", "dale": "open"}
PROJECTS = {"bridge": "alder", "tower": "alder", "quay": "birch", "mill": "dale"}

USERS = {
    "ada": "active",  # company admin wherever she is
    "max": "active",  # admin: admin alone, which is no directory: admin
    "wim": "active",
    "sue": "active",
    "val": "active",
    "nil": "active",  # a contact that holds nothing
    "mem": "active",  # a member of a project, with no level there
    "tia": "active",  # holds a template
    "hal": "active",  # held it, until a level was set by hand
    "out": "active",  # in another company's directory alone
    "gone": "active",  # a contact that was removed
    "dee": "deactivated",
    "rea": "reactivated",
}
# "stands", "disabled" (S8), "deleted" (S9); `home` is the one company that it can reach (S1).
SERVICE_ACCOUNTS: Mapping[str, Any] = {
    "rob": {"home": "alder", "state": "stands"},
    "rob_bare": {"home": "alder", "state": "stands"},
    "rob_chief": {"home": "alder", "state": "stands"},
    "rob_renewed": {"home": "alder", "state": "stands"},  # its secret was regenerated (S7)
    "rob_dale": {"home": "dale", "state": "stands"},
    "rob_edited": {"home": "alder", "state": "disabled"},  # its contact's address was edited
    "rob_taken": {"home": "alder", "state": "disabled"},  # its address entered another directory
    "rob_gone": {"home": "alder", "state": "deleted"},
}
TEMPLATES: Mapping[str, Any] = {
    # As it was when `hal` was given it, and as it is now.
    "crew": {
        "company": "alder",
        "before": {"company": {"budget": "read_only"}, "project": {"rfis": "read_only", "drawings": "standard"}},
        "now": {"company": {"budget": "standard"}, "project": {"rfis": "standard"}},
    },
}
ADMIN = {"directory": "admin"}
# Of each contact: its company levels, and for each project that it is a member of its levels there.
CONTACTS: Mapping[tuple[str, str], Any] = {
    ("ada", "alder"): {"levels": ADMIN, "projects": {}},
    ("ada", "birch"): {"levels": ADMIN, "projects": {}},
    ("ada", "cedar"): {"levels": ADMIN, "projects": {}},
    ("ada", "dale"): {"levels": ADMIN, "projects": {}},
    ("max", "alder"): {"levels": {"admin": "admin"}, "projects": {"tower": {"rfis": "admin"}}},
    ("max", "birch"): {"levels": {"admin": "admin"}, "projects": {}},
    ("max", "cedar"): {"levels": {"admin": "admin"}, "projects": {}},
    ("wim", "alder"): {
        "levels": {"directory": "read_only", "budget": "standard"},
        "projects": {"bridge": {"rfis": "standard", "drawings": "read_only"}},
    },
    ("wim", "birch"): {"levels": {"directory": "standard"}, "projects": {"quay": {"rfis": "admin"}}},
    ("wim", "cedar"): {"levels": {"directory": "read_only"}, "projects": {}},
    ("sue", "alder"): {
        "levels": {"directory": "standard", "budget": "admin"},
        "projects": {"bridge": {"rfis": "admin"}, "tower": {"drawings": "standard"}},
    },
    ("sue", "birch"): {"levels": {"directory": "standard"}, "projects": {}},
    ("sue", "cedar"): {"levels": {"directory": "admin"}, "projects": {}},
    ("val", "alder"): {
        "levels": {"budget": "read_only", "admin": "admin", "directory": "standard"},
        "projects": {"tower": {"drawings": "admin", "rfis": "read_only"}},
    },
    ("nil", "alder"): {"levels": {}, "projects": {}},
    ("nil", "birch"): {"levels": {}, "projects": {}},
    ("mem", "alder"): {"levels": {}, "projects": {"bridge": {}}},
    ("tia", "alder"): {"template": "crew", "members_of": ("bridge",)},
    ("hal", "alder"): {"template_before": "crew", "hand_set": {"budget": "admin"}, "members_of": ("bridge",)},
    ("out", "dale"): {"levels": {"directory": "admin"}, "projects": {"mill": {"rfis": "admin"}}},
    ("dee", "alder"): {"levels": ADMIN, "projects": {"bridge": {"rfis": "admin"}}},
    ("rea", "alder"): {"levels": ADMIN, "projects": {}},
    ("rob", "alder"): {"levels": {"budget": "standard"}, "projects": {"bridge": {"rfis": "standard"}}},
    ("rob_bare", "alder"): {"levels": {}, "projects": {}},
    ("rob_chief", "alder"): {"levels": ADMIN, "projects": {}},
    ("rob_renewed", "alder"): {"levels": {}, "projects": {}},  # S7: back to none
    ("rob_dale", "dale"): {"levels": {"budget": "admin"}, "projects": {"mill": {"rfis": "standard"}}},
    ("rob_edited", "alder"): {"levels": {"budget": "admin"}, "projects": {}},
    ("rob_taken", "alder"): {"levels": {"budget": "admin"}, "projects": {}},
    ("nobody", "alder"): {"levels": {"directory": "admin"}, "projects": {}},  # an address alone (P2)
}
# What was there and is no more: the contact of ("gone", "alder"), and of the deleted account.
REMOVED = {("gone", "alder"): {"directory": "admin"}, ("rob_gone", "alder"): {"budget": "admin"}}
# What a regenerated account held before (S7).
HELD_BEFORE = {("rob_renewed", "alder"): {"budget": "admin"}}

INSTALLATIONS = {
    ("plain", "alder"): "connected",
    ("plain", "birch"): "disconnected",
    ("plain", "cedar"): "requested",
    ("plain", "dale"): "connected",
    ("crane", "alder"): "connected",
    ("crane", "birch"): "connected",
    ("crane", "cedar"): "connected",
    ("crane", "dale"): "disconnected",
    ("barred", "alder"): "connected",
    ("erased", "alder"): "connected",
    ("turned", "alder"): "connected",
    ("closed", "alder"): "connected",
}
MANAGE = "company.manage"
APPS: Mapping[str, tuple[str, ...]] = {app: () for app, _ in INSTALLATIONS} | {"crane": (MANAGE,)}


def _of(who: str | None, app: str | None = None, *scopes: str, state: str = "alive") -> dict[str, Any]:
    return {"who": who, "app": app, "scopes": scopes, "state": state}


# Each token: whose it is, through which app, and what became of it. A live one of a
# principal who is not is dead all the same.
ALIVE = {
    "ada, managing": _of("ada", "crane", MANAGE),
    "ada, without the scope": _of("ada", "crane"),
    "ada": _of("ada", "plain"),
    "max, managing": _of("max", "crane", MANAGE),
    "max": _of("max", "plain"),
    "wim": _of("wim", "plain"),
    "wim, managing": _of("wim", "crane", MANAGE),
    "sue": _of("sue", "plain"),
    "sue, managing": _of("sue", "crane", MANAGE),
    "val": _of("val", "plain"),
    "nil": _of("nil", "plain"),
    "mem": _of("mem", "plain"),
    "tia": _of("tia", "plain"),
    "hal": _of("hal", "plain"),
    "out": _of("out", "plain"),
    "gone": _of("gone", "plain"),
    "rob": _of("rob"),
    "rob_bare": _of("rob_bare"),
    "rob_chief": _of("rob_chief"),
    "rob_renewed": _of("rob_renewed"),
    "rob_dale": _of("rob_dale"),
}
DEAD = {
    "none at all": _of(None, state="missing"),
    "garbage": _of(None, state="garbage"),
    "a forgery": _of("ada", "plain", state="forged"),
    "under another key": _of("ada", "plain", state="signed elsewhere"),
    "a refresh token": _of("wim", "plain", state="refresh token"),
    "expired": _of("ada", "plain", state="expired"),
    "expired of an account": _of("rob", state="expired"),
    "expired and revoked": _of("ada", "plain", state="expired, revoked"),
    "revoked": _of("ada", "plain", state="revoked"),
    "revoked by its refresh token": _of("wim", "plain", state="refresh token revoked"),
    "replayed": _of("wim", "plain", state="replayed"),
    "revoked of an account": _of("rob", state="revoked"),
    "of an ended authorization": _of("ada", "closed", state="authorization ended"),
    "of a retired secret": _of("ada", "turned", state="secret retired"),
    "of a blocked app": _of("ada", "barred", state="app blocked"),
    "of a deleted app": _of("ada", "erased", state="app deleted"),
    "of a deactivated user": _of("dee", "plain"),
    "of before a reactivation": _of("rea", "plain", state="ended by deactivation"),
    "of a regenerated account": _of("rob_renewed", state="secret regenerated"),
    "of an account with an edited address": _of("rob_edited"),
    "of an account with an address elsewhere": _of("rob_taken"),
    "of a deleted account": _of("rob_gone", state="account deleted"),
}
TOKENS = ALIVE | DEAD

# How a company is named that is none of the world's; "fresh …" ones are made anew for each way
# and cell, since the first call there changes the state (I2).
UNKNOWN, TOO_BIG, AMBIGUOUS = "unknown", "beyond every id", "named twice"
FRESH = {"fresh, open": "open", "fresh, approving": "approval"}
FRESH_HOLDERS: Mapping[str, Any] = {
    "ada": {"levels": ADMIN, "projects": {}},
    "wim": {"levels": {"directory": "read_only"}, "projects": {}},
    "nil": {"levels": {}, "projects": {}},
}
