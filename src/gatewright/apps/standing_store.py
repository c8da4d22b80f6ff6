"""Which authorizations stand (T11), as one condition for every statement that counts or lists them.

`oauth.rules.authorization_fault` says the same of values; a test holds the two together.
"""

from sqlalchemy import ColumnElement

from gatewright.db.schema import apps, authorizations, users


def is_standing() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which an authorization stands, its user and app joined."""
    return (
        authorizations.c.ended_at.is_(None),
        users.c.is_active,
        authorizations.c.user_epoch == users.c.epoch,
        authorizations.c.app_epoch == apps.c.epoch,
        apps.c.blocked_at.is_(None),
        apps.c.deleted_at.is_(None),
    )
