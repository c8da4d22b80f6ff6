"""Throttling of guesses: a slot is taken before a password is looked at, and given back when it was right.

So that however many guesses come at once, through however many processes, no more are
evaluated than the limit (A182). Only failures stay counted.
"""

import ipaddress
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from gatewright.base.errors import RateLimited, Unavailable
from gatewright.base.folding import fold_email, is_email_shaped
from gatewright.base.secrets import Purpose, ServerKeys
from gatewright.db.engine import Database, Transaction, verb
from gatewright.login import throttle_store

WINDOW = timedelta(minutes=15)
_log = structlog.get_logger("gatewright.throttle")


class Counted(StrEnum):
    """Whose failures one count holds."""

    ACCOUNT = "account"  # an e-mail address, whether or not somebody has it
    ADDRESS = "address"  # where the requests come from
    BROWSER = "browser"  # a browser that signed in to this account before
    MAIL = "mail"  # where requests for mail come from: each is counted, there is no right one
    SESSION = "session"  # somebody signed in who is asked for the password again


@dataclass(frozen=True, slots=True)
class Bucket:
    """One count: what it counts, and the keyed digest that it is stored under."""

    counted: Counted
    digest: bytes = field(repr=False)

    @property
    def shown(self) -> str:
        """Return what a log may show of it: it tells one count from another and names nobody."""
        return self.digest.hex()[:16]


@dataclass(frozen=True, slots=True)
class Slot:
    """A guess that may be evaluated: which counts it was taken from, and since when each runs."""

    taken: tuple[tuple[bytes, datetime], ...] = field(repr=False)


def bucket(keys: ServerKeys, counted: Counted, value: str) -> Bucket:
    """Return the count of this value."""
    return Bucket(counted, keys.digest(Purpose.SIGN_IN_FAILURES, f"{counted}\0{value}").value)


def account_bucket(keys: ServerKeys, email: str) -> Bucket:
    """Return the count of an account, however its address is spelled (A183), whether or not there is one."""
    return bucket(keys, Counted.ACCOUNT, fold_email(email) if is_email_shaped(email) else email)


def address_bucket(keys: ServerKeys, ip: str | None) -> Bucket:
    """Return the count of an address; of IPv6 the /64, which one subscriber has whole (A185)."""
    return bucket(keys, Counted.ADDRESS, _network(ip))


def mail_bucket(keys: ServerKeys, ip: str | None) -> Bucket:
    """Return the count of requests for mail from an address."""
    return bucket(keys, Counted.MAIL, _network(ip))


@asynccontextmanager
async def guess(database: Database, buckets: Sequence[Bucket], *, limit: int, now: datetime) -> AsyncIterator[Slot]:
    """Lend a slot while one password is evaluated; RateLimited, and nothing is evaluated, when none is left.

    It stays taken: `give_back` returns it once the password was right. When the password could
    not be looked at, because too many others wait, it is given back here.
    """
    slot = await reserve(database, buckets=buckets, limit=limit, now=now)
    try:
        yield slot
    except Unavailable:
        await give_back(database, slot=slot)
        raise


@verb
async def reserve(tx: Transaction, *, buckets: Sequence[Bucket], limit: int, now: datetime) -> Slot:
    """Return a slot for one guess, taken from every count; RateLimited when one of them has none left.

    Then nothing is taken from the others either. A limit of 0 counts nothing.
    """
    taken = []
    for one in buckets if limit else ():
        since = await throttle_store.take_slot(tx, one.digest, limit=limit, over_before=now - WINDOW, now=now)
        if since is None:
            raise await _refused(tx, one, now=now)
        taken.append((one.digest, since))
    if taken:
        await throttle_store.sweep(tx, over_before=now - WINDOW)
    return Slot(tuple(taken))


@verb
async def give_back(tx: Transaction, *, slot: Slot) -> None:
    """Give the slot back: the guess was right, or was not evaluated."""
    for digest, since in slot.taken:
        await throttle_store.return_slot(tx, digest, since=since)


async def _refused(tx: Transaction, full: Bucket, *, now: datetime) -> RateLimited:
    since = await throttle_store.counted_since(tx, full.digest)
    left = max(timedelta(seconds=1), (since or now) + WINDOW - now)
    _log.warning("throttled", counted=full.counted, bucket=full.shown)
    return RateLimited(
        f"There were too many failed attempts. Try again in {_spoken(left)}.",
        help="A browser in which you signed in before is not held up by what others try.",
        retry_after=timedelta(seconds=-(-left // timedelta(seconds=1))),
    )


def _spoken(left: timedelta) -> str:
    minutes = -(-left // timedelta(minutes=1))
    return "a minute" if minutes == 1 else f"{minutes} minutes"


def _network(ip: str | None) -> str:
    if ip is None:
        return ""
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
