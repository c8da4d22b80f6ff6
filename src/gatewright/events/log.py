"""The record: one event per change of state, written in the same transaction (R1), chained (R2)."""

import json
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, update

from gatewright.base.ids import EventId
from gatewright.db.engine import Transaction
from gatewright.db.schema import chains, events
from gatewright.events import chain
from gatewright.events.catalogue import Event, Origin

_LONGEST_USER_AGENT = 400


async def record(transaction: Transaction, event: Event, *, origin: Origin, now: datetime) -> EventId:
    """Return the id of the event, now part of the transaction, and note the facts it touches.

    Higher floors that subscribed to this kind of event act inside the transaction too. The
    row itself is written right before the commit: only then is its place in the chain known.
    """
    event_id = EventId(await transaction.next_id("event"))
    touched = sorted(event.touches())
    transaction.put_off(write_chained, _row(event_id, event, touched, origin=origin, now=now))
    transaction.touch(touched, ending=event.ENDS)
    for hear in transaction.news.get(type(event), ()):
        await hear(transaction, event, origin=origin, now=now)
    return event_id


async def write_chained(transaction: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Write the rows at the ends of their companies' chains.

    The head of a chain is locked until the commit. All in one order of companies, so that
    two transactions which write to the same two chains do not wait for each other.
    """
    by_company: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_company[row["company_id"]].append(row)
    for company_id in sorted(by_company):
        await _append(transaction, company_id, by_company[company_id])


async def _append(transaction: Transaction, company_id: int, rows: Sequence[dict[str, Any]]) -> None:
    position, digest = await _lengthen(transaction, company_id, len(rows))
    for row in rows:
        position += 1
        row["position"] = position
        digest = chain.entry_digest(digest, as_entry(row))
        row["digest"] = digest
    await transaction.execute(insert(events), rows)
    await transaction.execute(update(chains).where(chains.c.company_id == company_id).values(digest=digest))


async def _lengthen(transaction: Transaction, company_id: int, by: int) -> tuple[int, bytes]:
    """Return position and digest of the chain's head as it was, now locked."""
    longer = update(chains).where(chains.c.company_id == company_id).values(position=chains.c.position + by)
    longer = longer.returning(chains.c.position, chains.c.digest)
    head = (await transaction.execute(longer)).first()
    if head is None:
        first = {"company_id": company_id, "position": 0, "digest": chain.genesis(company_id)}
        await transaction.insert_or_ignore(chains, first)
        head = (await transaction.execute(longer)).one()
    return head.position - by, head.digest


def as_entry(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the chain commits to of a row, in JSON's own values."""
    return {
        **{name: row[name] for name in chain.ENTRY_FIELDS},
        "at": instant(row["at"]),
        "by_digest": row["by_digest"].hex(),
        "whom_digest": row["whom_digest"].hex(),
    }


def instant(at: datetime) -> str:
    """Return a time as the record writes it: RFC 3339, UTC, microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _row(event_id: EventId, event: Event, touched: Sequence[str], *, origin: Origin, now: datetime) -> dict[str, Any]:
    (before, was), (after, is_) = (chain.split(_plain(s), event.PERSONAL) for s in (event.before, event.after))
    whom = {side: data for side, data in (("before", was), ("after", is_)) if data} or None
    user_agent = origin.user_agent and origin.user_agent[:_LONGEST_USER_AGENT]
    by = {"ip": origin.ip, "user_agent": user_agent}
    by_salt, whom_salt = secrets.token_bytes(chain.SALT_BYTES), secrets.token_bytes(chain.SALT_BYTES)
    return {
        "company_id": event.company_id,
        "id": event_id,
        "at": now,
        "kind": event.KIND,
        "by_kind": origin.by_kind,
        "by_id": origin.by_id,
        "via_app_id": origin.via_app_id,
        **by,
        "request_id": origin.request_id,
        "about": _plain(event.about()),
        "before": before,
        "after": after,
        "keys": list(touched),
        "whom": whom,
        "by_salt": by_salt,
        "by_digest": chain.personal_digest(by_salt, by),
        "whom_salt": whom_salt,
        "whom_digest": chain.personal_digest(whom_salt, whom),
    }


def _plain(state: Mapping[str, Any] | None) -> Any:
    # As the database gives it back: keys as text, tuples as lists.
    return json.loads(json.dumps(state))
