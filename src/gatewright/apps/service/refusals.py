"""The refusals that the verbs of apps share."""

from gatewright.base.errors import Conflict, NotAllowed, NotFound


def app_unknown() -> NotFound:
    """Return the refusal for an app that there is not, or that is another developer's (P6)."""
    return NotFound("app_unknown", "There is no such app.")


def secret_unknown() -> NotFound:
    """Return the refusal for a secret that the app does not have."""
    return NotFound("secret_unknown", "This app has no such secret.")


def name_taken() -> Conflict:
    """Return the refusal for a name that folds like another app's (D2)."""
    return Conflict(
        "name_taken",
        "Another app has this name, or one that looks like it.",
        help="The developer chooses a name that nobody can take for another app's.",
    )


def made_before() -> Conflict:
    """Return the refusal for a form that is sent again (S6)."""
    return Conflict("made_before", "This form was sent before; sending it again makes nothing.")


def public_client() -> Conflict:
    """Return the refusal for a secret of a client that has none (D2)."""
    return Conflict("public_client", "A public client has no secret; it proves itself with PKCE.")


def terms_not_accepted(version: str) -> NotAllowed:
    """Return the refusal for a developer's change before the current terms are accepted (D1)."""
    return NotAllowed(
        "terms_not_accepted",
        f"The terms of use {version} wait for you: they are to be accepted before the next change.",
        help="You, the developer: read and accept them. Your running apps keep running.",
    )


def terms_outdated() -> Conflict:
    """Return the refusal for accepting a version that is not the current one (D1)."""
    return Conflict("terms_outdated", "Another version is current by now.", help="Read it; then accept that one.")
