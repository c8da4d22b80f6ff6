"""What happened in a company, in sentences for its overview. Pure."""

from collections.abc import Callable, Mapping

from gatewright.directory.store.recent import RecentEvent

_Sentence = Callable[[RecentEvent], str]


def _named(key: str) -> _Sentence:
    """Return what names the thing: as the event recorded it, else as it is now."""

    def name(event: RecentEvent) -> str:
        state = event.after or event.before or {}
        return str(state.get("name") or event.names.get(key) or "something that is gone")

    return name


_contact, _project, _template, _account, _app = map(
    _named, ("contact", "project", "template", "service_account", "app")
)


def _membership(event: RecentEvent) -> str:
    return event.names.get("project", "a project")


def _policy(event: RecentEvent) -> str:
    after = (event.after or {}).get("app_access")
    return "let new apps connect at their first call" if after == "open" else "made new apps wait for approval"


SENTENCES: Mapping[str, _Sentence] = {
    "company.changed": _policy,
    "project.created": lambda e: f"made the project {_project(e)}",
    "project.changed": lambda e: f"changed the project {_project(e)}",
    "template.saved": lambda e: f"saved the template {_template(e)}",
    "contact.added": lambda e: f"added {_contact(e)} to the directory",
    "contact.changed": lambda e: f"changed name or address of {_contact(e)}",
    "contact.removed": lambda e: f"removed {_contact(e)} from the directory",
    "contact.levels_changed": lambda e: f"changed what {_contact(e)} may do in the company",
    "membership.set": lambda e: f"changed what {_contact(e)} may do on {_membership(e)}",
    "membership.ended": lambda e: f"took {_contact(e)} out of {_membership(e)}",
    "installation.connected": lambda e: f"connected {_app(e)}",
    "installation.requested": lambda e: f"used {_app(e)}, which asks to connect",
    "installation.disconnected": lambda e: f"disconnected {_app(e)}",
    "installation.reconnected": lambda e: f"reconnected {_app(e)}",
    "service_account.created": lambda e: f"made the service account {_account(e)}",
    "service_account.secret_regenerated": lambda e: f"regenerated the secret of {_account(e)}",
    "service_account.disabled": lambda e: f"stopped {_account(e)} by an address",
    "service_account.deleted": lambda e: f"deleted the service account {_account(e)}",
}

OF_PROJECTS = frozenset({"project.created", "project.changed", "membership.set", "membership.ended"})


def line(event: RecentEvent) -> dict[str, object]:
    """Return one line: who, what, when."""
    who = event.who or {"operator": "The operator", "system": "Gatewright"}.get(event.by_kind, "Somebody")
    return {"who": who, "text": SENTENCES[event.kind](event), "at": event.at}
