"""Statements on counted failures. The bucket is a keyed digest: nothing of whom it counts is in it."""

from datetime import datetime

from sqlalchemy import case, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gatewright.db.engine import Transaction
from gatewright.db.schema import sign_in_failures

MOST_SWEPT = 100


async def take_slot(
    tx: Transaction, bucket: bytes, *, limit: int, over_before: datetime, now: datetime
) -> datetime | None:
    """Return since when the bucket's slots are counted, one of them taken; None when none is left.

    One conditional statement, so that of requests at once, in whichever process, no more
    get a slot than there are. Counting begins anew when it began before `over_before`.
    """
    dialect = postgresql if tx.dialect == "postgresql" else sqlite
    counted = sign_in_failures.c
    is_over = counted.since <= over_before
    taken = (
        dialect.insert(sign_in_failures)
        .values(bucket=bucket, failures=1, since=now)
        .on_conflict_do_update(
            index_elements=[counted.bucket],
            set_={
                "failures": case((is_over, 1), else_=counted.failures + 1),
                "since": case((is_over, now), else_=counted.since),
            },
            where=or_(is_over, counted.failures < limit),
        )
        .returning(counted.since)
    )
    return (await tx.execute(taken)).scalar_one_or_none()


async def counted_since(tx: Transaction, bucket: bytes) -> datetime | None:
    """Return since when the bucket is counted."""
    found = select(sign_in_failures.c.since).where(sign_in_failures.c.bucket == bucket)
    return (await tx.execute(found)).scalar_one_or_none()


async def return_slot(tx: Transaction, bucket: bytes, *, since: datetime) -> None:
    """Give a slot back to the count that it was taken from; nothing when counting began anew."""
    counted = sign_in_failures.c
    standing = (counted.bucket == bucket) & (counted.since == since) & (counted.failures > 0)
    await tx.execute(update(sign_in_failures).where(standing).values(failures=counted.failures - 1))


async def sweep(tx: Transaction, *, over_before: datetime) -> None:
    """Delete some of the counts that are over; those in somebody's hands are left for the next time."""
    over = (
        select(sign_in_failures.c.bucket)
        .where(sign_in_failures.c.since <= over_before)
        .limit(MOST_SWEPT)
        .with_for_update(skip_locked=True)
    )
    await tx.execute(delete(sign_in_failures).where(sign_in_failures.c.bucket.in_(over)))
