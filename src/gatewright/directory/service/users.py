"""Users: made, changed, deactivated and reactivated by the operator (P1, P4)."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from gatewright.base.errors import Conflict, Invalid, NotFound, Problem
from gatewright.base.ids import UserId
from gatewright.db.engine import Transaction, verb
from gatewright.directory import rules
from gatewright.directory.model import User
from gatewright.directory.store import companies, contacts, users
from gatewright.events.catalogue import (
    Origin,
    UserChanged,
    UserCreated,
    UserDeactivated,
    UserPasswordChanged,
    UserReactivated,
)
from gatewright.events.log import record

_TAKEN = Problem("email", "belongs to another account; each account has an address of its own")


@verb
async def create_user(
    tx: Transaction,
    *,
    email: str,
    name: str,
    password_hash: str | None,
    is_operator: bool = False,
    is_active: bool = True,
    is_proven: bool = True,
    origin: Origin,
    now: datetime,
) -> UserId:
    """Return the id of a new user; Invalid when the address is malformed or taken (P1).

    `is_proven`: the address was shown to be theirs, or the operator vouches for it (P7).
    """
    _refuse(rules.contact_problems(name=name, email=email))
    if await users.is_service_address(tx, email):
        raise Invalid(_TAKEN)
    user = User(UserId(await tx.next_id("principal")), email, name, is_active, is_operator, epoch=0)
    proven_at = now if is_proven else None
    if not await users.insert_user(tx, user, password_hash=password_hash, email_proven_at=proven_at, now=now):
        raise Invalid(_TAKEN)
    await record(tx, UserCreated(user_id=user.id, after=_state(user)), origin=origin, now=now)
    return user.id


# long: each part may be left as it is
@verb
async def change_user(
    tx: Transaction,
    *,
    user_id: UserId,
    email: str | None = None,
    name: str | None = None,
    is_operator: bool | None = None,
    origin: Origin,
    now: datetime,
) -> bool:
    """Return whether anything changed; None leaves a part as it is. Invalid when the address is taken (P1)."""
    _refuse(rules.contact_problems(name=name, email=email))
    before = await users.lock_user(tx, user_id)
    if before is None:
        raise _unknown()
    stated: dict[str, Any] = {"email": email, "name": name, "is_operator": is_operator}
    after = replace(before, **{part: value for part, value in stated.items() if value is not None})
    if is_operator is False:
        tx.answers_an_ending()  # another may just have taken it away (T12)
    if after == before:
        return False
    if email is not None and await users.is_service_address(tx, email):
        raise Invalid(_TAKEN)
    if not await users.update_user(tx, after, now=now):
        raise Invalid(_TAKEN)
    changed = UserChanged(user_id=user_id, before=_state(before), after=_state(after))
    await record(tx, changed, origin=origin, now=now)
    return True


@verb
async def set_user_password_hash(
    tx: Transaction,
    *,
    user_id: UserId,
    password_hash: str,
    how: Literal["changed", "reset"] = "reset",
    origin: Origin,
    now: datetime,
) -> bool:
    """Return whether there is such a user, whose password this is now. The hash stays out of the record (T13)."""
    if not await users.update_password_hash(tx, user_id, password_hash, now=now):
        return False
    await record(tx, UserPasswordChanged(user_id=user_id, after={"how": how}), origin=origin, now=now)
    return True


@verb
async def refresh_user_password_hash(tx: Transaction, *, user_id: UserId, password_hash: str) -> None:
    """Put another hash of the same password: no change of state, and no event."""
    await users.refresh_password_hash(tx, user_id, password_hash)


@verb
async def deactivate_user(tx: Transaction, *, user_id: UserId, origin: Origin, now: datetime) -> bool:
    """Return whether the user was active until now; every sign-in and token of theirs ends (P4).

    Conflict `last_admin` while they are the last active company admin somewhere (M5), and
    `last_operator` while nobody else operates the deployment.
    """
    # The companies first, by id, as every change of a directory locks them: then two
    # deactivations wait for each other instead of deadlocking.
    await companies.lock_administered(tx, user_id)
    await refuse_last_operator(tx, user_id)
    if not await users.end_activity(tx, user_id, now=now):
        return await _already(tx, user_id)
    await contacts.hold_fellow_admins(tx, user_id)
    if last_of := await contacts.last_admin_of(tx, user_id):
        raise Conflict(
            "last_admin",
            "This user is the last active company admin of a company.",
            help=f"Give directory: admin to another user in company {min(last_of)[0]} first.",
        )
    ended = UserDeactivated(user_id=user_id, before={"is_active": True}, after={"is_active": False})
    await record(tx, ended, origin=origin, now=now)
    return True


@verb
async def reactivate_user(tx: Transaction, *, user_id: UserId, origin: Origin, now: datetime) -> bool:
    """Return whether the user was inactive until now; what ended before stays ended (P4, T11)."""
    if not await users.restore_activity(tx, user_id, now=now):
        if await users.find_user(tx, user_id) is None:
            raise _unknown()
        return False
    event = UserReactivated(user_id=user_id, before={"is_active": False}, after={"is_active": True})
    await record(tx, event, origin=origin, now=now)
    return True


async def refuse_last_operator(tx: Transaction, user_id: UserId) -> None:
    """Raise Conflict when the user is the one active operator there is; the others stay so until the commit."""
    if await users.lock_operators(tx) == [user_id]:
        raise Conflict(
            "last_operator",
            "This user is the last active operator of this deployment.",
            help="Make another user an operator first.",
        )


async def _already(tx: Transaction, user_id: UserId) -> bool:
    if await users.find_user(tx, user_id) is None:
        raise _unknown()
    tx.answers_an_ending()
    return False


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise Invalid(*problems)


def _unknown() -> NotFound:
    return NotFound("user_unknown", "There is no such user.")


def _state(user: User) -> dict[str, Any]:
    return {
        "email": user.email,
        "name": user.name,
        "is_operator": user.is_operator,
        "is_active": user.is_active,
    }
