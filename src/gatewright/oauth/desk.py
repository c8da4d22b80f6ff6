"""What every grant is handed, and the questions all of them ask first."""

from collections.abc import Mapping
from dataclasses import dataclass

from gatewright.base.secrets import ServerKeys
from gatewright.db.engine import Database
from gatewright.events.facts import Facts
from gatewright.oauth.access_tokens import TokenIssuer
from gatewright.oauth.errors import invalid_request, unauthorized_client
from gatewright.oauth.model import AppClient, Authenticated
from gatewright.settings import Settings

Parameters = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts of the house that issue tokens."""

    settings: Settings
    database: Database
    keys: ServerKeys
    facts: Facts
    issuer: TokenIssuer


def required(parameters: Parameters, name: str) -> str:
    """Return a parameter; `invalid_request` when it is missing or empty."""
    value = parameters.get(name)
    if not value:
        raise invalid_request(f"The parameter {name} is missing.", reason="parameter_missing")
    return value


def app_of(caller: Authenticated) -> AppClient:
    """Return the app that is asking; a service account may use no grant but its own (S4)."""
    if not isinstance(caller.client, AppClient):
        raise unauthorized_client("grant_for_apps")
    return caller.client
