"""Terms of use and who accepted which: the only place that writes them (D1, D8)."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select

from gatewright.apps.model import Acceptance, PublishedTerms, Terms, TermsStanding
from gatewright.base.ids import UserId
from gatewright.db.engine import Reader, Transaction
from gatewright.db.schema import apps, terms, terms_acceptances

_NEWEST_FIRST = (terms.c.created_at.desc(), terms.c.version.desc())


async def insert_terms(tx: Transaction, *, version: str, text: str, now: datetime) -> bool:
    """Return whether this version of the terms of use is new."""
    return await tx.insert_or_ignore(terms, {"version": version, "text": text, "created_at": now})


async def load_terms_text(reader: Reader, version: str) -> str | None:
    """Return the text of that version of the terms of use, or None."""
    return (await reader.execute(select(terms.c.text).where(terms.c.version == version))).scalar_one_or_none()


async def load_current_terms(reader: Reader) -> Terms | None:
    """Return the version that was published last; None where there is none to accept."""
    row = (await reader.execute(select(terms).order_by(*_NEWEST_FIRST).limit(1))).one_or_none()
    return None if row is None else Terms(row.version, row.text, row.created_at)


async def insert_acceptance(tx: Transaction, user_id: UserId, version: str, *, ip: str | None, now: datetime) -> bool:
    """Return whether the user accepts this version for the first time."""
    values = {"user_id": user_id, "version": version, "accepted_at": now, "ip": ip}
    return await tx.insert_or_ignore(terms_acceptances, values)


async def load_acceptances(reader: Reader, user_id: UserId) -> list[Acceptance]:
    """Return what the user accepted, the latest first."""
    columns = terms_acceptances.c
    statement = select(columns.version, columns.accepted_at, columns.ip).where(columns.user_id == user_id)
    rows = await reader.execute(statement.order_by(columns.accepted_at.desc(), columns.version))
    return [Acceptance(row.version, row.accepted_at, row.ip) for row in rows]


async def load_terms_standing(reader: Reader, user_ids: Collection[UserId]) -> dict[UserId, TermsStanding]:
    """Return for each user which version they accepted last, beside the current one (D8)."""
    current = (await reader.execute(select(terms.c.version).order_by(*_NEWEST_FIRST).limit(1))).scalar_one_or_none()
    statement = (
        select(terms_acceptances.c.user_id, terms.c.version)
        .join(terms, terms.c.version == terms_acceptances.c.version)
        .where(terms_acceptances.c.user_id.in_(set(user_ids)))
        .order_by(terms.c.created_at, terms.c.version)
    )
    accepted = {row.user_id: row.version for row in await reader.execute(statement)}  # the newest stays
    return {user_id: TermsStanding(current, accepted.get(user_id)) for user_id in user_ids}


async def load_versions(reader: Reader) -> list[PublishedTerms]:
    """Return every published version with how many users accepted it, the newest first."""
    accepted = select(func.count()).where(terms_acceptances.c.version == terms.c.version).scalar_subquery()
    rows = await reader.execute(select(terms, accepted.label("accepted")).order_by(*_NEWEST_FIRST))
    return [PublishedTerms(row.version, row.text, row.created_at, row.accepted) for row in rows]


async def count_developers(reader: Reader) -> int:
    """Return how many users have an app: a new version waits for each of them."""
    statement = select(func.count(apps.c.owner_id.distinct())).where(apps.c.deleted_at.is_(None))
    return int((await reader.execute(statement)).scalar_one())
