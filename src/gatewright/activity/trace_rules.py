"""Which changes an app made still stand, and how they are told (M8). Pure.

A change stands while the thing it changed is as the app left it. What a person
changed afterwards is theirs, and is not offered for undoing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from gatewright.base.levels import Level

ACCOUNT_MADE: Final = "service_account.created"
SECRET_REGENERATED: Final = "service_account.secret_regenerated"
CONTACT_ADDED: Final = "contact.added"
LEVELS_CHANGED: Final = "contact.levels_changed"
MEMBERSHIP_SET: Final = "membership.set"
TEMPLATE_SAVED: Final = "template.saved"
CONNECTED: Final = "installation.connected"
RECONNECTED: Final = "installation.reconnected"
COMPANY_CHANGED: Final = "company.changed"

TICKED: Final = {ACCOUNT_MADE, SECRET_REGENERATED}
NEEDS: Final[Mapping[str, str]] = {  # the tool on which undoing needs admin
    ACCOUNT_MADE: "admin",
    SECRET_REGENERATED: "admin",
    CONTACT_ADDED: "directory",
    LEVELS_CHANGED: "directory",
    MEMBERSHIP_SET: "directory",
    TEMPLATE_SAVED: "directory",
    CONNECTED: "admin",
    RECONNECTED: "admin",
    COMPANY_CHANGED: "admin",
}
KINDS: Final = tuple(NEEDS)

Target = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One event that an app caused, as the record holds it."""

    id: int
    company_id: int
    company: str
    kind: str
    about: Mapping[str, Any]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    via_app_id: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How the changed things are now, each by its target; absent: it is gone."""

    values: Mapping[Target, Any] = field(default_factory=dict)
    names: Mapping[Target, str] = field(default_factory=dict)


def target(change: Change) -> Target:
    """Return what the change changed."""
    of = change.about
    match change.kind:
        case "service_account.created":
            return ("account", change.company_id, of["service_account_id"])
        case "service_account.secret_regenerated":
            return ("secret", change.company_id, of["service_account_id"])
        case "contact.added":
            return ("contact", change.company_id, of["contact_id"])
        case "contact.levels_changed":
            return ("levels", change.company_id, of["contact_id"])
        case "membership.set":
            return ("member", change.company_id, of["project_id"], of["contact_id"])
        case "template.saved":
            return ("template", change.company_id, of["template_id"])
        case "company.changed":
            return ("access", change.company_id)
        case _:
            return ("installation", change.company_id, of["app_id"])


def left_as(change: Change) -> Any:
    """Return what the app left at the target."""
    match change.kind:
        case "contact.levels_changed" | "membership.set":
            return _levels(change.after)
        case "template.saved":
            return template_levels(change.after)
        case "company.changed":
            return (change.after or {}).get("app_access")
        case "service_account.secret_regenerated":
            return change.via_app_id
        case "installation.connected" | "installation.reconnected":
            return "connected"
        case _:
            return True


def found_as(change: Change) -> Any:
    """Return what was at the target before; None: nothing."""
    match change.kind:
        case "contact.levels_changed":
            return _levels(change.before)
        case "membership.set":
            return None if change.before is None else _levels(change.before)
        case "template.saved":
            return None if change.before is None else template_levels(change.before)
        case "company.changed":
            return (change.before or {}).get("app_access")
        case "installation.connected" | "installation.reconnected":
            return (change.before or {}).get("status")
        case _:
            return None


def made_or_raised(change: Change) -> bool:
    """Return whether the change gave something; what only lowered or renamed is nobody's trace."""
    match change.kind:
        case "contact.levels_changed":
            return _raises(_levels(change.before), _levels(change.after))
        case "membership.set":
            return found_as(change) is None or _raises(_levels(change.before), _levels(change.after))
        case "template.saved":
            before, after = found_as(change), left_as(change)
            return before is None or any(_raises(before[scope], after[scope]) for scope in after)
        case "company.changed":
            return (found_as(change), left_as(change)) == ("approval", "open")
        case "installation.connected" | "installation.reconnected":
            # A first call connects its own app by itself (I2): that is no trace.
            return int(change.about["app_id"]) != change.via_app_id
        case _:
            return True


def standing(newest_first: Iterable[Change], state: State) -> list[Change]:
    """Return the changes that still stand, as if each newer one of the same thing were undone first."""
    values: dict[Target, Any] = dict(state.values)
    found = []
    for change in newest_first:
        at = target(change)
        if values.get(at) != left_as(change):
            values[at] = _SOMEBODY_ELSES
            continue
        values[at] = found_as(change)
        if made_or_raised(change):
            found.append(change)
    return found


def stands(change: Change, state: State) -> bool:
    """Return whether the thing is as the app left it."""
    return bool(state.values.get(target(change)) == left_as(change))


def sentence(change: Change, state: State) -> str:
    """Return what the app did, in one sentence without a full stop."""
    name = state.names.get(target(change), "")
    match change.kind:
        case "service_account.created":
            return f"Made the service account {name}"
        case "service_account.secret_regenerated":
            return f"Regenerated the secret of the service account {name}"
        case "contact.added":
            return f"Added {name} to the directory"
        case "contact.levels_changed":
            return f"Levels of {name}: {_moves(_levels(change.before), _levels(change.after))}"
        case "membership.set":
            moves = _moves(found_as(change) or {}, _levels(change.after))
            return f"Membership of {name}: {moves or 'added, without a level'}"
        case "template.saved":
            before, after = found_as(change), left_as(change)
            if before is None:
                return f"Made the permission template {name}"
            moves = ", ".join(filter(None, (_moves(before[scope], after[scope]) for scope in after)))
            return f"Permission template {name}, for all who hold it: {moves}"
        case "company.changed":
            return "Let every app in without approval"
        case _:
            return f"Connected the app {name}"


_SOMEBODY_ELSES: Final = object()


def template_levels(state: Mapping[str, Any] | None) -> Mapping[str, Mapping[str, str]]:
    """Return a template's levels as its events and its row state them: of the company, and of each project."""
    return {scope: dict((state or {}).get(scope, {})) for scope in ("company", "project")}


def _levels(state: Mapping[str, Any] | None) -> Mapping[str, str]:
    return dict((state or {}).get("levels", {}))


def _raises(before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    return any(_level(after, tool) > _level(before, tool) for tool in after)


def _level(levels: Mapping[str, str], tool: str) -> Level:
    return Level.from_key(levels.get(tool, "none"))


def _moves(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    tools: Sequence[str] = sorted({*before, *after})
    pairs = [(tool, _level(before, tool), _level(after, tool)) for tool in tools]
    return ", ".join(f"{tool} {was.word} → {is_.word}" for tool, was, is_ in pairs if was is not is_)
