"""The record: one event per change of state, written in the same transaction (R1), chained (R2)."""

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from gatewright.base.ids import EventId
from gatewright.db.engine import Transaction
from gatewright.db.schema import chains, events
from gatewright.events import chain
from gatewright.events.catalogue import Event, Origin
from gatewright.events.positions import give_positions

_LONGEST_USER_AGENT = 400
_MOST_AT_ONCE = 1_000  # heads of chains in one statement; databases bound its parameters


async def record(transaction: Transaction, event: Event, *, origin: Origin, now: datetime) -> EventId:
    """Return the id of the event, now part of the transaction, and note the facts it touches.

    Higher floors that subscribed to this kind of event act inside the transaction too. The
    row itself is written right before the commit: only then is its place in the chain known.
    """
    [event_id] = await record_all(transaction, [event], origin=origin, now=now)
    return event_id


async def record_all(
    transaction: Transaction, happened: Sequence[Event], *, origin: Origin, now: datetime
) -> list[EventId]:
    """Return the ids of events that one act caused, in many companies perhaps; each as `record` does it.

    However many they are, they take a constant number of statements.
    """
    ids = [EventId(number) for number in await transaction.next_ids("event", len(happened))]
    for event_id, event in zip(ids, happened, strict=True):
        touched = sorted(event.touches())
        transaction.put_off(write_chained, _row(event_id, event, touched, origin=origin, now=now))
        transaction.touch(touched, ending=event.ENDS)
        for hear in transaction.news.get(type(event), ()):
            await hear(transaction, event, origin=origin, now=now)
    return ids


async def write_chained(transaction: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Write the rows at the ends of their companies' chains, whose heads are locked until the commit.

    The lock under which positions are given comes last of all (see `positions`).
    """
    company_ids = sorted({row["company_id"] for row in rows})
    heads = await _lock_heads(transaction, company_ids)
    for row in rows:
        position, digest = heads[row["company_id"]]
        row["position"] = position + 1
        row["digest"] = chain.entry_digest(digest, chain.as_entry(row))
        heads[row["company_id"]] = row["position"], row["digest"]
    longer = update(chains).where(chains.c.company_id == bindparam("of"))
    longer = longer.values(position=bindparam("at"), digest=bindparam("ends"))
    moved = [{"of": company_id, "at": heads[company_id][0], "ends": heads[company_id][1]} for company_id in company_ids]
    await transaction.execute(longer, moved)
    await give_positions(transaction, rows)
    await transaction.execute(insert(events), rows)


async def lock_chain(transaction: Transaction, company_id: int) -> None:
    """Hold a company's chain until the commit: nobody else adds to it."""
    await _lock_heads(transaction, [company_id])


async def _lock_heads(transaction: Transaction, company_ids: Sequence[int]) -> dict[int, tuple[int, bytes]]:
    """Return position and digest of the chains' heads, locked.

    All in one order of companies, so that two transactions which write to the same two
    chains do not wait for each other.
    """
    heads: dict[int, tuple[int, bytes]] = {}
    for start in range(0, len(company_ids), _MOST_AT_ONCE):
        heads |= await _locked(transaction, company_ids[start : start + _MOST_AT_ONCE])
    fresh = [company_id for company_id in company_ids if company_id not in heads]
    for company_id in fresh:
        first = {"company_id": company_id, "position": 0, "digest": chain.genesis(company_id)}
        await transaction.insert_or_ignore(chains, first)
        heads |= await _locked(transaction, [company_id])
    return heads


async def _locked(transaction: Transaction, company_ids: Sequence[int]) -> dict[int, tuple[int, bytes]]:
    of_these = select(chains).where(chains.c.company_id.in_(company_ids)).order_by(chains.c.company_id)
    rows = await transaction.execute(of_these.with_for_update())
    return {row.company_id: (row.position, row.digest) for row in rows}


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
