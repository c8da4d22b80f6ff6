"""Statements on one-time links about accounts."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update

from gatewright.base.folding import fold_email
from gatewright.base.ids import UserId
from gatewright.base.secrets import Digest
from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import account_links as links
from gatewright.login.model import AccountLink, LinkFor

_COLUMNS = (
    links.c.id,
    links.c.purpose,
    links.c.user_id,
    links.c.email,
    links.c.was_mailed,
    links.c.created_at,
    links.c.expires_at,
    links.c.consumed_at,
)


async def insert_link(tx: Transaction, link: AccountLink, *, digest: Digest) -> None:
    """Insert a link."""
    values = {
        "id": link.id,
        "digest": digest.value,
        "key_id": digest.key_id,
        "purpose": link.purpose,
        "user_id": link.user_id,
        "email": link.email,
        "email_folded": fold_email(link.email),
        "was_mailed": link.was_mailed,
        "created_at": link.created_at,
        "expires_at": link.expires_at,
        "consumed_at": link.consumed_at,
    }
    await tx.insert(links, values)


async def drop_expired(tx: Transaction, *, before: datetime) -> None:
    """Delete the links that expired before then."""
    await tx.execute(delete(links).where(links.c.expires_at < before))


async def count_mailed(reader: Reader, email: str, purpose: LinkFor, *, within: timedelta, now: datetime) -> int:
    """Return how many links for this purpose were mailed to the address lately."""
    mailed = (
        links.c.email_folded == fold_email(email),
        links.c.purpose == purpose,
        links.c.was_mailed,
        links.c.created_at > now - within,
    )
    return int((await reader.execute(select(func.count()).select_from(links).where(*mailed))).scalar_one())


async def find_link(reader: Reader, digests: Sequence[bytes], purpose: LinkFor) -> AccountLink | None:
    """Return the link for this purpose with one of these digests, open or not."""
    statement = select(*_COLUMNS).where(links.c.digest.in_(digests), links.c.purpose == purpose)
    found = (await reader.execute(statement)).first()
    return None if found is None else AccountLink(**found._asdict())


async def consume_link(
    tx: Transaction, digests: Sequence[bytes], purpose: LinkFor, *, now: datetime
) -> AccountLink | None:
    """Return the link that this consumed; None when it was consumed, has expired or never was."""
    unused = (links.c.digest.in_(digests), links.c.purpose == purpose)
    open_ones = (*unused, links.c.consumed_at.is_(None), links.c.expires_at > now)
    consumed = update(links).where(*open_ones).values(consumed_at=now).returning(*_COLUMNS)
    found = (await tx.execute(consumed)).first()
    return None if found is None else AccountLink(**found._asdict())


async def retire_links(tx: Transaction, user_id: UserId, purposes: Sequence[LinkFor], *, now: datetime) -> None:
    """Use up the user's open links for these purposes: they open nothing any more."""
    unused = (links.c.user_id == user_id, links.c.purpose.in_(purposes), links.c.consumed_at.is_(None))
    await tx.execute(update(links).where(*unused).values(consumed_at=now))
