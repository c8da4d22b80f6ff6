"""SQL of the counters. The one writer of `calls`."""

from dataclasses import asdict

from gatewright.activity.model import CallKey, Tally
from gatewright.db.engine import Transaction
from gatewright.db.schema import calls

_KEY = ("company_id", "day", "app_id", "service_account_id", "result")


async def add_calls(transaction: Transaction, key: CallKey, tally: Tally) -> None:
    """Add a tally to what was counted before."""
    values = {**asdict(key), "count": tally.count, "last_at": tally.last_at}
    await transaction.insert_or_add(calls, values, keys=_KEY, add=("count",), put=("last_at",))
