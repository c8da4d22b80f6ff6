"""The file that receives the ids of what a world names, and the secrets of what was made, once."""

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from gatewright.base.folding import fold_email
from gatewright.world.apply import Made, Names
from gatewright.world.model import Company, World


class CredentialsFile:
    """A file of mode 0600 that appears whole, once the commit stands.

    `write` goes first, beside it, so that a secret never exists that could not be kept;
    `publish` moves it into its place, `discard` takes it away again.
    """

    def __init__(self, path: Path) -> None:
        """Make the file beside `path`; OSError when that folder cannot be written to."""
        self._path = path
        self._fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        os.close(os.open(self._fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))

    def write(self, world: World, made: Made) -> None:
        """Write what was made, whole and on disk, beside the place it is meant for."""
        kept = _kept_secrets(self._path)
        text = json.dumps(described(world, made, kept=kept), indent=2, ensure_ascii=False)
        with self._fresh.open("w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())

    def publish(self) -> None:
        """Put the file into its place."""
        self._fresh.replace(self._path)

    def discard(self) -> None:
        """Take away what was not published."""
        with suppress(FileNotFoundError):
            self._fresh.unlink()


def described(world: World, made: Made, *, kept: dict[str, str] | None = None) -> dict[str, Any]:
    """Return ids by name, and secrets by what they belong to; `kept` are those of earlier runs, by client id."""
    known = {**(kept or {}), **made.secrets}
    return {
        "users": {user.email: {"id": made.users[fold_email(user.email)]} for user in world.users},
        "companies": {
            company.name: _company(company, made.companies[company.name], known) for company in world.companies
        },
        "apps": {app.name: _client(*made.apps[app.name], known) for app in world.apps},
    }


def _company(company: Company, names: Names, known: dict[str, str]) -> dict[str, Any]:
    return {
        "id": names.id,
        "projects": {one.name: {"id": names.projects[one.name]} for one in company.projects},
        "contacts": {one.user: {"id": names.contacts[fold_email(one.user)]} for one in company.contacts},
        "service_accounts": {
            one.name: _client(names.accounts[one.name][0], names.accounts[one.name][1], known)
            for one in company.service_accounts
        },
    }


def _client(identity: int, client_id: str, known: dict[str, str]) -> dict[str, Any]:
    secret = {"client_secret": known[client_id]} if client_id in known else {}
    return {"id": identity, "client_id": client_id, **secret}


def _kept_secrets(path: Path) -> dict[str, str]:
    """Return the secrets of an earlier run's file: writing anew must not lose what is shown once."""
    try:
        earlier = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return dict(_pairs(earlier))


def _pairs(found: Any) -> list[tuple[str, str]]:
    if not isinstance(found, dict):
        return []
    here = [found.get("client_id"), found.get("client_secret")]
    pairs = [(str(here[0]), str(here[1]))] if all(isinstance(one, str) for one in here) else []
    return pairs + [pair for value in found.values() for pair in _pairs(value)]
