"""What people asked for by mail, answered off the request's path, so that asking tells nothing (P7, P8, P9).

A request posts the same one message whoever has the address. The sender hands it to the answer
below, which looks the account up and posts what is to be read, or nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gatewright.base.folding import is_email_shaped
from gatewright.base.ids import UserId
from gatewright.base.secrets import ServerKeys
from gatewright.db.engine import Transaction
from gatewright.events.catalogue import SYSTEM, Origin, UserCreated
from gatewright.login import account_store, link_store, store
from gatewright.login.link_service import make_link
from gatewright.login.model import Account, LinkFor
from gatewright.mail.model import Message
from gatewright.mail.rules import is_service_address
from gatewright.mail.sending import Answer
from gatewright.mail.service import post
from gatewright.mail.store import is_service_accounts

PASSWORD_RESET, SIGN_UP, NEW_ADDRESS = "asked_password_reset", "asked_sign_up", "asked_new_address"
MOST_MAILED, WITHIN = 3, timedelta(hours=1)


def asked(what: str, email: str, *, origin: Origin, user_id: UserId | None = None) -> Message:
    """Return the message that asks for mail to this address."""
    return Message(
        email,
        what,
        {"ip": origin.ip, "user_agent": origin.user_agent, "request_id": origin.request_id, "user_id": user_id},
    )


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of one deployment."""

    keys: ServerKeys
    issuer: str
    service_domain: str

    @property
    def by_template(self) -> Mapping[str, Answer]:
        """Return the answers, as the sender wants them."""
        return {PASSWORD_RESET: self.password_reset, SIGN_UP: self.sign_up, NEW_ADDRESS: self.new_address}

    async def password_reset(self, tx: Transaction, message: Message, now: datetime) -> None:
        """Mail a reset link to the account's own address, if it is active and proven (P8)."""
        account = await store.find_account(tx, message.to)
        if account is None or not account.is_active or await self._is_services(tx, account.email):
            return
        standing = await account_store.find_standing(tx, account.user_id)
        if standing is not None and standing.is_proven:
            await self._mail_link(tx, LinkFor.PASSWORD_RESET, message, now=now, to=account.email, of=account)

    async def sign_up(self, tx: Transaction, message: Message, now: datetime) -> None:
        """Mail a link that begins an account; to whoever has one, that they have it (P7)."""
        account = await store.find_account(tx, message.to)
        if not is_email_shaped(message.to) or await self._is_services(tx, message.to):
            return
        if account is None:
            await self._mail_link(tx, LinkFor.SIGN_UP, message, now=now, to=message.to)
            return
        standing = await account_store.find_standing(tx, account.user_id)
        if not account.is_active or standing is None:
            return
        if standing.is_proven or standing.is_operator:
            await self._tell(tx, "sign_up_known", account.email, now=now, link=f"{self.issuer}/login")
        else:
            await self._mail_link(tx, LinkFor.SIGN_UP, message, now=now, to=account.email)

    async def new_address(self, tx: Transaction, message: Message, now: datetime) -> None:
        """Mail a link that proves the address; to whoever has it already, that somebody tried (P9)."""
        account = await store.lock_account(tx, UserId(int(message.shows["user_id"])))
        if account is None or not account.is_active or await self._is_services(tx, message.to):
            return
        taken = await store.find_account(tx, message.to)
        if taken is not None and taken.user_id != account.user_id:
            await self._tell(tx, "address_taken", taken.email, now=now)
            return
        await link_store.retire_links(tx, account.user_id, [LinkFor.NEW_ADDRESS], now=now)
        await self._mail_link(tx, LinkFor.NEW_ADDRESS, message, now=now, to=message.to, of=account)

    async def _mail_link(
        self, tx: Transaction, purpose: LinkFor, message: Message, *, to: str, of: Account | None = None, now: datetime
    ) -> None:
        """Mail a link, unless the address was sent several of its kind within the hour."""
        if await link_store.count_mailed(tx, to, purpose, within=WITHIN, now=now) >= MOST_MAILED:
            return
        token = await make_link(
            tx,
            purpose=purpose,
            user_id=None if of is None else of.user_id,
            email=to,
            was_mailed=True,
            keys=self.keys,
            origin=_origin(message),
            now=now,
        )
        template, path = _LETTERS[purpose]
        shows = {"email": to, "link": f"{self.issuer}{path}{token}"}
        await post(tx, Message(to, template, shows), keys=self.keys, now=now)

    async def _tell(self, tx: Transaction, template: str, to: str, *, now: datetime, **shows: str) -> None:
        """Mail a notice without a one-time link, as seldom as links."""
        if await link_store.count_mailed(tx, to, LinkFor.TOLD, within=WITHIN, now=now) >= MOST_MAILED:
            return
        await make_link(
            tx,
            purpose=LinkFor.TOLD,
            user_id=None,
            email=to,
            was_mailed=True,
            keys=self.keys,
            origin=SYSTEM,
            now=now,
        )
        await post(tx, Message(to, template, {"email": to, **shows}), keys=self.keys, now=now)

    async def _is_services(self, tx: Transaction, email: str) -> bool:
        is_under = is_service_address(email, service_domain=self.service_domain)
        return is_under or await is_service_accounts(tx, email)


async def retire_with_account(
    tx: Transaction,
    event: UserCreated,
    *,
    origin: Origin,  # noqa: ARG001  # every hearer is told
    now: datetime,
) -> None:
    """Use up the account's links when its password or address changed, or it was deactivated or claimed.

    Hears of each inside the transaction that does it: a link of before opens nothing any more.
    """
    await link_store.retire_links(tx, UserId(event.user_id), [LinkFor.PASSWORD_RESET, LinkFor.NEW_ADDRESS], now=now)


_LETTERS: Mapping[LinkFor, tuple[str, str]] = {
    LinkFor.PASSWORD_RESET: ("password_reset", "/password/reset/"),
    LinkFor.SIGN_UP: ("sign_up", "/sign-up/"),
    LinkFor.NEW_ADDRESS: ("address_proof", "/account/address/"),
}


def _origin(message: Message) -> Origin:
    shows: Mapping[str, Any] = message.shows
    seen = {name: shows[name] for name in ("ip", "user_agent", "request_id")}
    return Origin("user" if shows["user_id"] is not None else "system", shows["user_id"], **seen)
