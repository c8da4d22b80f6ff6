"""Keys as operators look at them: on their page and on the command line."""

from dataclasses import dataclass
from datetime import datetime

from gatewright.base.secrets import ServerKeys
from gatewright.db.engine import Database
from gatewright.db.server_keys import HANGS, server_key_uses
from gatewright.oauth import key_store
from gatewright.oauth.key_rules import KeyState, state_of
from gatewright.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeyLine:
    """A signing key. `ends_at`: when a key that is retired, or will be, verifies nothing any more."""

    kid: str
    state: KeyState
    made_at: datetime | None
    current_from: datetime
    retired_at: datetime | None
    compromised_at: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerKeyLine:
    """A server key, with what hangs from it: how many of what, and until when."""

    key_id: str
    state: str  # current | older | missing
    first_seen_at: datetime
    hanging: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True, slots=True)
class KeyReport:
    """Every signing key, the newest first, and every server key, the current one first."""

    signing: tuple[SigningKeyLine, ...]
    server: tuple[ServerKeyLine, ...]


async def report_keys(database: Database, keys: ServerKeys, settings: Settings, *, now: datetime) -> KeyReport:
    """Return all keys with their states as of now."""
    async with database.read() as reader:
        stored = await key_store.load_signing_keys(reader)
        uses = await server_key_uses(reader, now=now)
    lifetime, known = settings.access_token_lifetime, [key.id for key in keys.keys]
    signing = [
        SigningKeyLine(
            kid=key.kid,
            state=state_of(key, stored, lifetime=lifetime, now=now),
            made_at=key.created_at,
            current_from=key.current_from,
            retired_at=key.retired_at,
            compromised_at=key.compromised_at,
            ends_at=None if key.retired_at is None else key.retired_at + lifetime,
        )
        for key in reversed(stored)
    ]
    server = [
        ServerKeyLine(
            key_id=use.key_id,
            state="current" if use.key_id == keys.current.id else "older" if use.key_id in known else "missing",
            first_seen_at=use.first_seen_at,
            hanging=tuple((h.what, use.hanging[h.what], h.until) for h in HANGS if use.hanging.get(h.what)),
        )
        for use in uses
    ]
    return KeyReport(tuple(signing), tuple(sorted(server, key=lambda line: line.state != "current")))
