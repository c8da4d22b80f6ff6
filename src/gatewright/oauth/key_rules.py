"""What becomes of signing keys, computed from their rows when asked: which signs, which verify, which are published.

A key is published, then current, then retired; what it signed verifies until that has expired.
No job moves it on. A compromised one verifies nothing.
"""

from datetime import datetime, timedelta
from typing import Literal

from gatewright.oauth.model import Claims, SigningKey

KEY_SET_MAX_AGE = timedelta(minutes=5)  # so long verifiers may keep our key set
PUBLICATION = 2 * KEY_SET_MAX_AGE  # so long a key is published before it signs
SWITCH_MARGIN = timedelta(seconds=5)  # what another process signs while a key is replaced at once still verifies

KeyState = Literal["next", "current", "retiring", "retired", "compromised"]
Keys = tuple[SigningKey, ...]


def current_key(keys: Keys, *, now: datetime) -> SigningKey | None:
    """Return the key that signs now: the one that became current last; None when there is none."""
    standing = [key for key in keys if key.current_from <= now and not _is_over(key, now)]
    return standing[-1] if standing else None


def next_key(keys: Keys, *, now: datetime) -> SigningKey | None:
    """Return the key that is published and not yet current; None when there is none."""
    waiting = [key for key in keys if key.current_from > now and not _is_over(key, now)]
    return waiting[-1] if waiting else None


def key_still_verifies(key: SigningKey, claims: Claims, *, lifetime: timedelta, now: datetime) -> bool:
    """Return whether this key may vouch for these claims: retired, it does so for what it signed before."""
    if key.compromised_at is not None:
        return False
    if key.retired_at is None:
        return True
    is_of_its_time = claims.issued_at <= key.retired_at and claims.expires_at - claims.issued_at <= lifetime
    return is_of_its_time and now < key.retired_at + lifetime


def published_keys(keys: Keys, *, lifetime: timedelta, now: datetime) -> list[SigningKey]:
    """Return the keys that a verifier needs: current, next, and retired while their tokens may live."""
    return [key for key in keys if state_of(key, keys, lifetime=lifetime, now=now) not in {"retired", "compromised"}]


def state_of(key: SigningKey, keys: Keys, *, lifetime: timedelta, now: datetime) -> KeyState:
    """Return where the key is in its life. One that was withdrawn before it signed anything is retired at once."""
    if key.compromised_at is not None:
        return "compromised"
    if key.retired_at is not None and (key.retired_at < key.current_from or now >= key.retired_at + lifetime):
        return "retired"
    if key.current_from > now:
        return "next"
    return "current" if key == current_key(keys, now=now) else "retiring"


def _is_over(key: SigningKey, now: datetime) -> bool:
    return key.compromised_at is not None or (key.retired_at is not None and key.retired_at <= now)
