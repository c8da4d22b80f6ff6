"""SQL of the refused calls. The one writer of `refusals`."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete, func, select, tuple_

from gatewright.activity.model import Refusal
from gatewright.db.engine import Transaction
from gatewright.db.schema import refusals

MOST_OF_A_COMPANY = 10_000


async def add_refusals(transaction: Transaction, new: Sequence[Refusal], *, most: int = MOST_OF_A_COMPANY) -> None:
    """Add refused calls, and let go what is then beyond `most` in their companies."""
    await transaction.insert_missing(refusals, [asdict(refusal) for refusal in new])
    touched = sorted({refusal.company_id for refusal in new})
    counted = select(refusals.c.company_id).where(refusals.c.company_id.in_(touched)).group_by(refusals.c.company_id)
    crowded = (await transaction.execute(counted.having(func.count() > most))).scalars().all()
    if crowded:
        await _trim(transaction, crowded, most=most)


async def drop_older(transaction: Transaction, than: datetime) -> None:
    """Let go of every refused call from before that instant."""
    await transaction.execute(delete(refusals).where(refusals.c.at < than))


async def _trim(transaction: Transaction, company_ids: Sequence[int], *, most: int) -> None:
    """Leave each company the newest of each app and service account, `most` in all.

    Whoever was refused most often loses first: a flood takes no more than its share.
    """
    r = refusals.c
    newest_first = (r.at.desc(), r.request_id)
    of_one = func.row_number().over(partition_by=(r.company_id, r.app_id, r.service_account_id), order_by=newest_first)
    ranked = (
        select(r.company_id, r.request_id, r.at, of_one.label("of_one")).where(r.company_id.in_(company_ids)).subquery()
    )
    in_all = func.row_number().over(
        partition_by=ranked.c.company_id, order_by=(ranked.c.of_one, ranked.c.at.desc(), ranked.c.request_id)
    )
    placed = select(ranked.c.company_id, ranked.c.request_id, in_all.label("place")).subquery()
    beyond = select(placed.c.company_id, placed.c.request_id).where(placed.c.place > most)
    await transaction.execute(delete(refusals).where(tuple_(r.company_id, r.request_id).in_(beyond)))
