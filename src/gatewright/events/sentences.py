"""What happened, in sentences: one for each kind of the catalogue. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from gatewright.events.reading import Recorded

_Sentence = Callable[[Recorded], str]
GONE = "something that is gone"
# Kinds that can stand in a company's record; the others are of the deployment's alone.
_OF_COMPANIES = (
    "company.",
    "project.",
    "template.",
    "contact.",
    "membership.",
    "installation.",
    "service_account.",
    "invitation.",
    "person.",
)


def _named(key: str) -> _Sentence:
    """Return what names the thing: as the event recorded it, else as it is now."""

    def name(event: Recorded) -> str:
        state = event.after or event.before or {}
        return str(state.get("name") or event.names.get(key) or GONE)

    return name


def _plainly(key: str, otherwise: str) -> _Sentence:
    return lambda event: event.names.get(key, otherwise)


_contact, _project, _template, _account, _app, _user = map(
    _named, ("contact", "project", "template", "service_account", "app", "user")
)
_of_project, _of_user = _plainly("project", "a project"), _plainly("user", "somebody who is gone")


def _policy(event: Recorded) -> str:
    after = (event.after or {}).get("app_access")
    was = (event.before or {}).get("app_access")
    if after == was:
        return f"renamed the company to {(event.after or {}).get('name', GONE)}"
    return "let new apps connect at their first call" if after == "open" else "made new apps wait for approval"


def _invited(event: Recorded) -> str:
    return str((event.after or event.before or {}).get("email", "somebody"))


def _reason(event: Recorded) -> str:
    reason = (event.after or {}).get("reason")
    return f": {str(reason).replace('_', ' ')}" if reason else ""


def _purpose(event: Recorded) -> str:
    purpose = str((event.after or {}).get("purpose", ""))
    return {"password_reset": "a new password", "new_address": "a new address", "sign_up": "signing up"}.get(
        purpose, "an account"
    )


SENTENCES: Mapping[str, _Sentence] = {
    "user.created": lambda e: f"made the account of {_user(e)}",
    "user.changed": lambda e: f"changed the account of {_user(e)}",
    "user.deactivated": lambda e: f"deactivated the account of {_user(e)}",
    "user.reactivated": lambda e: f"reactivated the account of {_user(e)}",
    "user.password_changed": lambda e: f"changed the password of {_of_user(e)}",
    "user.address_changed": lambda e: f"changed the address of {_of_user(e)}",
    "user.address_proven": lambda e: f"proved the address of {_of_user(e)}",
    "user.claimed": lambda e: f"took over the account of {_of_user(e)} by proving its address",
    "mail.given_up": lambda _: "gave up a mail that no server took",
    "account_link.made": lambda e: f"asked for a one-time link for {_purpose(e)}",
    "person.erased": lambda e: f"erased the personal data of {_user(e) if _user(e) != GONE else 'one person'}",
    "invitation.made": lambda e: f"invited {_invited(e)}",
    "invitation.accepted": lambda _: "accepted an invitation",
    "invitation.withdrawn": lambda e: f"withdrew the invitation of {_invited(e)}",
    "session.started": lambda _: "signed in",
    "session.ended": lambda e: f"ended a session of {_of_user(e)}",
    "company.created": lambda e: f"made the company {(e.after or {}).get('name', GONE)}",
    "company.changed": _policy,
    "tool.declared": lambda e: f"declared the tool {(e.after or {}).get('name', e.about.get('tool', GONE))}",
    "project.created": lambda e: f"made the project {_project(e)}",
    "project.changed": lambda e: f"changed the project {_project(e)}",
    "template.saved": lambda e: f"saved the template {_template(e)}",
    "template.removed": lambda e: f"removed the template {_template(e)}",
    "contact.added": lambda e: f"added {_contact(e)} to the directory",
    "contact.changed": lambda e: f"changed name or address of {_contact(e)}",
    "contact.removed": lambda e: f"removed {_contact(e)} from the directory",
    "contact.levels_changed": lambda e: f"changed what {_contact(e)} may do in the company",
    "membership.set": lambda e: f"changed what {_contact(e)} may do on {_of_project(e)}",
    "membership.ended": lambda e: f"took {_contact(e)} out of {_of_project(e)}",
    "terms.published": lambda e: f"published version {e.about.get('version')} of the terms of use",
    "terms.accepted": lambda e: f"accepted version {e.about.get('version')} of the terms of use",
    "app.created": lambda e: f"made the app {_app(e)}",
    "app.changed": lambda e: f"changed the app {_app(e)}",
    "app.blocked": lambda e: f"blocked the app {_app(e)}",
    "app.unblocked": lambda e: f"unblocked the app {_app(e)}",
    "app.deleted": lambda e: f"deleted the app {_app(e)}",
    "client_secret.added": lambda e: f"added a secret to {_app(e)}",
    "client_secret.retired": lambda e: f"retired a secret of {_app(e)}",
    "installation.connected": lambda e: f"connected {_app(e)}",
    "installation.requested": lambda e: f"used {_app(e)}, which asks to connect",
    "installation.disconnected": lambda e: f"disconnected {_app(e)}",
    "installation.reconnected": lambda e: f"reconnected {_app(e)}",
    "service_account.created": lambda e: f"made the service account {_account(e)}",
    "service_account.secret_regenerated": lambda e: f"regenerated the secret of {_account(e)}",
    "service_account.disabled": lambda e: f"stopped {_account(e)} by an address",
    "service_account.deleted": lambda e: f"deleted the service account {_account(e)}",
    "service_account.address_elsewhere": lambda e: (
        f"entered the address of {_account(e)} in {e.names.get('in_company', 'another company')}"
    ),
    "service_account.token_revoked": lambda e: f"revoked a token of {_account(e)}",
    "authorization.made": lambda e: f"authorized {_app(e)}",
    "authorization.renewed": lambda e: f"authorized {_app(e)} again",
    "authorization.ended": lambda e: f"ended the authorization of {_app(e)}",
    "family.opened": lambda _: "let an app have tokens",
    "family.ended": lambda e: f"ended an app’s tokens{_reason(e)}",
    "family.moved": lambda _: "moved an app’s tokens to another secret",
    "family.repeated": lambda _: "asked again with a refresh token that was used",
    "signing_key.made": lambda _: "made a key that signs tokens",
    "signing_key.retired": lambda _: "retired a key that signs tokens",
    "record_key.made": lambda _: "made the key that signs exported records",
}

OF_PROJECTS = frozenset({"project.created", "project.changed", "membership.set", "membership.ended"})
COMPANY_KINDS = tuple(kind for kind in SENTENCES if kind.startswith(_OF_COMPANIES))


def line(event: Recorded) -> dict[str, Any]:
    """Return one line: who, what, when."""
    return {"who": who(event), "text": SENTENCES[event.kind](event), "at": event.at}


def who(event: Recorded) -> str:
    """Return who did it, in words."""
    if event.who:
        return event.who
    if event.by_kind == "operator":
        return "The operator"
    if event.by_kind == "system":
        return "Gatewright"
    return "A service account" if event.by_kind == "service_account" else "Somebody outside the directory"
