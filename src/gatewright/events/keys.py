"""The names of facts. An event lists those it touches; nothing else makes a fact stale.

A fact is one row, or its absence, under its identity (see docs/architecture.md).
"""

import base64
import hashlib

TAG_BYTES = 12


def tag(key: str) -> str:
    """Return what stands for a fact outside: the same on every node and at all times.

    It is short, not secret: a resource server that guesses ids can tell which of them it was told of.
    """
    return base64.urlsafe_b64encode(hashlib.blake2b(key.encode(), digest_size=TAG_BYTES).digest()).decode()


def user(user_id: int) -> str:
    """Name the account of a user: active, epoch, name, address."""
    return f"user:{user_id}"


def client(client_id: str) -> str:
    """Name a client with its live secrets: an app's, or a service account's."""
    return f"client:{client_id}"


def authorization(authorization_id: str) -> str:
    """Name one authorization."""
    return f"authorization:{authorization_id}"


def family(family_id: str) -> str:
    """Name one token family."""
    return f"family:{family_id}"


def revoked(jti: str) -> str:
    """Name the mark that one service account's token was revoked."""
    return f"revoked:{jti}"


def company(company_id: int) -> str:
    """Name one company."""
    return f"company:{company_id}"


def project(company_id: int, project_id: int) -> str:
    """Name one project in its company."""
    return f"project:{company_id}:{project_id}"


def contact(company_id: int, principal_id: int) -> str:
    """Name the contact that a principal has in a company."""
    return f"contact:{company_id}:{principal_id}"


def entry(company_id: int, contact_id: int) -> str:
    """Name whose a contact is: which principal it joins to its company, if any."""
    return f"entry:{company_id}:{contact_id}"


def membership(company_id: int, project_id: int, contact_id: int) -> str:
    """Name a contact's membership of a project."""
    return f"membership:{company_id}:{project_id}:{contact_id}"


def installation(company_id: int, app_id: int) -> str:
    """Name an app's installation in a company."""
    return f"installation:{company_id}:{app_id}"


def tools() -> str:
    """Name the deployment's list of tools."""
    return "tools"


def signing_keys() -> str:
    """Name the deployment's signing keys."""
    return "signing_keys"
