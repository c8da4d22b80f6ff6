"""What every sample is made of: its names, its frame, its days."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gatewright.decisions.navigation import ACCOUNT_TABS, COMPANY_TABS, DEVELOPER_TABS, OPERATOR_TABS
from gatewright.web.core import Place, Tab
from gatewright.web.display import Calls

Context = Mapping[str, Any]
Pages = Iterator[tuple[str, str, Context]]  # sample, template, context

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


TERMS: Final = (
    "accepted the terms of use 2026-11",
    "accepted the terms of use 2025-01, and has not accepted the current ones, 2026-11",
)
PLAIN: Final = Names()
STRESS: Final = Names(
    LONG,
    HOSTILE,
    REVERSING,
    "Wolfeschlegelsteinhausenbergerdorff " * 2 + "Jr",
    f"{'a' * 60}@{'b' * 60}.example",
    UNBROKEN,
    HOSTILE,
)


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
    [
        70,
        520,
        540,
        590,
        600,
        640,
        180,
        80,
        610,
        655,
        700,
        690,
        720,
        210,
        95,
        735,
        610,
        660,
        640,
        655,
        200,
        80,
        640,
        720,
        810,
        905,
        1010,
        260,
        110,
        1204,
    ],
    [2, 3, 2, 0, 0, 4, 2, 3, 5, 2, 1, 0, 6, 4, 3, 2, 5, 1, 0, 3, 4, 5, 1, 0, 6, 7, 90, 3, 11, 8],
)
FORTNIGHT: Final = calls([610, 660, 640, 655, 200, 80, 640, 720, 810, 905, 1010, 260, 110, 1204])
RARE: Final = calls([0, 14, 0, 0, 0, 0, 22, 0, 30, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0])
NONE: Final = calls([0] * 14)


def frame(names: Names, place: str = "", tab: str = "", **changes: Any) -> dict[str, Any]:
    """Return what html.py gives every page."""
    places = [
        Place("account", names.user, "Your account", "/account/apps", "person"),
        Place("company:1", names.company, "Company admin", "/companies/1", "company"),
        Place("company:2", "Harbor Civil", "Contact", "/companies/2", "company"),
        Place("developer", "Developer", "3 apps", "/developer/apps", "developer"),
        Place("operator", "Operator", "This deployment", "/operator/companies", "operator"),
    ]
    tabs = {
        "account": ACCOUNT_TABS,
        "company:1": [
            Tab(one.name, f"/companies/1{one.path}", 1 if one.counts_requests else 0) for one in COMPANY_TABS
        ],
        "developer": DEVELOPER_TABS,
        "operator": OPERATOR_TABS,
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
    return frame(names, viewer=None, places=[])


def asks(names: Names) -> list[Context]:
    """Return one app that waits for a decision."""
    return [
        {
            "app_id": 7,
            "name": "Blueprint Lens" if names is PLAIN else names.app,
            "developer": names.developer,
            "asked_by": names.user,
            "asked_at": ago(minutes=20),
        }
    ]


def made_and_raised(names: Names) -> tuple[list[Context], list[Context]]:
    """Return what an app made and what else it raised."""
    made: list[Context] = [
        {"id": 4, "name": names.account, "detail": f"in {names.company}, made 3 Nov"},
        {"id": 5, "name": "Ledger import", "detail": "in Harbor Civil, secret regenerated yesterday"},
    ]
    raised: list[Context] = [
        {"id": 8115, "text": f"RFIs on {names.project} for Ben Ito: Read only → Admin", "at": ago(days=2)}
    ]
    return made, raised
