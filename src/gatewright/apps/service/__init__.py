"""The verbs of apps. Others import them from here."""

from gatewright.apps.service.apps import add_redirect_uri, app_client_id, change_app, create_app
from gatewright.apps.service.endings import block_app, delete_app, unblock_app
from gatewright.apps.service.refusals import app_unknown, secret_unknown
from gatewright.apps.service.secrets import add_secret, reset_secrets, retire_secret
from gatewright.apps.service.terms import accept_terms, publish_terms

__all__ = [
    "accept_terms",
    "add_redirect_uri",
    "add_secret",
    "app_client_id",
    "app_unknown",
    "block_app",
    "change_app",
    "create_app",
    "delete_app",
    "publish_terms",
    "reset_secrets",
    "retire_secret",
    "secret_unknown",
    "unblock_app",
]
