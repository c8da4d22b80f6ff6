"""One process's share of the deployment: keys, database and facts, wired once.

The server, the command line and the tests open the same house, so a verb behaves
alike wherever it is called from.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gatewright.apps.notices import AdminNotices
from gatewright.authz.route_file import load_route_map, load_text, read_route_map
from gatewright.authz.route_rules import RouteMap
from gatewright.base import clock
from gatewright.base.secrets import ServerKeys, mint_server_key
from gatewright.base.yaml_nodes import BadFile
from gatewright.db.engine import Database, News
from gatewright.db.server_keys import has_server_keys, missing_keys, take_up_current_key
from gatewright.events.catalogue import (
    ContactAdded,
    ContactChanged,
    ContactRemoved,
    InstallationConnected,
    InstallationRequested,
    UserAddressChanged,
    UserClaimed,
    UserDeactivated,
    UserPasswordChanged,
)
from gatewright.events.facts import Coherence, Facts, ReadThrough
from gatewright.events.feed import SqliteFeed
from gatewright.login.asked import retire_with_account
from gatewright.login.invitation_service import withdraw_with_contact
from gatewright.service_accounts.service import notice_address
from gatewright.settings import Settings

KEYS_FILE = "secret_keys"


class CannotOpen(Exception):
    """The house cannot be opened; the message is one sentence that says what to do."""


class BadRoutes(CannotOpen):
    """The route map that the settings name cannot be used: a sentence for each fault, with file and line."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True, slots=True)
class House:
    """What every slice's verbs need."""

    settings: Settings
    keys: ServerKeys
    database: Database
    facts: Facts


def news(settings: Settings, keys: ServerKeys) -> News:
    """Return the verbs of higher floors that act inside the transaction that records an event, by its kind."""
    admins = (AdminNotices(keys, settings.issuer).tell,) if settings.has_mail else ()
    return {
        ContactAdded: (notice_address,),
        ContactChanged: (notice_address, withdraw_with_contact),
        ContactRemoved: (withdraw_with_contact,),
        UserAddressChanged: (retire_with_account,),
        UserClaimed: (retire_with_account,),
        UserDeactivated: (retire_with_account,),
        UserPasswordChanged: (retire_with_account,),
        InstallationConnected: admins,
        InstallationRequested: admins,
    }


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """Open a migrated database with its keys; CannotOpen when a key is missing."""
    keys = read_server_keys(settings)
    database = Database.open(settings.database, news=news(settings, keys))
    coherence = _coherence(database)
    try:
        await _check_keys(database, keys)
        yield House(settings, keys, database, Facts(database, coherence))
    finally:
        if isinstance(coherence, SqliteFeed):
            coherence.close()
        await database.close()


def read_server_keys(settings: Settings) -> ServerKeys:
    """Return the server keys of the settings, or those generated beside the embedded database."""
    texts = list(settings.secret_keys)
    if not texts:
        file = embedded_file(settings)
        if file is None:
            raise CannotOpen(
                "Set GATEWRIGHT_SECRET_KEYS: PostgreSQL is shared by nodes, and all need the same keys. "
                f"Make one with: {_HOW_TO_MAKE_A_KEY}"
            )
        texts = _generated_keys(settings.data_dir / KEYS_FILE, database=file)
    try:
        return ServerKeys.from_texts(texts)
    except ValueError as error:
        raise CannotOpen(f"GATEWRIGHT_SECRET_KEYS: {error}. Make a key with: {_HOW_TO_MAKE_A_KEY}") from None


def text_of_routes(settings: Settings) -> str | None:
    """Return the text of the map that the settings name, None where they name none; BadRoutes when it is no map."""
    if settings.routes is None:
        return None
    with _told_of(settings.routes):
        text = load_text(settings.routes)
        read_route_map(text)
    return text


def read_routes(settings: Settings, *, text: str | None = None) -> RouteMap | None:
    """Return the route map that the settings name, None where they name none; BadRoutes when it cannot be used.

    `text`: what its file held when somebody read it before.
    """
    if settings.routes is None:
        return None
    with _told_of(settings.routes):
        return load_route_map(settings.routes) if text is None else read_route_map(text)


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadRoutes(f"GATEWRIGHT_ROUTES names {path}, which cannot be read: {error.strerror}.") from None
    except BadFile as bad:
        raise BadRoutes(*bad.sentences(path)) from None


_HOW_TO_MAKE_A_KEY = 'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'


def embedded_file(settings: Settings) -> Path | None:
    """Return the file of the embedded database, which may be absent; None for PostgreSQL."""
    return Path(urlsplit(settings.database).path.removeprefix("/")) if settings.is_embedded else None


def _generated_keys(path: Path, *, database: Path) -> list[str]:
    """Return the keys in the file, which is made with one key when absent (mode 0600).

    CannotOpen, and nothing is made, when the database was written with keys before.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        if has_server_keys(database) and not path.exists():  # by another process just now, perhaps
            raise CannotOpen(
                f"{path} is missing, and {database} was written with the server key in it. "
                "Restore that file from a backup, or set GATEWRIGHT_SECRET_KEYS to the key."
            )
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(mint_server_key() + "\n")
            file.flush()
            os.fsync(file.fileno())
        # Linked, whole: of two processes that start at once one wins, and both read its key.
        with suppress(FileExistsError):
            path.hardlink_to(fresh)
        fresh.unlink()
    return path.read_text().split()


def _coherence(database: Database) -> Coherence:
    if database.dialect == "sqlite" and database.url.database:
        return SqliteFeed(Path(database.url.database))
    return ReadThrough()


async def _check_keys(database: Database, keys: ServerKeys) -> None:
    now = clock.now()
    async with database.read() as reader:
        missing = await missing_keys(reader, keys, now=now)
    if missing:
        named = "; ".join(f"{key_id} ({', '.join(hanging)})" for key_id, hanging in missing.items())
        raise CannotOpen(f"The database needs server keys that GATEWRIGHT_SECRET_KEYS lacks: {named}. Add them back.")
    await database.write(lambda transaction: take_up_current_key(transaction, keys, now=now))
