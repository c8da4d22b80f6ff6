"""Beginning an account by an invitation."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gatewright.base.errors import Conflict, Invalid, Problem
from gatewright.base.folding import is_email_shaped
from gatewright.base.ids import UserId, random_id
from gatewright.base.secrets import Purpose, ServerKeys, mint
from gatewright.db.engine import Transaction, verb
from gatewright.directory.service import create_user
from gatewright.events.catalogue import InvitationAccepted, InvitationMade, Origin
from gatewright.events.log import record
from gatewright.login import store
from gatewright.login.model import Invitation
from gatewright.login.rules import is_service_address
from gatewright.login.session_service import start_session

INVITATION_LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Accepted:
    """An invitation was accepted: the account it began, and its first session's cookie."""

    user_id: UserId
    session_token: str = field(repr=False)  # T13: not in crash reports


@verb
async def create_invitation(
    tx: Transaction,
    *,
    email: str,
    makes_operator: bool,
    service_domain: str,
    keys: ServerKeys,
    origin: Origin,
    now: datetime,
) -> str:
    """Return the token of a new one-time link `/invitation/TOKEN`, which is stored nowhere (P7, T13).

    Invalid for what is no address of a person's, Conflict for one that has an account.
    """
    if not is_email_shaped(email):
        raise Invalid(Problem("email", "must be an e-mail address, such as ada@example.com"))
    if is_service_address(email, service_domain=service_domain):
        raise Invalid(Problem("email", f"lies under {service_domain}, where only service accounts have addresses"))
    if await store.find_account(tx, email) is not None:
        raise Conflict("account_exists", f"{email} has an account already.", help="They can sign in with it.")
    token = mint("gwi")
    invitation = Invitation(random_id(), email, makes_operator, now + INVITATION_LIFETIME, consumed_at=None)
    await store.insert_invitation(
        tx, invitation=invitation, digest=keys.digest(Purpose.INVITATION, token), created_at=now
    )
    made = {"email": email, "makes_operator": makes_operator}
    await record(tx, InvitationMade(invitation_id=invitation.id, after=made), origin=origin, now=now)
    return token


@verb
async def accept_invitation(
    tx: Transaction,
    *,
    token: str,
    name: str,
    password_hash: str,
    keys: ServerKeys,
    session_lifetime: timedelta,
    origin: Origin,
    now: datetime,
) -> Accepted | None:
    """Return the account that the invitation began; None when the link is used up, too old or unknown (P7).

    What `create_user` refuses leaves the invitation open.
    """
    invitation = await store.consume_invitation(tx, keys.candidates(Purpose.INVITATION, token), now=now)
    if invitation is None:
        return None
    user_id = await _make_user(tx, invitation, name=name, password_hash=password_hash, origin=origin, now=now)
    theirs = replace(origin, by_kind="user", by_id=user_id)
    await record(tx, InvitationAccepted(invitation_id=invitation.id, user_id=user_id), origin=theirs, now=now)
    account = await store.lock_account(tx, user_id)
    assert account is not None, "it was created in this transaction"  # noqa: S101
    session = await start_session(tx, account, keys=keys, lifetime=session_lifetime, origin=theirs, now=now)
    return Accepted(user_id, session)


async def _make_user(
    tx: Transaction, invitation: Invitation, *, name: str, password_hash: str, origin: Origin, now: datetime
) -> UserId:
    return await create_user(
        tx,
        email=invitation.email,
        name=name,
        password_hash=password_hash,
        is_operator=invitation.makes_operator,
        origin=origin,
        now=now,
    )
