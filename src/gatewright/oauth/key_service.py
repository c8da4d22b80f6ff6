"""Signing keys replaced and retired. Each verb locks every key, so that two operators take turns."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gatewright.base.errors import Conflict, NotFound
from gatewright.base.secrets import ServerKeys
from gatewright.db.engine import Transaction, verb
from gatewright.events.catalogue import Origin, SigningKeyMade, SigningKeyRetired
from gatewright.events.log import record
from gatewright.oauth import key_store
from gatewright.oauth.key_rules import PUBLICATION, SWITCH_MARGIN, Keys, current_key, next_key, state_of
from gatewright.oauth.model import SigningKey
from gatewright.oauth.signing import make_signing_key


@dataclass(frozen=True, slots=True)
class Retirement:
    """A key was retired. `successor`: the key made to sign in its place, when it was the current one."""

    kid: str
    is_compromised: bool
    successor: SigningKey | None = None


@verb
async def rotate_signing_key(
    tx: Transaction,
    *,
    keys: ServerKeys,
    at_once: bool = False,
    publication: timedelta = PUBLICATION,
    origin: Origin,
    now: datetime,
) -> SigningKey:
    """Return the key that signs next: published now, current once every cached key set holds it.

    `at_once`: current now; verifiers that keep the key set refuse its tokens until they
    fetch it again. Conflict while another key waits for its turn.
    """
    stored = await key_store.lock_signing_keys(tx)
    current, waiting = current_key(stored, now=now), next_key(stored, now=now)
    if waiting is not None and not at_once:
        raise Conflict("key_waiting", f"The next key is published already and becomes current at {_clock(waiting)}.")
    if waiting is not None:
        await key_store.make_current(tx, waiting.kid, at=now)
        heir = waiting
    else:
        starts = now if at_once or current is None else now + publication
        heir = await _make(tx, keys, current_from=starts, origin=origin, now=now)
    if current is not None:
        ends = now + SWITCH_MARGIN if at_once else heir.current_from
        await _retire(tx, current, at=ends, origin=origin, now=now)
    return heir


@verb
async def retire_signing_key(
    tx: Transaction,
    kid: str,
    *,
    is_compromised: bool,
    keys: ServerKeys,
    lifetime: timedelta,
    origin: Origin,
    now: datetime,
) -> Retirement:
    """Retire a key. A compromised one takes every token that it signed along, at once and everywhere (T12).

    Uncompromised, only a key that waits for its turn can be withdrawn: the current one is
    retired by `rotate_signing_key`, which gives it a successor.
    """
    stored = await key_store.lock_signing_keys(tx)
    key = next((key for key in stored if key.kid == kid), None)
    if key is None:
        raise NotFound("key_unknown", "There is no such signing key.")
    if is_compromised:
        return await _end(tx, key, stored, keys=keys, origin=origin, now=now)
    return await _withdraw(tx, key, stored, lifetime=lifetime, origin=origin, now=now)


async def _withdraw(
    tx: Transaction, key: SigningKey, stored: Keys, *, lifetime: timedelta, origin: Origin, now: datetime
) -> Retirement:
    match state_of(key, stored, lifetime=lifetime, now=now):
        case "next":
            await _retire(tx, key, at=now, origin=origin, now=now)
            await _keep_current(tx, stored, now=now)
            return Retirement(key.kid, is_compromised=False)
        case "current":
            raise Conflict(
                "key_needs_successor",
                "The current key cannot be retired by itself: nothing would sign.",
                help="Rotate: the next key is published, takes its place, and this one is retired then.",
            )
        case _:
            raise Conflict("key_retired", "The key is retired already.")


async def _end(
    tx: Transaction, key: SigningKey, stored: Keys, *, keys: ServerKeys, origin: Origin, now: datetime
) -> Retirement:
    tx.answers_an_ending()
    if not await key_store.note_compromised(tx, key.kid, now=now):
        return Retirement(key.kid, is_compromised=True)
    event = SigningKeyRetired(kid=key.kid, after={"compromised": True})
    await record(tx, event, origin=origin, now=now)
    waiting = next_key(stored, now=now)
    if key == waiting:
        await _keep_current(tx, stored, now=now)
    if key != current_key(stored, now=now):
        return Retirement(key.kid, is_compromised=True)
    successor = await _make(tx, keys, current_from=now, origin=origin, now=now)
    if waiting is not None:
        await _retire(tx, successor, at=waiting.current_from, origin=origin, now=now)
    return Retirement(key.kid, is_compromised=True, successor=successor)


async def _keep_current(tx: Transaction, stored: Keys, *, now: datetime) -> None:
    """Take back the retirement of the current key: what was to follow it will not."""
    if (current := current_key(stored, now=now)) is not None:
        await key_store.retire(tx, current.kid, at=None)


async def _make(
    tx: Transaction, keys: ServerKeys, *, current_from: datetime, origin: Origin, now: datetime
) -> SigningKey:
    made = make_signing_key(keys, current_from=current_from)
    await key_store.insert_signing_key(tx, made, key_id=keys.current.id, now=now)
    after = {"public_jwk": made.public_jwk, "current_from": current_from.isoformat()}
    await record(tx, SigningKeyMade(kid=made.kid, after=after), origin=origin, now=now)
    return made


async def _retire(tx: Transaction, key: SigningKey, *, at: datetime, origin: Origin, now: datetime) -> None:
    await key_store.retire(tx, key.kid, at=at)
    event = SigningKeyRetired(kid=key.kid, after={"retired_at": at.isoformat(), "compromised": False})
    await record(tx, event, origin=origin, now=now)


def _clock(key: SigningKey) -> str:
    return f"{key.current_from:%Y-%m-%d %H:%M:%S} UTC"
