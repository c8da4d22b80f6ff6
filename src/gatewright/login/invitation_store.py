"""Statements on invitations."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update

from gatewright.base.folding import fold_email
from gatewright.base.ids import NO_COMPANY, CompanyId, ContactId
from gatewright.base.secrets import Digest
from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import companies, invitations
from gatewright.login.model import Invitation

_COLUMNS = (
    invitations.c.id,
    invitations.c.email,
    invitations.c.makes_operator,
    invitations.c.created_at,
    invitations.c.expires_at,
    invitations.c.company_id,
    invitations.c.contact_id,
    invitations.c.was_mailed,
    invitations.c.created_by,
    invitations.c.consumed_at,
    invitations.c.withdrawn_at,
)
_UNUSED = (invitations.c.consumed_at.is_(None), invitations.c.withdrawn_at.is_(None))


async def insert_invitation(tx: Transaction, invitation: Invitation, *, digest: Digest) -> None:
    """Insert an open invitation."""
    values = {
        "company_id": invitation.company_id,
        "id": invitation.id,
        "digest": digest.value,
        "key_id": digest.key_id,
        "email": invitation.email,
        "email_folded": fold_email(invitation.email),
        "makes_operator": invitation.makes_operator,
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
        "contact_id": invitation.contact_id,
        "was_mailed": invitation.was_mailed,
        "created_by": invitation.created_by,
    }
    await tx.insert(invitations, values)


async def find_invitation(reader: Reader, digests: Sequence[bytes]) -> Invitation | None:
    """Return the invitation with one of these digests, open or not."""
    found = (await reader.execute(select(*_COLUMNS).where(invitations.c.digest.in_(digests)))).first()
    return None if found is None else Invitation(**found._asdict())


async def find_open(
    reader: Reader, company_id: CompanyId, contact_id: ContactId, *, now: datetime
) -> Invitation | None:
    """Return the contact's invitation that can still be accepted."""
    statement = select(*_COLUMNS).where(*_of(company_id, contact_id), *_UNUSED, invitations.c.expires_at > now)
    found = (await reader.execute(statement.order_by(invitations.c.created_at.desc()).limit(1))).first()
    return None if found is None else Invitation(**found._asdict())


async def count_mailed(reader: Reader, company_id: CompanyId, email: str, *, within: timedelta, now: datetime) -> int:
    """Return how many invitations this company mailed to an address lately."""
    statement = (
        select(func.count())
        .select_from(invitations)
        .where(
            invitations.c.company_id == company_id,
            invitations.c.email_folded == fold_email(email),
            invitations.c.was_mailed,
            invitations.c.created_at > now - within,
        )
    )
    return int((await reader.execute(statement)).scalar_one())


async def consume_invitation(tx: Transaction, digests: Sequence[bytes], *, now: datetime) -> Invitation | None:
    """Return the invitation that this consumed; None when it was used or withdrawn, has expired or never was."""
    unused = (invitations.c.digest.in_(digests), *_UNUSED, invitations.c.expires_at > now)
    consumed = update(invitations).where(*unused).values(consumed_at=now).returning(*_COLUMNS)
    found = (await tx.execute(consumed)).first()
    return None if found is None else Invitation(**found._asdict())


async def withdraw_invitations(
    tx: Transaction, company_id: CompanyId, contact_id: ContactId, *, now: datetime
) -> list[Invitation]:
    """Return the contact's invitations that this withdrew; those that had expired are withdrawn too."""
    unused = (*_of(company_id, contact_id), *_UNUSED)
    withdrawn = update(invitations).where(*unused).values(withdrawn_at=now).returning(*_COLUMNS)
    return [Invitation(**row._asdict()) for row in await tx.execute(withdrawn)]


async def withdraw_operators(tx: Transaction, *, now: datetime) -> list[Invitation]:
    """Return the invitations to be an operator that this withdrew."""
    unused = (invitations.c.company_id == NO_COMPANY, invitations.c.makes_operator, *_UNUSED)
    withdrawn = update(invitations).where(*unused).values(withdrawn_at=now).returning(*_COLUMNS)
    return [Invitation(**row._asdict()) for row in await tx.execute(withdrawn)]


async def find_company_name(reader: Reader, company_id: CompanyId) -> str | None:
    """Return what the inviting company is called."""
    found = await reader.execute(select(companies.c.name).where(companies.c.id == company_id))
    return found.scalar_one_or_none()


def _of(company_id: CompanyId, contact_id: ContactId) -> tuple[Any, Any]:
    return (invitations.c.company_id == company_id, invitations.c.contact_id == contact_id)
