"""The record of a company and of the deployment."""

from gatewright.activity.record_rules import Difference
from tests.pages.samples.parts import Context, Names, Pages, ago, frame

FINGERPRINT = "QYpCfr9rV7VmMEW_CU9pRUDDi3ndpJBZ45azcEgqk-c"


def records(names: Names) -> Pages:
    """Yield the events of a company: some, none, none that are asked for; and the deployment's."""
    nothing = {
        **frame(names, "company:1", "Events"),
        "company": {"id": 1, "name": names.company},
        "here": "/companies/1/events",
        "kinds": ["contact.added", "contact.levels_changed", "service_account.secret_regenerated"],
        "filters": {"kind": "", "contact": "", "app": "", "since": "", "until": ""},
        "only": [],
        "is_narrowed": False,
        "lines": [],
        "older": None,
        "newest": None,
        "total": 0,
        "fingerprint": FINGERPRINT,
    }
    yield "events_none", "company/events.html", nothing
    narrowed = {**nothing, "is_narrowed": True, "only": [{"text": f"Contact: {names.user}", "href": "?"}], "total": 9}
    narrowed["filters"] = {"kind": "contact.added", "contact": "7", "app": "", "since": "2026-11-01", "until": ""}
    yield "events_not_found", "company/events.html", narrowed
    listing = {**nothing, "lines": _lines(names), "older": "?below=40", "newest": "?", "total": 204112}
    yield "events", "company/events.html", listing
    operated = {**listing, **frame(names, "operator", "Events"), "company": None, "here": "/operator/events"}
    yield "operator_events", "operator/events.html", operated


def _lines(names: Names) -> list[Context]:
    line = {
        "id": 90412,
        "position": 204112,
        "who": names.user,
        "text": f"changed what {names.user} may do in the company",
        "at": ago(minutes=3),
        "kind": "contact.levels_changed",
        "via_app": names.app,
        "via_app_id": 3,
        "ip": "2001:db8:85a3::8a2e:370:7334",
        "user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko)",
        "request_id": "0c7f9a52-7a55-4b32-8d7e-0c5b1f7f3a10",
        "contact": names.user,
        "contact_id": 7,
        "is_origin_erased": False,
        "is_whom_erased": False,
        "differences": [
            Difference("levels: directory", "read_only", "admin"),
            Difference("levels: budget", None, "standard"),
            Difference("template", names.project, "nothing"),
        ],
    }
    erased = {
        **line,
        "id": 90411,
        "who": "Somebody outside the directory",
        "text": "removed something that is gone from the directory",
        "kind": "contact.removed",
        "at": ago(days=3),
        "via_app": None,
        "is_origin_erased": True,
        "is_whom_erased": True,
        "differences": [Difference("projects", "3, 4, 17", None)],
    }
    system = {
        **line,
        "id": 90410,
        "who": "Gatewright",
        "text": f"stopped {names.account} by an address",
        "kind": "service_account.disabled",
        "at": ago(days=40),
        "via_app": None,
        "ip": None,
        "user_agent": None,
        "request_id": None,
        "contact": None,
        "contact_id": None,
        "differences": [],
    }
    return [line, erased, system]
