"""A user's address: proven, moved, and claimed by whoever proves it (P7, P9)."""

from datetime import datetime

from gatewright.base.errors import Invalid, NotFound, Problem
from gatewright.base.ids import UserId
from gatewright.db.engine import Transaction, verb
from gatewright.directory import rules
from gatewright.directory.store import accounts, users
from gatewright.events.catalogue import Origin, UserAddressChanged, UserAddressProven, UserClaimed
from gatewright.events.log import record

_TAKEN = Problem("email", "belongs to another account; each account has an address of its own")


@verb
async def prove_address(tx: Transaction, *, user_id: UserId, origin: Origin, now: datetime) -> bool:
    """Return whether the user's address was unproven until now."""
    if not await accounts.prove_address(tx, user_id, now=now):
        return False
    await record(tx, UserAddressProven(user_id=user_id), origin=origin, now=now)
    return True


@verb
async def move_address(tx: Transaction, *, user_id: UserId, email: str, origin: Origin, now: datetime) -> str:
    """Return the address that the user had until now; the new one is proven (P9).

    Invalid when another has it. Contacts keep their labels: each is its company's own.
    """
    if problems := rules.contact_problems(name=None, email=email):
        raise Invalid(*problems)
    user = await users.lock_user(tx, user_id)
    if user is None:
        raise NotFound("user_unknown", "There is no such user.")
    if await users.is_service_address(tx, email) or not await accounts.move_address(tx, user_id, email, now=now):
        raise Invalid(_TAKEN)
    moved = UserAddressChanged(user_id=user_id, before={"email": user.email}, after={"email": email})
    await record(tx, moved, origin=origin, now=now)
    return user.email


@verb
async def claim_account(
    tx: Transaction, *, user_id: UserId, name: str, password_hash: str, origin: Origin, now: datetime
) -> bool:
    """Return whether an unproven account belongs to whoever proved its address from now on (P7).

    Whoever began it is out at once: its password, sessions, authorizations and tokens end.
    An operator's account is never claimed: whoever reads mail at it would run the deployment.
    """
    before = await users.lock_user(tx, user_id)
    if before is None or not await accounts.claim(tx, user_id, name=name, password_hash=password_hash, now=now):
        return False
    claimed = UserClaimed(user_id=user_id, before={"name": before.name}, after={"name": name})
    await record(tx, claimed, origin=origin, now=now)
    return True
